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


def _print_whole_help(context: typer.Context, asked: bool) -> None:
    if asked:
        for param in context.command.params:
            vars(param)["hidden"] = False
        print(context.get_help())
        raise typer.Exit


HelpAll = Annotated[
    bool,
    typer.Option("--help-all", is_eager=True, callback=_print_whole_help, help="Show the rarer options as well."),
]
