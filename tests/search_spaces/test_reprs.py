"""What a notebook prints: an object is a line, however large the network or the space is."""

from __future__ import annotations

import search_spaces


def test_a_network_is_a_line_with_its_figures() -> None:
    graph = search_spaces.load_network("resnet50")
    start = f"hash {graph.hash[:12]}>"
    assert repr(graph) == str(graph) == f"<Graph resnet50: image 3x224x224, 25.56M params, 4.089G MACs, {start}"
    assert len(repr(graph.document)) < 200
    assert len(repr(graph.costs())) < 500


def test_a_space_is_a_line_with_its_points_and_decisions() -> None:
    text = """
version: 1
name: pair
params: {width: {choice: [4, 8]}}
input: {image: {map: [1, 8, 8]}}
net:
  - {name: stem, conv2d: {out_channels: width, kernel_size: {choice: [1, 3, 5]}, bias: false}}
"""
    space = search_spaces.parse(text)
    assert repr(space) == "<Space pair: 6 points, 2 decisions>"
    point = space.point({"params.width": 8, "stem.kernel_size": 3})
    assert repr(point) == "<Point: 72 params, 2.592k MACs, 2 decisions>"  # 8 * 9 weights at 6 x 6 positions


def test_no_point_or_sample_of_a_large_space_floods() -> None:
    space = search_spaces.load("cnn", {"classes": 10, "size": 32})
    assert len(repr(space)) < 200
    assert len(repr(space.sample(2))) < 500
