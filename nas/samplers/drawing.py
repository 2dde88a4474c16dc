"""Budgeted draws of points that are new: uniform ones, and the largest of some."""

from __future__ import annotations

from collections.abc import Container
from random import Random
from typing import TYPE_CHECKING

from blocks.errors import BudgetError
from nas.records import Decisions

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

NUM_DRAWS = 256
NUM_BEFORE_LISTING = 64
NUM_DESCENTS = 32  # a draw from a space that is too tight for drawing costs a hundred times as much
NUM_COMPARED = 10


def draw_new(space: Space, budget: Budget, known: Container[str], seed: int) -> Decisions | None:
    """A point within the budget whose network is not known; uniform over those, where the draws are.

    Where draws find none, it is one of a list of all points, if these are few. None where nothing in the list is new,
    or where there is no list, and no draw of `NUM_DRAWS` is new: were 2 in 100 of the points so, that would happen once
    in 180 times (0.98^256). A search begins only where something keeps the budget; descents that miss it find nothing
    new either.
    """
    draws = space.draws(budget, seed)
    for number in range(NUM_DRAWS if draws.uniform else NUM_DESCENTS):
        if number == NUM_BEFORE_LISTING:
            listed = space.list_points(budget)
            if listed is not None:
                new = [point for point in listed if point.hash not in known]
                return dict(Random(seed).choice(new).decisions) if new else None
        try:
            point = draws.next()
        except BudgetError:
            return None
        if point.hash not in known:
            return dict(point.decisions)
    return None


def is_exhausted(space: Space, budget: Budget, known: Container[str]) -> bool:
    """Whether it is certain that the network of every point within the budget is known."""
    listed = space.list_points(budget)
    return listed is not None and all(point.hash in known for point in listed)


def draw_first(space: Space, budget: Budget, known: Container[str], seed: int, number: int) -> Decisions | None:
    """As `draw_new`; for every other number the one with the most parameters of ten draws.

    Within a budget the parameter count is the strongest prior that costs nothing, on images; but a beginning of large
    networks alone would say nothing about the others, and where parameters are the budget it says little.
    """
    if number % 2:
        return draw_new(space, budget, known, seed)
    return draw_largest(space, budget, known, seed, "params", NUM_COMPARED)


def draw_largest(
    space: Space, budget: Budget, known: Container[str], seed: int, metric: str, number: int
) -> Decisions | None:
    """As `draw_new`, the one of so many draws that costs most by a metric of `graphs.costs.Totals`."""
    draws = space.draws(budget, seed)
    try:
        drawn = [draws.next() for _ in range(number)]
    except BudgetError:
        drawn = []
    for point in sorted(drawn, key=lambda point: -getattr(point.costs, metric)):
        if point.hash not in known:
            return dict(point.decisions)
    return draw_new(space, budget, known, seed)
