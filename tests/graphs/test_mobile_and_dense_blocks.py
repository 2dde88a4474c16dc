"""The composites of mobile and of densely connected networks, and the numbers of a norm in `conv`: counts by hand,
values against torchvision. Whole networks of them are in tests/search_spaces."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import nn

import graphs
from blocks.normalization import BatchNorm2d
from blocks.types import Map
from graphs import Graph
from tests import references

Arguments = Mapping[str, int | float | str]


def block(name: str, arguments: Arguments, channels: int = 8, size: int = 8) -> Graph:
    """A network of one block on a map (channels, size, size)."""
    given = ", ".join(f"{key}: {value}" for key, value in arguments.items())
    image = f"{{image: {{map: [{channels}, {size}, {size}]}}}}"
    return graphs.parse(f"version: 1\nname: one\ninput: {image}\nnet:\n  - {{name: it, {name}: {{{given}}}}}\n")


def output(graph: Graph) -> Map:
    (value,) = graph.outputs.values()
    found = graph.types[value]
    assert isinstance(found, Map)
    return found


def norms(graph: Graph) -> set[BatchNorm2d]:
    return {node.block for node in graph.nodes if isinstance(node.block, BatchNorm2d)}


NORMED: dict[str, Arguments] = {
    "conv": {"out_channels": 4},
    "depthwise_conv": {},
    "separable_conv": {"out_channels": 4},
    "inverted_residual": {"out_channels": 8},
}


@pytest.mark.parametrize("name", NORMED)
def test_norms_have_torch_s_numbers_unless_others_are_given(name: str) -> None:
    assert norms(block(name, NORMED[name])) == {BatchNorm2d()}
    given = {**NORMED[name], "norm_eps": 0.001, "norm_momentum": 0.01}
    assert norms(block(name, given)) == {BatchNorm2d(eps=0.001, momentum=0.01)}


def test_every_norm_of_an_inception_block_has_its_eps() -> None:
    widths = {"b1": 1, "b3_reduce": 1, "b3": 1, "b5_reduce": 1, "b5": 1, "pool": 1}
    assert norms(block("inception", widths)) == {BatchNorm2d()}
    assert norms(block("inception", {**widths, "norm_eps": 0.001})) == {BatchNorm2d(eps=0.001)}


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one() -> None:
    graph = block("separable_conv", {"out_channels": 6, "kernel_size": 5, "stride": 2})
    assert [node.block.key for node in graph.nodes] == ["conv2d", "batch_norm2d", "relu"] * 2
    assert graph.costs().params == 25 * 8 + 2 * 8 + 8 * 6 + 2 * 6
    assert output(graph) == Map(6, 4, 4, (2, 2))


def test_a_separable_convolution_without_norms_has_biases() -> None:
    graph = block("separable_conv", {"out_channels": 6, "norm": "none"})
    assert graph.costs().params == 9 * 8 + 8 + 8 * 6 + 6


# 8 channels to 16, depthwise 3x3, a gate by way of 8 // 4 = 2, and back to 8; norms have two numbers a channel.
EXPAND, DEPTHWISE, GATE, PROJECT = 8 * 16 + 32, 9 * 16 + 32, 16 * 2 + 2 + 2 * 16 + 16, 16 * 8 + 16
RESIDUALS: list[tuple[Arguments, int, bool]] = [
    ({"out_channels": 8, "expansion": 2}, EXPAND + DEPTHWISE + PROJECT, True),
    ({"out_channels": 8, "expansion": 2, "se_ratio": 0.25}, EXPAND + DEPTHWISE + GATE + PROJECT, True),
    ({"out_channels": 8, "expansion": 2, "stride": 2}, EXPAND + DEPTHWISE + PROJECT, False),
    ({"out_channels": 6, "expansion": 2}, EXPAND + DEPTHWISE + 16 * 6 + 12, False),
    ({"out_channels": 8, "expansion": 1}, 9 * 8 + 16 + 8 * 8 + 16, True),
    ({"out_channels": 8, "expansion": 2, "kernel_size": 5}, EXPAND + 25 * 16 + 32 + PROJECT, True),
    ({"out_channels": 8, "expanded": 16, "se_channels": 2}, EXPAND + DEPTHWISE + GATE + PROJECT, True),
]


@pytest.mark.parametrize(("arguments", "params", "adds"), RESIDUALS, ids=str)
def test_an_inverted_residual_adds_its_input_where_shapes_agree(arguments: Arguments, params: int, adds: bool) -> None:
    graph = block("inverted_residual", arguments)
    assert graph.costs().params == params
    assert any(node.block.key == "add" for node in graph.nodes) == adds
    size = 8 // int(arguments.get("stride", 1))
    assert output(graph).shape == (arguments["out_channels"], size, size)


@pytest.mark.parametrize(("channels", "width"), [(8, 2), (7, 1), (3, None)])
def test_a_gate_is_a_share_of_the_input_rounded_down_and_none_where_nothing_is_left(
    channels: int, width: int | None
) -> None:
    graph = block("inverted_residual", {"out_channels": 2, "expansion": 2, "se_ratio": 0.25}, channels=channels)
    assert [node.type.shape for node in graph.nodes if node.address.endswith("se.reduce")] == (
        [] if width is None else [(width, 1, 1)]
    )


def test_the_activation_inside_a_gate_is_that_of_the_block_unless_another_is_given() -> None:
    arguments: Arguments = {"out_channels": 8, "se_channels": 2, "activation": "silu"}

    def inside(arguments: Arguments) -> list[str]:
        return [node.block.key for node in block("inverted_residual", arguments).nodes if ".se." in node.address]

    assert inside(arguments) == ["adaptive_avg_pool2d", "conv2d", "silu", "conv2d", "sigmoid", "scale"]
    assert inside({**arguments, "se_activation": "relu", "se_gate": "hardsigmoid"})[2:5] == [
        "relu",
        "conv2d",
        "hardsigmoid",
    ]


@pytest.mark.parametrize(("stride", "out_channels", "expansion"), [(1, 8, 6), (2, 8, 6), (1, 12, 6), (1, 8, 1)])
def test_an_inverted_residual_is_that_of_mobilenet_v2(stride: int, out_channels: int, expansion: int) -> None:
    references.torchvision()
    from torchvision.models.mobilenetv2 import InvertedResidual

    torch.manual_seed(0)
    theirs: nn.Module = InvertedResidual(8, out_channels, stride, expansion).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 3)
            nn.init.normal_(module.bias, mean=3)  # so that some values are above 6
    graph = block("inverted_residual", {"out_channels": out_channels, "stride": stride, "expansion": expansion})
    ours = graph.compile().eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    image = torch.randn(2, 8, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(ours(image), theirs(image))


def test_a_dense_layer_appends_its_growth_to_its_input() -> None:
    graph = block("dense_layer", {"growth": 3})
    assert graph.costs().params == 2 * 8 + 8 * 12 + 2 * 12 + 12 * 3 * 9
    assert output(graph).shape == (11, 8, 8)
    image = torch.randn(1, 8, 8, 8)
    assert torch.equal(graph.compile().eval()(image)[:, :8], image)


def test_a_dense_transition_halves_channels_and_size() -> None:
    graph = block("dense_transition", {})
    assert graph.costs().params == 2 * 8 + 8 * 4
    assert output(graph) == Map(4, 4, 4, (2, 2))


def test_a_preactivated_convolution_is_in_the_order_of_its_name() -> None:
    graph = block("preactivated_conv", {"out_channels": 4, "kernel_size": 3, "stride": 2, "activation": "silu"})
    assert [node.block.key for node in graph.nodes] == ["batch_norm2d", "silu", "conv2d"]
    assert output(graph) == Map(4, 4, 4, (2, 2))


def test_a_gate_widens_the_receptive_field_and_leaves_the_jump() -> None:
    """3 x 3, a gate that sees all 8 positions of it, 3 x 3: by way of the map 5 pixels, by way of the gate 3 + 7 +
    2."""
    graph = graphs.parse("""\
version: 1
name: gated
input: {image: {map: [3, 8, 8]}}
net:
  - conv: {out_channels: 4, kernel_size: 3}
  - squeeze_excitation_conv: {channels: 2}
  - conv: {out_channels: 4, kernel_size: 3}
""")
    field = graph.costs().receptive_field
    assert (field.least, field.most, field.jump) == ((5, 5), (12, 12), (1, 1))
