"""A graph written anew: one step a node, names that mean nothing, in any order that reads before it is read."""

from __future__ import annotations

from random import Random

import graphs
from blocks.types import Map
from graphs import Graph


def flattened(graph: Graph, seed: int) -> Graph:
    """The same network as a document without blocks of its own, its steps in a shuffled order."""
    random, first = Random(seed), len(graph.inputs)
    names = dict(enumerate(graph.inputs))
    names |= {first + at: f"n{number}" for at, number in enumerate(random.sample(range(10_000), len(graph.nodes)))}
    written: set[int] = set(range(first))
    left = list(range(first, len(graph.types)))
    steps = []
    while left:
        ready = [v for v in left if written.issuperset(_needs(graph, v))]
        value = random.choice(ready)
        left.remove(value)
        written.add(value)
        steps.append(_step(graph, value, names, random))
    inputs = ", ".join(f"{name}: {_spec(type)}" for name, type in graph.inputs.items())
    outputs = ", ".join(f"{name}: {names[value]}" for name, value in graph.outputs.items())
    net = "\n".join(f"  - {step}" for step in steps)
    return graphs.parse(f"version: 1\nname: flat\ninput: {{{inputs}}}\nnet:\n{net}\noutput: {{{outputs}}}\n")


def _needs(graph: Graph, value: int) -> tuple[int, ...]:
    node = graph.nodes[value - len(graph.inputs)]
    return node.sources if node.shares is None else (*node.sources, node.shares)


def _step(graph: Graph, value: int, names: dict[int, str], random: Random) -> str:
    node = graph.nodes[value - len(graph.inputs)]
    sources = list(node.sources)
    if node.block.commutative:
        random.shuffle(sources)
    read = ", ".join(names[source] for source in sources)
    if node.shares is not None:
        return f"{{name: {names[value]}, from: [{read}], share: {names[node.shares]}}}"
    arguments = ", ".join(f"{name}: {_value(v)}" for name, v in node.block.model_dump().items() if v is not None)
    return f"{{name: {names[value]}, from: [{read}], {node.block.key}: {{{arguments}}}}}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.17f}".rstrip("0") + ("0" if float(value).is_integer() else "")
    return str(list(value) if isinstance(value, tuple) else value)


def _spec(type: object) -> str:
    if isinstance(type, Map):
        return f"{{map: [{type.channels}, {type.height}, {type.width}]}}"
    return f"{{vector: {type.features}}}"  # type: ignore[attr-defined]
