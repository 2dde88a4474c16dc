"""`nas draw`: where pictures go, and what it says when they can't."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nas.conftest import Answer
from tests.test_floors import command, loaded_by

STARTS = {"svg": "<svg ", "html": "<!DOCTYPE html>", "mmd": "flowchart TD", "dot": 'digraph "lenet5"'}


@pytest.mark.parametrize(("ending", "start"), STARTS.items(), ids=STARTS)
def test_the_ending_of_the_name_is_the_format(
    nas: Callable[..., Answer], tmp_path: Path, ending: str, start: str
) -> None:
    picture = tmp_path / f"lenet5.{ending.upper()}"
    code, out, err = nas("draw", "lenet5", "-o", picture)
    text = picture.read_text("utf-8")
    assert (code, err) == (0, "")
    assert out == f"{picture}: lenet5, {len(text.encode()):,} bytes of {ending}\n"
    assert text.startswith(start)


def test_a_picture_that_stands_there_is_replaced(nas: Callable[..., Answer], tmp_path: Path) -> None:
    picture = tmp_path / "net.svg"
    picture.write_text("old")
    assert nas("draw", "lenet5", "-o", picture)[0] == 0
    assert picture.read_text("utf-8").startswith("<svg ")


def test_a_document_at_fault_leaves_the_old_picture(nas: Callable[..., Answer], tmp_path: Path) -> None:
    picture, document = tmp_path / "net.svg", tmp_path / "net.yaml"
    picture.write_text("old")
    document.write_text("version: 1\nname: a\ninput: {x: {map: [1, 2, 2]}}\nnet: [{rellu: {}}]\n")
    code, _, err = nas("draw", document, "-o", picture)
    assert code == 1
    assert "rellu" in err
    assert picture.read_text() == "old"


def test_stdout_gets_the_picture_and_nothing_else(nas: Callable[..., Answer]) -> None:
    code, out, err = nas("draw", "lenet5", "--format", "mmd", "-o", "-")
    assert (code, err) == (0, "")
    assert out.startswith("flowchart TD\n")
    assert out.endswith("\n")


def test_a_format_that_is_given_wins_over_the_name(nas: Callable[..., Answer], tmp_path: Path) -> None:
    assert nas("draw", "lenet5", "--format", "dot", "-o", tmp_path / "net.txt")[0] == 0
    assert (tmp_path / "net.txt").read_text("utf-8").startswith("digraph")


def test_depth_opens_blocks_and_fold_closes_ranks(nas: Callable[..., Answer]) -> None:
    shown = [nas("draw", "resnet50", "--format", "mmd", "-o", "-", *options)[1] for options in ((), ("--fold",))]
    assert shown[0].count("residual_bottleneck<br/>") == 16
    assert shown[1].count("residual_bottleneck x ") == 4
    assert "conv2d" not in shown[0]
    assert (
        nas("draw", "resnet50", "--depth", "0", "--no-fold", "--format", "mmd", "-o", "-")[1].count('["conv2d<') == 53
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "net.png"], "Invalid value for -o: `net.png` does not end in a format: svg, html, mmd or dot"),
        (["-o", "net"], "Invalid value for -o: `net` does not end in a format: svg, html, mmd or dot"),
        (["-o", "-"], "Invalid value for --format: say which format stdout gets: svg, html, mmd or dot"),
        (["-o", "-", "--format", "pdf"], "Invalid value for --format: there is no format `pdf`: svg, html, mmd or dot"),
    ],
    ids=["unknown", "none", "stdout", "format"],
)
def test_a_format_nobody_knows_is_refused_with_those_that_are(
    nas: Callable[..., Answer], arguments: list[str], message: str
) -> None:
    assert nas("draw", "lenet5", *arguments) == (2, "", f"error: {message}\n  help: nas draw --help\n")


def test_a_place_that_can_not_be_written_is_named(nas: Callable[..., Answer], tmp_path: Path) -> None:
    picture = tmp_path / "nowhere" / "net.svg"
    help = f"make the folder first: mkdir -p {tmp_path / 'nowhere'}"
    message = f"error: `{picture}` can't be written: No such file or directory\n  help: {help}\n"
    assert nas("draw", "lenet5", "-o", picture) == (1, "", message)
    (tmp_path / "folder.svg").mkdir()
    message = f"error: `{tmp_path / 'folder.svg'}` can't be written: Is a directory\n"
    assert nas("draw", "lenet5", "-o", tmp_path / "folder.svg") == (1, "", message)


def test_json_tells_what_was_written(nas: Callable[..., Answer], tmp_path: Path) -> None:
    code, out, _ = nas("draw", "lenet5", "-o", tmp_path / "net.html", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["ok"]
    assert told["name"] == "lenet5"
    assert told["file"] == str(tmp_path / "net.html")
    assert told["format"] == "html"
    assert nas("draw", "lenet5", "-o", "-", "--format", "svg", "--json")[0] == 2


def test_drawing_loads_no_heavy_library(tmp_path: Path) -> None:
    assert loaded_by(command("draw", "lenet5", "-o", str(tmp_path / "net.html"))) == set()


def test_the_document_itself_is_never_replaced(nas: Callable[..., Answer], tmp_path: Path) -> None:
    document = tmp_path / "net.svg"
    nas("draw", "lenet5", "-o", tmp_path / "picture.svg")
    document.write_text("version: 1\ninput: {image: {map: [1, 8, 8]}}\nnet: [{relu: {}}]\n")
    before = document.read_text()
    code, _, err = nas("draw", document, "-o", document)
    assert (code, document.read_text()) == (2, before)
    assert "is the document itself" in err
