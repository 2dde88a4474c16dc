"""The rows of `nas show`: what a reader sees as one layer is one row, in words that a paper uses."""

from __future__ import annotations

import pytest

import graphs
import search_spaces
from nas.cli.outline import Row, outline

HEAD = "version: 1\nname: n\ninput: {image: {map: [8, 32, 32]}}\nnet:\n"


def rows(net: str, depth: int | None = 2) -> list[Row]:
    return outline(graphs.parse(f"{HEAD}  - {net}\n"), depth)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("conv2d: {out_channels: 4, kernel_size: 1}", "conv2d 1x1"),
        ("conv2d: {out_channels: 4, kernel_size: 3, padding: 1}", "conv2d 3x3"),
        ("conv2d: {out_channels: 4, kernel_size: 3}", "conv2d 3x3 pad 0"),
        ("conv2d: {out_channels: 4, kernel_size: 3, padding: 2, dilation: 2}", "conv2d 3x3 d2"),
        ("conv2d: {out_channels: 4, kernel_size: 3, padding: [1, 4], dilation: [1, 4]}", "conv2d 3x3 d1x4"),
        ("conv2d: {out_channels: 4, kernel_size: 3, stride: 2, dilation: 4}", "conv2d 3x3/2 d4 pad 0"),
        ("conv: {out_channels: 4, kernel_size: 3, dilation: 2}", "conv 3x3 d2"),
        ("conv2d: {out_channels: 4, kernel_size: 11, stride: 4, padding: 2}", "conv2d 11x11/4 pad 2"),
        ("conv2d: {out_channels: 4, kernel_size: [1, 7], padding: [0, 3]}", "conv2d 1x7"),
        ("conv2d: {out_channels: 4, kernel_size: [1, 7], stride: [1, 2], padding: [0, 1]}", "conv2d 1x7/1x2 pad 0x1"),
        ("conv2d: {out_channels: 4, kernel_size: 2}", "conv2d 2x2"),
        ("conv2d: {out_channels: 4, kernel_size: 4, stride: 4}", "conv2d 4x4/4"),
        ("conv2d: {out_channels: 4, kernel_size: 4, stride: 2, padding: 1}", "conv2d 4x4/2 pad 1"),
        ("conv2d: {out_channels: 4, kernel_size: 1, groups: 2}", "conv2d 1x1 2 groups"),
        ("depthwise_conv: {}", "depthwise_conv 3x3 8 groups"),
        ("conv: {out_channels: 4, kernel_size: 5, stride: 2}", "conv 5x5/2"),
        ("max_pool2d: {kernel_size: 2}", "max_pool2d 2x2/2"),
        ("avg_pool2d: {kernel_size: 3, stride: 1, padding: 1}", "avg_pool2d 3x3 pad 1"),
        ("avg_pool2d: {kernel_size: 3, padding: 1, count_include_pad: false}", "avg_pool2d 3x3/3 pad 1 uncounted"),
        ("avg_pool2d: {kernel_size: 2, count_include_pad: false}", "avg_pool2d 2x2/2"),
        ("max_pool2d: {kernel_size: 3, stride: 2, ceil_mode: true}", "max_pool2d 3x3/2 ceil"),
        ("max_pool2d: {kernel_size: 3, stride: 1, dilation: 2}", "max_pool2d 3x3 d2"),
        ("channel_shuffle: {groups: 4}", "channel_shuffle groups 4"),
        ("leaky_relu: {negative_slope: 0.2}", "leaky_relu negative_slope 0.2"),
        ("slice_channels: {start: 2}", "slice_channels start 2"),
        ("batch_norm2d: {eps: 0.001, affine: false}", "batch_norm2d"),
        ("adaptive_avg_pool2d: {output_size: 4}", "adaptive_avg_pool2d"),
        ("global_avg_pool: {}", "global_avg_pool"),
        ("global_max_pool: {}", "global_max_pool"),
        ("group_norm: {num_groups: 2}", "group_norm num_groups 2"),
        ("residual_basic: {out_channels: 8}", "residual_basic"),
    ],
)
def test_a_row_says_what_a_paper_would(step: str, words: str) -> None:
    assert {row.block for row in rows(step, 1)} == {words}


def test_a_convolution_with_its_norm_and_activation_is_one_row_at_any_depth() -> None:
    conv = "{name: c, conv: {out_channels: 4, kernel_size: 3}}"
    assert [(row.address, row.block) for row in rows(conv, 3)] == [("c", "conv 3x3")]
    assert [row.address for row in rows(conv, None)] == ["c.conv", "c.norm", "c.act.relu"]


def test_a_group_norm_goes_along_with_its_convolution() -> None:
    text = (
        "version: 1\nname: n\ninput: {image: {map: [8, 32, 32]}}\nblocks:\n  normed:\n    body:\n"
        "      - {name: conv, conv2d: {out_channels: 4, kernel_size: 3}}\n"
        "      - {name: norm, group_norm: {num_groups: 2}}\nnet:\n  - {name: c, normed: {}}\n"
    )
    assert [(row.address, row.block) for row in outline(graphs.parse(text), 3)] == [("c", "normed 3x3 pad 0")]


def test_two_operations_are_never_one_row_below_the_depth() -> None:
    both = "{name: both, sequential: [{conv: {out_channels: 4}}, {max_pool2d: {kernel_size: 2}}]}"
    assert [row.address for row in rows(both, 1)] == ["both"]
    assert [row.address for row in rows(both, 2)] == ["both.conv", "both.max_pool2d"]


def test_a_join_is_an_operation_of_its_own() -> None:
    """Its inputs are as wide as its output, yet there are two of them."""
    twice = "{name: twice, join: add, parallel: {a: [{conv: {out_channels: 8}}], b: []}}"
    assert [row.address for row in rows(twice, 3)] == ["twice.a.conv", "twice.add"]


def test_weights_are_parameters_without_biases_scales_and_shifts() -> None:
    (row,) = rows("{name: c, conv: {out_channels: 4, kernel_size: 3, bias: always}}")
    assert (row.weights, row.params) == (4 * 8 * 9, 4 * 8 * 9 + 4 + 2 * 4)


def test_shared_weights_are_counted_where_they_are_first_used() -> None:
    shared = "{name: a, conv2d: {out_channels: 8, kernel_size: 1}}\n  - {name: b, share: a}"
    assert [row.weights for row in rows(shared)] == [64, 0]


def test_rows_of_every_depth_have_the_same_sum() -> None:
    graph = search_spaces.load_network("googlenet")
    found = {
        (sum(row.weights for row in listed), sum(row.params for row in listed), sum(row.macs for row in listed))
        for listed in (outline(graph, depth) for depth in (1, 2, 3, 4, None))
    }
    assert len(found) == 1


def test_a_block_that_only_changes_values_where_they_are_is_one_row() -> None:
    both = "{name: block, residual_basic: {out_channels: 8}}"
    assert [row.address for row in rows(both, 3)][-2:] == ["block.sum", "block.act"]
