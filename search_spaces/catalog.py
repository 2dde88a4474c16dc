"""The networks and spaces that ship with the product, found by name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from blocks.errors import FixpointError
from graphs.faults import nearest

FOLDER = Path(__file__).parent

Kind = Literal["network", "space"]


class NotFoundError(FixpointError):
    """Neither a file nor the name of a shipped network or space."""


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all shipped networks or spaces."""
    return tuple(sorted(path.stem for path in (FOLDER / f"{kind}s").glob("*.yaml")))


def find(name_or_path: str | Path, kind: Kind) -> Path:
    """The file of a shipped network or space, or the path of a user's own; an existing file wins over a name.

    Raises `NotFoundError` with the nearest name.
    """
    path = Path(name_or_path)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError) as error:  # a name that is too long, or has a null byte
        why = getattr(error, "strerror", None) or str(error)
        raise NotFoundError(f"`{str(name_or_path)[:40]}...` is no file: {why}") from None
    known = names(kind)
    if str(name_or_path) in known:
        return FOLDER / f"{kind}s" / f"{name_or_path}.yaml"
    if path.is_dir():
        raise NotFoundError(f"`{name_or_path}` is a folder, not a {kind}")
    if path.suffix in (".yaml", ".yml", ".json") or len(path.parts) > 1:
        raise NotFoundError(f"there is no file `{name_or_path}`", help=f"{kind}s that ship: {', '.join(known)}")
    help = nearest(str(name_or_path), known) or f"there is {', '.join(known)}, or a path to a file"
    raise NotFoundError(f"there is no {kind} `{name_or_path}`", help=help)
