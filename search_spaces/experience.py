"""What worked in draws within bounds, so that what hardly ever fits is drawn more seldom."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from random import Random

LEAST = 0.02  # of its weight, however often an alternative failed


class Experience:
    """How often each alternative was drawn in a situation, and how often that worked."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[list[int], list[int]]] = {}

    def weights(self, situation: Hashable, weights: Sequence[float]) -> list[float]:
        """The weights of alternatives, each times the share of its draws that worked."""
        known = self._known.get(situation)
        if known is None:
            return list(weights)
        return [
            weight * max(LEAST, (worked + 1) / (drawn + 1))
            for weight, drawn, worked in zip(weights, *known, strict=True)
        ]

    def note(self, situation: Hashable, position: int, number: int, *, worked: bool) -> None:
        """One of so many alternatives was drawn."""
        known = self._known.get(situation)
        if known is None:
            known = self._known[situation] = ([0] * number, [0] * number)
        known[0][position] += 1
        known[1][position] += worked


def pick(weights: Sequence[float], random: Random) -> int:
    """A position in proportion to its weight."""
    rest = random.random() * sum(weights)
    for position, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return position
    return max(position for position, weight in enumerate(weights) if weight)
