"""The family tree `cnn`: which hand-designed networks are its points, their kinship, and what lies between them."""

from __future__ import annotations

import json
import os
from random import Random

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import search_spaces
from graphs import Graph
from search_spaces import Decisions, NotInSpaceError, Space
from search_spaces.kinship import (
    changes_between,
    distance_between,
    find_points,
    kin,
    points_path,
    points_text,
    remembered_points,
    space_for,
)
from tests.search_spaces.flat import flattened

# Networks for classification that are no points, with the first of their nodes that the space can't make.
NOT_YET = {
    "lenet5_1998": ("act1.slope", "coefficients and the scaled tanh of 1998; it ends with features, not with classes"),
}
# They end with a map, not with classes.
MODULES = {"inception_naive", "inception_reduced"}
LECTURE = [
    "lenet5",
    "alexnet_krizhevsky2012",
    "zfnet",
    "vgg16",
    "googlenet_2014",
    "resnet18",
    "seresnet50",
    "wrn16_8_cifar10",
    "resnext50_32x4d",
    "densenet121",
    "mobilenet_v3_small",
    "shufflenet_v1_g3",
    "shufflenet_v2_x1_0",
    "nasnet_a_mobile",
    "efficientnet_b0",
]
NETWORKS = sorted(set(search_spaces.names("network")) - NOT_YET.keys() - MODULES)


def network(name: str) -> Graph:
    return search_spaces.load_network(name).as_shipped


@pytest.fixture(scope="module")
def remembered() -> dict[str, Decisions]:
    found = remembered_points("cnn")
    assert found is not None, (
        "cnn.yaml has changed: UPDATE_GOLDEN=1 pytest tests/search_spaces/test_cnn.py -k is_what_is_found"
    )
    return found


@pytest.mark.parametrize("name", LECTURE)
def test_a_network_is_found_and_comes_back_with_its_hash(name: str, remembered: dict[str, Decisions]) -> None:
    graph = network(name)
    space = space_for("cnn", graph)
    found = space.locate(flattened(graph, 1))
    assert found == remembered[name]
    assert space.materialize(found).hash == graph.hash


def test_what_a_network_does_not_depend_on_may_be_decided_otherwise() -> None:
    graph = network("resnet18")
    space = space_for("cnn", graph)
    decisions, free = space.find(graph)
    assert {"params.growth", "params.groups", "params.shuffle_groups"} <= {*free}  # DenseNet's, ResNeXt's, ShuffleNet's
    for address in free:
        other = {**decisions, address: space.decision(address).alternatives[-1]}
        assert space.materialize(other).hash == graph.hash, address


def test_all_networks_are_points_but_those_that_are_not(remembered: dict[str, Decisions]) -> None:
    assert sorted(remembered) == NETWORKS


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_remembered_of_a_network_is_the_network(name: str, remembered: dict[str, Decisions]) -> None:
    graph = network(name)
    assert space_for("cnn", graph).materialize(remembered[name]).hash == graph.hash


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_YET)
def test_a_network_that_is_no_point_is_told_where_it_leaves_the_space(name: str) -> None:
    graph = network(name)
    with pytest.raises(NotInSpaceError) as caught:
        space_for("cnn", graph).locate(graph)
    assert caught.value.address == NOT_YET[name][0]


@pytest.mark.parametrize("name", search_spaces.names("space"))
def test_where_networks_lie_in_a_shipped_space_is_remembered(name: str) -> None:
    """Of the text that the space has now, so that a search need not look for its starts."""
    assert remembered_points(name) is not None


@pytest.mark.slow
@pytest.mark.timeout(900)  # every network is located, which takes some minutes
@pytest.mark.parametrize("name", search_spaces.names("space"))
def test_what_is_remembered_is_what_is_found(name: str) -> None:
    path = points_path(name)
    fresh = points_text(search_spaces.find(name, "space").path, dict(find_points(name)))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(fresh, "utf-8")
    assert json.loads(path.read_text("utf-8")) == json.loads(fresh)


@pytest.mark.parametrize(
    ("other", "changes"),
    [
        ("wide_resnet50_2", {"params.width_factor": (1, 2)}),
        ("resnext50_32x4d", {"params.groups": (1, 32), "params.width_factor": (1, 2)}),
        ("seresnet50", {"params.layout": ("torchvision", "caffe"), "params.se_reduction": (0, 16)}),
        ("resnet50_v1", {"params.layout": ("torchvision", "paper")}),
        ("resnet101", {"stages.3.kind.bottleneck.blocks.repeat": (6, 23)}),
    ],
)
def test_relatives_of_resnet50_are_one_or_two_decisions_away(
    other: str, changes: dict[str, object], remembered: dict[str, Decisions]
) -> None:
    assert changes_between(remembered["resnet50"], remembered[other]) == changes


def test_kin_are_the_nearest_first_without_the_network_itself() -> None:
    found = kin("cnn", network("resnet50"), within=2)
    assert [(one.name, one.distance) for one in found[:2]] == [("resnet101", 1), ("resnet50_v1", 1)]
    assert {"wide_resnet50_2", "seresnet50", "resnext50_32x4d"} <= {one.name for one in found}
    assert "resnet50" not in {one.name for one in found}
    assert all(one.distance <= 2 for one in found)


def test_decisions_that_only_one_side_has_count_with_the_one_above_them() -> None:
    start: Decisions = {"a": "plain", "a.plain.width": 4, "b.repeat": 1, "b.width": 4}
    end: Decisions = {"a": "wide", "a.wide.width": 8, "b.repeat": 3, "b.width": 4}
    assert changes_between(start, end) == {"a": ("plain", "wide"), "b.repeat": (1, 3)}
    assert distance_between(start, end) == 2


def test_each_repetition_that_decides_for_itself_counts() -> None:
    start: Decisions = {"b.repeat": 1, "b.0.width": 4}
    end: Decisions = {"b.repeat": 3, "b.0.width": 8, "b.1.width": 4, "b.2.width": 4}
    assert changes_between(start, end) == {"b.repeat": (1, 3), "b.0.width": (4, 8)}
    assert distance_between(start, end) == 3


def test_a_network_lies_in_the_space_that_it_makes_with_one_hole() -> None:
    document = network("lenet_caffe").text().replace("out_features: 500", "out_features: {choice: [100, 500]}")
    space = search_spaces.parse(document)
    assert space.locate(network("lenet_caffe")) == {"ip1.out_features": 500}


@pytest.mark.parametrize("size", [32, pytest.param(224, marks=pytest.mark.slow)])
def test_samples_are_legal_cost_what_torch_counts_and_are_found_again(size: int) -> None:
    space = search_spaces.load("cnn", {"size": size, "classes": 10})
    random = Random(size)
    drawn = [space.draw(random) for _ in range(6)]
    points = [point for point in drawn if point is not None]
    assert len(points) == len(drawn)
    for point in points[:2]:
        module = point.graph.compile(device="meta").eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.empty(1, 3, size, size, device="meta"))
        assert counter.get_total_flops() == point.graph.costs().flops
    for point in points[:1]:
        assert space.materialize(space.locate(point.graph)).hash == point.graph.hash


def test_the_image_and_the_classes_are_no_decisions() -> None:
    space = search_spaces.load("cnn")
    assert isinstance(space, Space)
    assert not {"params.classes", "params.channels", "params.size"} & {one.address for one in space.decisions}
