"""Operations put into one another's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphs.passes.plan import Operation, Plan


def rewritten(plan: Plan, replacements: Mapping[int, Operation | None]) -> Plan:
    """The plan with other operations at these places, or none."""
    operations = (replacements.get(place, operation) for place, operation in enumerate(plan.operations))
    return replace(plan, operations=tuple(operation for operation in operations if operation is not None))


def renamed(plan: Plan, names: Mapping[int, int]) -> Plan:
    """The plan with other values read in place of these."""

    def name(value: int) -> int:
        while value in names:
            value = names[value]
        return value

    operations = (
        replace(operation, sources=tuple(name(value) for value in operation.sources)) for operation in plan.operations
    )
    return replace(plan, operations=tuple(operations), outputs={key: name(v) for key, v in plan.outputs.items()})


def merged(first: Operation, second: Operation) -> tuple[int, ...]:
    """The nodes of two operations that become one."""
    return tuple(sorted((*first.nodes, *second.nodes)))
