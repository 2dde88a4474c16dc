"""Shipped networks and spaces are found by name, a user's own by path."""

from __future__ import annotations

from pathlib import Path

import pytest

import search_spaces
from search_spaces import NotFoundError


def test_a_name_finds_the_shipped_file() -> None:
    assert search_spaces.find("resnet50", "network").name == "resnet50.yaml"
    assert search_spaces.find("small", "space").parent.name == "spaces"


def test_an_existing_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("resnet50").write_text("version: 1\n")
    assert search_spaces.find("resnet50", "network") == Path("resnet50")


@pytest.mark.parametrize(
    ("wanted", "kind", "message", "help"),
    [
        ("resnet5", "network", "there is no network `resnet5`", "did you mean `resnet50`?"),
        ("smal", "space", "there is no space `smal`", "did you mean `small`?"),
        ("nets/mine.yaml", "network", "there is no file `nets/mine.yaml`", "networks that ship: "),
        ("mine.yaml", "space", "there is no file `mine.yaml`", "spaces that ship: "),
    ],
)
def test_what_is_not_there_is_refused_with_a_help(wanted: str, kind: str, message: str, help: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        search_spaces.find(wanted, "network" if kind == "network" else "space")
    assert caught.value.message == message
    assert caught.value.help.startswith(help)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is a folder, not a network"):
        search_spaces.find(tmp_path, "network")


@pytest.mark.parametrize("name", search_spaces.names("space"))
def test_every_shipped_space_loads_and_has_a_legal_point(name: str) -> None:
    space = search_spaces.load(name)
    assert space.name == name
    assert space.sample(1).points[0].graph.costs().params > 0
