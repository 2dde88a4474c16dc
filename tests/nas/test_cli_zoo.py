"""`nas zoo`: the networks that ship, filtered, sorted, shown and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import search_spaces
from nas.chart_labels import LABEL_SIZE
from nas.cli.zoo import chosen, list_lines, show_lines
from search_spaces.published import published
from tests.nas.conftest import Answer
from tests.search_spaces.proof_data import proofs

Nas = Callable[..., Answer]
KEYS = ["name", "family", "year", "input", "params", "macs", "top1", "source"]


ANSWERS: dict[tuple[str, ...], list[dict[str, Any]]] = {}  # of earlier tests: the same options, the same list


def listed(nas: Nas, *options: str) -> list[dict[str, Any]]:
    if options not in ANSWERS:
        code, out, err = nas("zoo", "list", *options, "--json")
        assert (code, err) == (0, "")
        ANSWERS[options] = json.loads(out)["networks"]
    return ANSWERS[options]


def test_every_network_is_listed_with_the_promised_keys(nas: Nas) -> None:
    networks = listed(nas)
    assert sorted(network["name"] for network in networks) == list(search_spaces.names("network"))
    for network in networks:
        assert list(network)[: len(KEYS) - 1] == KEYS[:-1]
        assert "source" in network
        proof = proofs()[network["name"]]
        assert (network["params"], network["macs"]) == (proof.params, proof.macs)


def test_what_a_network_reaches_has_its_source(nas: Nas) -> None:
    networks = {network["name"]: network for network in listed(nas, "--family", "resnet")}
    resnet = networks["resnet50"]
    assert (resnet["year"], resnet["input"], resnet["top1"]) == (2015, "3x224x224", 76.13)
    assert resnet["source"] == "torchvision 0.28.0 IMAGENET1K_V1 metadata"
    assert networks["cifar_plain20"]["top1"] is networks["cifar_plain20"]["source"] is None


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        (("--family", "vgg"), lambda network: network["family"] == "vgg"),
        (("--max-params", "5M"), lambda network: network["params"] <= 5_000_000),
        (("--max-macs", "600M", "--max-params", "4M"), lambda network: network["macs"] <= 600_000_000),
        (("--year", "2014"), lambda network: network["year"] == 2014),
        (("--year", "2012-2014"), lambda network: 2012 <= network["year"] <= 2014),
        (("--year", "2019-"), lambda network: network["year"] >= 2019),
        (("--year", "-1998"), lambda network: network["year"] <= 1998),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_filters_keep_what_passes_and_nothing_else(nas: Nas, options: tuple[str, ...], holds: Any) -> None:
    kept = listed(nas, *options)
    names = {network["name"] for network in kept}
    assert kept
    assert all(map(holds, kept))
    if len(options) == 2:
        assert not any(holds(network) for network in listed(nas) if network["name"] not in names)


@pytest.mark.parametrize("column", ["params", "macs", "name", "year"])
def test_sorting_is_by_the_column(nas: Nas, column: str) -> None:
    values = [network[column] for network in listed(nas, "--year", "-2015", "--sort", column)]
    assert values == sorted(values)


def test_sorting_by_accuracy_has_the_best_first_and_those_without_last(nas: Nas) -> None:
    values = [network["top1"] for network in listed(nas, "--year", "-2015", "--sort", "top1")]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[len(known) :] == [None] * (len(values) - len(known))


def test_the_table_has_a_row_for_each(nas: Nas) -> None:
    code, out, err = nas("zoo", "list", "--family", "squeezenet")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == [
        "name",
        "family",
        "year",
        "input",
        "params",
        "MACs",
        "top-1",
        "protocol",
        "and",
        "source",
    ]
    assert lines[2].split()[:7] == ["squeezenet1_0", "squeezenet", "2016", "3x224x224", "1.248M", "818.9M", "58.1"]
    assert lines[-1] == "2 networks; nas zoo show NAME says more"


def test_a_narrow_terminal_cuts_the_source_and_never_a_name() -> None:
    entries = list(chosen("shufflenet", None, None, None))
    lines = list_lines(entries, 84)
    assert max(map(len, lines)) == 84
    assert [line.split()[0] for line in lines[2:-2]] == [entry.facts.name for entry in entries]


def test_zoo_alone_says_what_there_is(nas: Nas) -> None:
    code, out, err = nas("zoo")
    assert (code, err) == (0, "")
    assert all(f"  {command}  " in out for command in ("list", "show", "plot"))


def test_nothing_that_passes_is_said(nas: Nas) -> None:
    assert nas("zoo", "list", "--max-params", "1") == (0, "no network passes these filters\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--family", "resnets"), "there is no family `resnets`; did you mean `resnet`?"),
        (("list", "--sort", "top-1"), "there is no column `top-1` to sort by; did you mean `top1`?"),
        (("list", "--year", "two"), "`two` is no year; as in --year 2015 or --year 2014-2016"),
        (("list", "--year", "-"), "`-` is no year"),
        (("plot", "-o", "chart.png"), "`chart.png` does not end in .svg"),
    ],
)
def test_a_wrong_option_is_refused_with_what_there_is(nas: Nas, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = nas("zoo", *arguments)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--max-params", "many"), "--max-params"),
        (("show", "resnet5"), "there is no network `resnet5`\n  help: did you mean `resnet50`?"),
        (("show", "resnet"), "`resnet` is a family, not a network\n  help: its networks are resnet50, resnet18, "),
        (("plot", "resnet5", "-o", "x.svg"), "there is no network `resnet5`"),
        (("plot", "lenet5", "-o", "x.svg"), "none of these networks has a published accuracy on ImageNet"),
        (("plot", "resnet18", "-o", "nowhere/x.svg"), "`nowhere/x.svg` can't be written"),
    ],
)
def test_what_is_not_there_is_refused(nas: Nas, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = nas("zoo", *arguments)
    assert (code, out) == (1, "")
    assert said in err


def test_show_says_what_is_known(nas: Nas) -> None:
    code, out, err = nas("zoo", "show", "resnet50")
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    for fact in (
        "He et al., Deep Residual Learning for Image Recognition, arXiv 1512.03385 (2015)",
        "parameters 25,557,032",
        "MACs 4,089,184,256",
        "76.13 top-1, 92.862 top-5; ImageNet, 1-crop 224 (resize 256); torchvision 0.28.0 IMAGENET1K_V1 metadata",
        "logits equal those of torchvision 0.28.0 resnet50 with the same weights",
        "nas export resnet50 --weights FILE",
        "relatives resnet18, resnet34,",
    ):
        assert fact in text


def test_show_says_why_something_is_missing(nas: Nas) -> None:
    _, out, _ = nas("zoo", "show", "inception_naive")
    text = " ".join(out.split())
    assert "accuracy none: a module, not a classifier" in text
    assert "a second writing of the paper with the same weights, in evaluation and in training; a single module" in text
    assert "weights its own: " in text


def test_show_names_each_library_whose_weights_load(nas: Nas) -> None:
    """Two that call all modules alike have one map."""
    _, out, _ = nas("zoo", "show", "resnet50", "--json")
    assert json.loads(out)["weights"] == ["torchvision", "timm"]


def test_show_says_that_nothing_was_compared() -> None:
    (entry,) = (entry for entry in chosen("lenet", None, None, None) if entry.facts.name == "lenet5")
    alone = replace(entry, known=replace(entry.known, against="", reason="no library builds it"))
    lines = show_lines(alone, search_spaces.load_network("lenet5"), (), (), 100)
    assert "verified    by its counts alone: no library builds it" in lines


def test_show_as_json(nas: Nas) -> None:
    code, out, _ = nas("zoo", "show", "googlenet", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["verified"] == {"against": "torchvision 0.28.0 googlenet", "reason": None}
    assert found["accuracies"][0]["top1"] == found["top1"] == 69.778
    assert "googlenet_2014" in found["relatives"]


def test_show_takes_no_file(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\n")
    code, _, err = nas("zoo", "show", path)
    assert code == 2
    assert "is a file; nas show" in err


class TestPlot:
    """The complexity chart of the networks that ship."""

    @pytest.fixture
    def picture(self, nas: Nas, tmp_path: Path) -> ElementTree.Element:
        code, out, err = nas("zoo", "plot", "-o", tmp_path / "zoo.svg")
        assert (code, err) == (0, "")
        assert out.startswith(f"{tmp_path / 'zoo.svg'}: ")
        return ElementTree.fromstring((tmp_path / "zoo.svg").read_text("utf-8"))

    def test_it_has_the_networks_with_a_single_crop_on_imagenet(self, picture: ElementTree.Element) -> None:
        drawn = {element.text for element in picture.iter() if element.get("class") == "name"}
        known = search_spaces.names("network")
        assert drawn == {name for name in known if published()[name].one_crop()}
        assert {"resnet50", "vgg16", "googlenet_2014"} <= drawn
        assert not {"plain34", "cifar_resnet20", "lenet5"} & drawn

    def test_no_name_lies_on_another(self, picture: ElementTree.Element) -> None:
        """A letter is 0.605 of the size wide, and no name reaches farther up than 0.75 of it or down than 0.25."""
        boxes = []
        for element in picture.iter():
            if element.get("class") == "name" and element.text:
                x, y = float(element.get("x", "")), float(element.get("y", ""))
                width = 0.605 * LABEL_SIZE * len(element.text)
                boxes.append((x, y - 0.75 * LABEL_SIZE, x + width, y + 0.25 * LABEL_SIZE))
        for (left, top, right, bottom), (left2, top2, right2, bottom2) in combinations(boxes, 2):
            assert not (left < right2 and left2 < right and top < bottom2 and top2 < bottom)

    def test_names_choose(self, nas: Nas, tmp_path: Path) -> None:
        code, out, _ = nas("zoo", "plot", "vgg16", "alexnet", "-o", tmp_path / "two.svg", "--json")
        assert code == 0
        assert json.loads(out) == {"ok": True, "file": str(tmp_path / "two.svg"), "networks": ["alexnet", "vgg16"]}

    def test_stdout_has_room_for_one_of_both(self, nas: Nas) -> None:
        code, out, _ = nas("zoo", "plot", "-o", "-", "--json")
        assert code == 2
        assert "stdout is taken by the picture" in json.loads(out)["errors"][0]["message"]

    def test_the_picture_goes_to_stdout(self, nas: Nas) -> None:
        code, out, err = nas("zoo", "plot", "--family", "vgg", "-o", "-")
        assert (code, err) == (0, "")
        assert ElementTree.fromstring(out).tag.endswith("svg")
