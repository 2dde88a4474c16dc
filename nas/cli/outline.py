"""A network by address, to a depth: one row for what a reader sees as one layer or block.

A row is a node, all nodes below an address where it is deeper, or one operation with what goes with it: a convolution
with its norm and activation, a linear layer with its dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod

from blocks.convolution import Conv2d
from blocks.geometry import pair
from blocks.pooling import AvgPool2d, MaxPool2d
from blocks.types import Type
from graphs import Graph
from graphs.costs import block_cost
from graphs.drawing.labels import dilation_words, unusual_arguments
from graphs.graph import Node

_GROUPS = ("sequential", "parallel", "branch")

# What the columns beside tell (the output's shape, the parameters), and what is of training and of numerics alone.
_TOLD_ELSEWHERE = frozenset(
    ("out_features", "out_channels", "output_size", "bias", "affine", "eps", "momentum", "init", "init_value")
)


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
                block if main is None else " ".join([block, *argument_words(main)]),
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


def argument_words(node: Node) -> list[str]:
    """The arguments of a node in words, as far as no other column tells them.

    Of a convolution or pool kernel and stride (`3x3/2`); `d4` where it is dilated; `pad 0` where the padding is not the
    usual one (half the kernel for a convolution, 0 for a pool), `uncounted` where a mean leaves it out; `ceil` for
    ceil_mode; `32 groups`. Of any other block the arguments that are not as they are by default.
    """
    block = node.block
    if not isinstance(block, Conv2d | MaxPool2d | AvgPool2d):
        return unusual_arguments(block, _TOLD_ELSEWHERE)
    assert block.padding != "auto"
    kernel, stride, padding = pair(block.kernel_size), pair(block.stride or block.kernel_size), pair(block.padding)
    words = ["x".join(map(str, kernel)) + ("" if stride == (1, 1) else f"/{_short(stride)}")]
    dilation = (1, 1) if isinstance(block, AvgPool2d) else pair(block.dilation)
    words += dilation_words(dilation)
    half = tuple(gap * (size - 1) // 2 if size % 2 else 0 for gap, size in zip(dilation, kernel, strict=True))
    if padding != (half if isinstance(block, Conv2d) else (0, 0)):
        words.append(f"pad {_short(padding)}")
    if isinstance(block, Conv2d):
        return [*words, f"{block.groups} groups"] if block.groups > 1 else words
    if isinstance(block, AvgPool2d) and padding != (0, 0) and not block.count_include_pad:
        words.append("uncounted")
    return [*words, "ceil"] if block.ceil_mode else words


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


def _short(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else "x".join(map(str, size))
