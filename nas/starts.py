"""Where a search begins: the hand-designed networks that are points of its space and keep its budget.

Their decisions are those that they have at their own size and number of classes. A point carries the name of a network
only where that network, for the images and the classes of the study, is the point's own: at 32 x 32 pixels the
decisions of NASNet lead to a network that has lost most of its stages. Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import zip_longest
from pathlib import Path
from time import monotonic

from graphs import Budget
from nas.records import Start
from search_spaces import Decisions, NotFoundError, Point, Space, load
from search_spaces.kinship import located, networks_among, remembered_points
from search_spaces.points import legal_point
from search_spaces.published import published

MAX_SECONDS = 20.0  # to look for them in a space of one's own; the smallest networks come first


def find_starts(
    space: Space, source: str | Path, budget: Budget, most: int, on_wait: Callable[[str], None] | None = None
) -> tuple[Start, ...]:
    """At most so many networks that fit. `source` is what the space is called, or its file.

    Of each family the one with the most parameters comes first, then of each the next: a network that is large for its
    budget is rarely a bad one, and families differ more than their members. Where nothing bounds them from above it is
    the one with the least. Where shipped networks lie in a shipped space is known; in another they are looked for, for
    `MAX_SECONDS`, of which `on_wait` is told.
    """
    if not most or not space.decisions:
        return ()
    points = {name: legal_point(space, decisions) for name, decisions in _known(space, source, on_wait)}
    fitting = {name: point for name, point in points.items() if point is not None and budget.admits(point.costs)}
    families: dict[str, list[tuple[Point, str]]] = {}
    for name in networks_among(fitting):
        known = published().get(name)
        families.setdefault(known.family if known else name, []).append((fitting[name], name))
    sign = -1 if any(bound.startswith("max") for bound, _ in budget.bounds) else 1

    def rank(member: tuple[Point, str]) -> tuple[int, str]:
        return sign * member[0].costs.params, member[1]

    ranked = [sorted(members, key=rank) for members in families.values()]
    ranked.sort(key=lambda members: rank(members[0]))
    found: dict[str, Start] = {}
    for point, name in (one for row in zip_longest(*ranked) for one in row if one is not None):
        if len(found) < most:
            found.setdefault(point.hash, Start(name, point.decisions))
    return tuple(found.values())


def _known(space: Space, source: str | Path, on_wait: Callable[[str], None] | None) -> Iterable[tuple[str, Decisions]]:
    """The networks that are points of the space, as far as they are found in time."""
    try:
        remembered = remembered_points(source)
    except NotFoundError:
        remembered = None
    if remembered is not None and load(source).decisions == space.decisions:
        yield from remembered.items()
        return
    if on_wait:
        on_wait(f"looking for hand-designed networks in `{space.name}`, for {MAX_SECONDS:g} s at most")
    end = monotonic() + MAX_SECONDS
    for name, decisions in located(space):
        if decisions is not None:
            yield name, decisions
        if monotonic() > end:
            return
