"""Adaptive weights: alternatives that rarely led to a draw within bounds are drawn less often."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from random import Random

LEAST = 0.02  # of its weight, however often an alternative failed


class AdaptiveWeights:
    """Alternatives with their weights, each times the share of its draws that worked."""

    __slots__ = ("_drawn", "_weights", "_worked", "weights")

    def __init__(self, weights: Sequence[int]) -> None:
        self.weights: list[float] = list(weights)
        self._weights = weights
        self._drawn = [0] * len(weights)
        self._worked = [0] * len(weights)

    def note(self, position: int, *, worked: bool) -> None:
        """One of the alternatives was drawn."""
        drawn = self._drawn[position] = self._drawn[position] + 1
        if worked:
            self._worked[position] += 1
        share = (self._worked[position] + 1) / (
            drawn + 1
        )  # as if a draw before them had worked: a first failure halves it
        self.weights[position] = self._weights[position] * max(LEAST, share)


class Experience:
    """Adaptive weights by the situation that they were drawn in."""

    def __init__(self) -> None:
        self._known: dict[Hashable, AdaptiveWeights] = {}

    def weights(self, key: Hashable, prior: Sequence[int]) -> AdaptiveWeights:
        """Those of a situation; at first the prior's."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = AdaptiveWeights(prior)
        return found


def choose_weighted(weights: Sequence[float], random: Random) -> int:
    """A position in proportion to its weight."""
    rest = random.random() * sum(weights)
    for position, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return position
    return max(position for position, weight in enumerate(weights) if weight)
