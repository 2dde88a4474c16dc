"""Every shipped network serves other resolutions and other numbers of classes than those it was published with."""

from __future__ import annotations

import pytest

import search_spaces
from blocks import Map, Vector
from graphs import Graph

# Its output layer is fixed in the paper, and is left out: there are no classes.
WITHOUT_CLASSES = {"lenet5_1998", "inception_naive", "inception_reduced"}

NETWORKS = search_spaces.names("network")


def side(graph: Graph) -> int:
    (type_,) = graph.inputs.values()
    assert isinstance(type_, Map)
    assert type_.height == type_.width
    return type_.height


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_images_of_twice_the_size(name: str) -> None:
    graph = search_spaces.load_network(name)
    larger = search_spaces.load_network(name, {"size": 2 * side(graph)})
    assert side(larger) == 2 * side(graph)
    assert larger.costs().macs > graph.costs().macs


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in WITHOUT_CLASSES])
def test_a_network_has_as_many_logits_as_classes(name: str) -> None:
    graph = search_spaces.load_network(name, {"classes": 7})
    (value,) = graph.outputs.values()
    assert graph.types[value] == Vector(7)
