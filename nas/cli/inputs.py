"""What commands are given: networks by name or file, and settings `name=value`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import search_spaces
from blocks.errors import FixpointError
from graphs import Graph, load
from graphs.document import Settings
from graphs.faults import nearest

NETWORKS = Path(search_spaces.__file__).parent / "networks"


def find_network(name: str) -> Path:
    """The file of a network: a path, or the name of one that ships with the product. A file that is there wins."""
    path = Path(name).expanduser()
    if path.exists() or path.suffix or len(path.parts) != 1:
        return path
    shipped = NETWORKS / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = [file.stem for file in NETWORKS.glob("*.yaml")]
    raise FixpointError(f"there is no file and no shipped network `{name}`", help=nearest(name, names) or "give a path")


def load_network(name: str, settings: Settings | None = None) -> Graph:
    """The graph of a file or a shipped network. Raises: FixpointError."""
    return load(find_network(name), settings)


def parse_settings(texts: Sequence[str]) -> dict[str, bool | int | float | str]:
    """`["width=32", "pool=max"]` as values by name. Raises: FixpointError."""
    settings: dict[str, bool | int | float | str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise FixpointError(f"`{text}` sets nothing", help="as in --set classes=10")
        settings[name.strip()] = _scalar(value.strip())
    return settings


def _scalar(text: str) -> bool | int | float | str:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
