"""The plan of a network: operations in order, each giving one value or several.

Values keep the numbers that they have in the graph, inputs first; a node's number is its place among the nodes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graphs.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Module:
    """A node as its block builds it."""

    node: int


@dataclass(frozen=True, slots=True)
class InPlace:
    """A pointwise node that overwrites its first source."""

    node: int


@dataclass(frozen=True, slots=True)
class Norm:
    """A norm by its running statistics, and maybe the activation behind it."""

    node: int
    activation: int | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """A convolution and the norm behind it, if that is done with it."""

    convolution: int
    norm: int | None = None


@dataclass(frozen=True, slots=True)
class Convolution:
    """Convolutions of one source and one geometry as one, each a branch that gives a value of its own.

    What is done with it: a norm each, by `Branch`; the sum with the operation's second source, by the node `add`; an
    activation, by the node `activation`. `joined` is the node of the concat that the branches go into in their order,
    whose value is then the only result. `overwrites`: the sum may stand where the second source stood.
    """

    branches: tuple[Branch, ...]
    add: int | None = None
    overwrites: bool = False
    activation: int | None = None
    joined: int | None = None


Kernel = Module | InPlace | Norm | Convolution


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done at once: `kernel` on the values `sources`, giving the values `results`. `nodes` are all that it
    does, in the order of the graph."""

    kernel: Kernel
    nodes: tuple[int, ...]
    sources: tuple[int, ...]
    results: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """How a graph is computed. `outputs` names values."""

    graph: Graph
    operations: tuple[Operation, ...]
    outputs: dict[str, int]

    def node(self, number: int) -> Node:
        """A node of the graph."""
        return self.graph.nodes[number]

    def num_uses(self) -> Counter[int]:
        """How often each value is read, as an output once more."""
        uses = Counter(source for operation in self.operations for source in operation.sources)
        uses.update(self.outputs.values())
        return uses

    def producers(self) -> dict[int, int]:
        """By value the place of the operation that gives it."""
        return {result: place for place, operation in enumerate(self.operations) for result in operation.results}

    def last_uses(self) -> dict[int, int]:
        """By value the place of the operation that reads it last, the number of operations for an output."""
        last = {source: place for place, operation in enumerate(self.operations) for source in operation.sources}
        last.update(dict.fromkeys(self.outputs.values(), len(self.operations)))
        return last


def plain_plan(graph: Graph) -> Plan:
    """One operation for every node."""
    first = len(graph.inputs)
    operations = (
        Operation(Module(number), (number,), node.sources, (first + number,)) for number, node in enumerate(graph.nodes)
    )
    return Plan(graph, tuple(operations), dict(graph.outputs))
