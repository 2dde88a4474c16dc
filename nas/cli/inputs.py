"""What commands are given: networks by name or file, and settings `name=value`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

import search_spaces
from blocks.errors import FixpointError
from graphs import DocumentError, Graph
from graphs.document import Settings
from nas.manifest import ARCHITECTURE, BUNDLE
from search_spaces import NotFoundError, Space


def load_network_or_space(name: str, settings: Settings | None = None, variant: str | None = None) -> Graph | Space:
    """The network of a file or a name; a document with holes, or the name of a shipped space, is a space.

    Raises: FixpointError.
    """
    with telling_kinds(name):
        if name in search_spaces.names("space") and not Path(name).exists():
            return search_spaces.load(name, settings, variant=variant)
        try:
            return search_spaces.load_network(name, settings, variant=variant)
        except DocumentError as error:
            if not any(fault.slug == "hole" for fault in error.faults):
                raise
        space = search_spaces.load(name, settings, variant=variant)
        return space if space.decisions else space.materialize({})  # a variant may leave nothing open


@contextmanager
def telling_kinds(name: str) -> Iterator[None]:
    """Inside, a study in place of a document is told as one, and of the folder of a run or a bundle its document."""
    try:
        yield
    except (DocumentError, NotFoundError):
        from nas.study_files import is_study

        path = Path(name)
        if is_a_file(name) and is_study(path):
            help = f"`nas check {name}` checks it, `nas search {name}` searches"
            raise FixpointError(f"{name} is a study, not a network or a space", help=help) from None
        for document in (path / ARCHITECTURE, path / BUNDLE / ARCHITECTURE):
            if is_a_file(str(document)):
                raise FixpointError(f"{name} is a folder", help=f"did you mean `{document}`?") from None
        raise


def is_a_file(name: str) -> bool:
    """Whether a file is called that; a name that is too long, or has a null byte, is that of none."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def load_network_only(name: str, settings: Settings | None = None, variant: str | None = None) -> Graph:
    """As `load_network_or_space`, for commands that take a network alone. Raises: FixpointError, for a space too."""
    found = load_network_or_space(name, settings, variant)
    if isinstance(found, Space):
        help = f"`nas space show {name}` says what is open in it, `nas search --space {name}` searches it"
        raise FixpointError(f"{name} is a search space, not a network", help=help)
    return found


def parse_settings(texts: Sequence[str]) -> dict[str, bool | int | float | str]:
    """`["width=32", "pool=max"]` as values by name. Raises: typer.BadParameter."""
    settings: dict[str, bool | int | float | str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise typer.BadParameter(f"`{text}` sets nothing; as in --set classes=10", param_hint="--set")
        settings[name.strip()] = scalar(value.strip())
    return settings


def scalar(text: str) -> bool | int | float | str:
    """A number, true, false or a word, as a document would have it."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
