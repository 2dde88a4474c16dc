"""The parameters and MACs of points predicted from their vectors, without making their networks.

The logarithms of parameters and MACs as linear functions of the vector (ridge regression), learned from draws
within the budget. They are something to learn from, and no bound is checked by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.samplers.encoding import Doubles

if TYPE_CHECKING:
    from graphs.costs import Totals

RIDGE = 0.1


class ExpectedCosts:
    """Learned from the vectors of some points, (points, columns), and their costs."""

    def __init__(self, vectors: Doubles, costs: Sequence[Totals]) -> None:
        logs = np.log(np.array([[max(1, one.params), max(1, one.macs)] for one in costs], float))
        self._centre = vectors.mean(0)
        spread = vectors - self._centre
        dual = np.linalg.solve(spread @ spread.T + RIDGE * np.eye(len(vectors)), logs - logs.mean(0))
        self._slopes = spread.T @ dual
        self._deviations = np.maximum((spread @ self._slopes).std(0), 1e-6)

    def features(self, vectors: Doubles) -> Doubles:
        """The logarithms of parameters and MACs, of mean 0 and deviation 1 among the draws: (points, 2)."""
        features: Doubles = (vectors - self._centre) @ self._slopes / self._deviations
        return features
