"""How many legal points of a space keep a budget: exactly where that is possible, bracketed where it is not, and else
an interval from draws: Wilson 1927, J. Am. Stat. Assoc. 22, which holds up where none or all of the draws count.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, sqrt
from random import Random
from statistics import NormalDist

from graphs.budget import Budget
from graphs.faults import DocumentError
from search_spaces.bounds import bounds_of
from search_spaces.decisions import drawn
from search_spaces.points import Point, PointSource

MAX_LISTED = 20_000
NUM_DRAWS = 100  # of networks
CONFIDENCE = 0.95  # of what is said from them
NUM_PATHS = 10_000
FINE_CELLS = (1, 32_768, 384, 48)  # of the grids of a bracket, along each side

MARGIN = 1e-9  # of sums of doubles


@dataclass(frozen=True, slots=True)
class Count:
    """Between `low` and `high` points keep the budget. `how` says in words where the figures come from.

    `estimate` is the number where it is exact, and otherwise comes from draws. `confidence` is 1 where `low` and `high`
    are certain, and where they come from draws as well the share of such intervals that hold.
    """

    low: int
    high: int
    estimate: float
    how: str
    confidence: float = 1.0

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
    points = [_draw(space, random) for _ in range(NUM_DRAWS)]
    kept = sum(point is not None and budget.admits(point.costs) for point in points)
    least, most = wilson_interval(kept, NUM_DRAWS, CONFIDENCE)
    whole = space.size()  # often more than a float holds
    low, high = floor(whole * Fraction(least)), ceil(whole * Fraction(most))
    return Count(low, high, whole * kept // NUM_DRAWS, f"{kept} of {NUM_DRAWS} draws", CONFIDENCE)


def wilson_interval(num_kept: int, num_drawn: int, confidence: float) -> tuple[float, float]:
    """The shares that so many of some draws are no surprise for, in so many of all cases."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = num_kept / num_drawn
    middle = share + z * z / (2 * num_drawn)
    half = z * sqrt(share * (1 - share) / num_drawn + (z / (2 * num_drawn)) ** 2)
    low, high = (middle - half) / (1 + z * z / num_drawn), (middle + half) / (1 + z * z / num_drawn)
    return (low if num_kept else 0.0), (high if num_kept < num_drawn else 1.0)


def _draw(space: PointSource, random: Random) -> Point | None:
    """A point, uniform over all of them, whatever their prior; None where it is no legal network."""
    try:
        return space.decide(lambda decision: drawn(decision.sizes, random))
    except DocumentError:
        return None
