"""A purse that draws what is open, alternative by alternative, and holds no more than it may spend."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from search_spaces.chains import Costs
from search_spaces.costing import Costing
from search_spaces.decisions import Decision
from search_spaces.experience import Experience, Situation, pick
from search_spaces.phrases import NotLegal
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
    tries: int = 0
    ceilings: dict[str, int] = field(default_factory=dict)  # no larger numbers than at these positions
    experience: Experience | None = None
    drawn: list[tuple[Situation, int]] = field(default_factory=list)  # what is not noted as experience yet

    def choose(self, decision: Decision) -> int:
        position = self.taken.get(decision.address)
        if position is None:
            if decision.kind == "repeat" and self.experience is not None:  # how many legs there are
                situation = self.experience.situation(decision.address, self.costing.table(decision).possible)
                position = pick(situation.weights, self.random)
                self.drawn.append((situation, position))
            else:
                position = self._drawn(decision)
            self.taken[decision.address] = position
        return position

    def note(self, mark: int, *, worked: bool) -> None:
        """What was drawn since then worked, or did not."""
        if self.experience is not None:
            for situation, position in self.drawn[mark:]:
                situation.note(position, worked=worked)
        del self.drawn[mark:]

    def alternative(self, decision: Decision, walk: Alternatives) -> Value:
        position = self.taken.get(decision.address)
        if position is None:
            position = self._affordable(decision, walk) if self.floored else self._drawn(decision)
            self.taken[decision.address] = position
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
                    lower = {address: position // 2 for address, position in self.reset(mark).items()}
                    self.ceilings = self.ceilings | lower
            raise Overspent
        finally:
            self.ceilings = outer

    def _affordable(self, decision: Decision, walk: Alternatives) -> int:
        """An alternative that there may be room for."""
        place, possible = walk.place, self.costing.table(decision).possible
        if place is None:
            return pick(possible, self.random)
        spent, limits = self.spent, self.limits
        params, macs, activation_bytes = limits[0] - spent[0], limits[1] - spent[1], limits[2] - spent[2]
        floors = self.costing.floors.setdefault(place, {})
        situation: Situation | None = None
        weights: Sequence[float] = possible
        if self.experience is not None:
            alike, area = walk.likeness
            key = (alike, params.bit_length(), (macs // area).bit_length(), (activation_bytes // area).bit_length())
            situation = self.experience.situation(key, possible)
            weights = situation.weights
        while True:
            position = pick(weights, self.random)
            floor = NO_COSTS if decision.sizes[position] == 1 else floors.get(position)
            if floor is None:
                floor = floors[position] = _floor(self.costing, position, walk)
            if floor[0] <= params and floor[1] <= macs and floor[2] <= activation_bytes:
                if situation is not None:
                    self.drawn.append((situation, position))
                return position
            weights = [*weights[:position], 0, *weights[position + 1 :]]
            if not any(weights):
                raise Overspent

    def times(self, decision: Decision, once: Callable[[int], bool]) -> int:
        """As often as is drawn among what the room is enough for."""
        counts = self.costing.table(decision).counts
        if decision.address in self.taken:  # inside of what is repeated as a whole
            count = counts[self.taken[decision.address]]
            for number in range(count):
                once(number)
            return count
        position = self._drawn(decision)
        if counts[position] == 0:
            self.taken[decision.address] = position
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
        self.taken[decision.address] = position
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
            gone[address] = position
        self.spent[:] = spent
        return gone

    def _drawn(self, decision: Decision) -> int:
        table = self.costing.table(decision)
        last = self.ceilings.get(decision.address) if self.ceilings and table.ascends else None
        if table.heaped is None:
            return int(self.random.random() * (table.number if last is None else last + 1))
        top = table.heaped[-1 if last is None else last]
        return bisect(table.heaped, self.random.random() * top)


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
        if not spent[0]:
            break
        purse.limits[0] = spent[0] - 1
        purse.ceilings = purse.reset(mark)
    return (0, 0, 0) if least is None else (2 * least[0] // 3, 2 * least[1] // 3, 2 * least[2] // 3)
