"""The smallest input that a legal network takes."""

from __future__ import annotations

import pytest

import graphs
from graphs.smallest import smallest_input


def smallest(shape: str, net: str) -> str:
    return smallest_input(graphs.parse(f"version: 1\ninput: {{image: {{map: {shape}}}}}\nnet:\n{net}").document)


@pytest.mark.parametrize(
    ("shape", "net", "expected"),
    [
        # A window of 5 needs 5; two of them, the second on half the pixels: (5 - 1) * 2 + 5 = 13.
        ("[1, 32, 32]", "  - conv2d: {out_channels: 1, kernel_size: 5}\n", "5 x 5"),
        (
            "[1, 32, 32]",
            "  - conv2d: {out_channels: 1, kernel_size: 5, stride: 2}\n  - max_pool2d: {kernel_size: 5}\n",
            "13 x 13",
        ),
        ("[1, 32, 40]", "  - conv2d: {out_channels: 1, kernel_size: [3, 7]}\n", "3 x 7"),
        ("[1, 40, 7]", "  - conv2d: {out_channels: 1, kernel_size: [3, 7]}\n", "3 x 7"),
        ("[1, 8, 8]", "  - conv: {out_channels: 1, kernel_size: 3}\n", "1 x 1"),
    ],
)
def test_the_smallest_input_is_that_worked_out_by_hand(shape: str, net: str, expected: str) -> None:
    assert smallest(shape, net) == expected


# Of n pixels, a padded convolution of 3x3 at stride 2 leaves ceil(n / 2), and a pool that keeps the last row and column
# ceil((n - 1) / 2), which is nothing of one: they meet where n is even. Behind another such convolution they meet where
# ceil(n / 2) is even, which 3 and 4 are the least of.
MEETING = """\
  - {name: stem, when: HALVED, conv2d: {out_channels: 1, kernel_size: 3, stride: 2, padding: 1}}
  - {name: a, from: stem, conv2d: {out_channels: 1, kernel_size: 3, stride: 2, padding: 1}}
  - {name: b, from: stem, max_pool2d: {kernel_size: 3, stride: 2, ceil_mode: true}}
  - {from: [a, b], concat: {}}
"""


@pytest.mark.parametrize("side", [4, 6, 8, 16, 30, 32, 34, 222])
def test_of_branches_that_meet_at_some_sizes_the_least_is_found(side: int) -> None:
    assert smallest(f"[1, {side}, {side}]", MEETING.replace("HALVED", "1 > 2")) == "2 x 2"


@pytest.mark.parametrize("side", [3, 4, 7, 8, 15, 16, 31, 32, 223, 224])
def test_so_it_is_behind_a_stride(side: int) -> None:
    assert smallest(f"[1, {side}, {side}]", MEETING.replace("HALVED", "1 < 2")) == "3 x 3"


def test_a_network_of_vectors_has_no_smallest_map() -> None:
    text = "version: 1\ninput: {x: {vector: 4}}\nnet:\n  - linear: {out_features: 2}\n"
    assert smallest_input(graphs.parse(text).document) == ""
