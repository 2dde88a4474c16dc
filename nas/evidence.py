"""Whether one thing is better than another, or the figures of both say nothing about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import comb, erfc, sqrt
from random import Random

LEVEL = 0.05
MOST_EXACT = 20_000

BETTER, WORSE, NO_EVIDENCE, UNKNOWN = "better", "worse", "no evidence", "not trained again"


def permutation_p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The one-sided p-value of a permutation test that ours are better: the share of all ways to deal the figures into
    two groups of these sizes in which the first does at least as well as ours.

    Fisher 1935, The Design of Experiments, section 21, of the difference of the means: exact up to `MOST_EXACT` ways,
    of that many at random beyond. With 3 seeds on each side 0.05 is the
    least that can come out, and does if the worst of ours is above the best of theirs; fewer seeds can show nothing.
    """
    every, size = [*ours, *theirs], len(ours)
    threshold = sum(ours) - 1e-12
    if comb(len(every), size) <= MOST_EXACT:
        sums = [sum(chosen) for chosen in combinations(every, size)]
    else:
        draw = Random(0)
        sums = [sum(ours), *(sum(draw.sample(every, size)) for _ in range(MOST_EXACT))]
    return sum(one >= threshold for one in sums) / len(sums)


def verdict(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """`better` or `worse` where that would come by chance once in 20 times at most; otherwise `no evidence`."""
    if not ours or not theirs:
        return UNKNOWN
    if permutation_p_value(ours, theirs) <= LEVEL:
        return BETTER
    return WORSE if permutation_p_value(theirs, ours) <= LEVEL else NO_EVIDENCE


def mann_whitney_p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The one-sided p-value of the Mann-Whitney U test that ours rank higher.

    By its normal approximation, corrected for ties and continuity (Mann & Whitney 1947): for samples of
    eight and more. A single figure on each side gives 0.5 or so, which is no evidence.
    """
    every = sorted([*ours, *theirs])
    counts = Counter(every)
    size, num_ours, num_theirs = len(every), len(ours), len(theirs)
    u = sum((one > other) + 0.5 * (one == other) for one in ours for other in theirs)
    ties = sum(count**3 - count for count in counts.values())
    variance = num_ours * num_theirs / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance <= 0:
        return 1.0
    z = (u - num_ours * num_theirs / 2 - 0.5) / sqrt(variance)
    return 0.5 * erfc(z / sqrt(2))
