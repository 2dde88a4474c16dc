"""Names beside the blobs of a chart, so that none lies on another: each takes the best free place around its blob, and
they take turns until nobody finds a better one. The result depends on nothing but the blobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, hypot, inf, pi, sin

from graphs.drawing.lettering import text_width

LABEL_SIZE = 11.0
LABEL_HEIGHT = 12.0
GAP = 2.0  # between a blob and its name
RINGS = (0.0, 8.0, 18.0, 30.0, 44.0, 60.0, 80.0, 105.0, 135.0)  # how far from the blob a name may go
DIRECTIONS = 16
MAX_TURNS = 12
LEADER_FROM = 10.0  # a name that is farther away than this has a line to its blob, and every name in a crowd

# What is bad about a place, per pixel or square pixel.
ON_NAME, ON_BLOB, ON_CENTRE, FAR, CROSSED, OUTSIDE = 40.0, 0.04, 150.0, 0.9, 60.0, 1000.0

Box = tuple[float, float, float, float]
Line = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Blob:
    """A disc with a name."""

    name: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A name with its top left corner and its width; `leader` leads from its blob's centre to it, where it is far."""

    name: str
    x: float
    y: float
    width: float
    leader: Line | None

    @property
    def box(self) -> Box:
        return self.x, self.y, self.x + self.width, self.y + LABEL_HEIGHT


def place_labels(blobs: Sequence[Blob], area: Box) -> list[PlacedLabel]:
    """A place for the name of each blob, inside of `area`: left, top, right, bottom."""
    ranked: list[list[tuple[float, PlacedLabel]]] = []
    for blob in blobs:
        labels = _candidates(blob, crowded=_is_crowded(blob, blobs))
        rated = [(_cost_alone(label, blob, blobs, area), label) for label in labels]
        ranked.append(sorted(rated, key=lambda pair: pair[0]))
    taken = [rated[0][1] for rated in ranked]
    for _ in range(MAX_TURNS):
        before = list(taken)
        for index, rated in enumerate(ranked):
            taken[index] = _best(rated, [label for other, label in enumerate(taken) if other != index])
        if taken == before:
            break
    return taken


def _best(rated: Sequence[tuple[float, PlacedLabel]], others: Sequence[PlacedLabel]) -> PlacedLabel:
    """The best place with the other names where they are; `rated` are places with what they cost alone, in order."""
    best, least = rated[0][1], inf
    for alone, label in rated:
        if alone >= least:
            break
        cost = alone + _cost_among(label, others)
        if cost < least:
            best, least = label, cost
    return best


def _is_crowded(blob: Blob, blobs: Sequence[Blob]) -> bool:
    """Whether another blob touches this one."""
    return any(
        hypot(blob.x - other.x, blob.y - other.y) < blob.radius + other.radius for other in blobs if other is not blob
    )


def _candidates(blob: Blob, *, crowded: bool) -> Iterator[PlacedLabel]:
    """Places around a blob, the nearest first, on its right before the others; one among others has a leader."""
    width = text_width(blob.name, LABEL_SIZE)
    for ring in RINGS:
        for step in range(DIRECTIONS):
            turn = (step + 1) // 2 * (1 if step % 2 else -1)  # 0, then to either side
            angle = turn * 2 * pi / DIRECTIONS
            reach = blob.radius + GAP + ring
            x, y = blob.x + reach * cos(angle), blob.y + reach * sin(angle)
            left = x - width / 2 + width / 2 * cos(angle)
            top = y - LABEL_HEIGHT / 2 + LABEL_HEIGHT / 2 * sin(angle)
            leader = None
            if crowded or ring > LEADER_FROM:
                end = min(max(blob.x, left), left + width), min(max(blob.y, top), top + LABEL_HEIGHT)
                leader = (blob.x, blob.y), end
            yield PlacedLabel(blob.name, left, top, width, leader)


def _cost_alone(label: PlacedLabel, blob: Blob, blobs: Sequence[Blob], area: Box) -> float:
    """What is bad about a place whatever the other names do."""
    left, top, right, bottom = label.box
    cost = FAR * hypot((left + right) / 2 - blob.x - label.width / 2, (top + bottom) / 2 - blob.y)
    cost += OUTSIDE * (left < area[0] or top < area[1] or right > area[2] or bottom > area[3])
    for other in blobs:
        around = other.x - other.radius, other.y - other.radius, other.x + other.radius, other.y + other.radius
        covered = _overlap(label.box, around)
        if covered:
            cost += ON_BLOB * covered * (0.3 if other is blob else 1.0)
            dot = other.x - 3, other.y - 3, other.x + 3, other.y + 3
            cost += ON_CENTRE * (_overlap(label.box, dot) > 0)
    return cost


def _cost_among(label: PlacedLabel, others: Sequence[PlacedLabel]) -> float:
    """What is bad about a place with the other names where they are."""
    cost = 0.0
    for other in others:
        cost += ON_NAME * _overlap(label.box, other.box)
        if label.leader and (_cuts(label.leader, other.box) or (other.leader and _cross(label.leader, other.leader))):
            cost += CROSSED
        if other.leader and _cuts(other.leader, label.box):
            cost += CROSSED
    return cost


def _overlap(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def _cuts(line: Line, box: Box) -> bool:
    """Whether a line goes through a box."""
    left, top, right, bottom = box
    corners = ((left, top), (right, bottom)), ((left, bottom), (right, top))
    return any(_cross(line, diagonal) for diagonal in corners)


def _cross(one: Line, other: Line) -> bool:
    (a, b), (c, d) = one, other
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    """Positive where c lies on one side of the line from a to b, negative on the other."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
