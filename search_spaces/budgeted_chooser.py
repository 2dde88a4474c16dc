"""A chooser that draws what is open, alternative by alternative, and keeps what the walk costs within limits."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from search_spaces.adaptive_weights import AdaptiveWeights, Experience, choose_weighted
from search_spaces.chains import Costs
from search_spaces.choosers import LIMITS, NO_COSTS, Alternatives, OverLimits, Value
from search_spaces.code_expressions import NotLegal
from search_spaces.costing import Costing
from search_spaces.decisions import Decision

INNER_TRIES = 6  # of what is open in one alternative, before another is taken
MAX_IN_VAIN = 6  # tries to find less than the least costs known of an alternative
NUM_SHARED = 3  # sets of shared decisions that it is tried with


@dataclass
class BudgetedChooser:
    """A chooser that draws what is open, within `limits`. A guided one leaves out alternatives whose least costs are
    above them."""

    costing: Costing
    random: Random
    limits: list[int]
    is_guided: bool = True
    spent: list[int] = field(default_factory=lambda: list(NO_COSTS))
    taken: dict[str, int] = field(default_factory=dict)
    tries: int = 0
    ceilings: dict[str, int] = field(default_factory=dict)  # no larger numbers than at these positions
    experience: Experience | None = None
    drawn: list[tuple[AdaptiveWeights, int]] = field(default_factory=list)  # what is not noted as experience yet

    def choose(self, decision: Decision) -> int:
        position = self.taken.get(decision.address)
        if position is None:
            if decision.kind == "repeat" and self.experience is not None:  # how many legs there are
                adaptive = self.experience.weights(decision.address, self.costing.draw_weights(decision).weights)
                position = choose_weighted(adaptive.weights, self.random)
                self.drawn.append((adaptive, position))
            else:
                position = self._drawn(decision)
            self.taken[decision.address] = position
        return position

    def note(self, mark: int, *, worked: bool) -> None:
        """What was drawn since then worked, or did not."""
        if self.experience is not None:
            for adaptive, position in self.drawn[mark:]:
                adaptive.note(position, worked=worked)
        del self.drawn[mark:]

    def alternative(self, decision: Decision, walk: Alternatives) -> Value:
        position = self.taken.get(decision.address)
        if position is None:
            position = self._choose_fitting(decision, walk) if self.is_guided else self._drawn(decision)
            self.taken[decision.address] = position
        if decision.sizes[position] == 1:
            return walk(position)
        mark, outer, first = self.mark(), self.ceilings, len(self.drawn)
        try:
            for _ in range(INNER_TRIES):
                try:
                    return walk(position)
                except (OverLimits, NotLegal):
                    self.tries += 1
                    self.note(first, worked=False)
                    lower = {address: position // 2 for address, position in self.reset(mark).items()}
                    self.ceilings = self.ceilings | lower
            raise OverLimits
        finally:
            self.ceilings = outer

    def _choose_fitting(self, decision: Decision, walk: Alternatives) -> int:
        """The position of an alternative that there may be room for."""
        place, prior = walk.place, self.costing.draw_weights(decision).weights
        if place is None:
            return choose_weighted(prior, self.random)
        spent, limits = self.spent, self.limits
        params, macs, activation_bytes = limits[0] - spent[0], limits[1] - spent[1], limits[2] - spent[2]
        known = self.costing.least_costs.setdefault(place, {})
        adaptive: AdaptiveWeights | None = None
        weights: Sequence[float] = prior
        if self.experience is not None:
            alike, area = walk.likeness
            key = (alike, params.bit_length(), (macs // area).bit_length(), (activation_bytes // area).bit_length())
            adaptive = self.experience.weights(key, prior)
            weights = adaptive.weights
        while True:
            position = choose_weighted(weights, self.random)
            least = NO_COSTS if decision.sizes[position] == 1 else known.get(position)
            if least is None:
                least = known[position] = _least_costs(self.costing, position, walk)
            if least[0] <= params and least[1] <= macs and least[2] <= activation_bytes:
                if adaptive is not None:
                    self.drawn.append((adaptive, position))
                return position
            weights = [*weights[:position], 0, *weights[position + 1 :]]
            if not any(weights):
                raise OverLimits

    def times(self, decision: Decision, once: Callable[[int], bool]) -> int:
        """Repeat as often as is drawn from the numbers that there is room for."""
        counts = self.costing.draw_weights(decision).counts
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
        except (OverLimits, NotLegal):
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
                raise OverLimits
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
        """The present state, to come back to."""
        return len(self.taken), list(self.spent)

    def reset(self, mark: tuple[int, list[int]]) -> dict[str, int]:
        """Undo what was spent and decided since then; what was decided."""
        number, spent = mark
        gone = {}
        while len(self.taken) > number:
            address, position = self.taken.popitem()
            gone[address] = position
        self.spent[:] = spent
        return gone

    def _drawn(self, decision: Decision) -> int:
        own = self.costing.draw_weights(decision)
        last = self.ceilings.get(decision.address) if self.ceilings and own.is_ascending else None
        if own.cumulative_weights is None:
            return int(self.random.random() * (len(own.weights) if last is None else last + 1))
        top = own.cumulative_weights[-1 if last is None else last]
        return bisect(own.cumulative_weights, self.random.random() * top)


def _least_costs(costing: Costing, position: int, walk: Alternatives) -> Costs:
    """About two thirds of what an alternative costs at least on what has sizes of powers of two, found by draws that
    get smaller."""
    least: list[int] | None = None
    chooser = BudgetedChooser(costing, Random(position), list(LIMITS), is_guided=False)
    in_vain = number = 0
    while in_vain < MAX_IN_VAIN:
        mark, number = chooser.mark(), number + 1
        try:
            walk.rounded(chooser, number % NUM_SHARED)(position)
        except (OverLimits, NotLegal):
            in_vain += 1
            chooser.reset(mark)
            continue
        spent = list(chooser.spent)
        least = spent if least is None else [min(one, other) for one, other in zip(least, spent, strict=True)]
        if not spent[0]:
            break
        chooser.limits[0] = spent[0] - 1
        chooser.ceilings = chooser.reset(mark)
    return (0, 0, 0) if least is None else (2 * least[0] // 3, 2 * least[1] // 3, 2 * least[2] // 3)
