"""The points of a space in a table: what a training of each comes to, without any training. Free of torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from graphs.quantities import format_count
from nas.lookup import Lookup
from nas.mistakes import together
from nas.tables import CORRECT, Key, LineFault, Row, Table, TableError, refuse

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Decisions, Space


MOST_JUDGED = 20_000  # rows that are tried on the space, before a search


@dataclass(frozen=True)
class BestRow:
    """The row of a table that is best by what the search sees, within a budget; figures as it has them."""

    key: Key
    seen: float
    reported: float


class Answers:
    """What a table says of the points of a space.

    A point without a row, or with an empty cell in a column that is asked for, is not in the table. `domain` is the
    space, or, where the table lacks some of its points, the space of the others. `note` says how many rows are no point
    of the space and how many points have a row; it is empty where all are one and have one.

    Raises: TableError, where columns or cells are wrong, or no row is a point of the space, and `Mistakes` of several
    columns; DecisionError where the space doesn't say how its decisions spell a key.
    """

    def __init__(self, space: Space, table: Table, lookup: Lookup) -> None:
        self._space = space
        self.table = table
        self.lookup = lookup
        _refuse_missing_columns(table, lookup)
        faults: list[LineFault] = []
        self._rows = table.rows(lookup.key, faults)
        self._values = {epoch: table.numbers(column, faults).tolist() for epoch, column in lookup.seen.items()}
        last = lookup.epochs[-1]
        self._reported = table.numbers(lookup.report, faults).tolist() if lookup.report else self._values[last]
        self._seconds = self._costs(faults)
        refuse(table.source, {*faults})
        self._points: dict[Row, Mapping[str, object]] = {}  # where two points may have one row
        judged = list(self._rows)[:MOST_JUDGED]
        strangers = {key for key in judged if not self._is_point(key)}
        keys = [key for key, row in self._rows.items() if self._is_whole(row) and key not in strangers]
        if not keys and len(strangers) < len(self._rows):
            what = "with a value in every column that is asked"
            message = f"no row of {table.source} is a point of `{space.name}` {what}"
            raise TableError(message, help="fill the cells, or leave the column out of the study")
        self.is_complete = len(judged) == len(self._rows) and len(keys) == space.size()
        self.domain = space if self.is_complete else space.only(_Tabulated(space, keys))
        self.note = self._note(judged, strangers, len(keys))

    def row(self, decisions: Mapping[str, object]) -> Row | None:
        """The row of a point; None where the table has none. Raises: TableError where another point has the same."""
        key = self._space.key(decisions)
        row = self._rows.get(key)
        if row is None or not self._is_whole(row):
            return None
        if not self._space.has_unique_keys:
            self._refuse_ambiguous(key, self._points.setdefault(row, decisions), decisions)
        return row

    def _refuse_ambiguous(self, key: Key, one: Mapping[str, object], other: Mapping[str, object]) -> None:
        if one != other:
            raise TableError(
                f"two points of the space have the key {', '.join(key)}: {dict(one)} and {dict(other)}",
                help="put into `key` of the space what tells them apart",
            )

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
    def extremes(self) -> tuple[float, float]:
        """The worst and the best value at the end of a training, so that higher is better; 0 and 1 without any."""
        last = self.lookup.epochs[-1]
        values = [self.value(row, last) for row in range(len(self.table)) if self._is_whole(row)] or [0.0, 1.0]
        return min(values), max(values)

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

    def _costs(self, faults: list[LineFault]) -> dict[int, list[float]]:
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
        known = {epoch: self._seconds_of(column, faults) for epoch, column in cost.items()}
        whole = known[epochs[-1]]
        return {epoch: known.get(epoch, [all_ * epoch / epochs[-1] for all_ in whole]) for epoch in epochs}

    def _seconds_of(self, column: str, faults: list[LineFault]) -> list[float]:
        """The numbers of a column of seconds; those below 0 go to the `faults`."""
        numbers: list[float] = self.table.numbers(column, faults).tolist()
        help = (CORRECT, "a training takes 0 seconds or more")
        message = "is a negative number of seconds"
        faults += [self.table.fault(row, column, message, help) for row, number in enumerate(numbers) if number < 0]
        return numbers

    def _note(self, keys: list[Key], strange: Collection[Key], num_answered: int) -> str:
        """The note on rows without a point, of which `strange` are some, and points without a row. Raises: TableError
        where no row is a point."""
        strangers = [key for key in keys if key in strange]
        is_whole = len(keys) == len(self._rows)
        covered = f"the space has {format_count(self._space.size())} points, {num_answered:,} have a row"
        if not strangers:
            return covered if is_whole and not self.is_complete else ""
        first, name = strangers[0], self._space.name
        spelled = self._space.key(self._space.sample(1).points[0].decisions)
        padded = [key for key in strangers if self._is_point(_padded(key, spelled))]
        hint = ""
        if padded:
            hint = (
                f"leading zeros are missing, as spreadsheets take them away: "
                f"{', '.join(_padded(padded[0], spelled))} for {', '.join(padded[0])}"
            )
        if len(strangers) == len(keys):
            raise TableError(
                f"no row of {self.table.source} is a point of `{name}`: the first has the key "
                f"{', '.join(first)}, a point of the space spells {', '.join(spelled)}",
                help=hint or "correct `key` of the space, or name the columns that hold the key",
            )
        rows = f"{len(keys):,} rows" if is_whole else f"the first {len(keys):,} rows"
        line, key = self.table.lines[self._rows[first]], ", ".join(first)
        verb = "is" if len(strangers) == 1 else "are"
        which = f"it is line {line} (`{key}`)" if len(strangers) == 1 else f"the first is line {line} (`{key}`)"
        note = f"{len(strangers):,} of {rows} {verb} no point of `{name}`, {which}"
        if is_whole:
            note += f"; {covered}"
        return f"{note}; {hint}" if hint else note

    def _is_point(self, key: Key) -> bool:
        """Whether some point spells a key. Raises: TableError where two do."""
        found = self._space.decodings(key)
        first = next(found, None)
        if first is not None and not self._space.has_unique_keys:
            for other in found:
                self._refuse_ambiguous(key, first, other)
        return first is not None


class _Tabulated:
    """The points of a space that have these keys (`search_spaces.points.Members`)."""

    def __init__(self, space: Space, keys: Sequence[Key]) -> None:
        self._space = space
        self._keys = keys
        self._known = frozenset(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, number: int) -> Decisions:
        return self._space.decode(self._keys[number])

    def __contains__(self, decisions: object) -> bool:
        return isinstance(decisions, Mapping) and self._space.key(decisions) in self._known


def _refuse_missing_columns(table: Table, lookup: Lookup) -> None:
    """Raises TableError where the table has not all the columns that it is asked for, `Mistakes` of several."""
    asked: list[tuple[tuple[str, ...], str]] = [(("table", "key"), name) for name in lookup.key]
    asked += [(("table", "seen", str(epoch)), name) for epoch, name in lookup.seen.items()]
    asked += [(("table", "report"), lookup.report)] if lookup.report else []
    asked += [(("table", "cost", str(epoch)), name) for epoch, name in (lookup.cost or {}).items()]
    missing: list[TableError] = []
    for path, name in asked:
        try:
            table.column(name)
        except TableError as error:
            error.path = path
            missing.append(error)
    if missing:
        raise together(missing)


def _padded(key: Key, like: Key) -> Key:
    """A key with the leading zeros that make it as long as another."""
    return tuple(text.rjust(len(other), "0") for text, other in zip(key, like, strict=False))
