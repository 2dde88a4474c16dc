"""How many legal points of a space keep a budget: exactly where that is possible, bracketed where it is not, and else
an interval from draws: Wilson 1927, J. Am. Stat. Assoc. 22, which holds up where none or all of the draws count.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, sqrt
from random import Random
from statistics import NormalDist

from blocks.errors import BudgetError
from graphs.budget import Budget
from graphs.faults import DocumentError
from search_spaces.bounds import Bounds, bounds_of
from search_spaces.choosers import OverLimits
from search_spaces.code_expressions import NotLegal
from search_spaces.decisions import Decision, choose_exactly
from search_spaces.listing import MAX_LISTED
from search_spaces.points import PointSource
from search_spaces.sampling import FeasibleDraws
from search_spaces.stepwise import highs_of

NUM_DRAWS = 100  # of networks,
MANY_DRAWS = 2_000  # where less than
RARE = 0.05  # of them keep the budget
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

        from search_spaces.chain_counts import count_paths
        from search_spaces.chain_draws import Grid

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
    return _from_draws(space, budget, bounds)


def _from_draws(space: PointSource, budget: Budget, bounds: Bounds) -> Count:
    """An interval from draws. Where hardly any of the first keep the budget, and the others break off as soon as they
    cost too much, there are more of them; where none does, whether some network does is asked of `FeasibleDraws`."""
    random, number = Random(0), NUM_DRAWS
    kept = sum(_is_kept(space, budget, bounds, random) for _ in range(number))
    if kept < RARE * NUM_DRAWS and space.costing is not None:
        number = MANY_DRAWS
        kept += sum(_is_kept(space, budget, bounds, random) for _ in range(number - NUM_DRAWS))
    whole = space.size()  # often more than a float holds
    least, most = map(Fraction, wilson_interval(kept, number, CONFIDENCE))
    low, high = floor(whole * least), ceil(whole * most)
    if kept:
        return Count(low, high, whole * kept // number, f"{kept:,} of {number:,} draws", CONFIDENCE)
    none = f"none of {number:,} draws does"
    try:
        FeasibleDraws(space, budget, Random(0)).next()
    except BudgetError:
        return Count(0, high, 0, f"{none}, and none was found otherwise", CONFIDENCE)
    return Count(1, high, 1, f"{none}, though there are some: `sample` finds them", CONFIDENCE)


def wilson_interval(num_kept: int, num_drawn: int, confidence: float) -> tuple[float, float]:
    """The Wilson score interval (low, high) of the share, 0 to 1, of which `num_kept` of `num_drawn` draws are a
    sample, at this confidence."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = num_kept / num_drawn
    middle = share + z * z / (2 * num_drawn)
    half = z * sqrt(share * (1 - share) / num_drawn + (z / (2 * num_drawn)) ** 2)
    low, high = (middle - half) / (1 + z * z / num_drawn), (middle + half) / (1 + z * z / num_drawn)
    return (low if num_kept else 0.0), (high if num_kept < num_drawn else 1.0)


def _is_kept(space: PointSource, budget: Budget, bounds: Bounds, random: Random) -> bool:
    """Whether a point, uniform over all of them whatever their prior, is a legal network that keeps a budget."""
    if space.members is not None:
        point = space.draw(random)
        return point is not None and budget.admits(point.costs)
    costing, taken = space.costing, dict[str, int]()

    def choose(decision: Decision) -> int:
        if decision.address not in taken:
            taken[decision.address] = choose_exactly(decision.sizes, random)
        return taken[decision.address]

    try:
        walked = None if costing is None else costing.costs(choose, tuple(highs_of(bounds)))
        return budget.admits(space.decide(choose, walked).costs)
    except (DocumentError, NotLegal, OverLimits):
        return False
