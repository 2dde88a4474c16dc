"""What networks cost: small ones worked out by hand, and random ones as torch counts them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch.utils.flop_counter import FlopCounterMode

import graphs
from graphs.compilation import compile
from graphs.costs import ReceptiveField
from tests.graphs.documents import documents

F32 = 4  # bytes


def net(channels: int, size: int, *steps: str, more: str = "") -> graphs.Graph:
    body = "".join(f"  - {step}\n" for step in steps)
    return graphs.parse(f"version: 1\ninput: {{image: {{map: [{channels}, {size}, {size}]}}}}\nnet:\n{body}{more}")


def field(least: int, most: int, jump: int) -> ReceptiveField:
    return ReceptiveField((least, least), (most, most), (jump, jump))


def test_a_chain_keeps_two_neighbours_alive() -> None:
    # image 2x4x4 = 32 values; conv to 3x4x4 = 48; relu 48; pool to 3x2x2 = 12; flatten 12; linear to 5.
    graph = net(
        2,
        4,
        "conv2d: {out_channels: 3, kernel_size: 3, padding: 1}",
        "relu: {}",
        "max_pool2d: {kernel_size: 2}",
        "flatten: {}",
        "linear: {out_features: 5}",
    )
    costs = graph.costs()
    assert costs.params == 3 * 2 * 9 + 3 + 12 * 5 + 5
    assert costs.macs == 3 * 2 * 9 * 16 + 12 * 5
    assert costs.activation_bytes == (48 + 48 + 12 + 12 + 5) * F32
    # The most at one time: the convolution's output and the relu's, 96. Image and convolution are 80.
    assert costs.peak_bytes == 96 * F32


def test_a_residual_keeps_its_input_alive_until_the_addition() -> None:
    # All maps have 4x4x4 = 64 values. b is made of a while the input waits for the sum: 3 maps; 3 for the sum itself.
    graph = net(4, 4, "{name: a, relu: {}}", "{name: b, tanh: {}}", "{from: [in, b], add: {}}")
    assert graph.costs().peak_bytes == 3 * 64 * F32


def test_branches_stay_alive_until_they_meet() -> None:
    # a and b of 64 values each wait while c is made: image, a, b, c = 4 maps. For the concat the image is gone already,
    # since c was the last to read it: a, b, c and 192 values = 6 maps.
    graph = net(
        4,
        4,
        "{name: a, from: in, relu: {}}",
        "{name: b, from: in, tanh: {}}",
        "{name: c, from: in, sigmoid: {}}",
        "{from: [a, b, c], concat: {}}",
    )
    assert graph.costs().peak_bytes == 6 * 64 * F32


def test_outputs_are_kept_to_the_end() -> None:
    # Without the tap, two maps of 64 are alive at any time; with it, the first stays.
    steps = ("{name: a, relu: {}}", "{name: b, tanh: {}}", "{name: c, sigmoid: {}}")
    assert net(4, 4, *steps).costs().peak_bytes == 2 * 64 * F32
    assert net(4, 4, *steps, more="output: {tap: a, end: c}\n").costs().peak_bytes == 3 * 64 * F32


def test_a_value_that_is_read_twice_by_one_node_is_freed_once() -> None:
    graph = net(4, 4, "{name: a, relu: {}}", "{from: [a, a], add: {}}", "tanh: {}")
    assert graph.costs().peak_bytes == 2 * 64 * F32


def test_half_precision_takes_half_the_memory() -> None:
    text = "version: 1\ninput: {image: {map: [4, 4, 4], dtype: bfloat16}}\nnet: [{relu: {}}]\n"
    costs = graphs.parse(text).costs()
    assert (costs.activation_bytes, costs.peak_bytes) == (64 * 2, 2 * 64 * 2)


def test_buffers_are_counted_apart() -> None:
    costs = net(4, 4, "batch_norm2d: {}").costs()
    assert (costs.params, costs.buffers, costs.macs) == (8, 9, 0)


FIELDS = [
    # 1 + (3 - 1) * 1 = 3, then + (3 - 1) * 2 = 7, with jumps 2 and 4.
    (
        ["conv: {out_channels: 2, kernel_size: 3, stride: 2}", "conv: {out_channels: 2, kernel_size: 3, stride: 2}"],
        field(7, 7, 4),
    ),
    # Dilation 2 makes 5 of a kernel of 3.
    (["conv: {out_channels: 2, kernel_size: 3, dilation: 2}"], field(5, 5, 1)),
    # A pool of 2 and 2, then 3x3 at jump 2: 1 + 1 + 2 * 2 = 6.
    (["max_pool2d: {kernel_size: 2}", "conv: {out_channels: 2, kernel_size: 3}"], field(6, 6, 2)),
    # The shortcut sees one pixel, the two convolutions 1 + 2 + 2 = 5.
    (["residual_basic: {out_channels: 2}"], field(1, 5, 1)),
    # By its gate, squeeze-and-excitation sees the whole image; but not on the direct path.
    (["squeeze_excitation: {reduction: 1}"], field(1, 16, 1)),
    # 3x3 at stride 2: 3 pixels, jump 2. A mean over all 8 positions: 3 + 7 * 2 = 17, beyond the 16 by the padding.
    (["conv: {out_channels: 2, kernel_size: 3, stride: 2}", "global_avg_pool: {}"], field(17, 17, 2)),
    # By mean and variance, a group norm sees the whole map: 3 + 7 * 2; by the value itself what that saw.
    (
        ["conv: {out_channels: 2, kernel_size: 3, stride: 2}", "group_norm: {num_groups: 2}"],
        ReceptiveField((3, 3), (17, 17), (2, 2)),
    ),
    (["global_max_pool: {}"], field(16, 16, 1)),
    # 5 cells of 16 positions: the second from floor(3.2) to before ceil(6.4), and so 4 wide; they are 3 apart.
    (["adaptive_max_pool2d: {output_size: 5}"], field(4, 4, 3)),
    # 1x1, 3x3, 5x5 and pool 3x3 with 1x1 side by side.
    (["inception: {b1: 1, b3_reduce: 1, b3: 1, b5_reduce: 1, b5: 1, pool: 1}"], field(1, 5, 1)),
]


@pytest.mark.parametrize(("steps", "expected"), FIELDS, ids=[steps[0].partition(":")[0] for steps, _ in FIELDS])
def test_the_receptive_field_is_that_worked_out_by_hand(steps: list[str], expected: ReceptiveField) -> None:
    assert net(2, 16, *steps).costs().receptive_field == expected


def test_a_receptive_field_has_two_directions() -> None:
    graph = net(2, 16, "conv: {out_channels: 2, kernel_size: [5, 1], stride: [2, 1]}")
    assert graph.costs().receptive_field == ReceptiveField((5, 1), (5, 1), (2, 1))


@settings(max_examples=200)
@given(documents())
def test_a_random_network_costs_what_torch_counts(data: dict[str, Any]) -> None:
    graph = graphs.parse(json.dumps(data))
    module = compile(graph, device="meta").eval()
    (type_,) = graph.inputs.values()
    shapes: list[torch.Size] = []
    for operation in module._operations:
        operation.register_forward_hook(lambda _module, _inputs, output: shapes.append(output.shape[1:]))
    with FlopCounterMode(display=False) as counter:
        outputs = module(torch.empty(3, *type_.shape, device="meta"))
    costs = graph.costs()
    assert shapes == [node.type.shape for node in graph.nodes]
    assert counter.get_total_flops() == 3 * costs.flops
    assert sum(parameter.numel() for parameter in module.parameters()) == costs.params
    assert sum(buffer.numel() for buffer in module.buffers()) == costs.buffers
    assert isinstance(outputs, dict) == (len(graph.outputs) > 1)
