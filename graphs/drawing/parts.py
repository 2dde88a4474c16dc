"""A graph as a tree: the blocks, branches and repetitions of a document, what is inside them, and when two are alike.

A node's number is its index among the values of the graph, inputs first, as in `Node.sources`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from graphs.graph import Graph, Group, Node

ROOT = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A group with the parts inside it, or a single node, which has none.

    `nodes` are the numbers of all nodes in it; `repeats` is how often a repeated step stands there. A part is
    `structural` where it only says how others stand together: repetitions, a sequence, branches. The whole network is
    the part with an empty address.
    """

    address: str
    block: str
    nodes: tuple[int, ...]
    parts: tuple[Part, ...] = field(default=(), repr=False)
    repeats: int | None = None
    structural: bool = False

    @property
    def opens(self) -> bool:
        """Whether there is more inside than the one node that is drawn for it."""
        return len(self.nodes) > 1


def tree(graph: Graph) -> Part:
    """The whole network as one part. Groups without nodes are left out; a group of one node is that node."""
    groups = {group.address: group for group in graph.groups}
    whole = _Open(Group(ROOT, graph.name))
    opened: dict[str, _Open] = {}
    for number, node in enumerate(graph.nodes, start=len(graph.inputs)):
        place = whole
        for address in _prefixes(node.address):
            if address in groups:
                if address not in opened:
                    opened[address] = _Open(groups[address])
                    place.members.append(opened[address])
                place = opened[address]
        place.members.append(Part(node.address, node.block.key, (number,)))
    return whole.close()


def walk(part: Part) -> Iterator[Part]:
    """A part and all parts inside it, from the outside inwards."""
    yield part
    for inner in part.parts:
        yield from walk(inner)


def node_of(graph: Graph, number: int) -> Node:
    """The node with this number."""
    return graph.nodes[number - len(graph.inputs)]


def likeness(graph: Graph, part: Part, *, typed: bool = True) -> Hashable:
    """What two parts share that compute the same on inputs of the same types, weights aside; of whatever types, where
    it is not `typed`.

    Parts that are alike have the same blocks in the same wiring, node by node.
    """
    place = {number: position for position, number in enumerate(part.nodes)}
    outside: dict[int, int] = {}
    shape = []
    for number in part.nodes:
        node = node_of(graph, number)
        sources = []
        for source in node.sources:
            if source not in place:
                outside.setdefault(source, -1 - len(outside))
            sources.append(place.get(source, outside.get(source, 0)))
        shape.append((node.address[len(part.address) :], node.block, tuple(sources), node.type if typed else None))
    return part.block, tuple(shape), tuple(graph.types[source] for source in outside) if typed else len(outside)


class _Open:
    """A part while its members are found."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.members: list[_Open | Part] = []

    def close(self) -> Part:
        parts = tuple(member.close() if isinstance(member, _Open) else member for member in self.members)
        nodes = tuple(number for part in parts for number in part.nodes)
        group = self.group
        if len(nodes) == 1 and group.address != ROOT:
            return _innermost(parts[0])
        structural = group.repeats is not None or group.block in ("sequential", "parallel", "branch")
        return Part(group.address, group.block, nodes, parts, group.repeats, structural)


def _innermost(part: Part) -> Part:
    return _innermost(part.parts[0]) if part.parts else part


def _prefixes(address: str) -> Iterator[str]:
    """The addresses above this one, from the outside inwards."""
    end = address.find(".")
    while end >= 0:
        yield address[:end]
        end = address.find(".", end + 1)
