"""docs/blocks.md has every block that ships, with its arguments of today."""

from __future__ import annotations

import re

from blocks.catalog import CATALOG
from graphs.library import composites
from tests.golden import assert_golden
from tests.graphs.block_page import block_page, row
from tests.test_floors import ROOT

PAGE = ROOT / "docs/blocks.md"


def test_the_page_is_the_present_one() -> None:
    assert_golden(PAGE, block_page())


def test_the_page_has_every_block_once() -> None:
    headings = re.findall(r"^### (\w+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert headings == [*(kind.key for kind in CATALOG), *composites()]


def test_an_argument_is_a_line_of_what_it_takes_and_its_default() -> None:
    assert row("width", "Takes an integer; required.") == "| `width` | an integer | required |"
    assert row("stride", "Takes an integer; by default 1.") == "| `stride` | an integer | `1` |"
    assert row("eps", "Added. Takes a number; by default 1e-05.") == "| `eps` | a number. Added. | `1e-05` |"
    assert row("stride", "Takes an integer or a pair [height, width].") == (
        "| `stride` | an integer or a pair [height, width] |  |"
    )
