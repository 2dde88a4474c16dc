"""Inference: the norm behind a convolution becomes part of its weights and its bias.

A norm with running mean m, variance v, scale g and shift b is x -> (x - m) * g / sqrt(v + eps) + b for each channel:
the convolution's weights times g / sqrt(v + eps), and a bias (Ioffe and Szegedy 2015, section 3.1). Any other norm is
one multiply-add, done with the activation behind it.
"""

from __future__ import annotations

from graphs.passes.plan import Branch, Convolution, Module, Norm, Operation, Plan
from graphs.passes.rewriting import merged, rewritten


def fold_norms(plan: Plan) -> Plan:
    """Every convolution with the norm that alone reads it."""
    uses, producers = plan.num_uses(), plan.producers()
    changed: dict[int, Operation | None] = {}
    for place, operation in enumerate(plan.operations):
        if not isinstance(operation.kernel, Module):
            continue
        number = operation.kernel.node
        key = plan.node(number).block.key
        if key == "conv2d":
            changed.setdefault(place, _as_convolution(operation, number))
        elif key == "batch_norm2d":
            (source,) = operation.sources
            before = producers.get(source)
            other = None if before is None else plan.operations[before].kernel
            convolution = other.node if isinstance(other, Module) else None
            if convolution is None or plan.node(convolution).block.key != "conv2d" or uses[source] > 1:
                changed[place] = Operation(Norm(number), operation.nodes, operation.sources, operation.results)
                continue
            assert before is not None
            first = plan.operations[before]
            kernel = Convolution((Branch(convolution, number),))
            changed[before] = Operation(kernel, merged(first, operation), first.sources, operation.results)
            changed[place] = None
    return rewritten(plan, changed)


def _as_convolution(operation: Operation, number: int) -> Operation:
    return Operation(Convolution((Branch(number),)), operation.nodes, operation.sources, operation.results)
