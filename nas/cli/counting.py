"""What other tools count, as `nas show --as TOOL` shows it."""

from __future__ import annotations

from textwrap import wrap
from typing import Annotated

import typer

from graphs.conventions import CONVENTIONS, Convention, Counted, convention
from graphs.faults import nearest
from graphs.quantities import format_quantity

TOOLS = tuple(convention.name for convention in CONVENTIONS)

CountAs = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="TOOL",
        help=f"Count operations as another tool does: {', '.join(TOOLS)}; or yaml: its document.",
    ),
]


def parse_convention(name: str) -> Convention:
    """The convention of a tool. Raises: typer.BadParameter, with the nearest name."""
    found = convention(name)
    if found is None:
        hint = nearest(name, TOOLS) or f"there is {', '.join(TOOLS)}, and yaml for the document"
        raise typer.BadParameter(f"there is no tool `{name}` to count as; {hint}", param_hint="--as")
    return found


def column(counted: Counted) -> str:
    """The title of its column."""
    return f"{counted.convention.name} {counted.convention.figure}"


def counted_lines(counted: Counted, width: int) -> list[str]:
    """The total, and what the tool adds up."""
    known = counted.convention
    total = f"{known.figure} {counted.total:,} ({format_quantity(counted.total)}), as {known.tool} counts: {known.note}"
    first, rest = "counted          ", " " * len("counted          ")
    return wrap(total, max(width, 40), initial_indent=first, subsequent_indent=rest)


def counted_object(counted: Counted) -> dict[str, object]:
    """The same for `--json`; `nodes` has a number for each of the network's nodes, in their order."""
    known = counted.convention
    figures = {"total": counted.total, "note": known.note, "nodes": list(counted.nodes)}
    return {"counted_as": {"tool": known.name, "version": known.tool, "figure": known.figure, **figures}}
