"""The values of trials as numbers that a Gaussian process can learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas.samplers.encoding import Doubles
from nas.samplers.standing import Tried

AUGMENTATION = 0.05  # of the weighted sum in the weighting of objectives


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
