"""Densely connected networks: how channels grow."""

from __future__ import annotations

from search_spaces import load_network


def test_growth_widens_the_stem_and_all_that_follows() -> None:
    graph = load_network("densenet121", {"growth": 16})
    channels = [
        type_.shape[0] for node, type_ in zip(graph.nodes, graph.types[1:], strict=True) if node.block.key == "concat"
    ]
    assert channels[:6] == [32 + 16 * layer for layer in range(1, 7)]
    # The blocks end with (start + 16 n) channels, and each transition halves them: 32, 64, 128, 256, and 512 at the
    # end.
    assert channels[-1] == 512
