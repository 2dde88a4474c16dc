"""The values of trials as numbers that a Gaussian process can learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nas.samplers.encoding import Doubles
from nas.samplers.standing import IN_FULL, Reached, Tried

AUGMENTATION = 0.05  # of the weighted sum in the weighting of objectives
MIN_PAIRS = 5  # trials that went on from a rung to their end, before they say what others would have come to

Rungs = Mapping[Reached, tuple[float, ...]]  # the values of a trial at each rung that it came to, and at its end


def expected_in_full(trials: Sequence[Tried | None], rungs: Sequence[Rungs]) -> list[Tried | None]:
    """The trials, those that a rung ended or holds with the values that are expected of them in full.

    Of the trials that went on from that rung to their end, `MIN_PAIRS` at least, each objective makes a line by least
    squares: what they came to in the end, by what they had come to at the rung. It doesn't fall, and nothing is
    expected to be better than the best that there is. Where fewer went on, trials stay as they are. What training
    doesn't change, such as parameters, is what it is.
    """
    found = list(trials)
    ends = [one[IN_FULL] for one in rungs if IN_FULL in one]
    for fidelity in {one.fidelity for one in trials if one is not None} - {IN_FULL}:
        pairs = [(one[fidelity], one[IN_FULL]) for one in rungs if fidelity in one and IN_FULL in one]
        if len(pairs) < MIN_PAIRS:
            continue
        there, later = (np.array(values) for values in zip(*pairs, strict=True))
        for at, one in enumerate(trials):
            if one is not None and one.fidelity == fidelity:
                values = [
                    _on_line(value, there[:, axis], later[:, axis], max(end[axis] for end in ends))
                    for axis, value in enumerate(one.values)
                ]
                found[at] = replace(one, values=tuple(values), fidelity=IN_FULL)
    return found


def _on_line(value: float, there: Doubles, later: Doubles, best: float) -> float:
    if np.array_equal(there, later):
        return value
    off = there - there.mean()
    slope = max(0.0, float(off @ later) / max(float(off @ off), 1e-12))
    return min(best, float(later.mean()) + slope * (value - float(there.mean())))


def scalarized(trials: Sequence[Tried | None], weights: Doubles) -> Doubles:
    """One number for each trial, greater is better: its value, or its objectives weighted.

    The weighting is that of ParEGO (Knowles 2006): the worst of the weighted objectives and a little of their sum, each
    as the rank among the trials of the same fidelity, so that no objective's unit matters.
    Trials of a lower fidelity stand below all of the next higher one, their best at the worst of those; None, which
    is a trial that came to nothing, at the bottom.
    """
    found = np.full(len(trials), np.nan)
    floor: float | None = None
    for fidelity in sorted({one.fidelity for one in trials if one is not None}, reverse=True):
        these = [at for at, one in enumerate(trials) if one is not None and one.fidelity == fidelity]
        values = np.array([one.values for at in these if (one := trials[at]) is not None])
        if len(weights) == 1:
            merged = values[:, 0]
        else:
            ranks = np.stack([_ranks(column) for column in values.T], 1)
            parts = weights * (ranks / len(values) - 1)
            merged = parts.min(1) + AUGMENTATION * parts.sum(1)
        found[these] = merged if floor is None else merged - merged.max() + floor
        floor = float(found[these].min())
    return np.where(np.isnan(found), floor or 0.0, found)


def compressed_below_median(values: Doubles) -> Doubles:
    """Of mean 0 and deviation 1; below the median only the logarithm of the distance from it counts.

    The unit is the distance of the best from the median.
    """
    median = float(np.median(values))
    units = (values - median) / max(float(values.max()) - median, 1e-12)
    scaled = np.where(units < 0, -np.log1p(np.maximum(-units, 0)), units)
    result: Doubles = (scaled - scaled.mean()) / max(float(scaled.std()), 1e-9)
    return result


def _ranks(values: Doubles) -> Doubles:
    """From 1; equal values share the mean of theirs. (`scipy.stats` has it, and takes a second to import.)"""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Doubles = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks
