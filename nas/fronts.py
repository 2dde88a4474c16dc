"""Pareto fronts of points whose every coordinate is better when it is higher.

`hypervolume` is exact for any number of objectives: a sweep for two; for more, slices along the last one (While 2006, A
Faster Algorithm for Calculating Hypervolume, section II). Each further objective costs another factor of the number of
points, which is fine for four objectives and some hundred points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import dist

Point = tuple[float, ...]


def dominates(one: Point, other: Point) -> bool:
    """Whether a point is nowhere worse, and somewhere better."""
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def front(points: Sequence[Point]) -> list[int]:
    """The indices of the points that no other dominates, in order; of equal points the first."""
    best: list[int] = []
    for index in sorted(range(len(points)), key=lambda index: points[index], reverse=True):
        # What dominates a point stands before it in this order, and so do its equals.
        if not any(points[kept] == points[index] or dominates(points[kept], points[index]) for kept in best):
            best.append(index)
    return sorted(best)


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume of what is dominated by some of the points and dominates the reference."""
    inside = [point for point in points if all(a > b for a, b in zip(point, reference, strict=True))]
    inside = [inside[index] for index in front(inside)]
    if len(reference) == 1:
        return max((point[0] for point in inside), default=reference[0]) - reference[0]
    if len(reference) == 2:
        return _area(inside, reference)
    inside.sort(key=lambda point: point[-1], reverse=True)
    heights = [*(point[-1] for point in inside), reference[-1]]
    volume = 0.0
    for count, (upper, lower) in enumerate(pairwise(heights), start=1):
        if upper > lower:
            volume += (upper - lower) * hypervolume([point[:-1] for point in inside[:count]], reference[:-1])
    return volume


def share(points: Sequence[Point], reference: Point, ideal: Point) -> float:
    """The share, 0..1, of the box between `reference` and `ideal` that some of the points dominate.

    A coordinate in which the box has no extent counts as reached by all.
    """

    def scaled(value: float, low: float, high: float) -> float:
        return min((value - low) / (high - low), 1.0) if high > low else 1.0

    boxed = [tuple(map(scaled, point, reference, ideal)) for point in points]
    return min(hypervolume(boxed, (0.0,) * len(reference)), 1.0)


def _area(inside: Sequence[Point], reference: Point) -> float:
    """Of a front in two dimensions: from the right to the left, each point adds the strip above those before it."""
    area, height = 0.0, reference[1]
    for right, upper in sorted(inside, reverse=True):
        area += (right - reference[0]) * (upper - height)
        height = upper
    return area


def knee(points: Sequence[Point]) -> int:
    """The index of the point of a front that is nearest to the best of every coordinate, each scaled to the front's
    range (the compromise of Yu 1973, `A Class of Solutions for Group Decision Problems`); the first of equals."""
    lows, highs = [min(column) for column in zip(*points, strict=True)], [max(c) for c in zip(*points, strict=True)]
    spans = [high - low or 1.0 for low, high in zip(lows, highs, strict=True)]

    def distance(index: int) -> float:
        scaled = [value / span for value, span in zip(points[index], spans, strict=True)]
        return dist(scaled, [high / span for high, span in zip(highs, spans, strict=True)])

    return min(range(len(points)), key=distance)
