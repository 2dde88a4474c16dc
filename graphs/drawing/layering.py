"""Layers of an acyclic graph and an order within them with few crossings.

Kozo Sugiyama, Shojiro Tagawa, Mitsuhiko Toda 1981, Methods for Visual Understanding of Hierarchical System Structures:
longest paths, dummies where an edge passes a layer, barycentre sweeps. Vertices are integers; every edge goes from a
smaller to a larger one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Layered:
    """`layers` are vertices from left to right, dummies among them: those from the number of vertices on.

    `chains` are, for each edge given, the vertices it passes, its ends included. Edges with one source share dummies.
    """

    layers: list[list[int]]
    chains: list[tuple[int, ...]]


def layered(
    count: int, edges: Sequence[tuple[int, int]], top: Sequence[int] = (), bottom: Sequence[int] = ()
) -> Layered:
    """Vertices 0 to `count` - 1 in layers; those of `top` in the first one, those of `bottom` in the last."""
    ranks = _ranks(count, edges, top, bottom)
    layers: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for vertex, rank in enumerate(ranks):
        layers[rank].append(vertex)
    dummies: dict[tuple[int, int], int] = {}
    chains = []
    for source, target in edges:
        chain = [source]
        for rank in range(ranks[source] + 1, ranks[target]):
            if (source, rank) not in dummies:
                dummies[source, rank] = count + len(dummies)
                layers[rank].append(dummies[source, rank])
            chain.append(dummies[source, rank])
        chains.append((*chain, target))
    return Layered(_ordered(layers, links(chains)), chains)


def links(chains: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """The pairs of vertices of neighbouring layers that edges go through, each once."""
    return list(dict.fromkeys(pair for chain in chains for pair in pairwise(chain)))


def num_crossings(upper: Sequence[int], lower: Sequence[int], pairs: Sequence[tuple[int, int]]) -> int:
    """How often straight lines between two layers cross."""
    above = {vertex: place for place, vertex in enumerate(upper)}
    below = {vertex: place for place, vertex in enumerate(lower)}
    ends = sorted((above[a], below[b]) for a, b in pairs if a in above and b in below)
    seen: list[int] = []
    crossings = 0
    for _, end in ends:
        crossings += len(seen) - bisect_left(seen, end + 1)
        insort(seen, end)
    return crossings


def _ranks(count: int, edges: Sequence[tuple[int, int]], top: Sequence[int], bottom: Sequence[int]) -> list[int]:
    """Longest paths from above; what reads nothing stands right above what reads it first."""
    ranks = [0 if vertex in top or not top else 1 for vertex in range(count)]
    for source, target in sorted(edges):
        assert source < target, "edges go from smaller to larger vertices"
        ranks[target] = max(ranks[target], ranks[source] + 1)
    last = 1 + max((rank for vertex, rank in enumerate(ranks) if vertex not in bottom), default=-1)
    for vertex in bottom:
        ranks[vertex] = last
    nearest: dict[int, int] = {}
    for source, target in edges:
        nearest[source] = min(nearest.get(source, ranks[target]), ranks[target])
    reading = {target for _, target in edges}.union(top, bottom)
    for vertex, rank in nearest.items():
        if vertex not in reading:
            ranks[vertex] = rank - 1
    return ranks


def _ordered(layers: list[list[int]], pairs: list[tuple[int, int]]) -> list[list[int]]:
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for upper, lower in pairs:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    best, fewest = layers, _crossings(layers, below)
    current = [list(layer) for layer in layers]
    for sweep in range(SWEEPS):
        if not fewest:
            break
        if sweep % 2:
            for rank in reversed(range(len(current) - 1)):
                current[rank] = _sorted(current[rank], current[rank + 1], below)
        else:
            for rank in range(1, len(current)):
                current[rank] = _sorted(current[rank], current[rank - 1], above)
        crossings = _crossings(current, below)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in current], crossings
    return best


def _sorted(layer: list[int], fixed: list[int], neighbours: dict[int, list[int]]) -> list[int]:
    """A layer by the mean place of its neighbours; what has none keeps its place in proportion."""
    place = {vertex: float(position) for position, vertex in enumerate(fixed)}
    ratio = len(fixed) / max(1, len(layer))
    centre = {}
    for position, vertex in enumerate(layer):
        near = neighbours.get(vertex, [])
        centre[vertex] = sum(place[other] for other in near) / len(near) if near else position * ratio
    return sorted(layer, key=lambda vertex: centre[vertex])


def _crossings(layers: list[list[int]], below: dict[int, list[int]]) -> int:
    return sum(
        num_crossings(upper, lower, [(vertex, other) for vertex in upper for other in below.get(vertex, [])])
        for upper, lower in pairwise(layers)
    )
