"""The residual networks for CIFAR-10: depth is one parameter, and shortcuts have none."""

from __future__ import annotations

import pytest

from search_spaces import load_network


# He 2015, table 6, has 0.46M, 0.66M, 0.85M and 1.7M. The exact ones are those of builds of torch's modules; that of
# depth 18 has projections, and 1,730,714 with the 16 * 32 + 64 + 32 * 64 + 128 of those.
@pytest.mark.parametrize(("depth", "params"), [(5, 464_154), (7, 658_586), (9, 853_018), (18, 1_727_962)])
def test_the_depth_is_one_parameter(depth: int, params: int) -> None:
    graph = load_network("cifar_resnet20", {"depth": depth})
    assert graph.costs().params == params
    assert sum(node.block.key in ("conv2d", "linear") for node in graph.nodes) == 6 * depth + 2


def test_shortcuts_of_option_a_have_no_parameters() -> None:
    nodes = load_network("cifar_resnet20").costs().nodes
    skips = [node for node in nodes if ".skip." in node.address]
    assert [node.block for node in skips] == ["avg_pool2d", "pad_channels"] * 2
    assert sum(node.params for node in skips) == 0
