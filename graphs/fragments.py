"""Expansions of shipped blocks, remembered: the same block with the same arguments on the same input type gives the
same nodes, so a sampled network pays only for what it has of new blocks.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from graphs.graph import Group, Node

MOST = 5_000


@dataclass(frozen=True, slots=True)
class Fragment:
    """The nodes of one expansion: addresses relative to the call, sources counted from the first node, -1 the input.

    `end` is the value that the block gives, counted likewise.
    """

    nodes: tuple[Node, ...]
    groups: tuple[Group, ...]
    end: int


_remembered: dict[Hashable, Fragment] = {}


def recall(key: Hashable) -> Fragment | None:
    """What this key was expanded to before."""
    return _remembered.get(key)


def remember(key: Hashable, fragment: Fragment) -> None:
    """Keep an expansion without faults; the oldest go when there are too many."""
    if len(_remembered) >= MOST:
        del _remembered[next(iter(_remembered))]
    _remembered[key] = fragment


def forget() -> None:
    """Remember nothing, to measure what a first expansion costs."""
    _remembered.clear()


def is_closed(nodes: list[Node], first: int, source: int, end: int) -> bool:
    """Whether what was expanded from value `first` on reads nothing before it but its input, `source`."""
    read = [*(value for node in nodes for value in node.sources), end]
    return all(value == source or value >= first for value in read)


def fragment_of(nodes: list[Node], groups: list[Group], first: int, source: int, end: int, prefix: str) -> Fragment:
    """The expansion that put `nodes` from value `first` on, and `groups`, reading `source` and ending in `end`."""

    def relative(value: int) -> int:
        assert value == source or value >= first
        return -1 if value == source else value - first

    kept = (
        Node(n.address.removeprefix(prefix), n.block, tuple(map(relative, n.sources)), n.type, n.mark) for n in nodes
    )
    inside = (replace(group, address=group.address.removeprefix(prefix)) for group in groups)
    return Fragment(tuple(kept), tuple(inside), relative(end))


def place(fragment: Fragment, first: int, source: int, prefix: str) -> tuple[list[Node], int]:
    """The nodes of an expansion at another place, and the value that it ends in."""
    nodes = [
        Node(
            prefix + n.address,
            n.block,
            tuple([source if value < 0 else first + value for value in n.sources]),
            n.type,
            n.mark,
        )
        for n in fragment.nodes
    ]
    return nodes, source if fragment.end < 0 else first + fragment.end
