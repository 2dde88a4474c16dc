"""Where a search begins: the hand-designed networks that are points of its space and keep its budget, or are made to.

Their decisions are those that they have at their own size and number of classes. A point carries the name of a network
only where that network, for the images and the classes of the study, is the point's own: at 32 x 32 pixels the
decisions of NASNet lead to a network that has lost most of its stages. Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from math import log2
from pathlib import Path
from typing import NamedTuple

from blocks.types import Map
from graphs import Budget
from nas.narrowing import excess, narrowed
from nas.records import Start
from search_spaces import Decisions, NotFoundError, Point, Space, load
from search_spaces.kinship import located, networks_among, remembered_points
from search_spaces.locating import Allowance
from search_spaces.points import legal_point
from search_spaces.published import published, verified

MAX_STEPS = 125_000  # to look for them in a space of one's own, some 20 seconds; the smallest networks come first


def find_starts(
    space: Space, source: str | Path, budget: Budget, most: int, on_wait: Callable[[str], None] | None = None
) -> tuple[Start, ...]:
    """At most so many networks that fit. `source` is what the space is called, or its file.

    Of each family the one with the most parameters comes first, then of each the next: a network that is large for its
    budget is rarely a bad one, and families differ more than their members. Where nothing bounds them from above it is
    the one with the least. Where shipped networks lie in a shipped space is known; in another they are looked for, for
    `MAX_STEPS` steps, of which `on_wait` is told: not for some time, so that a seed says the same on every machine.

    Where fewer fit, those that are too large come narrowed (`nas.narrowing`), one of each family: first the networks
    for images of about this size, and among those the ones that need the least of it.
    """
    if not most or not space.decisions:
        return ()
    points = {name: legal_point(space, decisions) for name, decisions in _known(space, source, on_wait)}
    fitting = {name: point for name, point in points.items() if point is not None and budget.admits(point.costs)}
    families: dict[str, list[tuple[Point, str]]] = {}
    for name in networks_among(fitting):
        families.setdefault(_family(name), []).append((fitting[name], name))
    sign = -1 if any(bound.startswith("max") for bound, _ in budget.bounds) else 1

    def rank(member: tuple[Point, str]) -> tuple[int, str]:
        return sign * member[0].costs.params, member[1]

    ranked = [sorted(members, key=rank) for members in families.values()]
    ranked.sort(key=lambda members: rank(members[0]))
    found: dict[str, Start] = {}
    for point, name in (one for row in zip_longest(*ranked) for one in row if one is not None):
        if len(found) < most:
            found.setdefault(point.hash, Start(name, point.decisions))
    large = _too_large(points, budget)
    while len(found) < most and (one := next(large, None)) is not None:
        if (point := narrowed(space, one[1], budget)) is not None:
            found.setdefault(point.hash, Start("", point.decisions, narrows=one[0]))
    return tuple(found.values())


def _too_large(points: Mapping[str, Point | None], budget: Budget) -> Iterator[tuple[str, Decisions]]:
    """Of each family the network that is the best to be narrowed, rather one of which an accuracy is known; these in
    the order of `_Large`."""
    legal = {name: point for name, point in points.items() if point is not None}
    inputs = (type for point in legal.values() for type in point.graph.inputs.values())  # the same for all points
    image = next((type for type in inputs if isinstance(type, Map)), None)
    families: dict[str, list[_Large]] = {}
    for name, point in legal.items():
        if (by := excess(budget, point)) > 0:
            doublings = _num_doublings(name, image.width) if image else 0
            families.setdefault(_family(name), []).append(_Large(doublings, by, name))
    for large in sorted(min(members, key=_by_renown) for members in families.values()):
        yield large.name, legal[large.name].decisions


class _Large(NamedTuple):
    """A network over the budget: those for images of about this size come first, then those that are over it least."""

    num_doublings: int
    excess: float
    name: str


def _by_renown(large: _Large) -> tuple[int, bool, float, str]:
    known = published().get(large.name)
    return large.num_doublings, not (known and known.accuracies), large.excess, large.name


def _num_doublings(name: str, size: int) -> int:
    """How often the size of its own images is to be doubled or halved to be about this one."""
    own = verified().get(name)
    return abs(round(log2(int(own.input.split("x")[-1]) / size))) if own else 0


def _family(name: str) -> str:
    known = published().get(name)
    return known.family if known else name


def _known(space: Space, source: str | Path, on_wait: Callable[[str], None] | None) -> Iterable[tuple[str, Decisions]]:
    """The networks that are points of the space, as far as they are found in `MAX_STEPS`."""
    try:
        remembered = remembered_points(source)
    except NotFoundError:
        remembered = None
    if remembered is not None and load(source).decisions == space.decisions:
        yield from remembered.items()
        return
    if on_wait:
        on_wait(f"looking for hand-designed networks in `{space.name}`, which may take half a minute")
    for name, decisions in located(space, allowance=Allowance(MAX_STEPS)):
        if decisions is not None:
            yield name, decisions
