"""The commands by name. The file of a command, and all that it needs, is imported when the command is asked for."""

from __future__ import annotations

from collections.abc import Callable

import typer


def _check(app: typer.Typer) -> None:
    from nas.cli.checking import check

    app.command()(check)


def _show(app: typer.Typer) -> None:
    from nas.cli.networks import show

    app.command()(show)


def _diff(app: typer.Typer) -> None:
    from nas.cli.difference import diff

    app.command()(diff)


def _draw(app: typer.Typer) -> None:
    from nas.cli.drawing import draw

    app.command()(draw)


def _search(app: typer.Typer) -> None:
    from nas.cli.runs import search

    app.command()(search)


def _resume(app: typer.Typer) -> None:
    from nas.cli.runs import resume

    app.command()(resume)


def _status(app: typer.Typer) -> None:
    from nas.cli.runs import status

    app.command()(status)


def _export(app: typer.Typer) -> None:
    from nas.cli.exports import export

    app.command()(export)


def _schema(app: typer.Typer) -> None:
    from nas.cli.schema import schema

    app.command()(schema)


def _zoo(app: typer.Typer) -> None:
    from nas.cli.zoo import zoo

    app.add_typer(zoo)


def _space(app: typer.Typer) -> None:
    from nas.cli.kinship import space

    app.add_typer(space)


# In the order of `nas --help`.
COMMANDS: dict[str, Callable[[typer.Typer], None]] = {
    "check": _check,
    "show": _show,
    "diff": _diff,
    "draw": _draw,
    "search": _search,
    "resume": _resume,
    "status": _status,
    "export": _export,
    "schema": _schema,
    "zoo": _zoo,
    "space": _space,
}
