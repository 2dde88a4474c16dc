"""Horizontal places: every layer as near as possible to where its neighbours want it, in order and without overlaps.

One layer is a least-squares problem under a chain of inequalities, which merging neighbours that violate it solves
exactly (pool adjacent violators: Ayer 1955, An Empirical Distribution Function for Sampling with Incomplete
Information). Lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

ROUNDS, LAST_ROUNDS = 8, 6


@dataclass(frozen=True, slots=True)
class Link:
    """An edge between two neighbouring layers: it leaves `upper` and enters `lower` this far from their centres."""

    upper: int
    lower: int
    leaves: float = 0.0
    enters: float = 0.0
    weight: float = 1.0


def spread(
    wanted: Sequence[float],
    distances: Sequence[float],
    weights: Sequence[float],
    bounds: tuple[float, float] | None = None,
) -> list[float]:
    """The places nearest to those wanted, in weighted least squares, where place i is at least `distances[i - 1]` past
    the one before it, and none is out of `bounds`, which leave room for all."""
    starts = [0.0]
    for distance in distances:
        starts.append(starts[-1] + distance)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for index, place in enumerate(wanted):
        mean, weight, size = place - starts[index], weights[index], 1
        while pools and pools[-1][0] > mean:
            before, heavy, many = pools.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, size = weight + heavy, size + many
        pools.append((mean, weight, size))
    means = [mean for mean, _, size in pools for _ in range(size)]
    if bounds is not None:
        means = [min(max(mean, bounds[0]), bounds[1] - starts[len(wanted) - 1]) for mean in means]
    return [mean + start for mean, start in zip(means, starts, strict=False)]


def place(
    layers: Sequence[Sequence[int]], widths: dict[int, float], links: Sequence[Link], gap: float
) -> dict[int, float]:
    """The centre of every vertex; the leftmost edge of all is at 0.

    Sweeps down and up; vertices that follow one another with nothing else in between stay straight below one another.
    """
    pull = _Pull(links)
    room = pull.column_widths(widths)
    centres: dict[int, float] = {}
    for layer in layers:
        centres.update(_centred(layer, room, gap))
    for round in range(ROUNDS + LAST_ROUNDS):
        down, both = round % 2 == 0, round >= ROUNDS
        for layer in layers if down else reversed(layers):
            wanted, weights = [], []
            for vertex in layer:
                pulls = pull.on(vertex, centres, down=down, both=both)
                total = sum(weight for _, weight in pulls)
                wanted.append(sum(x * weight for x, weight in pulls) / total if total else centres[vertex])
                weights.append(total or 0.01)
            centres.update(zip(layer, spread(wanted, _distances(layer, room, gap), weights), strict=True))
    left = min((centres[vertex] - widths[vertex] / 2 for layer in layers for vertex in layer), default=0.0)
    return {vertex: centre - left for vertex, centre in centres.items()}


class _Pull:
    """Where the neighbours of a vertex want it, and how much."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.above: dict[int, list[Link]] = {}
        self.below: dict[int, list[Link]] = {}
        for link in links:
            self.above.setdefault(link.lower, []).append(link)
            self.below.setdefault(link.upper, []).append(link)

    def on(self, vertex: int, centres: dict[int, float], *, down: bool, both: bool) -> list[tuple[float, float]]:
        """Places and weights: from the layer before it, else the one after it, or from both; in a column that of the
        one before alone, and at its head nothing from the column."""
        upper, lower = self.above.get(vertex, []), self.below.get(vertex, [])
        before, after = (upper, lower) if down else (lower, upper)
        if not (before and self._is_straight(before[0])):
            after = [link for link in after if not self._is_straight(link)]
            before = before + after if both else before or after
        return [(self._wanted(vertex, link, centres), link.weight) for link in before]

    def column_widths(self, widths: dict[int, float]) -> dict[int, float]:
        """Every width, those in one column as wide as the widest, so that they can stay below one another."""
        room = dict(widths)
        for vertex in widths:
            above = self.above.get(vertex, [])
            if above and self._is_straight(above[0]):
                continue
            column = [vertex]
            while (below := self.below.get(column[-1])) and self._is_straight(below[0]):
                column.append(below[0].lower)
            widest = max(widths[member] for member in column)
            room.update(dict.fromkeys(column, widest))
        return room

    def _is_straight(self, link: Link) -> bool:
        return len(self.below[link.upper]) == len(self.above[link.lower]) == 1

    def _wanted(self, vertex: int, link: Link, centres: dict[int, float]) -> float:
        if vertex == link.lower:
            return centres[link.upper] + link.leaves - link.enters
        return centres[link.lower] + link.enters - link.leaves


def _centred(layer: Sequence[int], widths: dict[int, float], gap: float) -> dict[int, float]:
    total = sum(widths[vertex] for vertex in layer) + gap * (len(layer) - 1)
    left, centres = -total / 2, {}
    for vertex in layer:
        centres[vertex] = left + widths[vertex] / 2
        left += widths[vertex] + gap
    return centres


def _distances(layer: Sequence[int], widths: dict[int, float], gap: float) -> list[float]:
    return [(widths[a] + widths[b]) / 2 + gap for a, b in pairwise(layer)]
