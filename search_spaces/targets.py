"""A graph as something to be found: who reads what, which of its nodes are alike, and what has been found of it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import cached_property

from blocks.primitive import Primitive
from graphs.arguments import Argument, shown
from graphs.canonical import colours_of
from graphs.graph import Graph, Node


class Target:
    """A graph to be found. A value is its index, inputs first, as in a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._first = len(graph.inputs)
        self._readers: dict[int, list[int]] = {}
        self._all_readers: dict[int, list[int]] = {}
        self._outputs = frozenset(graph.outputs.values())
        for value, node in enumerate(graph.nodes, start=self._first):
            self._readers.setdefault(node.sources[0], []).append(value)
            for source in node.sources:
                self._all_readers.setdefault(source, []).append(value)
            if node.block.commutative:
                for source in set(node.sources[1:]) - {node.sources[0]}:
                    self._readers.setdefault(source, []).append(value)

    def node(self, value: int) -> Node:
        """The node that makes a value."""
        return self.graph.nodes[value - self._first]

    def readers(self, kind: type[Primitive], sources: tuple[int, ...]) -> list[int]:
        """The nodes of a kind that read these values, in any order where that is without effect."""
        wanted = tuple(sorted(sources)) if kind.commutative else sources
        found = []
        for value in self._readers.get(sources[0], ()):
            node = self.node(value)
            if type(node.block) is kind:
                read = tuple(sorted(node.sources)) if kind.commutative else node.sources
                if read == wanted:
                    found.append(value)
        return found

    def is_read(self, value: int, found: Container[int]) -> bool:
        """Whether all that reads a value is found, and it is no output."""
        return value not in self._outputs and all(reader in found for reader in self._all_readers.get(value, ()))

    def unlike(self, values: Iterable[int]) -> list[int]:
        """Some nodes, only one of several that stand for each other."""
        values = list(values)
        if len(values) < 2:
            return values
        return list({self._colours[value]: value for value in reversed(values)}.values())[::-1]

    def next_after(self, found: Iterable[int]) -> int | None:
        """The first node that is not among those found, but reads them alone."""
        known = {*range(self._first), *found}
        for value, node in enumerate(self.graph.nodes, start=self._first):
            if value not in known and known.issuperset(node.sources):
                return value
        return None

    def shares_as(self, graph_shares: dict[int, int]) -> bool:
        """Whether the same nodes share weights: those of each group by the one that owns them."""
        own: dict[int, list[int]] = {}
        for value, node in enumerate(self.graph.nodes, start=self._first):
            if node.shares is not None:
                own.setdefault(node.shares, []).append(value)
        other: dict[int, list[int]] = {}
        for value, owner in graph_shares.items():
            other.setdefault(owner, []).append(value)
        return _groups(own) == _groups(other)

    @cached_property
    def _colours(self) -> list[bytes]:
        return colours_of(self.graph)


def agrees(block: Primitive, name: str, value: Argument) -> bool:
    """Whether an argument may be that of a block; words stand for values that the block itself finds."""
    own = getattr(block, name)
    if isinstance(value, str):
        return bool(own == value) or not isinstance(own, str)
    if isinstance(value, tuple):
        return bool(own == value or value[0] == value[1] == own)
    return bool(own == value) and isinstance(own, bool) == isinstance(value, bool)


def block_text(block: Primitive) -> str:
    """A block with those of its arguments that are not the default."""
    values = {
        name: getattr(block, name)
        for name, info in type(block).model_fields.items()
        if getattr(block, name) != info.default
    }
    arguments = ", ".join(f"{name}: {shown(value)}" for name, value in values.items())
    return f"{block.key}: {{{arguments}}}"


def _groups(shares: dict[int, list[int]]) -> set[frozenset[int]]:
    return {frozenset((owner, *values)) for owner, values in shares.items()}
