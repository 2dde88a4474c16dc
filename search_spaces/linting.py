"""What is odd about a space: alternatives that no network has, decisions that change nothing, what its costs hang on.

What is said of alternatives is exact where the space is a chain; the rest is measured on samples, and says of how many.
What of costs chance alone would explain is not said.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Literal

from graphs.budget import Budget
from search_spaces.bounds import bounds_of
from search_spaces.chains import Chain, restrict_to
from search_spaces.decisions import Alternative
from search_spaces.moves import neighbours
from search_spaces.points import Point, PointSource
from search_spaces.sampling import FeasibleDraws

NUM_CHANGES = 3  # of one decision, to see whether it does anything,
MOST_CHANGES = 20  # and where none of them did
NUM_SAMPLES = 50
NUM_SAMPLES_OF_CHAIN = 400  # some milliseconds each
LEVEL = 0.05  # how often a decision without an effect is said to have one, in one of so many reports


@dataclass(frozen=True, slots=True)
class Finding:
    """One oddity: an alternative that is unreachable, infeasible, or unseen (in the samples, which is no proof), or a
    decision that is idle, of which no alternative is named."""

    kind: Literal["unreachable", "infeasible", "unseen", "idle"]
    address: str
    alternative: Alternative
    message: str


@dataclass(frozen=True, slots=True)
class Influence:
    """Which share of the differences in parameters, and in MACs, one decision explains alone: 0 where it is no more
    than chance may explain in a report."""

    address: str
    params: float
    macs: float


@dataclass(frozen=True, slots=True)
class Report:
    """The oddities of a space under a budget, on so many samples.

    `duplicates` is the share of samples that are the network of an earlier one with other decisions, `idle_changes` the
    share of single changes that left the network as it was.
    """

    findings: tuple[Finding, ...]
    influences: tuple[Influence, ...]
    num_samples: int
    acceptance: float
    duplicates: float
    idle_changes: float


def lint(space: PointSource, budget: Budget, num_samples: int | None, random: Random) -> Report:
    """Look at a space; where no number of samples is given, at more of them where they are cheap. Raises `BudgetError`
    where nothing in it keeps the budget."""
    if num_samples is None:
        num_samples = NUM_SAMPLES if space.chain is None else NUM_SAMPLES_OF_CHAIN
    draws = FeasibleDraws(space, budget, random)
    points = [draws.next() for _ in range(num_samples)]
    changed, unchanged, share_idle = _try_changes(space, points, random)
    idle = [
        Finding("idle", address, None, f"changing it left the network as it was, in all of {unchanged[address]} tries")
        for address in unchanged
        if unchanged[address] >= NUM_CHANGES and not changed[address]
    ]
    return Report(
        (*_without_points(space, budget, points), *idle),
        _influences(space, points),
        num_samples,
        draws.acceptance,
        _share_of_duplicates(points),
        share_idle,
    )


def _without_points(space: PointSource, budget: Budget, points: list[Point]) -> list[Finding]:
    """Alternatives that no legal point has, or none that keeps the budget; where that can't be known, that no sample
    has."""
    found: list[Finding] = []
    for decision in space.decisions:
        if any(decision.address.startswith(f"{one.address}.{one.alternative}.") for one in found):
            continue  # it is part of an alternative that is named already
        for alternative, size in zip(decision.alternatives, decision.sizes, strict=True):
            item = (decision.address, alternative)
            if not size:
                found.append(Finding("unreachable", *item, "`where` rules it out"))
            elif space.chain is not None:
                chain = restrict_to(space.chain, item)
                if chain is None:
                    found.append(Finding("unreachable", *item, "no legal network has it"))
                elif not _is_possible(space, chain, budget):
                    found.append(Finding("infeasible", *item, f"no network with it keeps {budget}"))
            elif not any(point.decisions.get(decision.address, ...) == alternative for point in points):
                bound = f" that keep {budget}" if budget else ""
                found.append(Finding("unseen", *item, f"none of {len(points)} samples{bound} has it"))
    return found


def _is_possible(space: PointSource, chain: Chain, budget: Budget) -> bool:
    """Whether some path of the chain may keep the budget. Bounds on `peak_bytes` are ignored, since it does not add
    up."""
    from search_spaces.chain_draws import Grid

    bounds, _ = bounds_of(budget, space.requirements)
    return bounds.are_possible and Grid(chain, bounds).mass > 0


def _try_changes(
    space: PointSource, points: list[Point], random: Random
) -> tuple[dict[str, int], dict[str, int], float]:
    """For every decision how many changes of it, of a few, gave another network, and how many the same: more of them
    where all did. And the share of the latter among as many changes of each."""
    changed: dict[str, int] = defaultdict(int)
    unchanged: dict[str, int] = defaultdict(int)
    first: list[bool] = []  # whether nothing changed
    for point in points:
        for address in point.decisions:
            num_tries = changed[address] + unchanged[address]
            if num_tries >= (NUM_CHANGES if changed[address] else MOST_CHANGES):
                continue
            others = [other for other in space.decision(address).alternatives if other != point.decisions[address]]
            if others:
                other = _neighbour(space, point, address, random.choice(others), random)
                if other is not None:
                    (unchanged if other.hash == point.hash else changed)[address] += 1
                    first += [other.hash == point.hash] if num_tries < NUM_CHANGES else []
    return changed, unchanged, sum(first) / max(1, len(first))


def _neighbour(
    space: PointSource, point: Point, address: str, alternative: Alternative, random: Random
) -> Point | None:
    return next(neighbours(space, point.decisions, Budget(), random, only={address: (alternative,)}), None)


def _share_of_duplicates(points: list[Point]) -> float:
    seen: dict[str, list[object]] = {}
    again = 0
    for point in points:
        known = seen.setdefault(point.hash, [])
        if point.decisions not in known:
            again += bool(known)
            known.append(point.decisions)
    return again / max(1, len(points))


def _influences(space: PointSource, points: list[Point]) -> tuple[Influence, ...]:
    """The decisions by the share of differences that they explain, the greatest first."""
    costs = [[float(getattr(point.costs, name)) for point in points] for name in ("params", "macs")]
    ranks = [_ranks(values) for values in costs]
    level = LEVEL / (len(costs) * max(1, len(space.decisions)))  # Bonferroni's
    found = []
    for decision in space.decisions:
        taken = [point.decisions.get(decision.address) for point in points]
        shares = [
            _explained(taken, values) if chance(taken, ranked) < level else 0.0
            for values, ranked in zip(costs, ranks, strict=True)
        ]
        found.append(Influence(decision.address, *shares))
    return tuple(sorted(found, key=lambda one: -max(one.params, one.macs)))


def _explained(taken: list[Alternative], values: list[float]) -> float:
    """The variance between groups of one alternative, where the decision matters, over the whole variance, less what
    chance explains."""
    whole, split = _squares(values), _split(taken, values)
    if whole == 0 or split is None:
        return 0.0
    return max(0.0, (split.between - split.degrees * split.within / split.freedom) / whole)


def chance(taken: list[Alternative], ranks: list[float]) -> float:
    """How probable it is that groups without an effect are as far apart: an F-test on ranks, for which it matters
    little how values are distributed. Source: Conover and Iman 1981, Rank transformations."""
    from scipy.special import fdtrc  # costs an import that other commands need not pay

    split = _split(taken, ranks)
    if split is None or not split.between:
        return 1.0
    if not split.within:
        return 0.0
    return float(fdtrc(split.degrees, split.freedom, split.between / split.degrees * split.freedom / split.within))


@dataclass(frozen=True, slots=True)
class _Split:
    """Sums of squares between groups and within them, with their degrees of freedom."""

    between: float
    within: float
    degrees: int
    freedom: int


def _split(taken: list[Alternative], values: list[float]) -> _Split | None:
    """The values where a decision matters, by its alternatives; None where there is nothing to compare."""
    groups: dict[Alternative, list[float]] = defaultdict(list)
    for alternative, value in zip(taken, values, strict=True):
        if alternative is not None:
            groups[alternative].append(value)
    inside = [value for group in groups.values() for value in group]
    freedom = len(inside) - len(groups)
    if freedom < 1 or len(groups) < 2:
        return None
    within = sum(map(_squares, groups.values()))
    return _Split(max(0.0, _squares(inside) - within), within, len(groups) - 1, freedom)


def _ranks(values: list[float]) -> list[float]:
    """The place of each in the order of all; equal values have the mean of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value) - 1) / 2 for value in values]


def _squares(values: list[float]) -> float:
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values)
