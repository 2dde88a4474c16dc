"""A network by address, to a depth: one row a node, and one for all nodes below an address where it is deeper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from blocks.types import Type
from graphs import Graph
from graphs.document import Action, Call, Parallel, Sequential, Step, Template
from graphs.faults import FaultList
from graphs.library import composites
from graphs.ordering import step_names


@dataclass(frozen=True, slots=True)
class Row:
    """The nodes at or below `address`. `block` is what the document calls there; `type` is that of the last node."""

    address: str
    block: str
    type: Type
    num_nodes: int
    params: int
    macs: int
    output_bytes: int


def outline(graph: Graph, depth: int | None = None) -> list[Row]:
    """The rows of a graph in its order, addresses of at most `depth` parts; every node on its own where it is None."""
    templates = {**composites(), **graph.document.templates}
    rows = []
    for address, group in groupby(graph.costs().nodes, key=lambda node: _head(node.address, depth)):
        nodes = list(group)
        block = _caller(address, graph.document.body, templates) if len(nodes) > 1 else nodes[0].block
        copies = {node.address.removeprefix(f"{address}.").split(".")[0] for node in nodes}
        if len(copies) > 1 and all(copy.isdecimal() for copy in copies):
            block = f"{len(copies)} x {block}"
        params, macs = sum(node.params for node in nodes), sum(node.macs for node in nodes)
        output_bytes = sum(node.output_bytes for node in nodes)
        rows.append(Row(address, block, nodes[-1].type, len(nodes), params, macs, output_bytes))
    return rows


def _head(address: str, depth: int | None) -> str:
    return address if depth is None else ".".join(address.split(".")[:depth])


def _caller(address: str, body: tuple[Step, ...], templates: dict[str, Template]) -> str:
    """What the document calls at an address, such as `residual_basic`; empty where that can't be told."""
    parts = address.split(".")
    key = ""
    while parts:
        name, *parts = parts
        names = step_names(body, FaultList(), taken=())
        step = next((step for step, other in zip(body, names, strict=True) if other == name), None)
        if step is None:
            return ""
        key = step.action.key.text
        if step.repeat is not None:
            parts = parts[1:]
        if isinstance(step.action, Parallel) and parts:
            key, *parts = parts
            body = dict(_branches(step.action)).get(key, ())
        else:
            body = _body(step.action, templates)
    return key


def _body(action: Action, templates: dict[str, Template]) -> tuple[Step, ...]:
    match action:
        case Sequential(body=body):
            return body
        case Call(key=key) if key.text in templates:
            return templates[key.text].body
        case _:
            return ()


def _branches(action: Parallel) -> Iterator[tuple[str, tuple[Step, ...]]]:
    for name, body in action.branches:
        yield name.text, body
