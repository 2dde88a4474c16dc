"""A graph as parts in series: what it is from one value that all ways lead through to the next.

Values that are read once and read one value are joined to what they read; branches that lead from one value to one node
are joined to one part, without an order where the node takes its inputs in any. Most networks are one series of such
parts then, and are known by it: a *canonical code*, some bytes for each part; that of a network is that of its
beginning and that of its rest, one after the other. What is left of other networks is split at values that all ways
lead through, and each piece is known by its certificate (`graphs.colours`), exactly where that is exact.

In whatever order the values of a graph stand, its parts are the same: reductions of series and branches end in the same
graph in any order (Valdes, Tarjan and Lawler, The recognition of series parallel digraphs, 1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from graphs.colours import LENGTH, Wiring, certificate, digest

Edge = tuple[int, bytes]  # from a value, with the canonical code of what lies between

NOTHING = bytes(LENGTH)
MAX_REMEMBERED = 2_000


@dataclass(slots=True)
class _Reduced:
    """What is left when series and branches are joined: values by number, with the ways that lead to each."""

    edges: dict[int, list[Edge]] = field(default_factory=dict)  # in topological order
    joins: set[int] = field(default_factory=set)  # those of these that are nodes which join what leads to them


def canonical_code_of(wiring: Wiring) -> tuple[bytes, bool]:
    """The canonical code of a graph, from its first input to its output: the same for graphs that are alike, for no
    others.

    The label of the first input is no part of it. Second, whether the code is of series and branches alone: that of
    such a part of a graph is part of the graph's code wherever it stands.
    """
    reduced, ends = _reduce(wiring)
    if not reduced.edges and len(ends) == 1 and ends[0][0] == 0:
        return ends[0][1], True
    return b"".join(_pieces(wiring, reduced, ends)), False


def _reduce(wiring: Wiring) -> tuple[_Reduced, list[Edge]]:
    """What is left of a graph, and the ways to its outputs."""
    num_values = len(wiring.labels)
    fan = [0] * num_values
    for read in wiring.sources:
        for source in read:
            fan[source] += 1
    fixed = {value for group in wiring.groups for value in group}
    if len(wiring.outputs) != 1 or fan[wiring.outputs[0]]:
        fixed.update(wiring.outputs)
    else:
        fan[wiring.outputs[0]] += 1
    root = list(range(num_values))  # where the way to a value begins; at itself where it can't be joined to another
    codes = [b""] * num_values
    before: dict[int, Edge] = {}  # the way to a value that is read more than once
    reduced = _Reduced()
    for value in range(num_values):
        read = wiring.sources[value]
        if not read:
            if value:
                reduced.edges[value] = []
            continue
        if len(read) == 1 and value not in fixed and fan[value] == 1:
            [source] = read
            root[value], codes[value] = root[source], codes[source] + wiring.labels[value]
            continue
        edges = [(root[source], codes[source]) for source in read]
        start = edges[0][0]
        if value in fixed or any(one != start for one, _ in edges):
            reduced.edges[value] = edges
            reduced.joins.add(value)
            continue
        if len(read) == 1:
            part = codes[read[0]] + wiring.labels[value]
        else:
            parts = [digest(way) if way else NOTHING for _, way in edges]
            part = digest(b"".join((wiring.labels[value], *(parts if wiring.ordered[value] else sorted(parts)))))
            fan[start] -= len(read) - 1
            if fan[start] == 1 and start in before:
                start, way = before.pop(start)
                part = way + part
                del reduced.edges[edges[0][0]]
        if fan[value] == 1:
            root[value], codes[value] = start, part
        else:
            before[value] = (start, part)
            reduced.edges[value] = [(start, part)]
    ends = [(root[value], codes[value]) for value in wiring.outputs]
    return reduced, ends


def _pieces(wiring: Wiring, reduced: _Reduced, ends: list[Edge]) -> list[bytes]:
    """The canonical codes of the pieces between values that all ways lead through."""
    values = [0, *reduced.edges]
    place = {value: number for number, value in enumerate(values)}
    reach = list(range(len(values)))  # the last that each value has to do with
    for number, value in enumerate(values):
        for source, _ in reduced.edges.get(value, ()):
            reach[place[source]] = max(reach[place[source]], number)
    read = {source for edges in reduced.edges.values() for source, _ in edges}
    for value in {*(value for value, _ in ends), *(value for value in values if value not in read)}:
        reach[place[value]] = len(values)
    tied = list(range(len(values)))  # the last that each value has one weight with
    for group in wiring.groups:
        numbers = [place[value] for value in group]
        tied[min(numbers)] = max(numbers)
    found: list[bytes] = []
    start = furthest = 0
    for number in range(1, len(values)):
        furthest = max(furthest, reach[number - 1], tied[number - 1])
        if max(furthest, tied[number]) <= number:
            found.append(_piece(wiring, reduced, values[start : number + 1], [(values[number], b"")]))
            start = number
    last = _piece(wiring, reduced, values[start:], ends)
    return [*found, last]


def _piece(wiring: Wiring, reduced: _Reduced, values: Sequence[int], ends: list[Edge]) -> bytes:
    """The canonical code of one piece: from its first value, which stands for all before it."""
    if len(values) == 1 and len(ends) == 1:
        return ends[0][1]
    if len(values) == 2 and ends == [(values[1], b"")] and values[1] not in reduced.joins and reduced.edges[values[1]]:
        [(_, way)] = reduced.edges[values[1]]
        return way
    labels: list[bytes] = []
    sources: list[tuple[int, ...]] = []
    ordered: list[bool] = []
    place: dict[int, int] = {}

    def add(label: bytes, read: tuple[int, ...], *, in_order: bool) -> int:
        labels.append(label)
        sources.append(read)
        ordered.append(in_order)
        return len(labels) - 1

    def end_of(edge: Edge) -> int:
        return add(digest(b"way" + edge[1]), (place[edge[0]],), in_order=True) if edge[1] else place[edge[0]]

    for number, value in enumerate(values):
        edges = reduced.edges.get(value, [])
        if number == 0:
            place[value] = add(b"start", (), in_order=True)
        elif value in reduced.joins or not edges:
            read = tuple(map(end_of, edges))
            place[value] = add(wiring.labels[value], read, in_order=wiring.ordered[value])
        else:
            place[value] = end_of(edges[0])
    outputs = tuple(map(end_of, ends))
    inside = set(values[1:])
    groups = tuple(tuple(place[value] for value in group) for group in wiring.groups if inside.issuperset(group))
    return _certified(Wiring(tuple(labels), tuple(sources), tuple(ordered), outputs, groups))


@lru_cache(maxsize=MAX_REMEMBERED)
def _certified(wiring: Wiring) -> bytes:
    """The canonical code of a piece; a network often has the same one several times."""
    return digest(b"piece" + certificate(wiring))
