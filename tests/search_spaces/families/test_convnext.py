"""ConvNeXt: 1x1 convolutions in place of the linear layers that torchvision puts on maps with the channels last."""

from __future__ import annotations

import csv
from pathlib import Path

from search_spaces import load_network

# torchvision 0.28.0 convnext_tiny, counted on the meta device; its layers are not ours one to one.
TABLE = Path(__file__).with_name("convnext_tiny.csv")

Layer = tuple[tuple[int, ...], int, int]


def table() -> list[Layer]:
    """Convolutions and linear layers of torchvision's: shape of the output with channels first, parameters, MACs."""
    rows = []
    with TABLE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            shape = tuple(map(int, row["output_shape"].split("x")))
            if row["op"] == "linear":
                shape = (shape[-1], *shape[:-1])
            rows.append((shape, int(row["params"]), int(row["macs"])))
    return rows


def test_every_layer_is_that_of_torchvision_with_channels_first() -> None:
    nodes = load_network("convnext_tiny").costs().nodes
    ours = [
        (node.type.shape, node.params, node.macs)
        for node in nodes
        if node.block in ("conv2d", "linear")  # the table has neither norms nor scales
    ]
    assert len(ours) == 22 + 37
    assert ours == table()


def test_norms_and_scales_are_a_number_a_channel() -> None:
    """Of 96, 192, 384 and 768 channels; a norm and a scale in each of 3, 3, 9 and 3 blocks, a norm after the stem,
    before each of three halvings and before the classifier."""
    nodes = load_network("convnext_tiny").costs().nodes
    of_blocks = 3 * 96 + 3 * 192 + 9 * 384 + 3 * 768
    assert sum(node.params for node in nodes if node.block == "layer_scale") == of_blocks
    others = 96 + 96 + 192 + 384 + 768
    assert sum(node.params for node in nodes if node.block == "layer_norm2d") == 2 * (of_blocks + others)


def test_a_scale_begins_at_a_millionth() -> None:
    state = load_network("convnext_tiny", {"size": 32}).compile().state_dict()
    scales = [value for key, value in state.items() if key.endswith("scale.weight")]
    assert len(scales) == 18
    assert all((scale == 1e-6).all() for scale in scales)
