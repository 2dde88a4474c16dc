"""Points one or two decisions away from a point: what evolution and local search make their proposals of."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import zip_longest
from random import Random
from typing import TYPE_CHECKING

from blocks.errors import BudgetError, FixpointError
from nas.records import Decisions
from search_spaces.points import legal_point

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Decision, Point, Space

NUM_TRIES = 16
MAX_SWAPS = 200  # that are looked at around one point


def complete_point(space: Space, decisions: Decisions, random: Random) -> Point | None:
    """The point of these decisions, those that it has beside them drawn; None where it is no legal network."""

    def choose(decision: Decision) -> int:
        possible = [position for position, size in enumerate(decision.sizes) if size]
        if decision.address in decisions:
            position = decision.alternatives.index(decisions[decision.address])
            if position in possible:
                return position
        return random.choice(possible)

    try:
        return space.decide(choose)
    except FixpointError:
        return None


def num_edits_between(one: Decisions, other: Decisions) -> int:
    """How many decisions two points have both, and have differently."""
    return sum(address in other and other[address] != value for address, value in one.items())


def mutant(
    space: Space, budget: Budget, known: Container[str], parent: Decisions, num_edits: int, random: Random
) -> Decisions | None:
    """A new point within the budget that differs from its parent in so many decisions, where a few tries find one;
    else any new one that is one edit or a swap away. None where there is none."""
    for _ in range(NUM_TRIES):
        try:
            point = space.mutate(dict(parent), random, num_changes=num_edits)
        except BudgetError:  # nothing is one edit away
            break
        if budget.admits(point.costs) and point.hash not in known:
            return dict(point.decisions)
    near = Neighbourhood(space, budget, parent, random)
    for points in (near.edits(), near.swaps()):
        for point in points:
            if point.hash not in known:
                return dict(point.decisions)
    return None


class Neighbourhood:
    """The points within the budget around a point, in a random order, the same however often they are asked for.

    A swap is two edits one of which alone breaks the budget: near a bound there is no other way on, for whatever is
    one edit away is too large, or smaller and worse. The costs of a swap are guessed by adding up what each edit
    changes, which is exact where costs add up, and checked on the point itself.
    """

    def __init__(self, space: Space, budget: Budget, centre: Decisions, random: Random) -> None:
        self._space = space
        self._budget = budget
        self._centre = space.point(centre)
        self._random = random
        around = list(space.neighbours(dict(self._centre.decisions), seed=random.getrandbits(32)))
        random.shuffle(around)
        self._kept = [point for point in around if budget.admits(point.costs)]
        self._broken = [point for point in around if not budget.admits(point.costs)]
        self._swaps: list[Point] = []  # those that were made
        self._more_swaps = self._make_swaps()

    def edits(self) -> Iterator[Point]:
        """The points one edit away."""
        return iter(self._kept)

    def swaps(self) -> Iterator[Point]:
        """Some of the points that are a swap away, each made when it is asked for first."""
        yield from self._swaps
        for point in self._more_swaps:
            self._swaps.append(point)
            yield point

    def mixed(self) -> Iterator[Point]:
        """As many swaps as edits, then what is left of either."""
        for pair in zip_longest(self.edits(), self.swaps()):
            yield from (point for point in pair if point is not None)

    def _make_swaps(self) -> Iterator[Point]:
        here = self._centre.decisions
        pairs = [(one, other) for one in self._broken for other in self._kept if not self._is_over(one, other)]
        self._random.shuffle(pairs)
        for one, other in pairs[:MAX_SWAPS]:
            point = legal_point(self._space, {**here, **_changes(here, one), **_changes(here, other)})
            if point is not None and self._budget.admits(point.costs):
                yield point

    def _is_over(self, one: Point, other: Point) -> bool:
        for bound, limit in self._budget.bounds:
            side, _, metric = bound.partition("_")
            here, first, second = (getattr(point.costs, metric) for point in (self._centre, one, other))
            guess = first + second - here
            if guess > limit if side == "max" else guess < limit:
                return True
        return False


def _changes(here: Decisions, there: Point) -> Decisions:
    """The decisions of a point that another doesn't have, or has differently."""
    return {
        address: value for address, value in there.decisions.items() if address not in here or here[address] != value
    }
