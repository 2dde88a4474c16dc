"""GoogLeNet as torchvision builds it, what separates it from the paper, and what only trains."""

from __future__ import annotations

import pytest

from graphs import Graph
from search_spaces import load_network
from tests.search_spaces.proof_data import layer_table


def layers(graph: Graph) -> list[tuple[str, tuple[int, ...], int, int]]:
    return [
        (node.block, node.type.shape, node.params, node.macs)
        for node in graph.costs().nodes
        if node.block in ("conv2d", "linear", "batch_norm2d")
    ]


def test_the_kernel_of_the_paper_is_one_setting_away() -> None:
    """5x5 in place of 3x3 in the nine third branches: 16 more taps for each pair of channels."""
    reduced = ((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128), (48, 128))
    more = 16 * sum(one * other for one, other in reduced)
    assert load_network("googlenet", {"b5_kernel": 5}).costs().params == 6_624_904 + more


# What torch counts of one image in training: torchvision 0.28.0, and a build of the paper's table, which is Caffe's
# train_val.prototxt to the unit.
TRAINING_MACS = {
    "googlenet": 1_506_748_416,
    "googlenet_2014": 1_591_044_096,
    "inception_v3": 5_718_899_296,
}


@pytest.mark.parametrize(("name", "macs"), TRAINING_MACS.items())
def test_training_computes_the_auxiliary_classifiers_as_well(name: str, macs: int) -> None:
    assert load_network(name).in_training.costs().macs == macs


def test_the_layers_in_training_are_those_of_torchvision() -> None:
    """In its order of calls, the classifiers come between the modules; in the document, at the end."""
    trained = load_network("googlenet").in_training
    assert sorted(layers(trained)) == sorted(layer_table("googlenet_train_aux"))


def test_a_classifier_of_the_paper_has_its_sizes() -> None:
    """Szegedy 2014, section 5: 5x5 pooling at stride 3 leaves 4 x 4 of 512 and of 528 channels; 1x1 to 128; 1024
    units; seventy percent dropped."""
    trained = load_network("googlenet_2014").in_training
    types = {node.address: node.type.shape for node in trained.nodes}
    assert [types[f"aux{index}.pool5"] for index in (1, 2)] == [(512, 4, 4), (528, 4, 4)]
    assert (types["aux1.conv.conv"], types["aux1.fc1"], types["aux1.fc2"]) == ((128, 4, 4), (1024,), (1000,))
    assert [node.block.model_dump()["p"] for node in trained.nodes if node.block.key == "dropout"] == [0.4, 0.7, 0.7]


def test_what_ships_has_no_auxiliary_classifier() -> None:
    for name in TRAINING_MACS:
        graph = load_network(name)
        assert not [node.address for node in graph.nodes if node.address.startswith("aux")]
        assert [node.address for node in graph.in_training.nodes if node.address.startswith("aux")]
