"""Tables of results as CSV: the columns by their names, the rows by their keys. Free of torch, and knows no space.

The first line names the columns. Keys are texts, so that leading zeros stay; an empty cell is no value. A file that
ends in `.gz` is unpacked, one in `.tsv` has tabs in place of commas.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from graphs.faults import nearest, one_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_BYTES = 2**30
MOST_SHOWN = 10  # faults that are told

Row = int
Key = tuple[str, ...]


class TableError(FixpointError):
    """A table that can't be read, or that doesn't have what is asked of it.

    `path` leads to the key of a study that asked, as in ("table", "seen", "9").
    """

    path: tuple[str, ...] = ("table",)


CORRECT = "correct the cell, or leave it empty where there is no value"


@dataclass(frozen=True, order=True)
class LineFault:
    """What is wrong in a line of a table; `help` is what to do, each thing a text of its own."""

    line: int
    message: str
    help: tuple[str, ...]


def refuse(source: str, faults: Collection[LineFault]) -> None:
    """Raises TableError where there are faults, with the first of them by their lines, and every help once."""
    if not faults:
        return
    ordered = sorted(faults)
    help = "; ".join(dict.fromkeys(part for fault in ordered for part in fault.help))
    if len(ordered) == 1:
        raise TableError(f"{source}:{ordered[0].line}: {ordered[0].message}", help=help)
    shown = [f"line {fault.line}: {fault.message}" for fault in ordered[:MOST_SHOWN]]
    shown += [f"and {len(ordered) - MOST_SHOWN} more"] * (len(ordered) > MOST_SHOWN)
    raise TableError(f"{source} has {len(ordered):,} faults:" + "".join(f"\n  {one}" for one in shown), help=help)


@dataclass(frozen=True, eq=False)
class Table:
    """The cells of a file, column by column. `fingerprint` is that of its bytes; `lines` are the rows' in the file."""

    source: str
    fingerprint: str
    cells: Mapping[str, Sequence[str]]
    lines: Sequence[int]

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> Sequence[str]:
        """The texts of a column. Raises: TableError, with the nearest name."""
        if name not in self.cells:
            help = nearest(name, self.cells) or f"it has {one_of(self.cells)}"
            if any(map(_is_number, self.cells)):
                help += "; is the first line a header? It names the columns"
            raise TableError(f"{self.source} has no column `{name}`", help=help)
        return self.cells[name]

    def numbers(self, name: str, faults: list[LineFault]) -> NDArray[np.float64]:
        """The numbers of a column, NaN where a cell is empty; what is no number goes to the `faults`.

        Raises: TableError where there is no such column.
        """
        import numpy as np

        texts = self.column(name)
        found = np.full(len(texts), np.nan)
        for row, text in enumerate(texts):
            if not text:
                continue
            try:
                number = float(text)
            except ValueError:
                help = (CORRECT, "a number has a point, and no unit")
                faults.append(self.fault(row, name, "is no number", help))
                continue
            if np.isfinite(number):
                found[row] = number
            else:
                faults.append(self.fault(row, name, "is no finite number", (CORRECT,)))
        return found

    def fault(self, row: Row, name: str, message: str, help: tuple[str, ...]) -> LineFault:
        """What is wrong with a cell, with its line and its text."""
        text = self.column(name)[row][:40]
        return LineFault(self.lines[row], f"`{text}` in the column `{name}` {message}", help)

    def rows(self, names: Sequence[str], faults: list[LineFault]) -> dict[Key, Row]:
        """The rows by what they have in the columns of the key; a second row of one key goes to the `faults`.

        Raises: TableError where there is no such column.
        """
        columns = [self.column(name) for name in names]
        found: dict[Key, Row] = {}
        for row, key in enumerate(zip(*columns, strict=True)):
            first = self.lines[found.setdefault(key, row)]
            if first != self.lines[row]:
                message = f"the key {', '.join(key)} stands here again, first in line {first}"
                help = "of rows with the same key, keep one, or give more columns as the key"
                faults.append(LineFault(self.lines[row], message, (help,)))
        return found


def read_table(path: str | Path) -> Table:
    """The table of a file. Raises: TableError, with the line where there is one."""
    content = _content(Path(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is no UTF-8 text: {error.reason} at byte {error.start}", help=_CSV) from None
    names = Path(path).suffixes
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if ".tsv" in names else ",", strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error as error:
        raise TableError(f"{path}:{reader.line_num}: {error}", help=_CSV) from None
    if len(rows) < 2:
        raise TableError(f"{path} has no rows", help=_CSV)
    (_, header), *rest = rows
    separated = _separator(header)
    for position, name in enumerate(header):
        if name in header[:position]:
            raise TableError(f"{path}:1: two columns are called `{name}`", help="give one of them another name")
    unlike = [(line, row) for line, row in rest if len(row) != len(header)]
    words = "{} cells, and {} columns in line 1"
    help = (separated or _CSV,)
    refuse(str(path), [LineFault(line, words.format(len(row), len(header)), help) for line, row in unlike])
    if separated:
        raise TableError(f"{path}:1: a single column, `{header[0][:60]}`", help=separated)
    cells = dict(zip(header, zip(*(row for _, row in rest), strict=True), strict=True))
    return Table(str(path), sha256(content).hexdigest(), cells, [line for line, _ in rest])


_CSV = "a table is a CSV file: a line with the names of the columns, then a line for each row"


def _separator(header: Sequence[str]) -> str:
    """What to do about a header that is one column because other separators stand in it; empty where none do."""
    found = [mark for mark in ";\t|," if len(header) == 1 and mark in header[0]]
    if not found:
        return ""
    name = "a tab" if found[0] == "\t" else f"`{found[0]}`"
    return f"the separator seems to be {name}; a .csv has commas, a .tsv has tabs"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _content(path: Path) -> bytes:
    """The bytes of the file, unpacked."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise TableError(f"{path} can't be read: {why.lower()}", help="check the path and its permissions") from None
    if len(content) > MAX_BYTES:
        raise TableError(f"{path} is larger than {MAX_BYTES:,} bytes", help="leave out columns that aren't needed")
    return content
