"""What is different between two graphs: node by node, in cost, and which weights of the one fit the other.

Nodes are paired in this order. Where the graphs are equal up to names, by their canonical colours. Else the same
address with the same block on the same types; then runs of equal nodes in both orders, where the steps of a body were
renumbered or renamed: they hold two nodes with MACs, or one and no address that the other graph has, as shorter ones
pair by chance what has nothing to do with each other; then what has the same address; then single nodes that are
equal. What is left was added or removed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from math import prod
from typing import Literal

from blocks.types import Type
from graphs.arguments import shown
from graphs.canonical import colours_of
from graphs.costs import block_cost
from graphs.graph import Graph, Node

Kind = Literal["added", "removed", "retyped", "moved", "rewired"]
KINDS: tuple[Kind, ...] = ("added", "removed", "retyped", "moved", "rewired")

CONSEQUENT = ("input ", "output ", "reads ", "weights ")  # how details begin that are not the node's own doing
UNKNOWN = "*"
MOST_COMPARED = 16_000_000  # pairs of nodes; above it, runs are not looked for


@dataclass(frozen=True, slots=True)
class Change:
    """A node that is not as it was, `before` and `after` its numbers in the two graphs.

    `retyped`: another block, other arguments or other types at the same address. `moved`: the same block on the same
    types at another address. `rewired`: the same, but it reads other values, or shares other weights. `details` say
    what; `params` and `macs` are the differences.
    """

    kind: Kind
    before: int | None
    after: int | None
    params: int
    macs: int
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """A tensor of the first network that fits one of the second: their keys in the state_dicts, and how many
    numbers."""

    source: str
    target: str
    elements: int


@dataclass(frozen=True)
class Difference:
    """From one graph to another. `pairs` are the nodes that stand for each other; `interface` says how inputs and
    outputs differ."""

    before: Graph
    after: Graph
    pairs: dict[int, int]
    changes: tuple[Change, ...]
    transfers: tuple[Transfer, ...]
    interface: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the networks are equal up to names."""
        return self.before.hash == self.after.hash

    @cached_property
    def counts(self) -> dict[Kind, int]:
        """How many nodes have changed in which way."""
        return {kind: sum(change.kind == kind for change in self.changes) for kind in KINDS}

    @cached_property
    def consequences(self) -> int:
        """How many nodes are retyped for what they read alone."""
        retyped = [change for change in self.changes if change.kind == "retyped"]
        return sum(all(detail.startswith(CONSEQUENT) for detail in change.details) for change in retyped)

    @property
    def unchanged(self) -> int:
        """How many nodes are as they were."""
        return len(self.pairs) - sum(change.before is not None and change.after is not None for change in self.changes)


def difference(before: Graph, after: Graph) -> Difference:
    """What is different in `after`. Changes come in its order, each node that went where it was."""
    pairs = _pair(before, after)
    changes = []
    values = _paired_values(before, after, pairs)
    for one, other in pairs.items():
        change = _change(before, after, one, other, values)
        if change is not None:
            changes.append(change)
    old, new = before.costs().nodes, after.costs().nodes
    kept = set(pairs.values())
    gone = [index for index in range(len(old)) if index not in pairs]
    come = [index for index in range(len(new)) if index not in kept]
    changes += [Change("removed", index, None, -old[index].params, -old[index].macs) for index in gone]
    changes += [Change("added", None, index, new[index].params, new[index].macs) for index in come]
    return Difference(
        before,
        after,
        pairs,
        _in_order(changes, len(old), pairs),
        tuple(_transfers(before, after, pairs)),
        tuple(_interface(before, after)),
    )


def weight_elements(graph: Graph) -> dict[str, int]:
    """How many numbers each tensor of a network's state_dict has, by its key."""
    return {
        f"{node.address}.{name}": prod(shape)
        for node in graph.nodes
        if node.shares is None
        for name, shape in _weights(graph, node).items()
    }


