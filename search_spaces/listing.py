"""All points that keep a budget, where they are few: a space that is nearly exhausted can't be drawn from any more.

The points of a small space are listed one by one. Of a larger one that is a chain the paths that keep the budget are
walked, and no others: at each option the least and the greatest costs that may follow are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphs.budget import Budget
from search_spaces.bounds import Bounds, bounds_of
from search_spaces.chains import Chain, Option, Taken
from search_spaces.points import Decisions, Point, PointSource, legal_point

MAX_LISTED = 20_000
MAX_STEPS = 10 * MAX_LISTED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]  # (number of options, number of bounds)


def list_points(space: PointSource, budget: Budget) -> tuple[Point, ...] | None:
    """All legal points that keep a budget, in the order of the text; None where they are more than `MAX_LISTED`, or
    can't be listed without going through many more."""
    if space.size() <= MAX_LISTED:
        return tuple(point for point in space.points() if budget.admits(point.costs))
    if space.chain is None:
        return None
    bounds, _ = bounds_of(budget, space.requirements)
    found = _walk(space.chain, bounds) if bounds.are_possible else []
    if found is None:
        return None
    points = (legal_point(space, decisions) for decisions in found)
    return tuple(point for point in points if point is not None and budget.admits(point.costs))


@dataclass(frozen=True, slots=True)
class _Fan:
    """The options of one state: their costs, and the least and the greatest sums that they may lead to."""

    options: tuple[Option, ...]
    costs: Rows
    least: Rows
    most: Rows


def _walk(chain: Chain, bounds: Bounds) -> list[Decisions] | None:
    """The paths that keep the bounds, in order; None where they are too many."""
    import numpy as np

    lows, highs = np.array(bounds.lows, np.int64), np.array(bounds.highs, np.int64)
    fans = _fans(chain, bounds.columns)
    found: list[Decisions] = []
    stack: list[tuple[int, int, NDArray[np.int64], Taken]] = [(0, 0, np.zeros(len(lows), np.int64), ())]
    for _ in range(MAX_STEPS):
        if not stack or len(found) > MAX_LISTED:
            break
        layer, state, sums, taken = stack.pop()
        if layer == len(chain.layers):
            found.append(dict(taken))
            continue
        fan = fans[layer][state]
        fits = ((sums + fan.least <= highs) & (sums + fan.most >= lows)).all(1)
        for index in np.flatnonzero(fits)[::-1]:
            option = fan.options[index]
            stack.append((layer + 1, option.end, sums + fan.costs[index], (*taken, *option.taken)))
    return None if stack else found


def _fans(chain: Chain, columns: tuple[int, ...]) -> list[dict[int, _Fan]]:
    """For every layer the options of every state that it begins in."""
    import numpy as np

    nothing = np.zeros(len(columns), np.int64)
    ends = {0: (nothing, nothing)}
    fans: list[dict[int, _Fan]] = []
    for layer in reversed(chain.layers):
        by_start: dict[int, list[Option]] = {}
        for option in layer.options:
            by_start.setdefault(option.start, []).append(option)
        here = {}
        for start, options in by_start.items():
            costs = np.array([[option.costs[column] for column in columns] for option in options], np.int64)
            least, most = (costs + np.stack([ends[option.end][side] for option in options]) for side in (0, 1))
            here[start] = _Fan(tuple(options), costs, least, most)
        ends = {start: (fan.least.min(0), fan.most.max(0)) for start, fan in here.items()}
        fans.append(here)
    return fans[::-1]
