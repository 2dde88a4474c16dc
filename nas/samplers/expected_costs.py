"""What points cost, as far as their vectors say: to know it without making their networks.

The logarithms of costs as linear functions of the vector (ridge regression), learned from draws within the budget. That
is no exact figure, and needs to be none: whatever is proposed is made first, and judged by what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas.samplers.encoding import Doubles

if TYPE_CHECKING:
    from graphs import Budget
    from graphs.costs import Totals

RIDGE = 0.1
NUM_DEVIATIONS = 3  # by how many standard errors a bound must seem to be missed before a point is not looked at
FEATURES = ("params", "macs")


class ExpectedCosts:
    """Learned from the vectors of some points, (points, columns), and their costs."""

    def __init__(self, budget: Budget, vectors: Doubles, costs: Sequence[Totals]) -> None:
        self._bounds = [(bound.partition("_")[0], bound.partition("_")[2], limit) for bound, limit in budget.bounds]
        metrics = dict.fromkeys((*FEATURES, *(metric for _, metric, _ in self._bounds)))
        logs = np.log(np.array([[max(1, getattr(one, metric)) for metric in metrics] for one in costs], float))
        self._column = {metric: at for at, metric in enumerate(metrics)}
        self._centre, self._mean = vectors.mean(0), logs.mean(0)
        spread = vectors - self._centre
        inverse = np.linalg.inv(spread @ spread.T + RIDGE * np.eye(len(vectors)))
        dual = inverse @ (logs - self._mean)
        self._slopes = spread.T @ dual
        self._errors = (dual / np.diag(inverse)[:, None]).std(0)  # of leaving one out
        expected = self._logs(vectors)[:, : len(FEATURES)]
        self._feature_means, self._feature_spreads = expected.mean(0), np.maximum(expected.std(0), 1e-6)

    def features(self, vectors: Doubles) -> Doubles:
        """The logarithms of parameters and MACs, of mean 0 and deviation 1 among the draws: (points, 2)."""
        features: Doubles = (self._logs(vectors)[:, : len(FEATURES)] - self._feature_means) / self._feature_spreads
        return features

    def may_keep(self, vectors: Doubles) -> NDArray[np.bool_]:
        """Whether points may keep the budget."""
        logs = self._logs(vectors)
        may = np.ones(len(vectors), bool)
        for side, metric, limit in self._bounds:
            at = self._column[metric]
            over = (logs[:, at] - np.log(max(1, limit))) * (1 if side == "max" else -1)
            may &= over <= NUM_DEVIATIONS * self._errors[at]
        return may

    def _logs(self, vectors: Doubles) -> Doubles:
        logs: Doubles = (vectors - self._centre) @ self._slopes + self._mean
        return logs
