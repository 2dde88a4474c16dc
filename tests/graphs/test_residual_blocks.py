"""Residual blocks: where they stride, what their shortcuts are, and what a gate or a group costs."""

from __future__ import annotations

import pytest
import torch

import graphs
from graphs import Graph

HEAD = "version: 1\nname: t\ninput: {image: {map: [8, 8, 8]}}\nnet:\n  - "


def block(step: str) -> Graph:
    return graphs.parse(f"{HEAD}{step}\n")


def shapes(graph: Graph, key: str = "conv2d") -> dict[str, tuple[int, ...]]:
    return {node.address.removesuffix(".conv"): node.type.shape for node in graph.nodes if node.block.key == key}


@pytest.mark.parametrize(
    ("conv1_stride", "side", "macs"),
    [
        # 1x1 from 8 to 4, 3x3 from 4 to 4, 1x1 from 4 to 16, and the projection from 8 to 16.
        (1, 8, 64 * 32 + 16 * 144 + 16 * 64 + 16 * 128),
        (2, 4, 16 * 32 + 16 * 144 + 16 * 64 + 16 * 128),
    ],
    ids=["v1.5", "v1"],
)
def test_a_bottleneck_strides_on_its_3x3_or_on_the_1x1_before_it(conv1_stride: int, side: int, macs: int) -> None:
    graph = block(f"{{name: b, residual_bottleneck: {{width: 4, stride: 2, conv1_stride: {conv1_stride}}}}}")
    assert shapes(graph) == {
        "b.conv1": (4, side, side),
        "b.conv2": (4, 4, 4),
        "b.conv3": (16, 4, 4),
        "b.skip.project": (16, 4, 4),
    }
    assert graph.costs().macs == macs


def test_a_bottleneck_that_does_not_stride_does_not_for_any_conv1_stride() -> None:
    one, two = (block(f"residual_bottleneck: {{width: 2, conv1_stride: {stride}}}") for stride in (1, 2))
    assert one.hash == two.hash


def test_the_gate_of_a_bottleneck_reads_what_it_gives() -> None:
    """Two 1x1 convolutions with biases, 16 to 16 / 8 to 16 channels."""
    graph = block("{name: b, residual_bottleneck: {width: 4, se_reduction: 8}}")
    gate = [node for node in graph.costs().nodes if ".se." in node.address]
    assert sum(node.params for node in gate) == 16 * 2 + 2 + 2 * 16 + 16
    assert [node.address for node in graph.nodes if node.block.key == "add"] == ["b.sum"]


@pytest.mark.parametrize("call", ["residual_basic: {out_channels: 16}", "residual_bottleneck: {width: 4}"])
@pytest.mark.parametrize(
    ("shortcut", "blocks"),
    [("project", ["conv2d", "batch_norm2d"]), ("pad", ["avg_pool2d", "pad_channels"]), ("none", [])],
)
def test_a_shortcut_projects_pads_or_is_not_there(call: str, shortcut: str, blocks: list[str]) -> None:
    graph = block(f"{{name: b, {call[:-1]}, stride: 2, shortcut: {shortcut}}}}}")
    assert [node.block.key for node in graph.nodes if ".skip." in node.address] == blocks
    assert [node.block.key for node in graph.nodes].count("add") == (shortcut != "none")


def test_without_its_shortcut_a_block_is_two_convolutions() -> None:
    plain = "repeat: 2, conv: {out_channels: 8, kernel_size: 3}"
    assert block("residual_basic: {out_channels: 8, shortcut: none}").hash == block(f"{{{plain}}}").hash


def test_a_preactivated_block_adds_its_input_as_it_is() -> None:
    module = block("{name: b, residual_preactivated: {out_channels: 8}}").compile().eval()
    with torch.no_grad():
        module.get_parameter("b.conv2.weight").zero_()
        image = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
        assert torch.equal(module(image), image)


def test_a_preactivated_block_projects_what_is_activated() -> None:
    module = block("{name: b, residual_preactivated: {out_channels: 12, stride: 2}}").compile().eval()
    with torch.no_grad():
        module.get_parameter("b.conv2.weight").zero_()
        image = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
        active = torch.relu(module.get_submodule("b.norm1")(image))
        assert torch.equal(module(image), module.get_submodule("b.project")(active))


def test_dropout_of_a_preactivated_block_stands_between_its_convolutions() -> None:
    nodes = block("{name: b, residual_preactivated: {out_channels: 8, dropout: 0.3}}").nodes
    addresses = [node.address for node in nodes if node.block.key in ("conv2d", "dropout")]
    assert addresses == ["b.conv1", "b.dropout", "b.conv2"]


def test_a_dense_layer_without_a_bottleneck_has_one_convolution() -> None:
    graph = block("{name: b, dense_layer: {growth: 3, bottleneck: 0}}")
    assert shapes(graph) == {"b.conv2": (3, 8, 8)}
    assert graph.costs().params == 2 * 8 + 9 * 8 * 3
