"""`nas draw`: a network as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blocks.errors import FixpointError
from nas.cli.inputs import load_network_only, parse_settings
from nas.cli.options import Json, Settings, Variant
from nas.cli.output import print_json

STDOUT = "-"

if TYPE_CHECKING:
    from graphs.drawing import Format


class DrawingError(FixpointError):
    """A picture that can't be written where it should be."""


def draw(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A document, or the name of a shipped network.")],
    to: Annotated[
        str,
        typer.Option("-o", "--to", metavar="PICTURE", help="Where to: *.svg, *.html, *.mmd or *.dot; - for stdout."),
    ],
    format: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="svg, html, mmd or dot, whatever the name ends in.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", min=0, metavar="N", help="Open blocks inside blocks; 0 for every node.")
    ] = None,
    fold: Annotated[
        bool | None, typer.Option("--fold/--no-fold", help="Draw equal repetitions once; else in large pictures alone.")
    ] = None,
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Draw a network: blocks, shapes, and where its MACs are.

    Without --depth the level of detail is chosen so that one can read it. A page of HTML opens every block. A picture
    that stands there is replaced.

    \b
    Examples:
      nas draw resnet50 -o resnet50.svg
      nas draw googlenet -o googlenet.html
      nas draw my_net.yaml --depth 2 -o my_net.svg
      nas draw resnet50 --format mmd -o -
    """
    from graphs.drawing import draw as draw_graph  # not at the start of every other command

    chosen = _format(to, format)
    if as_json and to == STDOUT:
        raise typer.BadParameter("stdout is taken by the picture", param_hint="--json")
    if Path(to).exists() and Path(file).exists() and Path(to).samefile(file):
        raise typer.BadParameter(f"`{to}` is the document itself", param_hint="-o")
    graph = load_network_only(file, parse_settings(settings or []), variant)
    text = draw_graph(graph, chosen, depth=depth, fold=fold)
    if to == STDOUT:
        print(text, end="")
        return
    write_picture(Path(to), text)
    if as_json:
        print_json({"ok": True, "name": graph.name, "hash": graph.hash, "file": to, "format": chosen})
    else:
        print(f"{to}: {graph.name}, {len(text.encode()):,} bytes of {chosen}")


def _format(to: str, format: str | None) -> Format:
    """The format of that name, or that the name of the file ends in. Raises: typer.BadParameter."""
    from graphs.drawing import FORMATS

    names = ", ".join(FORMATS[:-1]) + f" or {FORMATS[-1]}"
    if format is None and to == STDOUT:
        raise typer.BadParameter(f"say which format stdout gets: {names}", param_hint="--format")
    asked = (format or Path(to).suffix).removeprefix(".").lower()
    for known in FORMATS:
        if asked == known:
            return known
    if format is not None:
        raise typer.BadParameter(f"there is no format `{format}`: {names}", param_hint="--format")
    raise typer.BadParameter(f"`{to}` does not end in a format: {names}", param_hint="-o")


def write_picture(path: Path, text: str) -> None:
    """Write a picture. Raises: DrawingError."""
    try:
        path.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        help = f"make the folder first: mkdir -p {path.parent}" if not path.parent.exists() else ""
        raise DrawingError(f"`{path}` can't be written: {error.strerror}", help=help) from None
