"""`docs/lecture.md`, made of the shipped networks and of the lecture's slides: every figure is computed here, or stands
on a slide."""

from __future__ import annotations

from collections.abc import Iterator

import graphs
from nas.cli.networks import network_lines
from nas.cli.options import DEPTH
from tests.search_spaces.lecture import (
    ALEXNET,
    NAIVE,
    REDUCED,
    VGG16,
    load,
    num_layers,
    num_values,
    rows,
    shown_values,
)
from tests.search_spaces.lecture_tables import (
    billions,
    first_parts,
    in_words,
    input_side,
    listed,
    markdown_table,
    millions,
    network_table,
    operation_table,
    output_depth,
    prose,
    shown_number,
    shown_shape,
)

STACKS = """\
version: 1
name: three_threes
params: {channels: 64, layers: 3, kernel: 3}
variants:
  one_seven: {layers: 1, kernel: 7}
input: {features: {map: [channels, 56, 56]}}
defaults: {conv: {norm: none}}
net:
  - {name: conv, repeat: layers, conv: {out_channels: channels, kernel_size: kernel}}
"""

SEPARABLE = """\
version: 1
name: separable
params: {channels: 64}
input: {features: {map: [channels, 56, 56]}}
defaults: {conv: {norm: none}}
net:
  - {name: depthwise, depthwise_conv: {norm: none}}
  - {name: pointwise, conv: {out_channels: channels}}
"""

# The networks of the lecture's complexity chart that ship, and what it says of some.
COMPLEXITY = {
    "alexnet": "small compute, still memory heavy, lower accuracy",
    "googlenet_2014": "most efficient",
    "inception_v3": "",
    "resnet18": "",
    "resnet50": "moderate efficiency depending on model",
    "resnet152": "highest accuracy",
    "vgg16": "highest memory",
    "vgg19": "most operations",
}


def lecture_page() -> str:
    """The whole page."""
    chapters = (_introduction, _lenet, _alexnet, _zfnet, _vgg, _inception, _googlenet, _resnet, _after, _small, _chart)
    return "\n".join(part for chapter in chapters for part in chapter())


def _introduction() -> Iterator[str]:
    yield "# The lecture, in figures\n"
    yield prose("""
        A lecture on the architectures of convolutional networks is full of arithmetic. This page follows that of
        Stanford's CS231n (lecture 9, "CNN Architectures", 2017 to 2019) with the networks that ship, so that each
        number of a slide can be looked up with `nas show`, and changed with `--set`. Where a slide's own figure is not
        what its rows say, both stand here. The page is made by the tests, `tests/search_spaces/lecture_page.py`, which
        compute every figure on it.""")
    yield prose("A slide writes height x width x depth, the tables here depth first. An operation is a multiply-add.")


def _lenet() -> Iterator[str]:
    yield "## LeNet-5\n"
    yield prose("Convolutions of 5x5 at stride 1, pools of 2x2 at stride 2, linear layers: `nas show lenet5`.")
    found = rows(load("lenet5")).values()
    table = [(f"`{row.address}`", row.block, shown_shape(row.type.shape), shown_number(row.params)) for row in found]
    yield markdown_table(("address", "block", "output", "parameters"), "<<<>", table)


