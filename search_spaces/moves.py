"""Steps through a space: points one decision away, mutations, and children of two points.

Whatever a move gives is a legal network that keeps the budget, if there is one. Decisions that a change makes matter
are drawn uniformly; those that don't matter any more go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from blocks.errors import BudgetError
from graphs.budget import Budget
from graphs.faults import DocumentError
from search_spaces.decisions import Alternative, Decision
from search_spaces.points import DecisionError, Decisions, Point, PointSource

MAX_COMPLETIONS = 20  # draws of the decisions that one change makes matter
MAX_TRIES = 200


def neighbours(
    space: PointSource,
    decisions: Decisions,
    budget: Budget,
    random: Random,
    only: Mapping[str, tuple[Alternative, ...]] | None = None,
) -> Iterator[Point]:
    """For every decision of a point, and every other alternative of it, a point that has that and all else alike, where
    there is a legal one that keeps the budget; in the order of the text. `only` leaves some of these changes."""
    here = space.active(decisions)
    for address, chosen in here.items():
        offered = space.decision(address).alternatives if only is None else only.get(address, ())
        for alternative in offered:
            if alternative != chosen:
                wanted = {**here, address: alternative}
                point = _first_kept(space, [wanted], budget, random, MAX_COMPLETIONS, repair=False)
                if point is not None:
                    yield point


def mutate(space: PointSource, decisions: Decisions, budget: Budget, random: Random, num_changes: int) -> Point:
    """A point that differs in `num_changes` decisions at random, each with another alternative drawn uniformly;
    parameters that the document's `where` then rules out are drawn anew.

    Fewer where the point has no more of them. Raises `BudgetError` where no such point that was tried, and no
    neighbour, is legal and keeps the budget.
    """
    here = space.active(decisions)
    open_to_change = [address for address in here if len(space.decision(address).alternatives) > 1]
    for _ in range(MAX_TRIES if open_to_change else 0):
        changes: Decisions = {}
        for address in random.sample(open_to_change, min(num_changes, len(open_to_change))):
            others = [other for other in space.decision(address).alternatives if other != here[address]]
            changes[address] = random.choice(others)
        point = _first_kept(space, [{**here, **changes}], budget, random, 1, repair=True)
        if point is not None and changes.items() <= point.decisions.items() | _gone(changes, point.decisions):
            return point
    found = list(neighbours(space, here, budget, random))
    if not found:
        bounds = f" that keeps {budget}" if budget else ""
        raise BudgetError(f"a point of the space `{space.name}` has no legal neighbour{bounds}", help="take another")
    return random.choice(found)


def mutants(
    space: PointSource, decisions: Decisions, budget: Budget, random: Random, num_points: int, num_changes: int
) -> list[Point]:
    """`num_points` different points, each as `mutate` gives it, `num_changes` decisions away; fewer where `MAX_TRIES`
    mutations in a row give none that is new, or none at all."""
    found: dict[tuple[tuple[str, Alternative], ...], Point] = {}
    in_vain = 0
    while len(found) < num_points and in_vain < MAX_TRIES:
        try:
            point = mutate(space, decisions, budget, random, num_changes)
        except BudgetError:
            break
        in_vain = in_vain + 1 if (key := tuple(point.decisions.items())) in found else 0
        found.setdefault(key, point)
    return list(found.values())


def crossover(space: PointSource, one: Decisions, other: Decisions, budget: Budget, random: Random) -> Point:
    """A child of two points: each of its decisions is one of theirs, either's with equal chance where both have it.

    One of the two where no child that was tried is legal and keeps the budget, the first that does. Raises
    `BudgetError` where they don't either.
    """
    parents = [space.active(one), space.active(other)]
    child = _first_kept(space, parents, budget, random, MAX_TRIES, repair=True)
    if child is not None:
        return child
    for parent in map(space.point, parents):
        if budget.admits(parent.costs):
            return parent
    raise BudgetError(f"neither of two points of the space `{space.name}` keeps {budget}", help="take others")


class _Unkept(Exception):
    """`where` rules out what was wanted."""


def _first_kept(
    space: PointSource, wanted: list[Decisions], budget: Budget, random: Random, tries: int, *, repair: bool
) -> Point | None:
    """The first legal point within the budget, of `tries` draws, that takes every decision from one of `wanted`.

    Decisions that none of them has are drawn; so are, with `repair`, those that `where` rules out.
    """
    for _ in range(tries):
        drawn = 0

        def choose(decision: Decision) -> int:
            nonlocal drawn
            possible = [position for position, size in enumerate(decision.sizes) if size]
            offered = [decisions[decision.address] for decisions in wanted if decision.address in decisions]
            if offered:
                position = decision.alternatives.index(random.choice(offered))
                if position in possible:
                    drawn += len(wanted) - 1
                    return position
                if not repair:
                    raise _Unkept
            drawn += 1
            return random.choice(possible)

        try:
            point = space.decide(choose)
        except _Unkept:
            return None
        except (DecisionError, DocumentError):
            point = None
        if point is not None and budget.admits(point.costs):
            return point
        if not drawn:  # another try would be the same
            return None
    return None


def _gone(changes: Decisions, decisions: Decisions) -> set[tuple[str, object]]:
    """The changes of decisions that another change has made not matter."""
    return {(address, value) for address, value in changes.items() if address not in decisions}
