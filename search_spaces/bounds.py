"""A budget as bounds on sums: what paths through a chain must keep."""

from __future__ import annotations

from dataclasses import dataclass

from graphs.budget import Budget
from graphs.costs import macs_of
from graphs.requirements import Requirement
from search_spaces.chains import SUMMED_METRICS, Chain, Option

UNBOUNDED = 2**62


@dataclass(frozen=True, slots=True)
class Bounds:
    """For some columns of a chain's costs the least and the greatest sum. Both belong to it."""

    columns: tuple[int, ...]
    lows: tuple[int, ...]
    highs: tuple[int, ...]

    @property
    def are_possible(self) -> bool:
        """Whether no low end is above the high one."""
        return all(low <= high for low, high in zip(self.lows, self.highs, strict=True))


def bounds_of(budget: Budget, requirements: list[Requirement]) -> tuple[Bounds, bool]:
    """The bounds of a budget and of what a document requires of its networks; and whether that is all of them, or some
    are on a figure that does not add up."""
    low: dict[str, int] = {}
    high: dict[str, int] = {}
    for name, bound in budget.bounds:
        side, _, metric = name.partition("_")
        _bind(metric, bound, side, low, high)
    for wanted in requirements:
        strict = len(wanted.sign) == 1
        if wanted.sign.startswith("<"):
            _bind(wanted.metric, wanted.limit - strict, "max", low, high)
        else:
            _bind(wanted.metric, wanted.limit + strict, "min", low, high)
    metrics = [metric for metric in SUMMED_METRICS if metric in low or metric in high]
    bounds = Bounds(
        tuple(SUMMED_METRICS.index(metric) for metric in metrics),
        tuple(low.get(metric, 0) for metric in metrics),
        tuple(high.get(metric, UNBOUNDED) for metric in metrics),
    )
    return bounds, {*low, *high} <= set(SUMMED_METRICS)


def extreme(chain: Chain, column: int, *, largest: bool) -> tuple[int, tuple[Option, ...]]:
    """The least or the greatest sum of one figure over all paths, and a path that has it."""
    sign = -1 if largest else 1
    best: dict[int, tuple[int, tuple[Option, ...]]] = {0: (0, ())}
    for layer in reversed(chain.layers):
        found: dict[int, tuple[int, tuple[Option, ...]]] = {}
        for option in layer.options:
            rest, path = best[option.end]
            total = sign * option.costs[column] + rest
            if option.start not in found or total < found[option.start][0]:
                found[option.start] = (total, (option, *path))
        best = found
    total, path = best[0]
    return sign * total, path


def _bind(metric: str, bound: int, side: str, low: dict[str, int], high: dict[str, int]) -> None:
    """One more bound; one on FLOPs is one on MACs."""
    if metric == "flops":
        metric, bound = "macs", macs_of(bound, up=side == "min")
    if side == "max":
        high[metric] = min(bound, high.get(metric, bound))
    else:
        low[metric] = max(bound, low.get(metric, bound))
