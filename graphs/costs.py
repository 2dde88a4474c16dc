"""What a network costs, without torch: parameters, MACs, memory, receptive field.

Costs of a block on given input types are computed once and remembered, so a sampled network costs what it has of new
blocks. All figures are for a batch of one.

`activation_bytes` is the sum over all outputs of nodes (the table of the lecture). `peak_bytes` is the largest sum of
values alive at one time, when nodes run in order, every value is freed after its last use and nothing works in place.
Weights are not in it. Weights that several nodes share are counted at the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from blocks.primitive import Cost, Primitive
from blocks.types import Type, num_bytes

if TYPE_CHECKING:
    from graphs.graph import Graph

COUNTED = (
    "macs count convolutions, linear layers and matrix products; bias, norm, activation and pooling are not counted"
)


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What one position of an output sees of the input, (vertical, horizontal) pixels; over all paths the narrowest and
    the widest. `jump` is the distance between two positions. A field wider than the image reaches into the padding."""

    least: tuple[int, int] = (1, 1)
    most: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class NodeCosts:
    """The figures of one node."""

    address: str
    block: str
    type: Type
    params: int
    buffers: int
    macs: int
    output_bytes: int
    receptive_field: ReceptiveField


@dataclass(frozen=True, slots=True)
class Costs:
    """The figures of a network, and of its nodes in order."""

    params: int
    buffers: int
    macs: int
    activation_bytes: int
    peak_bytes: int
    receptive_field: ReceptiveField
    nodes: tuple[NodeCosts, ...]

    @property
    def flops(self) -> int:
        """One multiply-add is two operations; the one place that says so."""
        return 2 * self.macs


@lru_cache(maxsize=65536)
def block_cost(block: Primitive, inputs: tuple[Type, ...]) -> Cost:
    """A block's cost on these input types, remembered."""
    return block.cost(inputs)


def graph_costs(graph: Graph) -> Costs:
    """All figures of a graph."""
    types = graph.types
    fields = [ReceptiveField() for _ in graph.inputs]
    nodes = []
    for node in graph.nodes:
        cost = block_cost(node.block, tuple(types[source] for source in node.sources))
        own = cost if node.shares is None else replace(cost, params=0, buffers=0)
        fields.append(_receptive_field(cost, [fields[source] for source in node.sources]))
        nodes.append(
            NodeCosts(
                node.address,
                node.block.key,
                node.type,
                own.params,
                own.buffers,
                cost.macs,
                num_bytes(node.type),
                fields[-1],
            )
        )
    return Costs(
        params=sum(node.params for node in nodes),
        buffers=sum(node.buffers for node in nodes),
        macs=sum(node.macs for node in nodes),
        activation_bytes=sum(node.output_bytes for node in nodes),
        peak_bytes=_peak_bytes(graph),
        receptive_field=_widest([fields[value] for value in graph.outputs.values()]),
        nodes=tuple(nodes),
    )


def last_uses(graph: Graph) -> list[int]:
    """For every value the index of the last node that reads it; for outputs the number of nodes, -1 where unread."""
    last = [-1] * len(graph.types)
    for index, node in enumerate(graph.nodes):
        for source in node.sources:
            last[source] = index
    for value in graph.outputs.values():
        last[value] = len(graph.nodes)
    return last


def _peak_bytes(graph: Graph) -> int:
    sizes = [num_bytes(type) for type in graph.types]
    last = last_uses(graph)
    alive = sum(size for size, end in zip(sizes, last[: len(graph.inputs)], strict=False) if end >= 0)
    peak = alive
    for index, node in enumerate(graph.nodes):
        alive += sizes[len(graph.inputs) + index]
        peak = max(peak, alive)
        alive -= sum(sizes[source] for source in set(node.sources) if last[source] == index)
    return peak


def _receptive_field(cost: Cost, sources: list[ReceptiveField]) -> ReceptiveField:
    size, stride = cost.window.size, cost.window.stride
    jump = _max(source.jump for source in sources)
    least = (min(source.least[0] for source in sources), min(source.least[1] for source in sources))
    most = _max(source.most for source in sources)
    if size == stride == (1, 1):
        return ReceptiveField(least, most, jump)
    grow = ((size[0] - 1) * jump[0], (size[1] - 1) * jump[1])
    return ReceptiveField(
        (least[0] + grow[0], least[1] + grow[1]),
        (most[0] + grow[0], most[1] + grow[1]),
        (jump[0] * stride[0], jump[1] * stride[1]),
    )


def _widest(fields: list[ReceptiveField]) -> ReceptiveField:
    least = (min(field.least[0] for field in fields), min(field.least[1] for field in fields))
    return ReceptiveField(least, _max(field.most for field in fields), _max(field.jump for field in fields))


def _max(pairs: object) -> tuple[int, int]:
    listed: list[tuple[int, int]] = list(pairs)  # type: ignore[call-overload]
    return max(pair[0] for pair in listed), max(pair[1] for pair in listed)
