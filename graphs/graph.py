"""A graph: typed nodes in topological order. Frozen; functions on it stand in the files named after what they do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from blocks.primitive import Primitive
from blocks.types import Type
from graphs.canonical import canonical_hash
from graphs.costs import Costs, graph_costs
from graphs.document import Document
from graphs.emission import document_text
from graphs.faults import Mark
from graphs.quantities import format_quantity

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Node:
    """One operation at its address.

    `sources` are indices of values: the graph's inputs come first, then its nodes in order. `mark` is the step in the
    text, inside a shipped block where the node belongs to one. `shares` is the value of the node whose weights this one
    uses, which comes before it.
    """

    address: str
    block: Primitive
    sources: tuple[int, ...]
    type: Type
    mark: Mark
    shares: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What the document wrote as one: all nodes whose address starts with `address` and a dot.

    `block` is the key of its step, a template's name, `sequential`, `parallel`, or `branch` for a branch of one;
    `repeats` how often a repeated step stands there, its repetitions being groups, or nodes, of their own.
    """

    address: str
    block: str
    repeats: int | None = None


@dataclass(frozen=True)
class Graph:
    """A network. `outputs` names values by index; `document` is what it was read from.

    `groups` are the blocks, branches and repetitions that the nodes belong to, each before those inside it. `trained`
    is the network in training, where that has outputs more than what ships: auxiliary heads, which nothing but
    `in_training` sees.
    """

    name: str
    inputs: dict[str, Type]
    nodes: tuple[Node, ...]
    outputs: dict[str, int]
    document: Document
    groups: tuple[Group, ...] = ()
    trained: Graph | None = None

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name} {'x'.join(map(str, type.shape))}" for name, type in self.inputs.items())
        params, macs = map(format_quantity, (self.costs().params, self.costs().macs))
        return f"<Graph {self.name}: {inputs}, {params} params, {macs} MACs, hash {self.hash[:12]}>"

    @property
    def in_training(self) -> Graph:
        """The network as it is trained: with the outputs that training has beside those of what ships."""
        return self.trained or self

    @property
    def as_shipped(self) -> Graph:
        """The network without anything that only training needs."""
        return replace(self, trained=None) if self.trained else self

    @cached_property
    def types(self) -> tuple[Type, ...]:
        """The type of every value, inputs first."""
        return (*self.inputs.values(), *(node.type for node in self.nodes))

    @cached_property
    def hash(self) -> str:
        """The canonical hash: equal for graphs that differ only in names and in the order of commutative inputs."""
        return canonical_hash(self)

    def input_types(self, node: Node) -> tuple[Type, ...]:
        """The types of a node's inputs."""
        types = self.types
        return tuple(types[source] for source in node.sources)

    def address(self, value: int) -> str:
        """The address of a value: the name of an input, or the address of a node."""
        names = tuple(self.inputs)
        return names[value] if value < len(names) else self.nodes[value - len(names)].address

    def costs(self) -> Costs:
        """Parameters, MACs, memory and receptive field, in total and for each node."""
        return self._costs

    @cached_property
    def _costs(self) -> Costs:
        return graph_costs(self)

    def text(self) -> str:
        """The document of this graph as YAML; reading it again gives this graph."""
        return document_text(self.document)

    def compile(
        self,
        *,
        mode: Literal["train", "infer"] = "train",
        device: str = "cpu",
        dtype: str = "float32",
        channels_last: bool | None = None,
        torch_compile: bool | str = False,
        without: Collection[str] = (),
    ) -> nn.Module:
        """The network as a torch module, freshly initialized: see `graphs.compilation.compile`."""
        from graphs.compilation import compile

        return compile(
            self,
            mode=mode,
            device=device,
            dtype=dtype,
            channels_last=channels_last,
            torch_compile=torch_compile,
            without=without,
        )


def prune(graph: Graph) -> Graph:
    """Without the nodes that no output needs: those that are `unused: ok`."""
    first = len(graph.inputs)
    needed = set(graph.outputs.values())
    for index in range(len(graph.types) - 1, first - 1, -1):
        if index in needed:
            needed.update(graph.nodes[index - first].sources)
    if len(needed | set(range(first))) == len(graph.types):
        return graph
    kept = [index for index in range(len(graph.types)) if index < first or index in needed]
    place = {old: new for new, old in enumerate(kept)}
    owners: dict[int, int] = {}  # of weights whose first user goes: the next one
    nodes = []
    for index in kept[first:]:
        node = graph.nodes[index - first]
        shares = None
        if node.shares is not None:
            shares = place.get(node.shares, owners.get(node.shares))
            owners.setdefault(node.shares, place[index])
        sources = tuple([place[source] for source in node.sources])
        nodes.append(Node(node.address, node.block, sources, node.type, node.mark, shares))
    outputs = {name: place[value] for name, value in graph.outputs.items()}
    groups = used_groups(graph.groups, nodes)
    return Graph(graph.name, graph.inputs, tuple(nodes), outputs, graph.document, groups)


def used_groups(groups: Iterable[Group], nodes: Iterable[Node]) -> tuple[Group, ...]:
    """The groups that have nodes."""
    used: set[str] = set()
    for node in nodes:
        above = node.address.rpartition(".")[0]
        while above and above not in used:
            used.add(above)
            above = above.rpartition(".")[0]
    return tuple(group for group in groups if group.address in used)
