"""A network by address, to a depth: one row a node, and one for all nodes below an address where it is deeper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from blocks.types import Type
from graphs import Graph


@dataclass(frozen=True, slots=True)
class Row:
    """The nodes at or below `address`. `block` is what the document calls there; `type` is that of the last node."""

    address: str
    block: str
    type: Type
    params: int
    macs: int


def outline(graph: Graph, depth: int | None = None, counts: Sequence[int] | None = None) -> list[Row]:
    """The rows of a graph in its order, addresses of at most `depth` parts; every node on its own where it is None.

    A single node is shown as itself, whatever it is part of. `counts`, one for each node, take the place of MACs.
    """
    called = {
        group.address: group.block if group.repeats in (None, 1) else f"{group.repeats} x {group.block}"
        for group in graph.groups
    }
    rows, seen = [], 0
    for address, group in groupby(graph.costs().nodes, key=lambda node: ".".join(node.address.split(".")[:depth])):
        nodes = list(group)
        block = nodes[0].block if len(nodes) == 1 else called[address]
        macs = [node.macs for node in nodes] if counts is None else counts[seen : seen + len(nodes)]
        rows.append(Row(address, block, nodes[-1].type, sum(node.params for node in nodes), sum(macs)))
        seen += len(nodes)
    return rows
