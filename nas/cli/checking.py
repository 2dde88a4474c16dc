"""`nas check`: what is wrong with documents, without torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from blocks.errors import FixpointError
from graphs import Document, DocumentError, Graph
from graphs.document import Settings as Values
from graphs.loading import load_blocks
from graphs.quantities import format_quantity
from nas.cli.inputs import load_network_or_space, parse_settings
from nas.cli.networks import Json, Settings, Variant
from nas.cli.output import error_objects, print_json
from search_spaces import Space


def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Documents, or names of shipped networks.")],
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Check documents: types, shapes, limits and requirements.

    All faults are shown, each with its place and what to do about it. The variants of a document are checked with it;
    of a search space, what holds for all its networks, and that it has a legal one; of a file of blocks, each block.

    \b
    Examples:
      nas check resnet50
      nas check my_net.yaml other.yaml
      nas check my_net.yaml --set classes=10 --json
    """
    values = parse_settings(settings or [])
    reports: list[dict[str, object]] = []
    errors: list[dict[str, object]] = []
    todo = [(file, variant) for file in reversed(files)]
    while todo:
        file, chosen = todo.pop()
        title = file if chosen is None else f"{file} --variant {chosen}"
        try:
            found = _load(file, values, chosen)
            figures, said = _figures(found)
        except FixpointError as error:
            reports.append({"file": file, "variant": chosen, "ok": False})
            errors += [{**found, "variant": chosen} for found in error_objects(error)]
            if not as_json:
                print(f"{title}:\n{error}" if chosen else error, file=sys.stderr)
            continue
        if chosen is None and Path(file).is_file():  # a name is one network, a file all that it holds
            todo += [(file, name.text) for name, _ in reversed(_document(found).variants)]
        reports.append({"file": file, "variant": chosen, "ok": True, **figures})
        if not as_json:
            print(f"{title}: ok, {said}")
    if as_json:
        print_json({"ok": not errors, "errors": errors, "files": reports})
    if errors:
        raise typer.Exit(1)


def _load(file: str, settings: Values, variant: str | None) -> Graph | Space | Document:
    """What a file holds: a network, a space, or blocks alone. Raises: FixpointError."""
    try:
        return load_network_or_space(file, settings, variant)
    except DocumentError as error:
        if variant is not None or settings or all(fault.slug != "missing-key" for fault in error.faults):
            raise
        blocks = load_blocks(Path(file)) if Path(file).is_file() else None
        if blocks is None:
            raise
        return blocks


def _document(found: Graph | Space | Document) -> Document:
    return found if isinstance(found, Document) else found.document


def _figures(found: Graph | Space | Document) -> tuple[dict[str, object], str]:
    """What is said of a file without a fault: as data, and in words."""
    match found:
        case Graph():
            return _network_figures(found)
        case Document(templates=templates):
            number = f"{len(templates)} block{'s' * (len(templates) != 1)}"
            return {"blocks": list(templates)}, f"{number} for other documents to use: {', '.join(templates)}"
        case Space():
            return _space_figures(found)


def _network_figures(graph: Graph) -> tuple[dict[str, object], str]:
    costs = graph.costs()
    figures = {"name": graph.name, "hash": graph.hash, "params": costs.params, "macs": costs.macs}
    return figures, f"{costs.params:,} parameters, {format_quantity(costs.macs)} MACs"


def _space_figures(space: Space) -> tuple[dict[str, object], str]:
    space.sample(1)
    size, count = space.size(), len(space.decisions)
    return {"name": space.name, "size": size, "decisions": count}, f"a space of {size:,} points in {count} decisions"
