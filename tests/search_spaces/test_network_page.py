"""docs/networks.md says what is true: its table is that of the tests, its commands print what is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import search_spaces
from nas.cli.entry import run
from nas.cli.zoo import SORTS, chosen, list_lines
from tests.golden import assert_golden
from tests.pages import examples
from tests.search_spaces.network_page import page_with_table
from tests.test_floors import ROOT

PAGE = ROOT / "docs/networks.md"
CHART = ROOT / "docs/networks.svg"
WIDTH = 100  # of the terminal that the page shows


def test_the_table_is_that_of_the_tests() -> None:
    assert_golden(PAGE, page_with_table(PAGE.read_text("utf-8")))


def test_every_network_has_a_row() -> None:
    text = PAGE.read_text("utf-8")
    for name in search_spaces.names("network"):
        assert text.count(f"\n| `{name}` |") == 1


def test_the_chart_on_the_page_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "plot", "-o", "-"]) == 0
    assert_golden(CHART, capsys.readouterr().out)


@pytest.mark.parametrize("page", [PAGE, ROOT / "README.md"], ids=lambda page: page.name)
def test_the_list_on_a_page_is_that_of_the_command(page: Path) -> None:
    (shown,) = (example.text for example in examples(page) if example.text.startswith("$ nas zoo list"))
    command, _, _ = shown.partition("\n")
    options = dict(re.findall(r"--([\w-]+) (\S+)", command))
    entries = chosen(options.get("family"), options.get("max-params"), options.get("max-macs"), options.get("year"))
    lines = list_lines(sorted(entries, key=SORTS[options.get("sort", "year")]), WIDTH)
    written = "\n".join([command, *lines]) + "\n"
    assert_golden(page, page.read_text("utf-8").replace(shown, written))


def test_what_is_shown_of_a_network_is_what_the_command_says(capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = (example.text for example in examples(PAGE) if example.text.startswith("$ nas zoo show"))
    command, _, _ = shown.partition("\n")
    assert run(command.removeprefix("$ nas ").split()) == 0
    written = f"{command}\n{capsys.readouterr().out}"
    assert_golden(PAGE, PAGE.read_text("utf-8").replace(shown, written))


def test_a_misfit_is_told_as_on_the_page(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    graph = search_spaces.load_network("squeezenet1_1", {"classes": 10})
    like = graph.compile(device="meta").state_dict()
    torch.save({key: torch.zeros(value.shape) for key, value in like.items()}, "mine.pth")
    (shown,) = (example.text for example in examples(PAGE) if "--weights mine.pth" in example.text)
    command, _, _ = shown.partition("\n")
    assert run(command.removeprefix("$ nas ").split()) == 1
    written = f"{command}\n{capsys.readouterr().err}"
    assert_golden(PAGE, PAGE.read_text("utf-8").replace(shown, written))
