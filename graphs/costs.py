"""What a network costs, without torch: parameters, MACs, memory, receptive field.

Costs of a block on given input types are computed once and remembered, so a sampled network costs what it has of new
blocks. All figures are for a batch of one.

`activation_bytes` is the sum over all outputs of nodes (the table of the lecture). `peak_bytes` is the largest sum of
values alive at one time, when nodes run in order, every value is freed after its last use and nothing works in place.
Weights are not in it. That is to the byte what torch has alive in the compiled forward pass (a test compares them) when
the caller gives its input away; one that keeps it, as `module(image)` does, has the input's bytes on top, and so has
one with channels_last, which rearranges its input.

Weights that several nodes share are counted at the first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from blocks.primitive import Cost, Primitive, Window
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
class Totals:
    """The figures of a network that a budget may bound. `peak` is that of bytes, or finds it: it takes the whole
    network, where the others add up."""

    params: int
    macs: int
    activation_bytes: int
    peak: int | Callable[[], int] = dataclasses.field(repr=False, compare=False)

    @property
    def peak_bytes(self) -> int:
        """The largest sum of values alive at one time."""
        return self.peak if isinstance(self.peak, int) else self.peak()

    @property
    def flops(self) -> int:
        """Twice the MACs."""
        return flops_of(self.macs)


class NodeCosts(NamedTuple):
    """The figures of one node. A tuple: a frozen dataclass of eight fields takes about three times as long to make."""

    address: str
    block: str
    type: Type
    params: int
    buffers: int
    macs: int
    output_bytes: int
    receptive_field: ReceptiveField


# Which figure of a node adds up to which of its network. None adds up to `peak_bytes`.
NODE_FIGURES = {"params": "params", "macs": "macs", "flops": "macs", "activation_bytes": "output_bytes"}


@dataclass(frozen=True, slots=True)
class Costs:
    """The figures of a network, and of its nodes in order."""

    params: int
    buffers: int
    macs: int
    activation_bytes: int
    peak_bytes: int
    receptive_field: ReceptiveField
    nodes: tuple[NodeCosts, ...] = field(repr=False)

    @property
    def flops(self) -> int:
        """Twice the MACs."""
        return flops_of(self.macs)

    @property
    def totals(self) -> Totals:
        """What a budget may bound, without the nodes."""
        return Totals(self.params, self.macs, self.activation_bytes, self.peak_bytes)


def flops_of(macs: int) -> int:
    """One multiply-add is two operations."""
    return 2 * macs


def macs_of(flops: int, *, up: bool) -> int:
    """The MACs that a bound on FLOPs comes to: half of it, rounded `up` for a least number, down for a greatest."""
    return -(-flops // 2) if up else flops // 2


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
        cost = block_cost(node.block, tuple([types[source] for source in node.sources]))
        own = cost if node.shares is None else replace(cost, params=0, buffers=0)
        fields.append(_receptive_field(cost.window, [fields[source] for source in node.sources]))
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
    last, first = last_uses(graph), len(graph.inputs)
    alive = peak = sum(size for size, end in zip(sizes, last[:first], strict=False) if end >= 0)
    for index, node in enumerate(graph.nodes):
        alive += sizes[first + index]
        if alive > peak:
            peak = alive
        for source in node.sources:
            if last[source] == index:
                alive -= sizes[source]
                last[source] = -1  # a node may read it twice
    return peak


def _receptive_field(window: Window, sources: list[ReceptiveField]) -> ReceptiveField:
    field = sources[0]
    if len(sources) > 1:  # branches that join have one jump; a gate has none, it is one value for all positions
        field = replace(_widest(sources), jump=field.jump)
    (height, width), (down, right) = window.size, window.stride
    if height == width == down == right == 1:
        return field
    vertical, horizontal = field.jump
    least_height, least_width = window.narrowest
    return ReceptiveField(
        (field.least[0] + (least_height - 1) * vertical, field.least[1] + (least_width - 1) * horizontal),
        (field.most[0] + (height - 1) * vertical, field.most[1] + (width - 1) * horizontal),
        (vertical * down, horizontal * right),
    )


def _widest(fields: list[ReceptiveField]) -> ReceptiveField:
    """What values see together: the narrowest, the widest, the largest jump."""
    least, most, jump = fields[0].least, fields[0].most, fields[0].jump
    for seen in fields[1:]:
        least = (min(least[0], seen.least[0]), min(least[1], seen.least[1]))
        most = (max(most[0], seen.most[0]), max(most[1], seen.most[1]))
        jump = (max(jump[0], seen.jump[0]), max(jump[1], seen.jump[1]))
    return ReceptiveField(least, most, jump)
