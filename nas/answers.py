"""The points of a space in a table: what a training of each comes to, without any training. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from nas.lookup import Lookup
from nas.tables import Key, Row, Table, TableError

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space


MISSING = "not in the table"  # why a point is rejected that has no row


@dataclass(frozen=True)
class BestRow:
    """The row of a table that is best by what the search sees, within a budget; figures as it has them."""

    key: Key
    seen: float
    reported: float


class Answers:
    """What a table says of the points of a space.

    A point without a row, or with an empty cell in a column that is asked for, is not in the table.

    Raises: TableError, where a column or a cell is wrong, or no row is a point of the space; DecisionError where the
    space doesn't say how its decisions spell a key.
    """

    def __init__(self, space: Space, table: Table, lookup: Lookup) -> None:
        self._space = space
        self.table = table
        self.lookup = lookup
        self._rows = table.rows(lookup.key)
        self._values = {epoch: table.numbers(column).tolist() for epoch, column in lookup.seen.items()}
        last = lookup.seen[lookup.epochs[-1]]
        self._reported = table.numbers(lookup.report or last).tolist()
        self._seconds = self._costs()
        self._points: dict[Key, Mapping[str, object]] = {}
        self._refuse_strangers()

    def row(self, decisions: Mapping[str, object]) -> Row | None:
        """The row of a point; None where the table has none. Raises: TableError where another point has the same."""
        key = self._space.key(decisions)
        if self._points.setdefault(key, decisions) != decisions:
            raise TableError(
                f"two points of the space have the key {', '.join(key)}: {self._points[key]} and {dict(decisions)}",
                help="put into `key` of the space what tells them apart",
            )
        row = self._rows.get(key)
        return row if row is not None and self._is_whole(row) else None

    def value(self, row: Row, epoch: int) -> float:
        """What is seen after some epochs, so that higher is better."""
        return self.lookup.sign * float(self._values[epoch][row])

    def reported(self, row: Row) -> float:
        """What is told of a network, as the table has it."""
        return float(self._reported[row])

    def seconds(self, row: Row, epoch: int) -> float:
        """The seconds of a training until some epoch, from its beginning."""
        return float(self._seconds[epoch][row])

    @cached_property
    def mean_seconds(self) -> float:
        """The seconds of a whole training, over all rows that have them."""
        return fmean(seconds for seconds in self._seconds[self.lookup.epochs[-1]] if seconds == seconds)

    @cached_property
    def num_answered(self) -> int:
        """How many rows have all that is asked for."""
        return sum(map(self._is_whole, range(len(self.table))))

    def best(self, budget: Budget) -> BestRow | None:
        """The best row that is a point and keeps a budget, by what is seen in the end; None where there is none."""
        last = self.lookup.epochs[-1]
        keys = {row: key for key, row in self._rows.items() if self._is_whole(row)}
        for row in sorted(keys, key=lambda row: -self.value(row, last)):
            try:
                point = self._space.point(self._space.decode(keys[row]))
            except FixpointError:
                continue
            if budget.admits(point.costs):
                return BestRow(keys[row], float(self._values[last][row]), self.reported(row))
        return None

    def _is_whole(self, row: Row) -> bool:
        """Whether no cell of a row is empty; NaN alone is unlike itself."""
        columns = (*self._values.values(), self._reported, *self._seconds.values())
        return all(column[row] == column[row] for column in columns)

    def _costs(self) -> dict[int, list[float]]:
        """The seconds until each epoch: of the table, else in proportion to the epochs; without any, 1 for each."""
        epochs, cost = self.lookup.epochs, self.lookup.cost
        if cost is None:
            return {epoch: [float(epoch)] * len(self.table) for epoch in epochs}
        cost = {epoch or epochs[-1]: column for epoch, column in cost.items()}
        if epochs[-1] not in cost:
            raise TableError(
                f"`cost` has no column for {epochs[-1]} epochs, the end of a training",
                help=f"cost: COLUMN, or {epochs[-1]}=COLUMN with others for fewer epochs",
            )
        known = {epoch: self.table.numbers(column).tolist() for epoch, column in cost.items()}
        whole = known[epochs[-1]]
        return {epoch: known.get(epoch, [all_ * epoch / epochs[-1] for all_ in whole]) for epoch in epochs}

    def _refuse_strangers(self) -> None:
        """Raises: TableError where none of some rows is a point of the space."""
        first = list(self._rows)[:1000]
        for key in first:
            try:
                self._space.decode(key)
            except FixpointError:
                continue
            return
        spelled = ", ".join(self._space.key(self._space.sample(1).points[0].decisions))
        raise TableError(
            f"no row of {self.table.source} is a point of `{self._space.name}`: the first has the key "
            f"{', '.join(first[0])}, a point of the space spells {spelled}",
            help="correct `key` of the space, or name the columns that hold the key",
        )
