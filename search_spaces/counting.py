"""How many legal points of a space keep a budget: exactly where that is possible, bracketed where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from random import Random

from graphs.budget import Budget
from search_spaces.bounds import bounds_of
from search_spaces.points import PointSource

MAX_LISTED = 20_000
NUM_DRAWS = 100  # of networks
NUM_PATHS = 10_000
FINE_CELLS = (1, 32_768, 384, 48)  # of the grids of a bracket, along each side

MARGIN = 1e-9  # of sums of doubles


@dataclass(frozen=True, slots=True)
class Count:
    """Between `low` and `high` points keep the budget. `how` says in words where the figures come from.

    `estimate` is the number where it is exact, and otherwise comes from draws.
    """

    low: int
    high: int
    estimate: float
    how: str

    @property
    def exact(self) -> bool:
        """Whether the number is known."""
        return self.low == self.high


def count_points(space: PointSource, budget: Budget) -> Count:
    """The legal points of a space that keep a budget."""
    bounds, is_whole = bounds_of(budget, space.requirements)
    if space.chain is not None and is_whole:
        import numpy as np

        from search_spaces.drawing import Grid
        from search_spaces.profiles import count_paths

        number = count_paths(space.chain, bounds)
        if number is not None:
            return Count(number, number, number, "sums over the stages")
        cells = FINE_CELLS[min(len(bounds.columns), len(FINE_CELLS) - 1)]
        some, more = (Grid(space.chain, bounds, cells=cells, up=up, weighted=False) for up in (True, False))
        low, high = floor(some.mass * (1 - MARGIN)), ceil(more.mass * (1 + MARGIN))
        kept = more.draw(NUM_PATHS, np.random.default_rng(0)).shape[1] if high else 0
        return Count(low, high, more.mass * kept / NUM_PATHS, "sums over the stages, rounded down and up")
    if space.size() <= MAX_LISTED:
        number = sum(budget.admits(point.costs) for point in space.points())
        return Count(number, number, number, "a list of all points")
    random = Random(0)
    drawn = [space.draw(random) for _ in range(NUM_DRAWS)]
    kept = sum(point is not None and budget.admits(point.costs) for point in drawn)
    return Count(0, space.size(), space.size() * kept / NUM_DRAWS, f"{kept} of {NUM_DRAWS} draws")
