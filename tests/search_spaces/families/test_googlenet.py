"""GoogLeNet as torchvision builds it, and what separates it from the paper."""

from __future__ import annotations

from search_spaces import load_network


def test_the_kernel_of_the_paper_is_one_setting_away() -> None:
    """5x5 in place of 3x3 in the nine third branches: 16 more taps for each pair of channels."""
    reduced = ((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128), (48, 128))
    more = 16 * sum(one * other for one, other in reduced)
    assert load_network("googlenet", {"b5_kernel": 5}).costs().params == 6_624_904 + more
