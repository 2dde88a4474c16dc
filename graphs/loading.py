"""Reading a network: text, document, graph, and the checks that need its costs. All faults are raised together."""

from __future__ import annotations

import re
from pathlib import Path

from blocks.errors import BudgetError
from blocks.types import Map
from graphs.budget import METRICS
from graphs.document import Document, Settings
from graphs.expansion import MAX_CHANNELS, check_templates, expand
from graphs.faults import FaultList, Source, nearest, one_of
from graphs.graph import Graph
from graphs.inputs import document_scope, input_types
from graphs.quantities import format_quantity, parse_quantity
from graphs.reading import read_document
from graphs.text import parse_tree, read_source, source_of

MAX_PARAMS = 2**40
MAX_MACS = 2**50

_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*(.+?)\s*")


def load(path: str | Path, settings: Settings | None = None) -> Graph:
    """The graph of a file in YAML or JSON.

    `settings` overrides the document's `params`. Raises `DocumentError` with all faults.
    """
    faults = FaultList()
    return _checked(_read(read_source(Path(path), faults), faults, holes=False), faults, settings)


def parse(text: str, source: str = "<text>", settings: Settings | None = None) -> Graph:
    """The graph of a text; `source` is its name in error messages. Raises `DocumentError` with all faults."""
    faults = FaultList()
    return _checked(_read(source_of(text, source, faults), faults, holes=False), faults, settings)


def load_document(path: Path, *, holes: bool) -> Document:
    """The document of a file, its templates not expanded. Raises `DocumentError`."""
    faults = FaultList()
    document = _read(read_source(path, faults), faults, holes=holes)
    faults.raise_if_any()
    return document


def parse_document(text: str, source: str = "<text>", *, holes: bool) -> Document:
    """The document of a text, its templates not expanded. Raises `DocumentError`."""
    faults = FaultList()
    document = _read(source_of(text, source, faults), faults, holes=holes)
    faults.raise_if_any()
    return document


def graph_of(document: Document, settings: Settings | None = None) -> Graph:
    """The graph of a document without holes that was read before: a point of a space. Raises `DocumentError`."""
    faults = FaultList()
    graph = _graph(document.with_settings(settings or {}, faults), faults)
    faults.raise_if_any()
    assert graph is not None
    return graph


def _read(source: Source | None, faults: FaultList, *, holes: bool) -> Document:
    tree = parse_tree(source, faults) if source else None
    document = read_document(tree, source, faults, holes=holes) if source and tree else None
    if document is None:
        faults.raise_if_any()
    assert document is not None
    return document


def _checked(document: Document, faults: FaultList, settings: Settings | None) -> Graph:
    document = document.with_settings(settings or {}, faults)
    graph = _graph(document, faults)
    check_templates(document, faults)
    _say_smallest_input(document, faults)
    faults.raise_if_any()
    assert graph is not None
    return graph


def _graph(document: Document, faults: FaultList) -> Graph | None:
    graph = expand(document, faults)
    if graph is not None:
        _check_limits(graph, faults)
        _check_requirements(graph, faults)
    return graph


def _say_smallest_input(document: Document, faults: FaultList) -> None:
    """Tell, where a map came out empty, by how much the input is too small."""
    empty = [index for index, fault in enumerate(faults.faults) if fault.slug == "empty-map"]
    if not empty:
        return

    def fits(extra: int) -> bool:
        attempt = FaultList()
        expand(document, attempt, extra)
        return not any(fault.slug in ("empty-map", "limit") for fault in attempt.faults)

    high = 1
    while high < MAX_CHANNELS and not fits(high):
        high *= 2
    if high >= MAX_CHANNELS:
        return
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    types = input_types(document, document_scope(document, FaultList()), FaultList(), high)
    maps = [type for type in types if isinstance(type, Map)]
    sizes = ", ".join(f"{type.height} x {type.width}" for type in maps)
    for index in empty:
        faults.annotate(index, help=f"the smallest legal input is {sizes}")


def _check_limits(graph: Graph, faults: FaultList) -> None:
    costs = graph.costs()
    for what, value, most in (("parameters", costs.params, MAX_PARAMS), ("MACs", costs.macs, MAX_MACS)):
        if value > most:
            faults.add("limit", f"{value:,} {what}; at most {most:,} are taken", graph.document.mark)


def _check_requirements(graph: Graph, faults: FaultList) -> None:
    costs = graph.costs()
    for name, bound in graph.document.requirements:
        metric = name.text
        if metric not in METRICS:
            faults.add(
                "unknown-key",
                f"there is no figure `{metric}`",
                name.mark,
                help=nearest(metric, METRICS) or f"there is {one_of(METRICS)}",
            )
            continue
        match = _BOUND.fullmatch(bound.text)
        try:
            limit = parse_quantity(match[2]) if match else None
        except BudgetError:
            limit = None
        if match is None or limit is None:
            faults.add("bad-value", f"`{bound.text}` is no bound", bound.mark, help='as in "< 5M" or ">= 200k"')
            continue
        value = getattr(costs, metric)
        kept = {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[match[1]]
        if not kept:
            faults.add(
                "requirement",
                f"{metric} is {value:,}, required is {bound.text}",
                bound.mark,
                notes=_largest(graph, metric),
            )


def _largest(graph: Graph, metric: str) -> tuple[str, ...]:
    """The three nodes that cost most of what a requirement is about."""
    figure = {"params": "params", "macs": "macs", "flops": "macs"}.get(metric, "output_bytes")
    total = sum(getattr(node, figure) for node in graph.costs().nodes) or 1
    ranked = sorted(graph.costs().nodes, key=lambda node: -getattr(node, figure))[:3]
    return tuple(
        f"{node.address} has {format_quantity(getattr(node, figure))} of them, {getattr(node, figure) / total:.0%}"
        for node in ranked
        if getattr(node, figure)
    )
