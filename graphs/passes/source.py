"""The forward pass as Python source: one statement an operation, every value freed at its last use.

`o` are the callables of the operations in order, `x3` is the value of number 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blocks.types import Map
from graphs.graph import Graph
from graphs.passes.plan import Plan, plain_plan

MOST_SHOWN = 100


def training_source(graph: Graph, plan: Plan, *, channels_last: bool) -> str:
    """The forward pass of a network that is trained by this plan, and evaluated node by node.

    `self._training` are the callables of the plan, `self._operations` those of all nodes of the graph in training.
    """
    plain = plain_plan(graph.as_shipped)
    places = {node.address: index for index, node in enumerate(plan.graph.nodes)}
    rows = [_head("forward", "self", graph)]
    if plan.operations != plain.operations:
        rows += ["    if self.training:", "        o = self._training"]
        rows += [
            f"        {row}" for row in _statements(plan, range(len(plan.operations)), channels_last=channels_last)
        ]
    numbers = [places[node.address] for node in graph.nodes]
    rows += [
        "    o = self._operations",
        *(f"    {row}" for row in _statements(plain, numbers, channels_last=channels_last)),
    ]
    return "\n".join(rows) + "\n"


def inference_source(graph: Graph, plan: Plan, *, channels_last: bool) -> str:
    """The forward pass of a network that only runs."""
    statements = _statements(plan, range(len(plan.operations)), channels_last=channels_last)
    return "\n".join((_head("run", "o", graph), *(f"    {row}" for row in statements))) + "\n"


def _head(name: str, first: str, graph: Graph) -> str:
    return f"def {name}({', '.join((first, *(f'x{index}' for index in range(len(graph.inputs)))))}):"


def _statements(plan: Plan, numbers: Sequence[int], *, channels_last: bool) -> Iterator[str]:
    """The statements of a plan, its operations called by these numbers; the last returns."""
    last = plan.last_uses()
    for index, type in enumerate(plan.graph.inputs.values()):
        if channels_last and isinstance(type, Map) and index in last:
            yield f"x{index} = x{index}.contiguous(memory_format=channels_last)"
    for place, operation in enumerate(plan.operations):
        arguments = ", ".join(f"x{source}" for source in operation.sources)
        results = ", ".join(f"x{result}" for result in operation.results)
        addresses = " + ".join(plan.node(node).address for node in operation.nodes)
        shown = addresses if len(addresses) <= MOST_SHOWN else f"{addresses[:MOST_SHOWN]}..."
        yield f"{results} = o[{numbers[place]}]({arguments})  # {shown}"
        dead = [f"x{source}" for source in dict.fromkeys(operation.sources) if last[source] == place]
        if dead:
            yield f"del {', '.join(dead)}"
    outputs = {name: f"x{value}" for name, value in plan.outputs.items()}
    if len(outputs) == 1:
        yield f"return {next(iter(outputs.values()))}"
    else:
        yield "return {" + ", ".join(f"{name!r}: {value}" for name, value in outputs.items()) + "}"