def _alexnet() -> Iterator[str]:
    graph = load("alexnet_cs231n")
    types = graph.inputs | {node.address: node.type for node in graph.nodes}
    costs = {node.address: node for node in graph.costs().nodes}
    first, side = costs["conv1.conv"], (227 - 11) // 4 + 1
    depth, height, width = first.type.shape
    yield "## AlexNet\n"
    yield prose(f"""
        The input is 227 x 227 x 3, the first layer 96 filters of 11 x 11 at stride 4 without padding. What leaves it is
        (227 - 11) / 4 + 1 = {side} on a side, 96 deep: {height} x {width} x {depth}. Each filter has 11 * 11 * 3
        weights, which makes {11 * 11 * 3 * 96:,}, and a bias, which makes {first.params:,} parameters. The pool behind
        it has none, and leaves (55 - 3) / 2 + 1 = {types["pool1.pool"].shape[1]}.""")
    yield prose("""
        `nas show alexnet_cs231n --depth 0` has the rows of the slide, among those of activations and dropout, and the
        pool before the norm as there:""")
    table = [
        (row.words, f"`{row.address}`", shown_shape(types[row.address].shape), shown_number(costs[row.address].params))
        for row in ALEXNET
        if row.address in costs
    ]
    yield markdown_table(("slide", "address", "output", "parameters"), "<<<>", table)
    paper = load("alexnet_krizhevsky2012")
    split, whole = rows(paper), rows(graph)
    halved = [name for name, row in whole.items() if row.weights == 2 * split[name].weights and row.weights]
    yield prose(f"""
        The paper's own network, `alexnet_krizhevsky2012`, was spread over two GPUs. {listed(halved)} read the maps of
        their own GPU alone, which is two groups, and half the weights: {paper.costs().params:,} parameters in all in
        place of {graph.costs().params:,}. `nas diff alexnet_cs231n alexnet_krizhevsky2012` shows it.""")


def _zfnet() -> Iterator[str]:
    alexnet, wide = rows(load("alexnet_cs231n")), rows(load("zfnet_512_1024_512"))
    yield "## ZFNet\n"
    yield prose("""
        AlexNet, but for a smaller first window at a smaller stride, and more filters: `zfnet_512_1024_512`.""")
    changed = [
        (f"`{name}`", in_words(alexnet[name]), in_words(row))
        for name, row in wide.items()
        if name.startswith("conv") and in_words(alexnet[name]) != in_words(row)
    ]
    yield markdown_table(("layer", "AlexNet", "ZFNet"), "<<<", changed)


