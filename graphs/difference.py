"""What is different between two graphs: node by node, in cost, and which weights of the one fit the other.

Nodes are paired by `graphs.pairing`; what is left was added or removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

from blocks.types import Type
from graphs.arguments import shown
from graphs.costs import block_cost
from graphs.graph import Graph, Node
from graphs.pairing import name_is_given, pair_nodes, paired_values

Kind = Literal["added", "removed", "retyped", "moved", "rewired"]
KINDS: tuple[Kind, ...] = ("added", "removed", "retyped", "moved", "rewired")

CONSEQUENT = ("input ", "output ", "reads ", "weights ")  # how details begin that are not the node's own doing
UNKNOWN = "*"


@dataclass(frozen=True, slots=True)
class Change:
    """A node that is not as it was, `before` and `after` its numbers in the two graphs.

    `retyped`: another block, other arguments or other types at the same address, or at one where only the last part is
    another, which nobody gave and which follows the block. `moved`: the same block on the same types at another
    address. `rewired`: the same, but it reads other values, or shares other weights. `details` say what; `params` and
    `macs` are the differences.
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
    pairs = pair_nodes(before, after)
    changes = []
    values = paired_values(before, after, pairs)
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


def _change(before: Graph, after: Graph, one: int, other: int, values: dict[int, int]) -> Change | None:
    old, new = before.nodes[one], after.nodes[other]
    costs, more = before.costs().nodes[one], after.costs().nodes[other]
    types = _type_details(before, old, after, new)
    wires = _wire_details(before, old, after, new, values)
    kind: Kind
    renamed = old.address != new.address and old.block.key != new.block.key and not name_is_given(new)
    if old.address != new.address and not renamed:
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
        lost, come = [*old.sources], [*new.sources]
        if len(lost) == len(come):  # those that are the same, whatever they are called now, are not told
            lost, come = _told_apart(lost, come, values, new.block.commutative)
        one, other = (", ".join(map(graph.address, side)) for graph, side in ((before, lost), (after, come)))
        details.append(f"reads {one} -> {other}" if one != other else f"reads another {one}")
    shares = None if old.shares is None else values.get(old.shares, -1)
    if shares != new.shares:
        one, other = (
            "its own" if node.shares is None else graph.address(node.shares)
            for graph, node in ((before, old), (after, new))
        )
        details.append(f"weights {one} -> {other}")
    return details


def _told_apart(
    old: list[int], new: list[int], values: dict[int, int], is_commutative: bool
) -> tuple[list[int], list[int]]:
    """Of as many values of the first graph as of the second those that don't stand for each other; place by place,
    unless their order is without effect."""
    if not is_commutative:
        differing = [(one, other) for one, other in zip(old, new, strict=True) if values.get(one, -1) != other]
        return [one for one, _ in differing], [other for _, other in differing]
    come, lost = list(new), []
    for one in old:
        if values.get(one, -1) in come:
            come.remove(values[one])
        else:
            lost.append(one)
    return lost, come


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
    owned = {other: one for one, other in pairs.items() if _owns(before, one) and _owns(after, other)}
    taken = set(owned.values())
    for one, other in pairs.items():  # those who share may come in another order: the weights are the first one's
        source, target = _owner(before, one), _owner(after, other)
        if target not in owned and source not in taken:
            owned[target] = source
            taken.add(source)
    for other, one in owned.items():
        old, new = before.nodes[one], after.nodes[other]
        theirs, ours = _weights(before, old), _weights(after, new)
        if UNKNOWN in ours and (old.block, before.input_types(old)) != (new.block, after.input_types(new)):
            continue
        for name, shape in ours.items():
            if theirs.get(name) == shape:
                yield Transfer(f"{old.address}.{name}", f"{new.address}.{name}", prod(shape))


def _owns(graph: Graph, index: int) -> bool:
    return graph.nodes[index].shares is None


def _owner(graph: Graph, index: int) -> int:
    """The node that has the weights of a node."""
    shares = graph.nodes[index].shares
    return index if shares is None else shares - len(graph.inputs)


def _weights(graph: Graph, node: Node) -> dict[str, tuple[int, ...]]:
    """The shapes of a node's tensors. Those of a block that has weights and does not say which are one, `*`."""
    types = graph.input_types(node)
    shapes = node.block.weights(types)
    cost = block_cost(node.block, types)
    if sum(map(prod, shapes.values())) == cost.params + cost.buffers:
        return shapes
    return {UNKNOWN: (cost.params + cost.buffers,)}
