"""Horizontal places: every layer as near as possible to where its neighbours want it, in order and without overlaps.

One layer is a least-squares problem under a chain of inequalities, which merging neighbours that violate it solves
exactly (pool adjacent violators: Ayer 1955, An Empirical Distribution Function for Sampling with Incomplete Information).
Lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """The centre of every vertex; the leftmost edge of all is at 0."""
    above: dict[int, list[Link]] = {}
    below: dict[int, list[Link]] = {}
    for link in links:
        above.setdefault(link.lower, []).append(link)
        below.setdefault(link.upper, []).append(link)
    centres: dict[int, float] = {}
    for layer in layers:
        centres.update(_centred(layer, widths, gap))
    for round in range(ROUNDS + LAST_ROUNDS):
        down, both = round % 2 == 0, round >= ROUNDS
        for layer in layers if down else reversed(layers):
            wanted, weights = [], []
            for vertex in layer:
                upper, lower = _pulls(vertex, above, below, centres)
                pulls = upper + lower if both else (upper or lower) if down else (lower or upper)
                total = sum(weight for _, weight in pulls)
                wanted.append(sum(x * weight for x, weight in pulls) / total if total else centres[vertex])
                weights.append(total or 0.01)
            centres.update(zip(layer, spread(wanted, _distances(layer, widths, gap), weights), strict=True))
    left = min((centres[vertex] - widths[vertex] / 2 for layer in layers for vertex in layer), default=0.0)
    return {vertex: centre - left for vertex, centre in centres.items()}


def _pulls(
    vertex: int, above: dict[int, list[Link]], below: dict[int, list[Link]], centres: dict[int, float]
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Where the neighbours above and below want a vertex, and how much."""
    upper = [(centres[link.upper] + link.leaves - link.enters, link.weight) for link in above.get(vertex, ())]
    lower = [(centres[link.lower] + link.enters - link.leaves, link.weight) for link in below.get(vertex, ())]
    return upper, lower


def _centred(layer: Sequence[int], widths: dict[int, float], gap: float) -> dict[int, float]:
    total = sum(widths[vertex] for vertex in layer) + gap * (len(layer) - 1)
    left, centres = -total / 2, {}
    for vertex in layer:
        centres[vertex] = left + widths[vertex] / 2
        left += widths[vertex] + gap
    return centres


def _distances(layer: Sequence[int], widths: dict[int, float], gap: float) -> list[float]:
    return [(widths[a] + widths[b]) / 2 + gap for a, b in zip(layer, layer[1:], strict=False)]
