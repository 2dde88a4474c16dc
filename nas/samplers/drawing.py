"""Budgeted draws of points that are new."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from nas.records import Decisions

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

NUM_DRAWS = 256


def draw_new(space: Space, budget: Budget, known: Set[str], seed: int) -> Decisions | None:
    """A point within the budget whose network is not known; uniform over those, where the draws are.

    None where `NUM_DRAWS` draws hold none: were 2 in 100 of the points new, that would happen once in 180 times
    (0.98^256).
    """
    draws = space.draws(budget, seed)
    for _ in range(NUM_DRAWS):
        point = draws.next()
        if point.graph.hash not in known:
            return dict(point.decisions)
    return None
