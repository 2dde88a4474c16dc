"""Shipped networks and spaces are found by name, variants among them, a user's own by path."""

from __future__ import annotations

from pathlib import Path

import pytest

import search_spaces
from graphs.loading import load_document
from search_spaces import CatalogEntry, NotFoundError
from search_spaces.catalog import FOLDER, Kind, scan

FILES = [*sorted((FOLDER / "networks").glob("*.yaml")), *sorted((FOLDER / "spaces").glob("*.yaml"))]
FAMILY = """version: 1
name: little
params: {width: 16}
variants:
  # wider ones
  wide: {width: 32}

  wider:
    width: 64
  widest: {width: 128}
input: {image: {map: [3, 32, 32]}}
blocks:
  cell:
    params: {width: int}
    body:
      - conv: {out_channels: width}
net:
  - cell: {width: width}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "little.yaml"
    path.write_text(FAMILY)
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_scan_finds_the_names_that_the_document_holds(path: Path) -> None:
    document = load_document(path, holes=True)
    assert scan(path.read_text("utf-8")) == (document.name, *(name.text for name, _ in document.variants))


def test_the_scan_reads_variants_in_any_layout() -> None:
    assert scan(FAMILY) == ("little", "wide", "wider", "widest")
    assert scan("name: alone\nvariants: {}\nnet: []\n") == ("alone",)


@pytest.mark.parametrize("kind", ["network", "space"])
def test_no_two_have_one_name(kind: Kind) -> None:
    held = [name for names in search_spaces.families(kind).values() for name in names]
    assert sorted(held) == list(search_spaces.names(kind))


def test_a_name_finds_the_shipped_file() -> None:
    assert search_spaces.find("lenet5", "network") == CatalogEntry(FOLDER / "networks/lenet5.yaml", None, "lenet5")
    assert search_spaces.find("small", "space") == CatalogEntry(FOLDER / "spaces/small.yaml", None, "small")


@pytest.mark.parametrize("name", search_spaces.names("network"))
def test_a_network_loads_by_its_name_and_has_it(name: str) -> None:
    assert search_spaces.load_network(name).name == name


def test_a_variant_of_a_file_is_asked_for(own: Path) -> None:
    assert search_spaces.load_network(own).name == "little"
    wide = search_spaces.load_network(own, {"width": 48}, variant="wide")
    assert wide.name == "wide"
    assert wide.costs().params == 3 * 48 + 2 * 48  # a 1x1 convolution and its norm


def test_a_variant_has_no_variants() -> None:
    with pytest.raises(NotFoundError) as caught:
        CatalogEntry(Path("little.yaml"), "wide", "little").with_variant("wider")
    assert caught.value.message == "`wide` is a variant already, and has none of its own"
    assert caught.value.help == "leave --variant out, or give `wider` in place of `wide`"


def test_an_existing_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("resnet50").write_text("version: 1\n")
    assert search_spaces.find("resnet50", "network") == CatalogEntry(Path("resnet50"))


@pytest.mark.parametrize(
    ("wanted", "kind", "message", "help"),
    [
        ("resnet5", "network", "there is no network `resnet5`", "did you mean `resnet50`?"),
        ("resnet51", "network", "there is no network `resnet51`", "did you mean `resnet50`?"),
        ("ResNet-18", "network", "there is no network `ResNet-18`", "did you mean `resnet18`?"),
        ("resnet20", "network", "there is no network `resnet20`", "did you mean `cifar_resnet20`?"),
        ("mobilenet", "network", "there is no network `mobilenet`", "did you mean `mobilenet_v1`, "),
        ("smal", "space", "there is no space `smal`", "did you mean `small`?"),
        ("resnet50", "space", "`resnet50` is a network, not a space", "`nas show resnet50` shows it"),
        ("small", "network", "`small` is a space, not a network", "`nas space show small` shows it"),
        ("nets/mine.yaml", "network", "there is no file `nets/mine.yaml`", "networks that ship: "),
        ("mine.yaml", "space", "there is no file `mine.yaml`", "spaces that ship: "),
    ],
)
def test_what_is_not_there_is_refused_with_a_help(wanted: str, kind: Kind, message: str, help: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        search_spaces.find(wanted, kind)
    assert caught.value.message == message
    assert caught.value.help.startswith(help)


@pytest.mark.parametrize(
    ("wanted", "meant"), [("birds.yml", "birds.yaml"), ("birds.yam", "birds.yaml"), ("nets/brid.yaml", "nets/bird.yml")]
)
def test_a_file_that_is_not_there_may_be_its_neighbour(
    wanted: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nets").mkdir()
    for file in ("birds.yaml", "birds.pth", "nets/bird.yml", "nets/bird.txt"):
        Path(file).touch()
    with pytest.raises(NotFoundError) as caught:
        search_spaces.find(wanted, "network")
    assert caught.value.help == f"did you mean `{meant}`?"


def test_the_name_of_a_family_lists_its_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {
        "little": CatalogEntry(Path("small.yaml"), None, "tiny"),
        "wide": CatalogEntry(Path("small.yaml"), "wide", "tiny"),
    }
    monkeypatch.setattr("search_spaces.catalog._shipped", lambda _kind: shipped)
    with pytest.raises(NotFoundError) as caught:
        search_spaces.find("tiny", "network")
    assert caught.value.message == "`tiny` is a family, not a network"
    assert caught.value.help == "its networks are little, wide"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is a folder, not a network"):
        search_spaces.find(tmp_path, "network")


@pytest.mark.parametrize("name", search_spaces.names("space"))
def test_every_shipped_space_loads_and_has_a_legal_point(name: str) -> None:
    space = search_spaces.load(name)
    assert space.name == name
    assert space.sample(1).points[0].graph.costs().params > 0
