"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

DEPTH = 2

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else there.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the document; repeatable.")
]
Variant = Annotated[
    str | None, typer.Option("--variant", metavar="NAME", help="One of the document's variants in place of it.")
]
