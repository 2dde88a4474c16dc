"""What lectures on the architectures of CNNs say in figures, and the same figures of the shipped networks.

The facts are those of the lecture "CNN Architectures" of Stanford's CS231n (lecture 9 of 2017 to 2019, F.-F. Li,
J. Johnson, S. Yeung), by the slide's own words.
"""

from __future__ import annotations

from dataclasses import dataclass

import search_spaces
from graphs import Graph
from nas.cli.outline import Row, outline


@dataclass(frozen=True)
class SlideRow:
    """A row of a slide: its words, the row of ours, and what it says of shape, values and weights; None where it
    says nothing."""

    words: str
    address: str
    shape: tuple[int, ...]
    values: str = ""
    weights: int | None = None


# "(not counting biases)"; the shape is height x width x depth there, and depth first here.
VGG16 = (
    SlideRow("INPUT", "image", (3, 224, 224), "150K", 0),
    SlideRow("CONV3-64", "conv1_1", (64, 224, 224), "3.2M", (3 * 3 * 3) * 64),
    SlideRow("CONV3-64", "conv1_2", (64, 224, 224), "3.2M", (3 * 3 * 64) * 64),
    SlideRow("POOL2", "pool1", (64, 112, 112), "800K", 0),
    SlideRow("CONV3-128", "conv2_1", (128, 112, 112), "1.6M", (3 * 3 * 64) * 128),
    SlideRow("CONV3-128", "conv2_2", (128, 112, 112), "1.6M", (3 * 3 * 128) * 128),
    SlideRow("POOL2", "pool2", (128, 56, 56), "400K", 0),
    SlideRow("CONV3-256", "conv3_1", (256, 56, 56), "800K", (3 * 3 * 128) * 256),
    SlideRow("CONV3-256", "conv3_2", (256, 56, 56), "800K", (3 * 3 * 256) * 256),
    SlideRow("CONV3-256", "conv3_3", (256, 56, 56), "800K", (3 * 3 * 256) * 256),
    SlideRow("POOL2", "pool3", (256, 28, 28), "200K", 0),
    SlideRow("CONV3-512", "conv4_1", (512, 28, 28), "400K", (3 * 3 * 256) * 512),
    SlideRow("CONV3-512", "conv4_2", (512, 28, 28), "400K", (3 * 3 * 512) * 512),
    SlideRow("CONV3-512", "conv4_3", (512, 28, 28), "400K", (3 * 3 * 512) * 512),
    SlideRow("POOL2", "pool4", (512, 14, 14), "100K", 0),
    SlideRow("CONV3-512", "conv5_1", (512, 14, 14), "100K", (3 * 3 * 512) * 512),
    SlideRow("CONV3-512", "conv5_2", (512, 14, 14), "100K", (3 * 3 * 512) * 512),
    SlideRow("CONV3-512", "conv5_3", (512, 14, 14), "100K", (3 * 3 * 512) * 512),
    SlideRow("POOL2", "pool5", (512, 7, 7), "25K", 0),
    SlideRow("FC", "fc6", (4096,), "4096", 7 * 7 * 512 * 4096),
    SlideRow("FC", "fc7", (4096,), "4096", 4096 * 4096),
    SlideRow("FC", "fc8", (1000,), "1000", 4096 * 1000),
)

# "Full (simplified) AlexNet architecture"
ALEXNET = (
    SlideRow("INPUT", "image", (3, 227, 227)),
    SlideRow("CONV1: 96 11x11 filters at stride 4, pad 0", "conv1.conv", (96, 55, 55)),
    SlideRow("MAX POOL1: 3x3 filters at stride 2", "pool1.pool", (96, 27, 27)),
    SlideRow("NORM1: normalization layer", "pool1.norm", (96, 27, 27)),
    SlideRow("CONV2: 256 5x5 filters at stride 1, pad 2", "conv2.conv", (256, 27, 27)),
    SlideRow("MAX POOL2: 3x3 filters at stride 2", "pool2.pool", (256, 13, 13)),
    SlideRow("NORM2: normalization layer", "pool2.norm", (256, 13, 13)),
    SlideRow("CONV3: 384 3x3 filters at stride 1, pad 1", "conv3.conv", (384, 13, 13)),
    SlideRow("CONV4: 384 3x3 filters at stride 1, pad 1", "conv4.conv", (384, 13, 13)),
    SlideRow("CONV5: 256 3x3 filters at stride 1, pad 1", "conv5.conv", (256, 13, 13)),
    SlideRow("MAX POOL3: 3x3 filters at stride 2", "pool5", (256, 6, 6)),
    SlideRow("FC6: 4096 neurons", "fc6.linear", (4096,)),
    SlideRow("FC7: 4096 neurons", "fc7.linear", (4096,)),
    SlideRow("FC8: 1000 neurons (class scores)", "fc8", (1000,)),
)

# "Conv Ops", all of 28 x 28 outputs: the module here, filters, side of a filter, input channels.
NAIVE = (
    ("[1x1 conv, 128]", "module.b1.conv.conv", 128, 1, 256),
    ("[3x3 conv, 192]", "module.b3.conv.conv", 192, 3, 256),
    ("[5x5 conv, 96]", "module.b5.conv.conv", 96, 5, 256),
)
REDUCED = (
    ("[1x1 conv, 64]", "module.b3.reduce.conv", 64, 1, 256),
    ("[1x1 conv, 64]", "module.b5.reduce.conv", 64, 1, 256),
    ("[1x1 conv, 128]", "module.b1.conv.conv", 128, 1, 256),
    ("[3x3 conv, 192]", "module.b3.conv.conv", 192, 3, 64),
    ("[5x5 conv, 96]", "module.b5.conv.conv", 96, 5, 64),
    ("[1x1 conv, 64]", "module.pool.reduce.conv", 64, 1, 256),
)


def load(name: str) -> Graph:
    """A shipped network."""
    return search_spaces.load_network(name)


def rows(graph: Graph) -> dict[str, Row]:
    """What `nas show` has as rows, by address, the input's among them."""
    sources = {name: Row(name, "input", type_, 0, 0, 0) for name, type_ in graph.inputs.items()}
    return sources | {row.address: row for row in outline(graph, 2)}


def shown_values(graph: Graph, slide: tuple[SlideRow, ...]) -> int:
    """The sum of the values of a slide's rows."""
    found = rows(graph)
    return sum(found[row.address].type.elements for row in slide)


def num_layers(graph: Graph) -> int:
    """The layers of a network as papers count them: convolutions and linear layers on the longest path, gates left
    out."""
    longest = [0] * len(graph.inputs)
    for node in graph.nodes:
        own = node.block.key in ("conv2d", "linear")
        read = node.sources[:1] if node.block.key == "scale" else node.sources
        longest.append(own + max(longest[source] for source in read))
    return max(longest[value] for value in graph.outputs.values())


def num_values(graph: Graph) -> int:
    """The values that a network computes where activations and norms work in place: of convolutions, pools, linear
    layers and joins."""
    kept = ("batch_norm2d", "relu", "dropout", "local_response_norm", "flatten")
    return sum(node.type.elements for node in graph.nodes if node.block.key not in kept)
