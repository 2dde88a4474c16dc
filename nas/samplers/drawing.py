"""Budgeted draws of points that are new."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from nas.records import Decisions
from nas.seeds import derive_seed

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)


def draw_new(space: Space, budget: Budget, known: Set[str], seed: int) -> Decisions | None:
    """A point within the budget whose network is not known.

    None where 255 draws hold none: then fewer than 2 in 100 of the points within the budget are new, with a
    probability of 99 in 100 (0.98^255 = 0.6 %).
    """
    for batch in BATCHES:
        for point in space.sample(batch, budget, derive_seed(seed, "draw", batch)).points:
            if point.graph.hash not in known:
                return dict(point.decisions)
    return None
