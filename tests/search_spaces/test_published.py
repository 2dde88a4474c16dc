"""What is known of the networks beside their documents: their papers, their accuracies, and how they were verified."""

from __future__ import annotations

import csv
import io
import re

import pytest

import search_spaces
from blocks.types import Map
from search_spaces.published import FOLDER, Published, published, verified
from tests.golden import assert_golden
from tests.search_spaces.proof_data import proofs


def test_every_network_has_its_paper() -> None:
    assert published().keys() == set(search_spaces.names("network"))


@pytest.mark.parametrize("facts", published().values(), ids=lambda facts: facts.name)
def test_an_accuracy_has_a_protocol_and_a_source_or_there_is_a_reason(facts: Published) -> None:
    assert 1998 <= facts.year <= 2022
    assert facts.paper
    assert bool(facts.accuracies) != bool(facts.reason)
    for accuracy in facts.accuracies:
        assert 45 < accuracy.top1 < 100
        assert accuracy.top5 is None or accuracy.top1 < accuracy.top5 < 100
        assert re.match(r"(ImageNet|CIFAR-10|CIFAR-100|MNIST), ", accuracy.protocol)
        assert accuracy.source


@pytest.mark.parametrize(
    ("name", "top1", "source"),
    [
        ("resnet50", 76.13, "torchvision 0.28.0 IMAGENET1K_V1 metadata"),
        ("resnet50_v1", 75.3, "KaimingHe/deep-residual-networks README"),
        ("googlenet_2014", 68.7, "BVLC/caffe models/bvlc_googlenet/readme.md"),
    ],
)
def test_the_accuracy_nearest_to_the_training_of_the_paper_stands_first(name: str, top1: float, source: str) -> None:
    first = published()[name].accuracies[0]
    assert (first.top1, first.source) == (top1, source)


def test_ten_crops_are_not_one() -> None:
    facts = published()["plain34"]
    assert facts.accuracies
    assert facts.one_crop() is None


def test_what_ships_of_the_proofs_is_what_the_tests_compare() -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    graphs = dict(search_spaces.load_networks())
    writer.writerow(("name", "input", "params", "macs", "against", "reason"))
    for name, proof in proofs().items():
        (image,) = graphs[name].inputs.values()
        assert isinstance(image, Map)
        costs, shape = graphs[name].costs(), f"{image.channels}x{image.height}x{image.width}"
        writer.writerow((name, shape, costs.params, costs.macs, proof.against, proof.unverified))
    assert_golden(FOLDER / "verified.csv", text.getvalue())
    verified.cache_clear()
    assert set(search_spaces.names("network")) <= verified().keys()
