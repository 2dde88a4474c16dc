"""Faults of a document: where, what, and what to do about it. The front of the product.

A fault has a stable code (`E201`) and a slug (`type-mismatch`). All faults of a document are collected, sorted by
position, and shown together:

    net.yaml:7:22: E201 type-mismatch: `add` inputs differ in channels: 256 and 64
        7 |   - {from: [main, skip], add: {}}
          |                          ^^^
      note: main (net.yaml:5) is map[256, 56, 56], stride 4
      help: project the input: {name: skip, from: in, shortcut: {like: main}}
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from blocks.errors import FixpointError

CODES: dict[str, str] = {
    # text
    "unreadable": "E001",
    "syntax": "E002",
    "duplicate-key": "E003",
    "tag": "E004",
    "alias": "E005",
    "not-finite": "E006",
    "version": "E007",
    # document
    "wrong-shape": "E101",
    "unknown-key": "E102",
    "unknown-block": "E103",
    "unknown-argument": "E104",
    "missing-argument": "E105",
    "bad-value": "E106",
    "expression": "E107",
    "unknown-name": "E108",
    "duplicate-name": "E109",
    "missing-key": "E110",
    "recursion": "E111",
    "hole": "E112",
    "use": "E113",
    "share": "E114",
    "foreign-block": "E115",
    # types
    "type-mismatch": "E201",
    "wrong-kind": "E202",
    "empty-map": "E203",
    "indivisible-groups": "E204",
    "arity": "E205",
    "even-kernel": "E206",
    # graph
    "dead-node": "E301",
    "cycle": "E302",
    "requirement": "E303",
    "where": "E304",
    # limits
    "limit": "E401",
}

MOST_SHOWN = 20
MOST_COLLECTED = 100
_MOST_WORDS = 1000
_MOST_CHARACTERS = 400


@dataclass(frozen=True, eq=False)
class Source:
    """A text with its name, and its file if it has one.

    `builtin` is a text that is part of the product: its faults are shown where it is used.
    """

    name: str
    lines: tuple[str, ...] = field(repr=False)
    builtin: bool = False
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of one line: line and column count from 1, `end` is the column behind it."""

    source: Source
    line: int
    column: int
    end: int

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake. `notes` are further facts, `address` the node it was found at, if any."""

    slug: str
    message: str
    mark: Mark
    help: str = ""
    notes: tuple[str, ...] = ()
    address: str = ""

    @property
    def code(self) -> str:
        return CODES[self.slug]

    def as_dict(self) -> dict[str, object]:
        """The fault as `nas check --json` promises it."""
        return {
            "code": self.code,
            "slug": self.slug,
            "file": self.mark.source.name,
            "line": self.mark.line,
            "column": self.mark.column,
            "end_column": self.mark.end,
            "message": self.message,
            "notes": list(self.notes),
            "help": self.help,
            "address": self.address,
        }

    def render(self) -> str:
        """The fault as people read it: a headline, the line with a caret, notes, help."""
        mark = self.mark
        rows = [f"{mark.source.name}:{mark.line}:{mark.column}: {self.code} {self.slug}: {self.message}"]
        if mark.line <= len(mark.source.lines):
            text, column = _excerpt(mark.source.lines[mark.line - 1], mark.column)
            marked = text[column - 1 : column - 1 + mark.end - mark.column]
            rows.append(f"{mark.line:5} | {text}".rstrip())
            rows.append(f"      | {' ' * _cells(text[: column - 1])}{'^' * max(1, _cells(marked))}")
        rows += [f"  note: {note}" for note in self.notes]
        if self.help:
            rows.append(f"  help: {self.help}")
        return "\n".join(rows)


class DocumentError(FixpointError):
    """All faults of a document, sorted by position. `str()` shows the first twenty in full.

    `given` says what came from outside the document: a variant that was asked for, values for its parameters.
    """

    def __init__(self, faults: Iterable[Fault], given: str = "") -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(faults, key=lambda fault: (fault.mark.line, fault.mark.column)))
        super().__init__("\n".join(fault.render() for fault in self.faults[:MOST_SHOWN]))
        self.given = given
        self.args = (self.faults, given)  # what pickle calls the class with

    def __str__(self) -> str:
        count = len(self.faults)
        hidden = f", the first {MOST_SHOWN} are shown" if count > MOST_SHOWN else ""
        more = " or more" if count >= MOST_COLLECTED else ""
        given = f", {self.given}" if self.given else ""
        return f"{self.message}\n{count}{more} fault{'s' * (count != 1)}{hidden}{given}"


@dataclass(slots=True)
class FaultList:
    """Collects faults. One of a kind at one place is enough: the first is kept. `given` is that of `DocumentError`."""

    faults: list[Fault] = field(default_factory=list)
    given: str = ""
    _known: set[tuple[str, Mark]] = field(default_factory=set)

    def add(
        self,
        slug: str,
        message: str,
        mark: Mark,
        *,
        help: str = "",
        notes: tuple[str, ...] = (),
        address: str = "",
    ) -> None:
        """Add a fault. Raises `DocumentError` when there are so many that more would help nobody."""
        assert slug in CODES, slug
        if (slug, mark) in self._known:
            return
        self._known.add((slug, mark))
        self.faults.append(
            Fault(slug, _readable(message), mark, _readable(help), tuple(map(_readable, notes)), address)
        )
        if len(self.faults) >= MOST_COLLECTED:
            raise DocumentError(self.faults, self.given)

    def advise(self, index: int, help: str) -> None:
        """Give a fault that is already there its help, which is known only later."""
        self.faults[index] = replace(self.faults[index], help=help)

    def say_given(self, words: str) -> None:
        """Say with all faults what came from outside the document."""
        self.given = " ".join(filter(None, (self.given, _readable(words))))

    def take(self) -> list[Fault]:
        """All faults, which are no longer here."""
        taken, self.faults = self.faults, []
        self._known.clear()
        return taken

    def raise_if_any(self) -> None:
        if self.faults:
            raise DocumentError(self.faults, self.given)


def nearest(word: str, words: Iterable[str]) -> str:
    """`did you mean ...?`, or nothing where no word is near."""
    meant = nearest_word(word, words)
    return f"did you mean `{meant}`?" if meant else ""


def nearest_word(word: str, words: Iterable[str]) -> str:
    """The word that was meant, or nothing where none is near."""
    return _nearest_word(word, tuple(sorted(words)))


@lru_cache(maxsize=1024)
def _nearest_word(word: str, words: tuple[str, ...]) -> str:
    if len(word) > 64 or len(words) > _MOST_WORDS:
        return ""
    folded = {_folded(candidate): candidate for candidate in words}
    meant = _folded(word)
    close = difflib.get_close_matches(meant, folded, n=3, cutoff=0.6)
    return folded[min(close, key=lambda one: _num_edits(meant, one))] if close else ""


def _num_edits(one: str, other: str) -> int:
    """How many letters are put in, taken out or replaced to make one word of another (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        before, row[0] = row[0], number
        for at, there in enumerate(other, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != there))
    return row[-1]


def _folded(word: str) -> str:
    """BatchNorm2d, batchnorm2d and batch_norm2d are one word."""
    return word.replace("_", "").replace("-", "").lower()


def one_of(words: Iterable[str], most: int = 12) -> str:
    """Words as a list for people: `a`, `b` or `c`."""
    listed = [f"`{word}`" for word in words]
    if len(listed) > most:
        return ", ".join(listed[:most]) + ", ..."
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def _excerpt(line: str, column: int, width: int = 160) -> tuple[str, int]:
    """A window of a very long line around a column, control characters made visible, with the column in it."""
    line = "".join(character if character.isprintable() else " " for character in line)
    if len(line) <= width:
        return line, column
    start = max(0, min(column - 1 - width // 2, len(line) - width))
    return line[start : start + width], column - start


def _cells(text: str) -> int:
    """The columns of a terminal that a text takes."""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _readable(text: str) -> str:
    """A message of bounded length that leaves a terminal alone, whatever words of a document it cites."""
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}..."
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
