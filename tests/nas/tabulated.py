"""The little space with a key, and a table of all its points."""

from __future__ import annotations

import csv
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import search_spaces
from search_spaces import Space
from tests.nas.fakes import SPACE_TEXT

BODY = "{body}{body.plain.kernel_size}{body.residual.out_channels}{body.residual.kernel_size}"
KEY = f"""\
key:
  of: "{{params.activation}}{{stem.out_channels}}-{BODY}-{{tail.out_channels}}"
  spell: {{relu: 0, silu: 1, plain: p, residual: r}}
"""
SPACE = search_spaces.parse(SPACE_TEXT + KEY, "little.yaml")
SEEN = {1: "val1", 9: "val9"}

Keep = Callable[[int], bool]


def figure(hash: str, what: str) -> float:
    """Some number from 0 to 100 for a network, with three decimals: other networks have others."""
    return int.from_bytes(sha256(f"{hash}{what}".encode()).digest()[:8]) % 100_000 / 1000


def write_space(folder: Path) -> Path:
    path = folder / "little.yaml"
    path.write_text(SPACE_TEXT + KEY)
    return path


def write_table(folder: Path, space: Space = SPACE, keep: Keep = lambda _: True) -> Path:
    """A row for every point of which `keep` says so by its number."""
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch", "val1", "val9", "test", "seconds"])
        for number, point in enumerate(space.points()):
            if keep(number):
                figures = [figure(point.hash, what) for what in ("val1", "val9", "test", "seconds")]
                writer.writerow([*space.key(point.decisions), *figures])
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))
