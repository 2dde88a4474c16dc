"""Inference: dropout gives what it takes, and is left out."""

from __future__ import annotations

from graphs.passes.plan import Module, Plan
from graphs.passes.rewriting import renamed, rewritten


def leave_out_dropout(plan: Plan) -> Plan:
    """Without dropout; who reads it reads what it reads."""
    gone: dict[int, None] = {}
    names: dict[int, int] = {}
    for place, operation in enumerate(plan.operations):
        if isinstance(operation.kernel, Module) and plan.node(operation.kernel.node).block.key == "dropout":
            gone[place] = None
            names[operation.results[0]] = operation.sources[0]
    return renamed(rewritten(plan, gone), names)
