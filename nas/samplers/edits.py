"""Points one or two decisions away from a point: what evolution and local search make their proposals of."""

from __future__ import annotations

from collections.abc import Iterator, Set
from random import Random
from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from nas.records import Decisions

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Point, Space

NUM_TRIES = 16
MAX_SWAPS = 2_000


def find_point(space: Space, decisions: Decisions) -> Point | None:
    """The point of these decisions; None where they lead to no legal network."""
    try:
        point = space.point(decisions)
        point.costs  # noqa: B018 (found out now)
    except FixpointError:
        return None
    return point


def mutant(
    space: Space, budget: Budget, known: Set[str], parent: Decisions, num_edits: int, random: Random
) -> Decisions | None:
    """A new point within the budget that differs from its parent in so many decisions, where a few tries find one;
    else any new one that is one decision away, or a swap. None where there is none."""
    for _ in range(NUM_TRIES):
        point = space.mutate(dict(parent), random, num_edits)
        if budget.admits(point.costs) and point.hash not in known:
            return dict(point.decisions)
    near = Surroundings(space, budget, parent, random)
    found = next(near.new(known), None) or next(near.swaps(known), None)
    return None if found is None else dict(found.decisions)


class Surroundings:
    """The points around a point, in a random order.

    A swap is two edits one of which alone breaks the budget: near a bound there is no other way on, for whatever is
    one edit away is too large, or smaller and worse. Its costs are guessed by adding up what each edit changes, which is
    exact where costs add up, and checked on the point itself.
    """

    def __init__(self, space: Space, budget: Budget, centre: Decisions, random: Random) -> None:
        self._space = space
        self._budget = budget
        self._centre = space.point(centre)
        around = list(space.neighbours(dict(centre), seed=random.getrandbits(32)))
        random.shuffle(around)
        self._kept = [point for point in around if budget.admits(point.costs)]
        self._broken = [point for point in around if not budget.admits(point.costs)]
        self._random = random

    def new(self, known: Set[str]) -> Iterator[Point]:
        """The points within the budget one decision away that are not known."""
        return (point for point in self._kept if point.hash not in known)

    def swaps(self, known: Set[str]) -> Iterator[Point]:
        """The points within the budget that a swap away and not known."""
        here = self._centre.decisions
        pairs = [(one, other) for one in self._broken for other in self._kept]
        self._random.shuffle(pairs)
        for one, other in pairs[:MAX_SWAPS]:
            if self._is_over(one, other):
                continue
            point = find_point(self._space, {**here, **_changes(here, one), **_changes(here, other)})
            if point is not None and self._budget.admits(point.costs) and point.hash not in known:
                yield point

    def _is_over(self, one: Point, other: Point) -> bool:
        for bound, limit in self._budget.bounds:
            side, _, metric = bound.partition("_")
            guess = sum(getattr(point.costs, metric) for point in (one, other)) - getattr(self._centre.costs, metric)
            if guess > limit if side == "max" else guess < limit:
                return True
        return False


def _changes(here: Decisions, there: Point) -> Decisions:
    """The decisions of a point that another doesn't have, or has differently."""
    return {
        address: value
        for address, value in there.decisions.items()
        if address not in here or here[address] != value
    }
