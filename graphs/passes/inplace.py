"""What overwrites its input: pointwise operations on a value that nobody reads again.

A value may be overwritten where its operation made it anew (nobody outside has it, and it is no view of another) and
no other operation that reads it gives a view of it. For training, nothing that the backward pass needs may be lost:
the operation must be the value's only reader, the value's producer must not keep it, and the operation must be one
whose gradient is made of its result. These are the rules of torch's own derivatives (derivatives.yaml).
"""

from __future__ import annotations

from dataclasses import replace

from graphs.passes.plan import Convolution, InPlace, Module, Norm, Operation, Plan
from graphs.passes.rewriting import rewritten

POINTWISE = frozenset(
    (
        *("relu", "relu6", "leaky_relu", "elu", "silu", "mish", "hardswish", "hardsigmoid", "sigmoid", "tanh"),
        *("add", "scale"),
    )
)
FROM_RESULT = frozenset(("relu", "relu6", "leaky_relu", "elu", "sigmoid", "tanh", "add"))
KEEPS_NO_RESULT = frozenset(("conv2d", "batch_norm2d", "group_norm", "linear", "add", "concat"))
POOLS = frozenset(("max_pool2d", "avg_pool2d", "adaptive_max_pool2d", "global_avg_pool", "global_max_pool"))
MAKES_ANEW = POINTWISE | KEEPS_NO_RESULT | POOLS | frozenset(("gelu", "prelu"))


def overwrite(plan: Plan, *, training: bool) -> Plan:
    """Every pointwise operation in place where it may be."""
    producers, last, uses = plan.producers(), plan.last_uses(), plan.num_uses()
    views = {
        source for operation in plan.operations if not _makes_anew(plan, operation) for source in operation.sources
    }
    changed: dict[int, Operation | None] = {}
    for place, operation in enumerate(plan.operations):
        source = _overwritten(plan, operation)
        if source is None or source not in producers or last[source] != place or source in views:
            continue
        before, kernel = plan.operations[producers[source]], operation.kernel
        if operation.sources.count(source) > 1 or not _makes_anew(plan, before):
            continue
        if isinstance(kernel, Convolution):
            changed[place] = replace(operation, kernel=replace(kernel, overwrites=True))
            continue
        assert isinstance(kernel, Module)
        key = plan.node(kernel.node).block.key
        if training and (uses[source] > 1 or key not in FROM_RESULT or not _keeps_no_result(plan, before)):
            continue
        changed[place] = replace(operation, kernel=InPlace(kernel.node))
    return rewritten(plan, changed)


def _overwritten(plan: Plan, operation: Operation) -> int | None:
    """The value that an operation could overwrite: the first source of a pointwise one, and what a convolution adds."""
    kernel = operation.kernel
    if isinstance(kernel, Convolution):
        return operation.sources[1] if kernel.add is not None else None
    pointwise = isinstance(kernel, Module) and plan.node(kernel.node).block.key in POINTWISE
    return operation.sources[0] if pointwise else None


def _makes_anew(plan: Plan, operation: Operation) -> bool:
    kernel = operation.kernel
    return isinstance(kernel, Convolution | Norm | InPlace) or plan.node(kernel.node).block.key in MAKES_ANEW


def _keeps_no_result(plan: Plan, operation: Operation) -> bool:
    """Whether the backward pass of an operation can do without its result, and nothing else shares its memory."""
    kernel = operation.kernel
    return isinstance(kernel, Module) and plan.node(kernel.node).block.key in KEEPS_NO_RESULT