def _vgg() -> Iterator[str]:
    graph, found = load("vgg16"), rows(load("vgg16"))
    three, one = graphs.parse(STACKS), graphs.parse(STACKS, variant="one_seven")
    weights = [sum(row.weights for row in rows(stack).values()) for stack in (three, one)]
    yield "## VGG\n"
    yield prose("""
        Three layers of 3x3 see as much as one of 7x7, with more activations in between and fewer weights:""")
    yield f"```yaml\n{STACKS}```\n"
    yield prose(f"""
        Both have a receptive field of {shown_shape(three.costs().receptive_field.most)}. The three have
        3 * (3 * 3 * C * C) = 27 C * C weights, the one 7 * 7 * C * C = 49 C * C; with C = 64 that is {weights[0]:,} and
        {weights[1]:,}. `nas show three_threes.yaml --variant one_seven` says so.""")
    yield "\n".join(("```", "$ nas show vgg16", *network_lines(graph, DEPTH, None), "```", ""))
    yield prose("""
        Line by line, the slide's figures beside ours. Its parameters are without biases, as `weights` is:""")
    table = [
        (
            row.words,
            f"`{row.address}`",
            shown_shape(found[row.address].type.shape),
            row.values,
            f"{found[row.address].type.elements:,}",
            shown_number(found[row.address].weights),
        )
        for row in VGG16
    ]
    yield markdown_table(("slide", "address", "output", "slide: memory", "values", "weights"), "<<<>>>", table)
    total, params, values = sum(row.weights for row in found.values()), graph.costs().params, shown_values(graph, VGG16)
    late = sum(found[name].weights for name in ("fc6", "fc7", "fc8"))
    early = sum(found[name].type.elements for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"))
    yield prose(f"""
        The weights sum to {total:,}, the slide's 138M; with {params - total:,} biases they are {params:,} parameters.
        {found["fc6"].weights / total:.0%} of them lie in the first linear layer, {late / total:.0%} in the three.""")
    yield prose(f"""
        The slide says 24M values, 96 MB of four bytes. Its own rows sum to {values:,}: {millions(values)}, or
        {4 * values / 1e6:.0f} MB, of which {early / values:.0%} lie in the first four convolutions. With each
        activation on its own beside the convolution before it, as `activations` counts, and with what is made flat and
        left out, they are {sum(node.type.elements for node in graph.nodes):,}; what makes 24M is not said.""")


def _inception() -> Iterator[str]:
    naive, reduced = load("inception_naive"), load("inception_reduced")
    fewer = naive.costs().macs / reduced.costs().macs
    yield "## The Inception module\n"
    yield prose(f"""
        On 28 x 28 x 256, three convolutions and a pool side by side, their outputs one upon the other. In the naive
        module the pool hands on all that it reads, so the depth can only grow, here to
        128 + 192 + 96 + 256 = {output_depth(naive)}:""")
    yield operation_table(naive, NAIVE)
    yield prose(f"""
        The slide has 854M. With 1x1 convolutions to 64 channels before the large ones and after the pool, the depth is
        128 + 192 + 96 + 64 = {output_depth(reduced)}:""")
    yield operation_table(reduced, REDUCED)
    yield prose(f"""
        The slide has 358M for these rows, which sum to {millions(reduced.costs().macs)}: {fewer:.1f} times fewer than
        the naive module's, in place of {854 / 358:.1f}. `nas show inception_naive --depth 3` and
        `nas show inception_reduced --depth 3` have the rows, and `--set reduce=32` other reductions.""")


def _googlenet() -> Iterator[str]:
    graph, alexnet = load("googlenet_2014"), load("alexnet_krizhevsky2012").costs().params
    params, trained, classes = graph.costs().params, graph.in_training.costs().params, graph.costs().nodes[-1].params
    yield "## GoogLeNet\n"
    yield prose(f"""
        {num_layers(graph)} layers with weights from the image to the classes: three of the stem, two for each of nine
        modules, and one linear layer, the only one. The auxiliary classifiers, through which the gradient reaches the
        middle, bring {trained - params:,} more parameters while it trains, and don't ship: the last line of
        `nas show googlenet_2014`.""")
    yield prose(f"""
        The slide counts 5 million parameters, 12 times fewer than AlexNet. The network of the paper's table has
        {params:,}, and AlexNet's {alexnet:,} are {alexnet / params:.1f} times as many; leaving out the {classes:,} of
        the linear layer, {alexnet / (params - classes):.1f} times.""")
    yield prose("""
        `googlenet` is torchvision's network, with norms, the one that pretrained weights exist of;
        `nas diff googlenet_2014 googlenet` shows what is different.""")


def _resnet() -> Iterator[str]:
    bottleneck, basic = (
        graphs.parse(f"version: 1\nname: b\ninput: {{features: {{map: [256, 28, 28]}}}}\nnet:\n  - {block}\n").costs()
        for block in ("residual_bottleneck: {width: 64}", "residual_basic: {out_channels: 256}")
    )
    yield "## ResNet\n"
    yield prose(f"""
        Two convolutions of 3x3 a block up to 34 layers, and bottlenecks above. On 28 x 28 x 256 a bottleneck goes to 64
        channels by 1x1, computes 3x3 on those, and comes back by 1x1: {millions(bottleneck.macs)} operations, where
        two convolutions of 3x3 on all 256 channels have {millions(basic.macs)},
        {basic.macs / bottleneck.macs:.0f} times as many.""")
    yield network_table(("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"))
    yield prose("""
        A 7x7 convolution and a pool come first, then four groups, each at half the size of the one before and with
        twice the channels, and one linear layer after the mean of the map. In `nas show resnet34`:""")
    found, graph = rows(load("resnet34")), load("resnet34")
    groups = {name: [row for at, row in found.items() if at.split(".")[0] == name] for name in first_parts(found)}
    table = [
        (f"`{name}`", listed[0].block, str(len(listed)), shown_shape(listed[-1].type.shape))
        for name, listed in groups.items()
        if name not in graph.inputs
    ]
    yield markdown_table(("address", "block", "times", "output"), "<<><", table)


def _after() -> Iterator[str]:
    wide, deep = load("wide_resnet50_2").costs(), load("resnet152").costs()
    plain, gated = load("resnet50_v1").costs(), load("seresnet50").costs()
    paths, dense = load("resnext50_32x4d").costs(), load("densenet121").costs()
    yield "## After ResNet\n"
    yield prose(f"""
        Wider instead of deeper: Wide ResNet-50-2 has {num_layers(load("wide_resnet50_2"))} layers and
        {billions(wide.macs)} operations, about as many as the {num_layers(load("resnet152"))} layers of ResNet-152,
        {billions(deep.macs)}. Parallel paths, ResNeXt-50-32x4d: 32 groups in each 3x3 convolution, twice as wide in
        all, at the cost of ResNet-50, {billions(paths.macs)} against {billions(load("resnet50").costs().macs)}. Gates
        on channels, SE-ResNet-50: {(gated.params - plain.params) / plain.params:.0%} more parameters than the ResNet-50
        of the paper, `resnet50_v1`, and {(gated.macs - plain.macs) / plain.macs:.2%} more operations; `nas diff
        resnet50_v1 seresnet50` shows them. Every layer reads all before it, DenseNet-121:
        {plain.params / dense.params:.1f} times fewer parameters than ResNet-50.""")
    yield network_table(
        ("resnet50_v1", "seresnet50", "senet154", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "densenet121")
    )


def _small() -> Iterator[str]:
    alexnet, squeezenet = load("alexnet").costs().params, load("squeezenet1_0").costs().params
    separable, full = graphs.parse(SEPARABLE).costs().macs, 56 * 56 * 9 * 64 * 64
    yield "## Fewer parameters, fewer operations\n"
    yield prose(f"""
        SqueezeNet has "AlexNet-level accuracy with 50x fewer parameters": {squeezenet:,} against {alexnet:,}, which is
        {alexnet / squeezenet:.0f} times.""")
    yield prose(f"""
        MobileNet puts a 3x3 convolution on each channel by itself, and a 1x1 one behind it: 9 C H W + C * C H W
        operations in place of 9 C * C H W. With C = 64 on 56 x 56 that is {millions(separable)} for
        {millions(full)}, {full / separable:.1f} times fewer.""")
    yield f"```yaml\n{SEPARABLE}```\n"
    small = ("squeezenet1_0", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "shufflenet_v2_x1_0", "nasnet_a_mobile")
    yield network_table(small)
    base, scaled = load("efficientnet_b0"), load("efficientnet_b7")
    yield prose(f"""
        EfficientNet scales width, depth and resolution together. From B0 on {input_side(base)} pixels to B7 on
        {input_side(scaled)}, parameters grow {scaled.costs().params / base.costs().params:.1f} times, layers
        {num_layers(scaled) / num_layers(base):.1f} times, and operations, which grow with all three,
        {scaled.costs().macs / base.costs().macs:.0f} times.""")
    yield network_table(tuple(f"efficientnet_b{step}" for step in range(8)))


def _chart() -> Iterator[str]:
    yield "## Comparing complexity\n"
    yield prose("""
        What the lecture says of its chart, beside what the networks cost. Its memory is that of the parameters. Values
        are those of convolutions, pools, joins and linear layers, which is what a forward pass makes where norms and
        activations work in place.""")
    table = [
        (
            f"`{name}`",
            str(num_layers(graph)),
            f"{graph.costs().params / 1e6:.1f}M",
            f"{graph.costs().macs / 1e9:.2f}G",
            f"{num_values(graph) / 1e6:.1f}M",
            said,
        )
        for name, said, graph in ((name, said, load(name)) for name, said in COMPLEXITY.items())
    ]
    yield markdown_table(("network", "layers", "parameters", "operations", "values", "the slide says"), "<>>>><", table)
