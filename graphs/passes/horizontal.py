"""Convolutions that read one value with one geometry, as the branches of an Inception module do, become one.

Its weights are theirs one below the other; its result is split into theirs, or goes whole into the concat that they
alone go into. Where the norms and activations behind them are alike, these are done on the whole as well. A horizontal
fusion computes what its parts compute: each output channel of a convolution is a sum of its own.

A part of the result is a view whose values don't lie side by side, and a convolution copies what it reads of one. In
training one backward pass less pays for the copy. In inference it does not (benchmarks/compile.md): there a convolution
whose result another one reads stays alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, replace

from blocks.convolution import Conv2d
from graphs.passes.plan import Branch, Convolution, Module, Operation, Plan
from graphs.passes.pointwise import ACTIVATIONS
from graphs.passes.rewriting import merged, rewritten


@dataclass(frozen=True, slots=True)
class _Part:
    """A convolution with what stands behind it: the places of these operations, and the value that they give."""

    places: tuple[int, ...]
    branch: Branch
    activation: int | None
    result: int


def fuse_horizontally(plan: Plan, *, training: bool) -> Plan:
    """Every group of at least two convolutions that read one value alike, where that pays."""
    groups: defaultdict[Hashable, list[_Part]] = defaultdict(list)
    readers, convolved = _only_readers(plan), _convolved(plan)
    for place, operation in enumerate(plan.operations):
        part = _part(plan, place, operation, readers)
        if part is None or _convolution(plan, part).groups > 1:
            continue
        if training or part.result not in convolved:
            groups[_likeness(plan, operation.sources[0], part)].append(part)
    changed: dict[int, Operation | None] = {}
    for parts in groups.values():
        if len(parts) > 1:
            places = [place for part in parts for place in part.places]
            changed.update(dict.fromkeys(places))
            changed[min(places)] = _together(plan, parts)
    return _joined(rewritten(plan, changed))


def _convolved(plan: Plan) -> set[int]:
    """The values that convolutions read."""
    return {
        operation.sources[0]
        for operation in plan.operations
        if isinstance(operation.kernel, Convolution)
        or (isinstance(operation.kernel, Module) and plan.node(operation.kernel.node).block.key == "conv2d")
    }


def _only_readers(plan: Plan) -> dict[int, int]:
    """By value the place of the one operation that reads it, where there is one."""
    uses = plan.num_uses()
    return {
        source: place
        for place, operation in enumerate(plan.operations)
        for source in operation.sources
        if uses[source] == 1
    }


def _part(plan: Plan, place: int, operation: Operation, readers: dict[int, int]) -> _Part | None:
    kernel = operation.kernel
    if isinstance(kernel, Convolution):
        if kernel.add is not None or len(kernel.branches) > 1:
            return None
        return _Part((place,), kernel.branches[0], kernel.activation, operation.results[0])
    if not isinstance(kernel, Module) or plan.node(kernel.node).block.key != "conv2d":
        return None
    places, result = [place], operation.results[0]
    found: dict[str, int] = {}
    for what, keys in (("norm", frozenset(("batch_norm2d",))), ("activation", ACTIVATIONS)):
        after = readers.get(result)
        other = None if after is None else plan.operations[after].kernel
        if after is not None and isinstance(other, Module) and plan.node(other.node).block.key in keys:
            found[what] = other.node
            places.append(after)
            result = plan.operations[after].results[0]
    return _Part(tuple(places), Branch(kernel.node, found.get("norm")), found.get("activation"), result)


def _likeness(plan: Plan, source: int, part: _Part) -> Hashable:
    """What parts that become one have in common."""
    convolution = _convolution(plan, part)
    norm = None if part.branch.norm is None else plan.node(part.branch.norm).block
    activation = None if part.activation is None else plan.node(part.activation).block
    geometry = (convolution.kernel_size, convolution.stride, convolution.padding, convolution.dilation)
    return (source, geometry, convolution.bias, norm, activation)


def _convolution(plan: Plan, part: _Part) -> Conv2d:
    block = plan.node(part.branch.convolution).block
    assert isinstance(block, Conv2d)
    return block


def _together(plan: Plan, parts: list[_Part]) -> Operation:
    first = plan.operations[parts[0].places[0]]
    nodes = sorted(node for part in parts for place in part.places for node in plan.operations[place].nodes)
    kernel = Convolution(tuple(part.branch for part in parts), activation=parts[0].activation)
    return Operation(kernel, tuple(nodes), first.sources, tuple(part.result for part in parts))


def _joined(plan: Plan) -> Plan:
    """Without the concats that take all branches of a fusion in order, and nothing else."""
    places = {operation.results: place for place, operation in enumerate(plan.operations)}
    uses = plan.num_uses()
    changed: dict[int, Operation | None] = {}
    for place, operation in enumerate(plan.operations):
        kernel = operation.kernel
        if not isinstance(kernel, Module) or plan.node(kernel.node).block.key != "concat":
            continue
        before = places.get(operation.sources)
        if before is None or any(uses[source] > 1 for source in operation.sources):
            continue
        first = plan.operations[before]
        if isinstance(first.kernel, Convolution):
            whole = replace(first.kernel, joined=kernel.node)
            changed[before] = Operation(whole, merged(first, operation), first.sources, operation.results)
            changed[place] = None
    return rewritten(plan, changed)
