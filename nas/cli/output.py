"""What commands write: JSON, tables, sizes. Plain text; a table is cut to the width of a terminal, never wrapped."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from blocks.errors import FixpointError
from graphs import DocumentError
from nas.mistakes import Mistakes

LEAST_WIDTH = 8

FAULT = 1  # exit code; 2 is typer's, for usage


def print_json(data: Mapping[str, Any]) -> None:
    """One object on stdout."""
    print(json.dumps(data, indent=2, allow_nan=False))


def print_news(text: str) -> None:
    """What is going on, on stderr; stdout is for answers."""
    print(text, file=sys.stderr, flush=True)


def error_objects(error: FixpointError) -> list[dict[str, object]]:
    """The faults of an error with the keys that `--json` promises; what stands in no file has no place."""
    if isinstance(error, Mistakes):
        return [found for one in error.errors for found in error_objects(one)]
    if isinstance(error, DocumentError):
        return [fault.as_dict() for fault in error.faults]
    return [error_object(error.message, error.help, kind=type(error).__name__)]


def error_object(message: str, help: str = "", *, kind: str) -> dict[str, object]:
    """An error without a place: `code` is the name of its class."""
    place = {"file": None, "line": None, "column": None}
    return {"code": kind, **place, "message": message, "help": help, "address": ""}


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], align: str, *, width: int | None = None, whole: int = 0
) -> list[str]:
    """Lines of aligned columns, a rule below the header. `align` has `<` or `>` for each column.

    Where the lines are wider than `width`, the widest left-aligned columns are cut, each cell with an ellipsis; the
    first `whole` columns never are.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width:
        cut = range(whole, len(align))
        wide = [index for index in cut if align[index] == "<" and widths[index] > LEAST_WIDTH]
        if not wide:
            break
        widths[max(wide, key=lambda index: widths[index])] -= 1

    def line(cells: Sequence[str]) -> str:
        cut = [_cut(cell, size) for cell, size in zip(cells, widths, strict=True)]
        return "  ".join(f"{c:{side}{size}}" for c, side, size in zip(cut, align, widths, strict=True)).rstrip()

    return [line(header), "  ".join("-" * size for size in widths), *map(line, rows)]


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None where it is a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def format_bytes(value: int) -> str:
    """1024 bytes are 1.00 KiB."""
    if value < 1024:
        return f"{value} bytes"
    size, unit = value / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.2f} {unit}"


def format_seconds(value: float) -> str:
    """4.2 s, 3:07 min, 2:05 h."""
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes}:{seconds:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"


def format_share(part: int, whole: int) -> str:
    """A part of a whole in percent; nothing for nothing."""
    return "" if not part or not whole else "<1%" if 100 * part < whole else f"{part / whole:.0%}"


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else cell[: size - 1] + "…"
