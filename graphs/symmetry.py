"""What colour refinement leaves open: values of one colour, told apart where they differ, known to be alike where not.

A graph's values are *open* where several have one colour. In a stable colouring what joins an open value to one that is
alone in its colour follows from the colours, and so does what joins it to all values of a colour alike. The rest of the
links splits the open values into *parts* that don't touch: two equal branches are two parts, and a part in which no
colour repeats is settled at once. In the others one value of a colour is marked, and refinement goes on; all values of
that colour are tried, and the least of their certificates is the part's (individualization and refinement, as in McKay
and Piperno, Practical graph isomorphism II, 2014, on parts in place of the whole).

That is exact as long as the numbers of values to be tried, multiplied along a path, are no more than `MAX_WORK` over
the number of open values. Beyond that a part is known by its colours alone, and two that differ may have one
certificate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

MAX_WORK = 5_000

Digest = Callable[[bytes], bytes]
Colours = Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Links:
    """How values hang together: for each the (slot, value) pairs that it reads, slot -1 where the order is without
    effect; and groups of values with one weight. Values are numbers in topological order."""

    sources: Mapping[int, Sequence[tuple[int, int]]]
    groups: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Part:
    """Values in canonical order, and a certificate: parts of one certificate are alike, each value to the one in its
    place."""

    certificate: bytes
    order: tuple[int, ...]


def open_parts(colours: Colours, links: Links, digest: Digest, budget: int | None = None) -> list[Part]:
    """The parts of the open values of a stable colouring, by their certificates.

    `budget` is how many leaves the search in one part may have.
    """
    cells = _cells(colours)
    open_values = sorted(value for cell in cells.values() if len(cell) > 1 for value in cell)
    if not open_values:
        return []
    allowed = MAX_WORK // len(open_values) if budget is None else budget
    inner = _inner_links(open_values, cells, colours, links)
    parts = []
    for members in _components(open_values, inner):
        own = {value: colours[value] for value in members}
        kept = set(members)
        sources = {value: inner.sources[value] for value in members}
        groups = [group for group in inner.groups if group[0] in kept]
        parts.append(_settle(own, Links(sources, groups), digest, allowed))
    return sorted(parts, key=lambda part: part.certificate)


def singles(colours: Colours) -> list[int]:
    """The values that are alone in their colour, by colour."""
    return [cell[0] for _, cell in sorted(_cells(colours).items()) if len(cell) == 1]


def _settle(colours: Colours, links: Links, digest: Digest, budget: int) -> Part:
    """A part with its certificate."""
    cells = _cells(colours)
    if len(cells) == len(colours):
        order = [cell[0] for _, cell in sorted(cells.items())]
        return Part(digest(b"".join(_written(order, colours, links))), tuple(order))
    cell = min((cell for cell in cells.values() if len(cell) > 1), key=lambda cell: (len(cell), colours[cell[0]]))
    if len(cell) > budget:
        order = sorted(colours, key=lambda value: (colours[value], value))
        return Part(digest(b"open" + b"".join(colours[value] for value in order)), tuple(order))
    return min((_marked(value, colours, links, digest, budget // len(cell)) for value in cell), key=_certificate)


def _marked(value: int, colours: Colours, links: Links, digest: Digest, budget: int) -> Part:
    """A part with one of its values marked."""
    finer = _refined({**colours, value: digest(b"marked" + colours[value])}, links, digest)
    parts = open_parts(finer, links, digest, budget)
    content = [*sorted(finer.values()), *map(_certificate, parts)]
    order = (*singles(finer), *(value for part in parts for value in part.order))
    return Part(digest(b"".join(content)), order)


def _refined(colours: Colours, links: Links, digest: Digest) -> Colours:
    """Colours that are as fine as their links make them: values of one colour read and are read alike."""
    values = sorted(colours)
    readers: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for value in values:
        for slot, source in links.sources[value]:
            readers[source].append((slot, value))
    known = len(set(colours.values()))
    while True:
        colours = with_groups(colours, links.groups, digest)
        for order, near in ((values, links.sources), (values[::-1], readers)):
            new: dict[int, bytes] = {}
            for value in order:
                around = sorted(b"%d" % slot + new[other] for slot, other in near[value])
                new[value] = digest(colours[value] + b"".join(around))
            colours = new
        found = len(set(colours.values()))
        if found in (known, len(values)):
            return colours
        known = found


def with_groups(colours: Colours, groups: Iterable[Sequence[int]], digest: Digest) -> dict[int, bytes]:
    """The colours, those of values in a group together with those of the whole group."""
    mixed = dict(colours)
    for group in groups:
        whole = b"".join(sorted(colours[value] for value in group))
        mixed.update({value: digest(colours[value] + b"shares" + whole) for value in group})
    return mixed


def _inner_links(
    open_values: Sequence[int], cells: Mapping[bytes, Sequence[int]], colours: Colours, links: Links
) -> Links:
    """The links between open values, but for those of two colours that are joined alike everywhere."""
    kept = set(open_values)
    sources = {value: [(slot, s) for slot, s in links.sources[value] if s in kept] for value in open_values}
    uneven: set[tuple[bytes, bytes]] = set()
    for value in open_values:
        among = Counter(colours[source] for _, source in sources[value])
        for (slot, source), times in Counter(sources[value]).items():
            colour = colours[source]
            if slot >= 0 or times * len(cells[colour]) != among[colour]:
                uneven.add((colour, colours[value]))
    for value in open_values:
        sources[value] = [link for link in sources[value] if (colours[link[1]], colours[value]) in uneven]
    groups = [inner for group in links.groups if len(inner := [value for value in group if value in kept]) > 1]
    return Links(sources, groups)


def _components(values: Sequence[int], links: Links) -> list[list[int]]:
    """The values in sets that no link leaves."""
    near: defaultdict[int, list[int]] = defaultdict(list)
    pairs = [(value, source) for value in values for _, source in links.sources[value]]
    pairs += [(group[0], other) for group in links.groups for other in group[1:]]
    for one, other in pairs:
        near[one].append(other)
        near[other].append(one)
    seen: set[int] = set()
    found = []
    for start in values:
        if start in seen:
            continue
        members, todo = [start], [start]
        seen.add(start)
        while todo:
            new = [other for other in near[todo.pop()] if other not in seen]
            seen.update(new)
            todo += dict.fromkeys(new)
            members += dict.fromkeys(new)
        found.append(members)
    return found


def _written(order: Sequence[int], colours: Colours, links: Links) -> Iterable[bytes]:
    """Colours and links of values that are all told apart, as bytes."""
    place = {value: position for position, value in enumerate(order)}
    for value in order:
        yield colours[value] + f"{sorted((slot, place[source]) for slot, source in links.sources[value])}".encode()
    yield f"{sorted(sorted(place[value] for value in group) for group in links.groups)}".encode()


def _cells(colours: Colours) -> dict[bytes, list[int]]:
    cells: defaultdict[bytes, list[int]] = defaultdict(list)
    for value, colour in colours.items():
        cells[colour].append(value)
    return cells


def _certificate(part: Part) -> bytes:
    return part.certificate
