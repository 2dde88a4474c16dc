"""Residual networks and their kin: what a state_dict holds beside the parameters, and widths that are none."""

from __future__ import annotations

import pytest

from graphs import DocumentError
from search_spaces import load_network


# Two for every channel of a norm, and a counter for every norm. The channels: of the CIFAR network, 16 + 6 * (16 + 32 +
# 64) = 688 in 19 norms; of resnet18, 64 + 4 * 64 + 5 * (128 + 256 + 512) = 4800 in 20; of resnet50, 64 + 3 * 384 + 256
# + (4 * 768 + 512) + (6 * 1536 + 1024) + (3 * 3072 + 2048) = 26560 in 53.
@pytest.mark.parametrize(
    ("name", "buffers"),
    [("cifar_resnet20", 2 * 688 + 19), ("resnet18", 2 * 4_800 + 20), ("resnet50", 2 * 26_560 + 53)],
)
def test_buffers_are_those_of_the_norms(name: str, buffers: int) -> None:
    assert load_network(name).costs().buffers == buffers


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("wide_resnet50_2", {"widen": 3}),  # 4 / 3 times as wide between the blocks
        ("resnext50_32x4d", {"group_width": 6}),  # 256 channels by 192 inside
        ("seresnext50_32x4d", {"cardinality": 24}),  # 256 by 96
    ],
)
def test_a_width_that_a_block_can_not_have_is_refused_and_not_rounded(name: str, settings: dict[str, int]) -> None:
    with pytest.raises(DocumentError, match="E304 where"):
        load_network(name, settings)
