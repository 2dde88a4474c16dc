"""Whether one network is better than another, or the seeds of their trainings say nothing about it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb
from random import Random

LEVEL = 0.05
MOST_EXACT = 20_000

BETTER, WORSE, NO_EVIDENCE, UNKNOWN = "better", "worse", "no evidence", "not trained again"


def chance(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How probable it is, were both networks equally good, that ours come out so much better, or more (one-sided).

    A permutation test (Fisher 1935, The Design of Experiments, section 21) of the difference of the means: exact up to
    `MOST_EXACT` ways to deal the figures out, of that many at random beyond. With 3 seeds on each side 0.05 is the
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
    if chance(ours, theirs) <= LEVEL:
        return BETTER
    return WORSE if chance(theirs, ours) <= LEVEL else NO_EVIDENCE
