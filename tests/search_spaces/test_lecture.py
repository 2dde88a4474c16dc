"""The lecture's own arithmetic, and docs/lecture.md, which shows it.

Numbers in these tests are those of the slides, or worked out by hand from their rows; see `lecture`.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

import graphs
from graphs.quantities import parse_quantity
from tests.golden import assert_golden
from tests.search_spaces.lecture import (
    ALEXNET,
    NAIVE,
    REDUCED,
    VGG16,
    SlideRow,
    load,
    num_layers,
    num_values,
    rows,
    shown_values,
)
from tests.search_spaces.lecture_page import SEPARABLE, STACKS, lecture_page
from tests.test_floors import ROOT


def test_the_page_is_what_the_figures_say() -> None:
    assert_golden(ROOT / "docs/lecture.md", lecture_page())


@pytest.mark.parametrize("row", ALEXNET, ids=[row.address for row in ALEXNET])
def test_a_row_of_alexnet_has_the_slide_s_shape(row: SlideRow) -> None:
    graph = load("alexnet_cs231n")
    types = graph.inputs | {node.address: node.type for node in graph.nodes}
    assert types[row.address].shape == row.shape


def test_the_rows_of_alexnet_are_in_the_slide_s_order_with_the_norm_behind_the_pool() -> None:
    addresses = ["image", *(node.address for node in load("alexnet_cs231n").nodes)]
    places = [addresses.index(row.address) for row in ALEXNET]
    assert places == sorted(places)


def test_the_first_layer_of_alexnet_has_the_slide_s_output_and_parameters() -> None:
    (first, *_) = load("alexnet_cs231n").costs().nodes
    assert first.type.shape == (96, (227 - 11) // 4 + 1, (227 - 11) // 4 + 1) == (96, 55, 55)
    assert first.params == (11 * 11 * 3) * 96 + 96 == 34_944


def test_the_first_pool_of_alexnet_has_no_parameters() -> None:
    pool = rows(load("alexnet_cs231n"))["pool1"]
    assert (pool.type.shape, pool.params) == ((96, (55 - 3) // 2 + 1, 27), 0)


def test_two_gpus_halve_the_weights_of_three_layers() -> None:
    """Conv2, conv4 and conv5 read half of the channels each; nothing else is different but the place of the norm."""
    whole, split = rows(load("alexnet_cs231n")), rows(load("alexnet_krizhevsky2012"))
    halved = [name for name, row in whole.items() if row.weights == 2 * split[name].weights and row.weights]
    assert halved == ["conv2", "conv4", "conv5"]
    assert [split[name].weights for name in halved] == [307_200, 663_552, 442_368]


def test_zfnet_is_alexnet_with_another_first_layer_and_the_slide_s_widths() -> None:
    alexnet, wide = rows(load("alexnet_cs231n")), rows(load("zfnet_512_1024_512"))
    assert (alexnet["conv1"].block, wide["conv1"].block) == ("conv 11x11/4 pad 0", "conv 7x7/2 pad 1")
    channels = [[found[f"conv{layer}"].type.shape[0] for layer in (3, 4, 5)] for found in (alexnet, wide)]
    assert channels == [[384, 384, 256], [512, 1024, 512]]


@pytest.mark.parametrize("row", VGG16, ids=[row.address for row in VGG16])
def test_a_row_of_vgg16_is_the_slide_s(row: SlideRow) -> None:
    ours = rows(load("vgg16"))[row.address]
    assert (ours.type.shape, ours.weights) == (row.shape, row.weights)
    rounded = parse_quantity(row.values)
    assert abs(ours.type.elements - rounded) <= 0.005 * rounded


def test_nas_show_has_the_rows_of_the_slide_in_its_order_and_one_more() -> None:
    """The map before fc6 is made flat, of which the slide says nothing."""
    assert [name for name in rows(load("vgg16")) if name != "flatten"] == [row.address for row in VGG16]


def test_vgg16_has_138m_weights_of_which_74_percent_lie_in_the_first_linear_layer() -> None:
    found = rows(load("vgg16"))
    total = sum(row.weights for row in found.values())
    assert total == sum(row.weights or 0 for row in VGG16) == 138_344_128
    assert round(100 * found["fc6"].weights / total) == 74


def test_the_values_of_the_slide_s_rows_sum_to_15_2m_and_not_to_24m() -> None:
    total = shown_values(load("vgg16"), VGG16)
    by_hand = 224 * 224 * (3 + 2 * 64) + 112 * 112 * (64 + 2 * 128) + 56 * 56 * (128 + 3 * 256)
    by_hand += 28 * 28 * (256 + 3 * 512) + 14 * 14 * (512 + 3 * 512) + 7 * 7 * 512 + 4096 + 4096 + 1000
    assert total == by_hand == 15_237_608


def test_most_values_of_vgg16_are_early_and_most_weights_late() -> None:
    """ "Most memory is in early CONV, most params are in late FC"."""
    found = rows(load("vgg16"))
    early = sum(found[name].type.elements for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"))
    late = sum(found[name].weights for name in ("fc6", "fc7", "fc8"))
    assert early > shown_values(load("vgg16"), VGG16) / 2
    assert late > 138_344_128 / 2


def test_three_layers_of_3x3_see_7x7_with_27_c_squared_weights_for_49() -> None:
    three, one = graphs.parse(STACKS), graphs.parse(STACKS, variant="one_seven")
    assert three.costs().receptive_field.most == one.costs().receptive_field.most == (7, 7)
    weights = [sum(row.weights for row in rows(graph).values()) for graph in (three, one)]
    assert weights == [27 * 64 * 64, 49 * 64 * 64]
    assert sum(node.block.key == "relu" for node in three.nodes) == 3  # "deeper, more non-linearities"


@pytest.mark.parametrize(
    ("name", "slide", "channels", "total"),
    [
        ("inception_naive", NAIVE, 128 + 192 + 96 + 256, 854_196_224),
        ("inception_reduced", REDUCED, 128 + 192 + 96 + 64, 271_351_808),
    ],
)
def test_an_inception_module_costs_the_sum_of_the_slide_s_rows(
    name: str, slide: tuple[tuple[str, str, int, int, int], ...], channels: int, total: int
) -> None:
    graph = load(name)
    nodes = {node.address: node for node in graph.costs().nodes}
    for _, address, filters, side, depth in slide:
        assert nodes[address].macs == 28 * 28 * filters * side * side * depth
    assert graph.costs().macs == sum(nodes[row[1]].macs for row in slide) == total
    (output,) = (graph.types[value] for value in graph.outputs.values())
    assert output.shape == (channels, 28, 28)


def test_the_slide_rounds_the_naive_module_and_is_wrong_about_the_reduced_one() -> None:
    """It says 854M, and 358M."""
    assert load("inception_naive").costs().macs // 1_000_000 == 854
    assert load("inception_reduced").costs().macs // 1_000_000 == 271


def test_the_reduced_module_is_the_block_of_googlenet() -> None:
    text = (
        "version: 1\nname: block\ninput: {features: {map: [256, 28, 28]}}\nnet:\n"
        "  - inception: {b1: 128, b3_reduce: 64, b3: 192, b5_reduce: 64, b5: 96, pool: 64, norm: none}\n"
    )
    assert graphs.parse(text).hash == load("inception_reduced").hash


# "8 layers", "16 - 19 layers", "22 layers", "34, 50, 101, or 152 layers"; SqueezeNet: one, two for each of eight
# modules, and one.
LAYERS = {
    "alexnet_cs231n": 8,
    "zfnet": 8,
    "vgg16": 16,
    "vgg19": 19,
    "googlenet": 22,
    "googlenet_2014": 22,
    "resnet34": 34,
    "resnet50": 50,
    "resnet101": 101,
    "resnet152": 152,
    "squeezenet1_0": 18,
    "densenet121": 121,
    "densenet161": 161,
    "wide_resnet50_2": 50,
    "senet154": 154,
}


@pytest.mark.parametrize(("name", "layers"), LAYERS.items())
def test_a_network_has_the_layers_of_its_slide(name: str, layers: int) -> None:
    assert num_layers(load(name)) == layers


def test_googlenet_has_a_linear_layer_at_its_end_alone() -> None:
    """ "No FC layers", but for the classes."""
    assert [node.address for node in load("googlenet_2014").nodes if node.block.key == "linear"] == ["logits"]


def test_googlenet_has_12_times_fewer_parameters_than_alexnet_only_by_its_slide() -> None:
    """60.97 million by 5 million, as the slide has it; the exact ratio is 8.7, or 10.2 without the classes."""
    alexnet, googlenet = (load(name).costs() for name in ("alexnet_krizhevsky2012", "googlenet_2014"))
    classes = googlenet.nodes[-1].params
    assert (alexnet.params, googlenet.params, classes) == (60_965_224, 6_998_552, 1_025_000)
    assert round(alexnet.params / 5_000_000) == 12
    assert round(alexnet.params / googlenet.params, 1) == 8.7
    assert round(alexnet.params / (googlenet.params - classes), 1) == 10.2


def test_a_bottleneck_costs_a_seventeenth_of_the_block_that_it_replaces() -> None:
    """28 x 28 x 256 to 64 channels, 3x3 there, and back, against two of 3x3 on all 256."""
    bottleneck, whole = (
        graphs.parse(f"version: 1\nname: b\ninput: {{features: {{map: [256, 28, 28]}}}}\nnet:\n  - {block}\n").costs()
        for block in ("residual_bottleneck: {width: 64}", "residual_basic: {out_channels: 256}")
    )
    assert bottleneck.macs == 28 * 28 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
    assert whole.macs == 28 * 28 * 2 * 9 * 256 * 256
    assert whole.macs // bottleneck.macs == 16
    assert round(whole.macs / bottleneck.macs) == 17


def test_resnet_has_no_linear_layer_but_for_the_classes() -> None:
    for name in ("resnet34", "resnet152"):
        assert [node.address for node in load(name).nodes if node.block.key == "linear"] == ["logits"]


def test_wide_resnet_costs_what_a_network_of_three_times_its_depth_does() -> None:
    wide, deep = load("wide_resnet50_2"), load("resnet152")
    assert (num_layers(wide), num_layers(deep)) == (50, 152)
    assert abs(wide.costs().macs / deep.costs().macs - 1) < 0.02


def test_resnext_has_32_groups_twice_as_wide_in_all_at_the_cost_of_resnet() -> None:
    plain, paths = rows(load("resnet50")), rows(load("resnext50_32x4d"))
    for address in ("layer1.0", "layer4.2"):
        assert plain[address].type == paths[address].type
    groups = {getattr(node.block, "groups", 1) for node in load("resnext50_32x4d").nodes}
    assert groups == {1, 32}
    assert abs(load("resnext50_32x4d").costs().params / load("resnet50").costs().params - 1) < 0.03


def test_gates_are_cheap() -> None:
    """Hu 2017, section 4: 2.5 million parameters more, and hardly an operation."""
    plain, gated = load("resnet50_v1").costs(), load("seresnet50").costs()
    assert round((gated.params - plain.params) / 1e6, 1) == 2.5
    assert [round(costs.macs / 1e9, 2) for costs in (plain, gated)] == [3.86, 3.86]


def test_a_resnet_halves_the_size_and_doubles_the_channels_four_times() -> None:
    found = rows(load("resnet34"))
    ends = [found[name].type.shape for name in ("stem", "layer1.2", "layer2.3", "layer3.5", "layer4.2")]
    assert ends == [(64, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


def test_squeezenet_has_50_times_fewer_parameters_than_alexnet() -> None:
    """Iandola 2016, and the slide; to the unit, 49."""
    assert round(load("alexnet").costs().params / load("squeezenet1_0").costs().params) == 49


def test_each_efficientnet_has_about_twice_the_operations_of_the_one_before() -> None:
    """Tan 2019, section 4: depth, width and resolution by 1.2, 1.1 and 1.15; 1.2 * 1.1 ** 2 * 1.15 ** 2 is 1.9."""
    macs = [load(f"efficientnet_b{step}").costs().macs for step in range(8)]
    assert all(1.5 < after / before < 2.5 for before, after in pairwise(macs))
    assert round((macs[-1] / macs[0]) ** (1 / 7), 1) == 1.9


def test_a_separable_convolution_costs_a_ninth_and_one_part_in_its_channels() -> None:
    """9 C H W + C * C H W against 9 C * C H W: 1 / C + 1 / 9."""
    assert graphs.parse(SEPARABLE).costs().macs == 56 * 56 * (9 * 64 + 64 * 64)


def test_the_complexity_slide_orders_the_networks_as_their_figures_do() -> None:
    """The slide has AlexNet with little compute and much memory, GoogLeNet as the most efficient, VGG with the highest
    memory and the most operations, and ResNet in between."""
    names = ("alexnet", "googlenet_2014", "resnet50", "resnet152", "vgg16", "vgg19")
    costs = {name: load(name).costs() for name in names}
    macs = [costs[name].macs for name in ("alexnet", "googlenet_2014", "resnet50", "resnet152", "vgg16", "vgg19")]
    params = [costs[name].params for name in ("googlenet_2014", "resnet50", "resnet152", "alexnet", "vgg16", "vgg19")]
    assert all(less < more for less, more in pairwise(macs))
    assert all(less < more for less, more in pairwise(params))


def test_values_of_vgg16_without_what_works_in_place_are_the_slide_s_but_for_the_input() -> None:
    assert num_values(load("vgg16")) + 3 * 224 * 224 == shown_values(load("vgg16"), VGG16)
