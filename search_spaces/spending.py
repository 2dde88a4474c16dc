"""A purse that draws what is open, alternative by alternative, and holds no more than it may spend."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from search_spaces.chains import Costs
from search_spaces.costing import Costing
from search_spaces.decisions import Alternative, Decision
from search_spaces.experience import Experience, pick
from search_spaces.getters import NotLegal
from search_spaces.purses import LIMITS, NO_COSTS, Alternatives, Overspent, Value

INNER_TRIES = 6  # of what is open in one alternative, before another is taken
FLOOR_TRIES = 6
NUM_SHARED = 3  # sets of shared decisions that it is tried with


@dataclass
class Spending:
    """A purse that draws what is open, and holds no more than `limits`."""

    costing: Costing
    random: Random
    limits: list[int]
    floored: bool = True
    spent: list[int] = field(default_factory=lambda: list(NO_COSTS))
    taken: dict[str, int] = field(default_factory=dict)
    values: dict[str, Alternative] = field(default_factory=dict)
    tries: int = 0
    ceilings: dict[str, int] = field(default_factory=dict)  # no larger numbers than at these positions
    experience: Experience | None = None
    drawn: list[tuple[Hashable, int, int]] = field(default_factory=list)  # what is not noted as experience yet

    def choose(self, decision: Decision) -> int:
        position = self.taken.get(decision.address)
        if position is None:
            if decision.kind == "repeat" and self.experience is not None:  # how many legs there are
                weights = self.experience.weights(decision.address, _possible(decision))
                position = pick(weights, self.random)
                self.drawn.append((decision.address, position, len(weights)))
            else:
                position = self._drawn(decision)
            self.take(decision, position)
        return position

    def note(self, mark: int, *, worked: bool) -> None:
        """What was drawn since then worked, or did not."""
        if self.experience is not None:
            for situation, position, number in self.drawn[mark:]:
                self.experience.note(situation, position, number, worked=worked)
        del self.drawn[mark:]

    def take(self, decision: Decision, position: int) -> None:
        """Decide."""
        self.taken[decision.address] = position
        self.values[decision.address] = decision.alternatives[position]

    def pay(self, costs: Costs) -> None:
        spent, limits = self.spent, self.limits
        spent[0] += costs[0]
        spent[1] += costs[1]
        spent[2] += costs[2]
        spent[3] += costs[3]
        if spent[0] > limits[0] or spent[1] > limits[1] or spent[2] > limits[2] or spent[3] > limits[3]:
            raise Overspent

    def room(self) -> Costs:
        spent, limits = self.spent, self.limits
        return (limits[0] - spent[0], limits[1] - spent[1], limits[2] - spent[2], limits[3] - spent[3])

    def alternative(self, decision: Decision, walk: Alternatives) -> Value:
        position = self.taken.get(decision.address)
        if position is None:
            position = self._affordable(decision, walk) if self.floored else self._drawn(decision)
            self.take(decision, position)
        if decision.sizes[position] == 1:
            return walk(position)
        mark, outer, first = self.mark(), self.ceilings, len(self.drawn)
        try:
            for _ in range(INNER_TRIES):
                try:
                    return walk(position)
                except (Overspent, NotLegal):
                    self.tries += 1
                    self.note(first, worked=False)
                    self.ceilings = self.ceilings | self.reset(mark)
            raise Overspent
        finally:
            self.ceilings = outer

    def _affordable(self, decision: Decision, walk: Alternatives) -> int:
        """An alternative that there may be room for."""
        room, place = self.room(), walk.place
        weights: list[float] = [*_possible(decision)]
        if place is None:
            return pick(weights, self.random)
        floors = self.costing.quotes.floors.setdefault(place, {})
        situation = (place, tuple([left.bit_length() for left in room[:3]]))
        found = weights if self.experience is None else self.experience.weights(situation, weights)
        while any(found):
            position = pick(found, self.random)
            floor = NO_COSTS if decision.sizes[position] == 1 else floors.get(position)
            if floor is None:
                floor = floors[position] = _floor(self.costing, position, walk)
            if floor[0] <= room[0] and floor[1] <= room[1] and floor[2] <= room[2]:
                self.drawn.append((situation, position, len(weights)))
                return position
            found[position] = 0
        raise Overspent

    def times(self, decision: Decision, once: Callable[[int], bool]) -> int:
        """As often as is drawn among what the room is enough for."""
        counts = [count for count in decision.alternatives if isinstance(count, int)]
        assert len(counts) == len(decision.alternatives), "a repetition that is an expression is not walked"
        if decision.address in self.taken:  # inside of what is repeated as a whole
            count = counts[self.taken[decision.address]]
            for number in range(count):
                once(number)
            return count
        position = self._drawn(decision)
        if counts[position] == 0:
            self.take(decision, position)
            return 0
        marks = [list(self.spent)]
        most, step = counts[position], None
        try:
            while len(marks) <= most:
                if once(len(marks) - 1):
                    step = [now - then for then, now in zip(marks[-1], self.spent, strict=True)]
                marks.append(list(self.spent))
                if step is not None:
                    break
        except (Overspent, NotLegal):
            pass
        if step is not None:
            room = [
                (limit - now) // cost for limit, now, cost in zip(self.limits, self.spent, step, strict=True) if cost
            ]
            most = min(most, len(marks) - 1 + min(room, default=most))
        else:
            most = len(marks) - 1
        if counts[position] > most:
            possible = [at for at, count in enumerate(counts) if 0 < count <= most and decision.sizes[at]]
            if not possible:
                raise Overspent
            [position] = self.random.choices(possible, [decision.weights[at] for at in possible])
        self.take(decision, position)
        count = counts[position]
        if count < len(marks):
            self.spent[:] = marks[count]
        else:
            assert step is not None
            rest = count - (len(marks) - 1)
            self.spent[:] = [now + rest * cost for now, cost in zip(marks[-1], step, strict=True)]
        return count

    def mark(self) -> tuple[int, list[int]]:
        """Where the purse is, to come back to."""
        return len(self.taken), list(self.spent)

    def reset(self, mark: tuple[int, list[int]]) -> dict[str, int]:
        """Give back what was spent, and take nothing as decided, since then; what was decided."""
        number, spent = mark
        gone = {}
        while len(self.taken) > number:
            address, position = self.taken.popitem()
            del self.values[address]
            gone[address] = position
        self.spent[:] = spent
        return gone

    def _drawn(self, decision: Decision) -> int:
        table = self.costing.quotes.tables.get(decision.address)
        if not isinstance(table, _Table):
            table = _table_of(decision)
            if not decision.address.startswith("params."):  # whose weights may depend on each other
                self.costing.quotes.tables[decision.address] = table
        last = self.ceilings.get(decision.address) if table.ascends else None
        if table.heaped is None:
            return int(self.random.random() * (table.number if last is None else last + 1))
        top = table.heaped[-1 if last is None else last]
        return bisect(table.heaped, self.random.random() * top)


@dataclass(frozen=True, slots=True)
class _Table:
    """What draws of a decision need: `heaped` are the weights added up, where they differ; `ascends` says that the
    alternatives are numbers from the least to the greatest."""

    number: int
    heaped: tuple[int, ...] | None
    ascends: bool


def _possible(decision: Decision) -> list[int]:
    """The weights of the alternatives, 0 where a `where` leaves none."""
    return [weight if size else 0 for weight, size in zip(decision.weights, decision.sizes, strict=True)]


def _table_of(decision: Decision) -> _Table:
    weights = _possible(decision)
    numbers = [one for one in decision.alternatives if isinstance(one, int | float) and not isinstance(one, bool)]
    ascends = len(numbers) == len(weights) and numbers == sorted(numbers)
    heaped = None if set(weights) == {1} else tuple(accumulate(weights))
    return _Table(len(weights), heaped, ascends)


def _floor(costing: Costing, position: int, walk: Alternatives) -> Costs:
    """About two thirds of what an alternative costs at least on what has sizes of powers of two, found by draws that
    get smaller."""
    least: list[int] | None = None
    purse = Spending(costing, Random(position), list(LIMITS), floored=False)
    in_vain = number = 0
    while in_vain < FLOOR_TRIES:
        mark, number = purse.mark(), number + 1
        try:
            walk.rounded(purse, number % NUM_SHARED)(position)
        except (Overspent, NotLegal):
            in_vain += 1
            purse.reset(mark)
            continue
        spent = list(purse.spent)
        least = spent if least is None else [min(one, other) for one, other in zip(least, spent, strict=True)]
        purse.limits[0] = spent[0] - 1
        purse.ceilings = purse.reset(mark)
    return (0, 0, 0) if least is None else (2 * least[0] // 3, 2 * least[1] // 3, 2 * least[2] // 3)
