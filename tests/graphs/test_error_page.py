"""docs/errors.md has every code, an example of each, and what the product says of it today."""

from __future__ import annotations

import re

from graphs.faults import CODES
from tests.golden import assert_golden
from tests.graphs.error_page import EXAMPLES, MEANINGS, error_page
from tests.graphs.wrong_documents import WRONG
from tests.test_floors import ROOT

PAGE = ROOT / "docs/errors.md"


def test_the_page_is_the_present_one() -> None:
    assert_golden(PAGE, error_page())


def test_the_page_has_every_code_once() -> None:
    headings = re.findall(r"^### (E\d+) (\S+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert headings == sorted((code, slug) for slug, code in CODES.items())
    assert set(MEANINGS) == set(CODES.values())


def test_the_chosen_examples_are_documents_of_their_code() -> None:
    assert EXAMPLES.items() <= {(document.code, document.case) for document in WRONG}
