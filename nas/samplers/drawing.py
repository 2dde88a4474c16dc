"""Budgeted draws of points that are new."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from blocks.errors import BudgetError
from nas.records import Decisions

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

NUM_DRAWS = 256
NUM_DESCENTS = 32  # a draw from a space that is too tight for drawing costs a hundred times as much


def draw_new(space: Space, budget: Budget, known: Set[str], seed: int) -> Decisions | None:
    """A point within the budget whose network is not known; uniform over those, where the draws are.

    None where `NUM_DRAWS` draws hold none: were 2 in 100 of the points new, that would happen once in 180 times
    (0.98^256). A search begins only where something keeps the budget; descents that miss it find nothing new either.
    """
    draws = space.draws(budget, seed)
    for number in range(NUM_DRAWS):
        if number >= NUM_DESCENTS and not draws.uniform:
            break
        try:
            point = draws.next()
        except BudgetError:
            break
        if point.hash not in known:
            return dict(point.decisions)
    return None