def _pair(before: Graph, after: Graph) -> dict[int, int]:
    if before.hash == after.hash:
        return _pair_equal(before, after)
    old, new = _signatures(before), _signatures(after)
    places = {node.address: index for index, node in enumerate(after.nodes)}
    same_place = {index: places[node.address] for index, node in enumerate(before.nodes) if node.address in places}
    pairs = {one: other for one, other in same_place.items() if old[one] == new[other]}
    taken = set(pairs.values())

    def join(one: int, other: int) -> None:
        if one not in pairs and other not in taken:
            pairs[one] = other
            taken.add(other)

    left = [index for index in range(len(old)) if index not in pairs]
    right = [index for index in range(len(new)) if index not in taken]
    for run in _runs([old[index] for index in left], [new[index] for index in right]):
        members = [(left[one], right[other]) for one, other in run]
        heavy = [one for one, _ in members if before.costs().nodes[one].macs]
        if len(heavy) > 1 or (heavy and not any(one in same_place for one, _ in members)):
            for one, other in members:
                join(one, other)
    for one, other in same_place.items():
        join(one, other)
    waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for index, signature in enumerate(new):
        if index not in taken:
            waiting[signature].append(index)
    for index, signature in enumerate(old):
        if index not in pairs and waiting[signature]:
            join(index, waiting[signature].popleft())
    return dict(sorted(pairs.items()))


def _pair_equal(before: Graph, after: Graph) -> dict[int, int]:
    """The nodes of graphs that are equal up to names: those of one colour, at the same address where they can be."""
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for index, colour in enumerate(colours_of(after)[len(after.inputs) :]):
        places[colour].append(index)
    colours = list(enumerate(colours_of(before)[len(before.inputs) :]))
    pairs = {}
    for index, colour in colours:
        here = [other for other in places[colour] if after.nodes[other].address == before.nodes[index].address]
        if here:
            pairs[index] = here[0]
            places[colour].remove(here[0])
    pairs.update({index: places[colour].pop(0) for index, colour in colours if index not in pairs})
    return dict(sorted(pairs.items()))


def _runs(old: list[Hashable], new: list[Hashable]) -> Iterator[list[tuple[int, int]]]:
    """The runs that two sequences have in common, in the order of both."""
    if len(old) * len(new) > MOST_COMPARED:
        return
    for match in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        if match.size:
            yield [(match.a + step, match.b + step) for step in range(match.size)]


def _signatures(graph: Graph) -> list[Hashable]:
    """What a node is, without its name and its place."""
    return [(node.block, graph.input_types(node), node.type) for node in graph.nodes]


def _paired_values(before: Graph, after: Graph, pairs: dict[int, int]) -> dict[int, int]:
    """The values of the second graph by those of the first: inputs by name, or by position; nodes as they are
    paired."""
    names = list(after.inputs)
    first, second = len(before.inputs), len(after.inputs)
    values = {}
    for position, name in enumerate(before.inputs):
        if name in names:
            values[position] = names.index(name)
        elif position < second and names[position] not in before.inputs:
            values[position] = position
    return values | {first + one: second + other for one, other in pairs.items()}


def _change(before: Graph, after: Graph, one: int, other: int, values: dict[int, int]) -> Change | None:
    old, new = before.nodes[one], after.nodes[other]
    costs, more = before.costs().nodes[one], after.costs().nodes[other]
    types = _type_details(before, old, after, new)
    wires = _wire_details(before, old, after, new, values)
    kind: Kind
    if old.address != new.address:
        kind, details = "moved", [f"from {old.address}", *types, *wires]
    elif types:
        kind, details = "retyped", [*types, *wires]
    elif wires:
        kind, details = "rewired", wires
    else:
        return None
    return Change(kind, one, other, more.params - costs.params, more.macs - costs.macs, tuple(details))


