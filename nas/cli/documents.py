"""A network or a space as its document, to be copied and edited: `--as yaml`."""

from __future__ import annotations

from typing import Annotated

import typer

from graphs import Graph
from nas.cli.output import print_json
from search_spaces import Space, find

YAML = "yaml"

As = Annotated[
    str | None, typer.Option("--as", metavar=YAML, help="Print its document, to write to a file of your own and edit.")
]


def refuse_other(given: str | None) -> None:
    """Raises typer.BadParameter for anything but `YAML`."""
    if given not in (None, YAML):
        raise typer.BadParameter(f"there is no `{given}` to show it as; there is {YAML}", param_hint="--as")


def print_document(found: Graph | Space, name: str, *, is_changed: bool, as_json: bool) -> None:
    """The document on stdout. A shipped space of which nothing `is_changed` is shown as it was written."""
    text = found.text()
    if isinstance(found, Space) and not is_changed and (written := find(name, "space")).family is not None:
        text = written.path.read_text("utf-8")
    if as_json:
        print_json({"name": found.name, "document": text})
    else:
        print(text, end="")
