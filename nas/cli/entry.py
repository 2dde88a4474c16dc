"""The application `nas`, and what becomes of errors."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Annotated

import typer
from typer.main import get_command

from blocks.errors import FixpointError
from nas.cli.commands import COMMANDS
from nas.cli.output import FAULT, error_object, error_objects, print_json
from nas.cli.start import INTERRUPTED
from nas.mistakes import error_text


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"nas {version('fixpoint-nas')}")
        raise typer.Exit


def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Write convolutional networks as typed graphs, search for the best one under a budget, ship it as plain PyTorch.

    A FILE is a YAML document or the name of a shipped network, such as resnet50.

    \b
    Start here:
      nas show resnet50
      nas search --space small --data digits --max-params 4k --max-macs 400k
    """


def application(names: Iterable[str]) -> typer.Typer:
    """The application with these commands."""
    app = typer.Typer(
        name="nas",
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(about)
    for name in names:
        COMMANDS[name](app)
    return app


def run(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    as_json = "--json" in arguments
    asked = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    try:
        command = get_command(application(asked))
        outcome = command.main(args=arguments or ["--help"], prog_name="nas", standalone_mode=False)
        sys.stdout.flush()
    except FixpointError as error:
        if as_json:
            print_json({"ok": False, "errors": error_objects(error)})
        else:
            print(error_text(error), file=sys.stderr)
        return FAULT
    except typer.TyperException as error:
        return _refuse_usage(error, as_json, " ".join(("nas", *(asked if asked is not COMMANDS else ()))))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return FAULT
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _confess(error, as_json)
        _silence_stdout()
        print("error: the output can't be written: no space is left", file=sys.stderr)
        return FAULT
    except Exception as error:  # noqa: BLE001  the last stand before the user: any bug ends in one line
        return _confess(error, as_json)
    return outcome if isinstance(outcome, int) else 0


def _refuse_usage(error: typer.TyperException, as_json: bool, command: str) -> int:
    """The mistake, and where help is: at the command that it was made in, if that is known."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else command
    message = error.format_message()
    if as_json:
        print_json({"ok": False, "errors": [error_object(message, f"{command} --help", kind="usage")]})
    else:
        print(f"error: {message}\n  help: {command} --help", file=sys.stderr)
    return error.exit_code


def _confess(error: Exception, as_json: bool) -> int:
    """One line for a bug of ours."""
    text = " ".join(str(error).split())
    message = f"this should not have happened: {type(error).__name__}: {text[:300]}"
    if os.environ.get("NAS_TRACEBACK"):
        traceback.print_exception(error)
    if as_json:
        print_json({"ok": False, "errors": [error_object(message, "NAS_TRACEBACK=1 shows where", kind="internal")]})
    else:
        print(f"error: {message}\n  help: NAS_TRACEBACK=1 shows where", file=sys.stderr)
    return FAULT


def _silence_stdout() -> None:
    """Nobody reads on; keep the interpreter from flushing into the closed pipe when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