def _type_details(before: Graph, old: Node, after: Graph, new: Node) -> list[str]:
    details = []
    if old.block.key != new.block.key:
        details.append(f"{old.block.key} -> {new.block.key}")
    elif old.block != new.block:
        one, other = old.block.model_dump(), new.block.model_dump()
        details += [f"{name} {shown(one[name])} -> {shown(other[name])}" for name in one if one[name] != other[name]]
    sources, targets = before.input_types(old), after.input_types(new)
    if sources != targets:
        details.append(f"input {_shapes(sources, targets)} -> {_shapes(targets, sources)}")
    elif old.type != new.type and not details:
        details.append(f"output {_shapes((old.type,), (new.type,))} -> {_shapes((new.type,), (old.type,))}")
    return details


def _wire_details(before: Graph, old: Node, after: Graph, new: Node, values: dict[int, int]) -> list[str]:
    details = []
    expected = [values.get(source, -1) for source in old.sources]
    found = [*new.sources]
    if new.block.commutative:
        expected, found = sorted(expected), sorted(found)
    if expected != found:
        one, other = (", ".join(map(graph.address, node.sources)) for graph, node in ((before, old), (after, new)))
        details.append(f"reads {one} -> {other}" if one != other else f"reads another {one}")
    shares = None if old.shares is None else values.get(old.shares, -1)
    if shares != new.shares:
        one, other = (
            "its own" if node.shares is None else graph.address(node.shares)
            for graph, node in ((before, old), (after, new))
        )
        details.append(f"weights {one} -> {other}")
    return details


def _interface(before: Graph, after: Graph) -> Iterator[str]:
    """How inputs and outputs differ, in words."""
    sides = [
        {
            **{f"input {name}": str(type) for name, type in graph.inputs.items()},
            **{f"output {name}": str(graph.types[value]) for name, value in graph.outputs.items()},
        }
        for graph in (before, after)
    ]
    for name in {**sides[0], **sides[1]}:
        one, other = (side.get(name, "none") for side in sides)
        if one != other:
            yield f"{name}: {one} -> {other}"


def _shapes(types: tuple[Type, ...], others: tuple[Type, ...]) -> str:
    """Types as sizes; in full where sizes alone would look alike."""
    shapes = [tuple(type.shape for type in side) for side in (types, others)]
    if shapes[0] == shapes[1]:
        return " and ".join(map(str, types))
    return " and ".join("x".join(map(str, shape)) for shape in shapes[0])


def _in_order(changes: list[Change], num_nodes: int, pairs: dict[int, int]) -> tuple[Change, ...]:
    """Changes in the order of the second graph, what was removed after the node that it followed."""
    anchors, anchor = [], -1
    for index in range(num_nodes):
        anchors.append(anchor)
        anchor = pairs.get(index, anchor)

    def place(change: Change) -> tuple[int, int, int]:
        if change.after is not None:
            return change.after, 0, 0
        assert change.before is not None
        return anchors[change.before], 1, change.before

    return tuple(sorted(changes, key=place))


def _transfers(before: Graph, after: Graph, pairs: dict[int, int]) -> Iterator[Transfer]:
    for one, other in pairs.items():
        old, new = before.nodes[one], after.nodes[other]
        if old.shares is not None or new.shares is not None:
            continue  # they have none of their own
        theirs, ours = _weights(before, old), _weights(after, new)
        if UNKNOWN in ours and (old.block, before.input_types(old)) != (new.block, after.input_types(new)):
            continue
        for name, shape in ours.items():
            if theirs.get(name) == shape:
                yield Transfer(f"{old.address}.{name}", f"{new.address}.{name}", prod(shape))


def _weights(graph: Graph, node: Node) -> dict[str, tuple[int, ...]]:
    """The shapes of a node's tensors. Those of a block that has weights and does not say which are one, `*`."""
    types = graph.input_types(node)
    shapes = node.block.weights(types)
    cost = block_cost(node.block, types)
    if sum(map(prod, shapes.values())) == cost.params + cost.buffers:
        return shapes
    return {UNKNOWN: (cost.params + cost.buffers,)}
