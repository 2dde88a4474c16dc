"""The examples of README.md and docs/: fenced blocks with their language, and what they are marked as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.test_floors import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"(?:^<!-- (\w+)(?:: (\S+))? -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block. A comment in front of it marks it: `fragment`, a part of a document; `file: NAME`, a file."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""
    file: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(page: Path) -> list[Example]:
    """All fenced blocks of a page, in order."""
    return examples_of(page.read_text("utf-8"), page.name)


def examples_of(text: str, page: str) -> list[Example]:
    """All fenced blocks of a text."""
    found = []
    for match in _FENCE.finditer(text):
        mark, file, language, body = match.groups()
        found.append(Example(page, text.count("\n", 0, match.start(3)) + 1, language, body, mark or "", file or ""))
    return found
