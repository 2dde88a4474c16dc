"""A network by address, to a depth: one row for what a reader sees as one layer or block.

A row is a node, all nodes below an address where it is deeper, or one operation with what goes with it: a convolution
with its norm and activation, a linear layer with its dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod

from blocks.types import Type
from graphs import Graph
from graphs.costs import block_cost
from graphs.drawing.labels import argument_words
from graphs.graph import Node

_GROUPS = ("sequential", "parallel", "branch")


@dataclass(frozen=True, slots=True)
class Row:
    """The nodes at or below `address`. `block` is what the document calls there; `type` is that of the last node.

    `weights` are the parameters without biases, scales and shifts.
    """

    address: str
    block: str
    type: Type
    weights: int
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
    layers = {} if depth is None else _layers(graph)
    rows, seen = [], 0

    def row_of(node: Node) -> str:
        parts = node.address.split(".")
        above = (".".join(parts[:length]) for length in range(1, min(len(parts), depth or 0) + 1))
        return next((address for address in above if address in layers), ".".join(parts[:depth]))

    for address, group in groupby(graph.nodes, key=row_of):
        nodes = list(group)
        costs = graph.costs().nodes[seen : seen + len(nodes)]
        main = nodes[0] if len(nodes) == 1 else layers.get(address)
        block = nodes[0].block.key if len(nodes) == 1 else called[address]
        macs = [cost.macs for cost in costs] if counts is None else counts[seen : seen + len(nodes)]
        rows.append(
            Row(
                address,
                block if main is None else " ".join([block, *argument_words(main.block)]),
                nodes[-1].type,
                sum(num_weights(graph, node) for node in nodes),
                sum(cost.params for cost in costs),
                sum(macs),
            )
        )
        seen += len(nodes)
    return rows


def num_weights(graph: Graph, node: Node) -> int:
    """The parameters of a node without its biases, scales and shifts: those with more than one dimension. 0 where
    they are another node's."""
    if node.shares is not None:
        return 0
    shapes = node.block.weights(graph.input_types(node)).values()
    return sum(prod(shape) for shape in shapes if len(shape) > 1)


def _layers(graph: Graph) -> dict[str, Node | None]:
    """The addresses of blocks in which one node does something, or none, and the others only change values where they
    are; with the one that does."""
    doing: dict[str, list[Node]] = {group.address: [] for group in graph.groups if group.block not in _GROUPS}
    for node in graph.nodes:
        parts = node.address.split(".")
        for length in range(1, len(parts)):
            nodes = doing.get(".".join(parts[:length]))
            if nodes is not None and not _goes_along(graph, node):
                nodes.append(node)
    return {address: nodes[0] if nodes else None for address, nodes in doing.items() if len(nodes) < 2}


def _goes_along(graph: Graph, node: Node) -> bool:
    """Whether it keeps the type and looks at nothing but one position: norms, activations, dropout."""
    inputs = graph.input_types(node)
    cost = block_cost(node.block, inputs)
    near = cost.window.narrowest == cost.window.stride == (1, 1)
    return inputs == (node.type,) and cost.macs == 0 and near
