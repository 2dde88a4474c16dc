"""`nas check`: what is wrong with documents, without torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blocks.errors import FixpointError
from graphs import Document, DocumentError, Graph
from graphs.document import Settings as Values
from graphs.loading import load_blocks, variant_names
from graphs.quantities import format_count, format_quantity
from nas.cli.inputs import is_a_file, load_network_or_space, parse_settings
from nas.cli.options import Json, Settings, Variant
from nas.cli.output import error_objects, print_json, print_news
from nas.mistakes import error_text
from nas.study_files import is_study, read_study
from search_spaces import Space

if TYPE_CHECKING:
    from nas.opening import Opening

Place = tuple[str, str, int, str]  # a code, a file with its line, a column and a message


def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Documents, or names of shipped networks.")],
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Check documents: types, shapes, limits and requirements.

    All faults are shown, each with its place and what to do about it. The variants of a document are checked with it;
    of a search space, what holds for all its networks, and that it has a legal one (`nas space lint` finds
    alternatives that no network has); of a file of blocks, each block; of a study, that its images can be read and
    that its space has networks for them within the budget.

    \b
    Examples:
      nas check resnet50
      nas check my_net.yaml other.yaml
      nas check my_net.yaml --set classes=10 --json
    """
    values = parse_settings(settings or [])
    reports: list[dict[str, object]] = []
    errors: list[dict[str, object]] = []
    told: set[tuple[str, Place]] = set()
    for file, chosen in _all_of(files, variant):
        title = file if chosen is None else f"{file} --variant {chosen}"
        try:
            figures, said = _figures(_load(file, values, chosen))
        except FixpointError as error:
            reports.append({"file": file, "variant": chosen, "ok": False})
            new = _untold(error, file, told)
            if new is None:
                continue
            errors += [{**found, "variant": chosen} for found in error_objects(new)]
            if not as_json:
                print(f"{title}:\n{new}" if chosen else error_text(new), file=sys.stderr)
            continue
        reports.append({"file": file, "variant": chosen, "ok": True, **figures})
        if not as_json:
            print(f"{title}: ok, {said}")
    if as_json:
        print_json({"ok": not errors, "errors": errors, "files": reports})
    if errors:
        raise typer.Exit(1)


def _all_of(files: list[str], variant: str | None) -> Iterator[tuple[str, str | None]]:
    """What to check, each with its variant. A name is one network, a file all that it holds."""
    for file in files:
        yield file, variant
        if variant is None and is_a_file(file) and not is_study(Path(file)):
            yield from ((file, name) for name in variant_names(Path(file)))


def _untold(error: FixpointError, file: str, told: set[tuple[str, Place]]) -> FixpointError | None:
    """An error without the faults that were told of this file before, of its other variants; None without any."""
    if not isinstance(error, DocumentError):
        return error
    places = {fault: (file, (fault.code, str(fault.mark), fault.mark.column, fault.message)) for fault in error.faults}
    new = [fault for fault, place in places.items() if place not in told]
    told.update(places.values())
    return DocumentError(new, error.given) if new else None


def _load(file: str, settings: Values, variant: str | None) -> Graph | Space | Document | Opening:
    """What a file holds: a network, a space, blocks alone, or a study. Raises: FixpointError."""
    if is_a_file(file) and is_study(Path(file)):
        return _load_study(file, settings, variant)
    try:
        return load_network_or_space(file, settings, variant)
    except DocumentError as error:
        if variant is not None or settings or all(fault.slug != "missing-key" for fault in error.faults):
            raise
        blocks = load_blocks(Path(file)) if is_a_file(file) else None
        if blocks is None:
            raise
        return blocks


def _load_study(file: str, settings: Values, variant: str | None) -> Opening:
    """A study with what it names. Raises: FixpointError."""
    from nas.opening import open_study, study_in

    if variant is not None:
        raise FixpointError(f"{file} is a study, and has no variants")
    given = {"set": settings} if settings else {}
    read = read_study(file)
    study = study_in(read, given)
    with read.located(given):
        return open_study(study, on_wait=print_news, is_for_a_run=False)


def _figures(found: Graph | Space | Document | Opening) -> tuple[dict[str, object], str]:
    """What is said of a file without a fault: as data, and in words."""
    match found:
        case Graph():
            return _network_figures(found)
        case Document(templates=templates):
            number = f"{len(templates)} block{'s' * (len(templates) != 1)}"
            return {"blocks": list(templates)}, f"{number} for other documents to use: {', '.join(templates)}"
        case Space():
            return _space_figures(found)
        case _:
            return _study_figures(found)


def _network_figures(graph: Graph) -> tuple[dict[str, object], str]:
    costs = graph.costs()
    figures = {"name": graph.name, "hash": graph.hash, "params": costs.params, "macs": costs.macs}
    return figures, f"{costs.params:,} parameters, {format_quantity(costs.macs)} MACs"


def _space_figures(space: Space) -> tuple[dict[str, object], str]:
    space.sample(1)
    size, count = space.size(), len(space.decisions)
    said = f"a space of {format_count(size)} points in {count} decision{'s' * (count != 1)}"
    return {"name": space.name, "size": size, "decisions": count}, said


def _study_figures(opening: Opening) -> tuple[dict[str, object], str]:
    study, space = opening.study, opening.space
    figures: dict[str, object] = {"study": study.as_dict(), "space": space.name, "size": space.size()}
    within = f"{study.budget}" if study.budget else "no budget"
    if opening.answers is not None:
        num_rows, num_answered = len(opening.answers.table), opening.answers.num_answered
        figures |= {"rows": num_rows, "rows_with_values": num_answered, "notes": list(opening.notes)}
        said = f"a study of `{space.name}`, {within}, on {num_answered:,} rows of a table"
        return figures, "\n".join([said, *(f"note: {note}" for note in opening.notes)])
    assert opening.images is not None
    images = opening.images.search
    shape, classes = list(images.image_shape), len(images.classes)
    figures |= {"image": shape, "classes": classes, "notes": list(opening.notes)}
    figures["recipe"] = opening.recipe.model_dump()
    size = "x".join(map(str, shape))
    said = f"a study of `{space.name}`, {within}, on {size} images of {classes} classes"
    return figures, "\n".join([said, f"recipe: {opening.recipe}", *(f"note: {note}" for note in opening.notes)])
