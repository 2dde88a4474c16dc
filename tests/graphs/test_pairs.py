"""Sizes that differ vertically and horizontally: strides of steps, and what is calculated from them."""

from __future__ import annotations

import graphs
from tests.graphs.wrong_documents import HEAD

OBLONG = "  - {name: main, conv: {out_channels: 3, kernel_size: [3, 5], stride: [2, 1]}}\n"


def test_a_stride_that_differs_by_direction_is_a_pair() -> None:
    net = "  - sequential: [{max_pool2d: {kernel_size: in.stride}}]\n"
    graph = graphs.parse(f"{HEAD}net:\n{OBLONG}{net}")
    assert graph.nodes[-1].block.model_dump()["kernel_size"] == (2, 1)
    assert str(graph.nodes[-1].type) == "map[3, 2, 8], stride 4x1"


def test_a_shortcut_follows_a_stride_that_differs_by_direction() -> None:
    rest = "  - {name: skip, from: in, shortcut: {like: main}}\n  - {from: [main, skip], add: {}}\n"
    graph = graphs.parse(f"{HEAD}net:\n{OBLONG}{rest}")
    (project,) = [node for node in graph.nodes if node.address == "skip.project.conv"]
    assert project.block.model_dump()["stride"] == (2, 1)
    assert str(graph.nodes[-1].type) == "map[3, 4, 8], stride 2x1"


def test_a_size_is_calculated_with_height_by_height() -> None:
    cell = "blocks:\n  cell:\n    params: {k: {type: size}}\n"
    cell += "    body: [{conv2d: {out_channels: 3, kernel_size: k, padding: k // 2, dilation: 0.5*k - 0.5}}]\n"
    (node,) = graphs.parse(f"{HEAD}{cell}net: [{{cell: {{k: [3, 5]}}}}]\n").nodes
    assert node.block.model_dump()["padding"] == (1, 2)
    assert node.block.model_dump()["dilation"] == (1, 2)
