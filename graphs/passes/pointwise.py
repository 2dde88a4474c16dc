"""Inference: what is done to every value of a convolution's result is done where it is made."""

from __future__ import annotations

from dataclasses import replace

from graphs.passes.plan import Convolution, Module, Norm, Operation, Plan
from graphs.passes.rewriting import merged, rewritten

# Without parameters: what is done to several convolutions that are one is done with the first one's activation.
ACTIVATIONS = frozenset(
    (
        *("relu", "relu6", "leaky_relu", "elu", "silu", "gelu", "mish"),
        *("hardswish", "hardsigmoid", "sigmoid", "tanh"),
    )
)


def fuse_sums(plan: Plan) -> Plan:
    """A sum of two values, one of which is a convolution's that nothing else reads, with that convolution.

    It is done where the sum stands. Of two such convolutions it is the later one, so that the other may be freed.
    """
    uses, producers = plan.num_uses(), plan.producers()
    changed: dict[int, Operation | None] = {}
    for place, operation in enumerate(plan.operations):
        number = _module(operation)
        if number is None or plan.node(number).block.key != "add" or len(set(operation.sources)) != 2:
            continue
        fitting = [
            producers[source]
            for source in operation.sources
            if uses[source] == 1 and source in producers and _is_bare(plan.operations[producers[source]])
        ]
        if len(operation.sources) != 2 or not fitting:
            continue
        before = max(fitting)
        first = plan.operations[before]
        assert isinstance(first.kernel, Convolution)
        (other,) = (source for source in operation.sources if source != first.results[0])
        kernel = replace(first.kernel, add=number)
        changed[before] = None
        changed[place] = Operation(kernel, merged(first, operation), (*first.sources, other), operation.results)
    return rewritten(plan, changed)


def fuse_activations(plan: Plan) -> Plan:
    """An activation with the convolution or the norm whose result nothing else reads."""
    uses, producers = plan.num_uses(), plan.producers()
    changed: dict[int, Operation | None] = {}
    for place, operation in enumerate(plan.operations):
        number = _module(operation)
        if number is None or plan.node(number).block.key not in ACTIVATIONS or uses[operation.sources[0]] > 1:
            continue
        before = producers.get(operation.sources[0])
        if before is None or before in changed:
            continue
        first = plan.operations[before]
        if isinstance(first.kernel, Convolution | Norm) and first.kernel.activation is None:
            kernel = replace(first.kernel, activation=number)
            changed[before] = Operation(kernel, merged(first, operation), first.sources, operation.results)
            changed[place] = None
    return rewritten(plan, changed)


def _module(operation: Operation) -> int | None:
    return operation.kernel.node if isinstance(operation.kernel, Module) else None


def _is_bare(operation: Operation) -> bool:
    kernel = operation.kernel
    return isinstance(kernel, Convolution) and kernel.add is None and kernel.activation is None
