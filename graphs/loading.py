"""Reading a network: text, document, graph, and the checks that need its costs. All faults are raised together."""

from __future__ import annotations

from pathlib import Path

from graphs.document import Document, Settings
from graphs.expansion import check_templates, expand
from graphs.faults import FaultList, Source
from graphs.graph import Graph
from graphs.inputs import check_variants
from graphs.migrations import migrate
from graphs.reading import read_document
from graphs.requirements import Requirement, check_limits, check_requirements, read_requirements
from graphs.smallest import add_empty_map_help
from graphs.templates import read_blocks
from graphs.text import Mapping, parse_tree, read_source, source_of


def load(
    path: str | Path,
    settings: Settings | None = None,
    *,
    variant: str | None = None,
    keep_requirements: bool = True,
) -> Graph:
    """The graph of a file in YAML or JSON, or of one of its variants.

    `settings` overrides the document's `params`. Raises `DocumentError` with all faults; without `keep_requirements`,
    that the network does not keep what the document requires is none.
    """
    faults = FaultList()
    document = _read(read_source(Path(path), faults), faults, holes=False)
    return _checked(document, faults, settings, variant, keep_requirements=keep_requirements)


def parse(text: str, source: str = "<text>", settings: Settings | None = None, *, variant: str | None = None) -> Graph:
    """The graph of a text; `source` is its name in error messages. Raises `DocumentError` with all faults."""
    faults = FaultList()
    return _checked(_read(source_of(text, source, faults), faults, holes=False), faults, settings, variant)


def load_blocks(path: Path) -> Document | None:
    """A file of blocks alone, as a document without a net: each block is checked as far as it can be before anybody
    calls it. None where the file is anything else. Raises `DocumentError`.
    """
    faults = FaultList()
    source = read_source(path, faults)
    tree = parse_tree(source, faults) if source else None
    if source is None or not isinstance(tree, Mapping) or tree.get("blocks") is None:
        return None
    if any(key.text not in ("version", "doc", "use", "blocks") for key, _ in tree):
        return None
    top = migrate(tree, faults)
    assert isinstance(top, Mapping)
    blocks = read_blocks(top, source, faults, holes=False)
    document = Document(source, top.mark, path.stem, (), (), templates=blocks.templates, whole=blocks.whole)
    check_templates(document, faults)
    faults.raise_if_any()
    return document


def variant_names(path: Path) -> tuple[str, ...]:
    """The names of a file's variants, whatever else is wrong with it; none where that can't be said."""
    faults = FaultList()
    source = read_source(path, faults)
    tree = parse_tree(source, faults) if source else None
    variants = tree.get("variants") if isinstance(tree, Mapping) else None
    return tuple(key.text for key, _ in variants) if isinstance(variants, Mapping) else ()


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
    document = document.with_settings(settings or {}, faults)
    graph = expand(document, faults)
    if graph is not None:
        _check_costs(graph, read_requirements(document, faults), faults)
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


def _checked(
    document: Document,
    faults: FaultList,
    settings: Settings | None,
    variant: str | None,
    *,
    keep_requirements: bool = True,
) -> Graph:
    check_variants(document, faults)
    if variant is not None:
        document = document.with_variant(variant, faults)
    document = document.with_settings(settings or {}, faults)
    bounds = read_requirements(document, faults)
    check_templates(document, faults)
    graph = expand(document, faults)
    add_empty_map_help(document, faults)
    if graph is not None:
        _check_costs(graph, bounds if keep_requirements else [], faults)
    faults.raise_if_any()
    assert graph is not None
    return graph


def _check_costs(graph: Graph, bounds: list[Requirement], faults: FaultList) -> None:
    check_limits(graph, faults)
    check_requirements(graph, bounds, faults)
