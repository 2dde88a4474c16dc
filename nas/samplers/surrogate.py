"""A Gaussian process over encoded points, with a length for every decision.

The kernel is a Matern one of smoothness 5/2 (Rasmussen and Williams 2006, section 4.2) of the distance
r^2 = sum over groups g of rate_g * distance_g(x, x')^2: an ARD kernel, whose rates are 1 / length^2. Rates, scale and
noise are those of the greatest posterior density, under log-normal priors: with fewer points than decisions, as at the
beginning of every search, the likelihood alone fits noise. scikit-learn's regressor knows neither such priors nor
lengths that columns share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from nas.samplers.encoding import Doubles, Integers

PRIOR_DISTANCE = 2.0  # r^2 between two typical points, before anything is known: a correlation of 0.3
RATE_SPREAD = 1.0  # standard deviations of the logarithms
SCALE_SPREAD = 1.0
NOISE = 1e-2  # of a variance of 1
NOISE_SPREAD = 1.0
MAX_ITERATIONS = 20
MAX_SPREADS = 4  # how far from the prior's mean anything may be, in standard deviations


@dataclass(frozen=True)
class Hyper:
    """`rates` by group, the variance `scale` of what is modelled, and that of its `noise`."""

    rates: Doubles
    scale: float
    noise: float


def distances(vectors: Doubles, groups: Integers) -> Doubles:
    """Squared distances by group: (points, points, groups)."""
    num_groups = int(groups.max()) + 1
    found = np.empty((len(vectors), len(vectors), num_groups))
    for group in range(num_groups):
        part = vectors[:, groups == group]
        squares = (part * part).sum(1)
        found[:, :, group] = np.maximum(squares[:, None] + squares - 2 * part @ part.T, 0)
    return found


def fit(vectors: Doubles, values: Doubles, groups: Integers) -> Hyper:
    """The hyperparameters of greatest posterior density; `values` have mean 0 and variance 1."""
    squares = distances(vectors, groups)
    num_groups = squares.shape[2]
    typical = float(squares.sum(2).sum() / (len(vectors) * (len(vectors) - 1)))
    means = np.full(num_groups + 2, np.log(PRIOR_DISTANCE / max(typical, 1e-3)))
    means[-2:] = 0.0, np.log(NOISE)
    spreads = np.full(num_groups + 2, RATE_SPREAD)
    spreads[-2:] = SCALE_SPREAD, NOISE_SPREAD
    flat = squares.reshape(-1, num_groups)

    def loss(logs: Doubles) -> tuple[float, Doubles]:
        rates, scale, noise = np.exp(logs[:-2]), float(np.exp(logs[-2])), float(np.exp(logs[-1]))
        kernel, slope = _matern((flat @ rates).reshape(len(values), -1))
        factor, failed = dpotrf(scale * kernel + noise * np.eye(len(values)), lower=1)
        off = (logs - means) / spreads
        if failed:
            return 1e10, off / spreads
        weights = cho_solve((factor, True), values, check_finite=False)
        inverse = np.tril(dpotri(factor, lower=1)[0])
        inverse += np.tril(inverse, -1).T
        pull = np.outer(weights, weights) - inverse
        gradient = np.empty_like(logs)
        gradient[:-2] = -0.5 * scale * rates * ((pull * slope).reshape(-1) @ flat)
        gradient[-2] = -0.5 * scale * float((pull * kernel).sum())
        gradient[-1] = -0.5 * noise * float(np.trace(pull))
        likelihood = 0.5 * float(values @ weights) + float(np.log(np.diag(factor)).sum())
        return likelihood + 0.5 * float(off @ off), gradient + off / spreads

    bounds = list(zip(means - MAX_SPREADS * spreads, means + MAX_SPREADS * spreads, strict=True))
    best = minimize(loss, means, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": MAX_ITERATIONS}).x
    return Hyper(np.exp(best[:-2]), float(np.exp(best[-2])), float(np.exp(best[-1])))


class Posterior:
    """What some points' values say about others."""

    def __init__(self, hyper: Hyper, vectors: Doubles, values: Doubles, groups: Integers) -> None:
        self._hyper = hyper
        self._stretch = np.sqrt(hyper.rates)[groups]
        self._points = vectors * self._stretch
        self._squares = (self._points * self._points).sum(1)
        kernel = self._kernel(self._points)
        kernel[np.diag_indices_from(kernel)] += hyper.noise
        self._factor = dpotrf(kernel, lower=1)[0]
        self._weights = cho_solve((self._factor, True), values, check_finite=False)

    def mean(self, vectors: Doubles) -> Doubles:
        """The expected values of points."""
        expected: Doubles = self._kernel(vectors * self._stretch) @ self._weights
        return expected

    def predict(self, vectors: Doubles) -> tuple[Doubles, Doubles]:
        """What trainings of points are expected to give, and the standard deviations, the noise among them."""
        kernel = self._kernel(vectors * self._stretch)
        known = solve_triangular(self._factor, kernel.T, lower=True, check_finite=False)
        return kernel @ self._weights, np.sqrt(
            np.maximum(self._hyper.scale - (known * known).sum(0), 1e-10) + self._hyper.noise
        )

    def _kernel(self, points: Doubles) -> Doubles:
        squares = (points * points).sum(1)[:, None] + self._squares - 2 * points @ self._points.T
        return self._hyper.scale * _matern(np.maximum(squares, 0))[0]


def _matern(squares: Doubles) -> tuple[Doubles, Doubles]:
    """The kernel of squared distances, and its derivative by them."""
    root = np.sqrt(5 * squares)
    decay = np.exp(-root)
    return (1 + root + root * root / 3) * decay, -(5 / 6) * (1 + root) * decay
