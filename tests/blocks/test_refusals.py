"""What the rules refuse, with the whole text that a person reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
from torch import nn

from blocks import Map, Primitive, RuleError, Type, Vector
from blocks.activation import PReLU, ReLU
from blocks.convolution import Conv2d
from blocks.dense import Flatten, Linear
from blocks.merging import Add, Concat, PadChannels, Scale
from blocks.normalization import BatchNorm2d, GroupNorm, LayerNorm2d, LocalResponseNorm
from blocks.pooling import AdaptiveMaxPool2d, AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool2d
from blocks.primitive import Cost, check_inputs
from blocks.rearranging import ChannelShuffle, PadMap, SliceChannels
from blocks.scaling import LayerScale

MAP = Map(4, 8, 8)
VECTOR = Vector(4)


class Gated(Primitive):
    """A block whose second input may be missing."""

    key: ClassVar[str] = "gated"
    num_inputs: ClassVar[tuple[int, int | None]] = (1, 2)

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost()

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        return nn.Identity()


ARITY: list[tuple[Primitive, tuple[Type, ...], str]] = [
    (
        Add(),
        (MAP,),
        "`add` takes 2 or more inputs, got 1\n  help: name them: from: [a, b]",
    ),
    (
        Concat(),
        (),
        "`concat` takes 2 or more inputs, got 0\n  help: name them: from: [a, b]",
    ),
    (
        Scale(),
        (MAP,),
        "`scale` takes 2 inputs, got 1\n  help: name them: from: [a, b]",
    ),
    (
        Scale(),
        (MAP, VECTOR, VECTOR),
        "`scale` takes 2 inputs, got 3\n  help: join them before it, with `add` or `concat`",
    ),
    (
        Gated(),
        (MAP, VECTOR, VECTOR),
        "`gated` takes 1 to 2 inputs, got 3\n  help: join them before it, with `add` or `concat`",
    ),
    (
        ReLU(),
        (MAP, MAP),
        "`relu` takes 1 input, got 2\n  help: join them before it, with `add` or `concat`",
    ),
]

TO_VECTOR = "insert `- global_avg_pool: {}` (one number per channel) or `- flatten: {}` (all of them) before it"
BEFORE = "put it before the block that makes the vector"

KINDS: list[tuple[Primitive, Type, str]] = [
    (Linear(out_features=1), MAP, f"`linear` takes a vector, got map[4, 8, 8], stride 1\n  help: {TO_VECTOR}"),
    (Conv2d(out_channels=1, kernel_size=1), VECTOR, f"`conv2d` takes a map, got vector[4]\n  help: {BEFORE}"),
    (MaxPool2d(kernel_size=2), VECTOR, f"`max_pool2d` takes a map, got vector[4]\n  help: {BEFORE}"),
    (GlobalAvgPool(), VECTOR, f"`global_avg_pool` takes a map, got vector[4]\n  help: {BEFORE}"),
    (GlobalMaxPool(), VECTOR, f"`global_max_pool` takes a map, got vector[4]\n  help: {BEFORE}"),
    (AdaptiveMaxPool2d(output_size=1), VECTOR, f"`adaptive_max_pool2d` takes a map, got vector[4]\n  help: {BEFORE}"),
    (Flatten(), VECTOR, f"`flatten` takes a map, got vector[4]\n  help: {BEFORE}"),
    (BatchNorm2d(), VECTOR, f"`batch_norm2d` takes a map, got vector[4]\n  help: {BEFORE}"),
    (LayerNorm2d(), VECTOR, f"`layer_norm2d` takes a map, got vector[4]\n  help: {BEFORE}"),
    (GroupNorm(num_groups=2), VECTOR, f"`group_norm` takes a map, got vector[4]\n  help: {BEFORE}"),
    (LayerScale(), VECTOR, f"`layer_scale` takes a map, got vector[4]\n  help: {BEFORE}"),
    (
        LocalResponseNorm(size=5),
        VECTOR,
        f"`local_response_norm` takes a map, got vector[4]\n  help: {BEFORE}",
    ),
    (PadChannels(out_channels=8), VECTOR, f"`pad_channels` takes a map, got vector[4]\n  help: {BEFORE}"),
    (ChannelShuffle(groups=2), VECTOR, f"`channel_shuffle` takes a map, got vector[4]\n  help: {BEFORE}"),
    (SliceChannels(stop=2), VECTOR, f"`slice_channels` takes a map, got vector[4]\n  help: {BEFORE}"),
    (PadMap(left=1), VECTOR, f"`pad_map` takes a map, got vector[4]\n  help: {BEFORE}"),
]

PROJECT = "project the input: {name: skip, from: in, shortcut: {like: main}}"

RULES: list[tuple[str, Primitive, tuple[Type, ...], str, str | None, str]] = [
    (
        "groups do not divide the input",
        Conv2d(out_channels=12, kernel_size=1, groups=3),
        (Map(8, 4, 4),),
        "indivisible-groups",
        "groups",
        "3 groups do not divide the 8 input channels\n  help: 8 input and 12 output channels allow groups: 2 or 4",
    ),
    (
        "groups do not divide the output",
        Conv2d(out_channels=10, kernel_size=1, groups=6),
        (Map(12, 4, 4),),
        "indivisible-groups",
        "groups",
        "6 groups do not divide the 10 output channels\n  help: 12 input and 10 output channels allow groups: 1 or 2",
    ),
    (
        "nothing but one group divides",
        Conv2d(out_channels=5, kernel_size=1, groups=3),
        (Map(3, 4, 4),),
        "indivisible-groups",
        "groups",
        "3 groups do not divide the 5 output channels\n  help: 3 input and 5 output channels allow groups: 1",
    ),
    (
        "the kernel is larger than the map",
        Conv2d(out_channels=1, kernel_size=(3, 5), padding=(0, 1)),
        (Map(1, 4, 2),),
        "empty-map",
        None,
        "`conv2d` slides a window of 3 x 5 over a padded map of 4 x 4: nothing is left",
    ),
    (
        "the dilated kernel is larger than the map",
        Conv2d(out_channels=1, kernel_size=3, dilation=4),
        (Map(1, 8, 9),),
        "empty-map",
        None,
        "`conv2d` slides a window of 9 x 9 over a padded map of 8 x 9: nothing is left",
    ),
    (
        "the pool is larger than the map",
        MaxPool2d(kernel_size=2),
        (Map(1, 1, 1),),
        "empty-map",
        None,
        "`max_pool2d` slides a window of 2 x 2 over a padded map of 1 x 1: nothing is left",
    ),
    (
        "not even ceil_mode leaves a window",
        AvgPool2d(kernel_size=4, stride=2, ceil_mode=True),
        (Map(1, 4, 2),),
        "empty-map",
        None,
        "`avg_pool2d` slides a window of 4 x 4 over a padded map of 4 x 2: nothing is left",
    ),
    (
        "a pool's padding is too wide",
        MaxPool2d(kernel_size=3, padding=2),
        (MAP,),
        "bad-value",
        "padding",
        "a pool's padding is at most half its kernel, got padding 2 for kernel_size 3\n"
        "  help: the widest here is padding: 1",
    ),
    (
        "a pool's padding is too wide on one side",
        AvgPool2d(kernel_size=(4, 2), padding=(2, 2)),
        (MAP,),
        "bad-value",
        "padding",
        "a pool's padding is at most half its kernel, got padding 2 for kernel_size [4, 2]\n"
        "  help: the widest here is padding: [2, 1]",
    ),
    (
        "add, unequal channels",
        Add(),
        (Map(256, 8, 8), Map(64, 8, 8)),
        "type-mismatch",
        None,
        f"`add` inputs differ in channels: 256 and 64\n  help: {PROJECT}",
    ),
    (
        "add, unequal size",
        Add(),
        (MAP, Map(4, 8, 4)),
        "type-mismatch",
        None,
        f"`add` inputs differ in width: 8 and 4\n  help: {PROJECT}",
    ),
    (
        "add, equal size but another stride",
        Add(),
        (MAP, Map(4, 8, 8, (2, 1))),
        "type-mismatch",
        None,
        f"`add` inputs differ in stride: 1x1 and 2x1\n  help: {PROJECT}",
    ),
    (
        "add does not broadcast",
        Add(),
        (MAP, Map(4, 1, 1)),
        "type-mismatch",
        None,
        f"`add` inputs differ in height: 8 and 1\n  help: {PROJECT}",
    ),
    (
        "add, the third is other",
        Add(),
        (MAP, MAP, Map(5, 8, 8)),
        "type-mismatch",
        None,
        f"`add` inputs differ in channels: 4 and 4 and 5\n  help: {PROJECT}",
    ),
    (
        "add, unequal vectors",
        Add(),
        (VECTOR, Vector(5)),
        "type-mismatch",
        None,
        "`add` inputs differ in features: 4 and 5\n  help: give them equal features with `linear`",
    ),
    (
        "add, a map and a vector",
        Add(),
        (MAP, VECTOR),
        "type-mismatch",
        None,
        "`add` inputs differ in kind: a map and a vector\n  help: join maps, or vectors",
    ),
    (
        "concat, a vector and a map",
        Concat(),
        (VECTOR, MAP),
        "type-mismatch",
        None,
        "`concat` inputs differ in kind: a vector and a map\n  help: join maps, or vectors",
    ),
    (
        "concat, unequal size",
        Concat(),
        (MAP, Map(4, 7, 8)),
        "type-mismatch",
        None,
        "`concat` inputs differ in height: 8 and 7\n"
        "  help: give the branches equal height: the same stride and padding, or a pool on the larger one",
    ),
    (
        "concat, equal size but another stride",
        Concat(),
        (MAP, Map(4, 8, 8, (2, 2))),
        "type-mismatch",
        None,
        "`concat` inputs differ in stride: 1x1 and 2x2\n"
        "  help: give the branches equal stride: the same stride and padding, or a pool on the larger one",
    ),
    (
        "scale, a gate of other length",
        Scale(),
        (MAP, Vector(5)),
        "type-mismatch",
        None,
        "`scale` takes a map and one gate per channel, got map[4, 8, 8], stride 1 and vector[5]\n"
        "  help: the gate is a vector[4] or a map[4, 1, 1]",
    ),
    (
        "scale, a gate that is no pixel",
        Scale(),
        (MAP, MAP),
        "type-mismatch",
        None,
        "`scale` takes a map and one gate per channel, got map[4, 8, 8], stride 1 and map[4, 8, 8], stride 1\n"
        "  help: the gate is a vector[4] or a map[4, 1, 1]",
    ),
    (
        "scale, a gate of another dtype",
        Scale(),
        (MAP, Vector(4, "float16")),
        "type-mismatch",
        None,
        "`scale` inputs differ in dtype: float32 and float16\n  help: give all inputs of the network one dtype",
    ),
    (
        "add, unequal dtypes",
        Add(),
        (MAP, Map(4, 8, 8, dtype="bfloat16")),
        "type-mismatch",
        None,
        "`add` inputs differ in dtype: float32 and bfloat16\n  help: give all inputs of the network one dtype",
    ),
    (
        "pad_channels takes none away",
        PadChannels(out_channels=3),
        (MAP,),
        "bad-value",
        "out_channels",
        "`pad_channels` only adds channels: the input has 4, out_channels is 3\n"
        "  help: project with a 1x1 `conv` to have fewer channels",
    ),
    (
        "shuffled groups do not divide the channels",
        ChannelShuffle(groups=3),
        (MAP,),
        "indivisible-groups",
        "groups",
        "3 groups do not divide the 4 input channels\n  help: 4 channels allow groups: 2 or 4",
    ),
    (
        "shuffled groups of one channel",
        ChannelShuffle(groups=3),
        (Map(1, 8, 8),),
        "indivisible-groups",
        "groups",
        "3 groups do not divide the 1 input channels\n  help: 1 channels allow groups: 1",
    ),
    (
        "groups of a norm do not divide the channels",
        GroupNorm(num_groups=32),
        (Map(48, 8, 8),),
        "indivisible-groups",
        "num_groups",
        "32 groups do not divide the 48 input channels\n  help: 48 channels allow num_groups: 16 or 24",
    ),
    (
        "more groups of a norm than channels",
        GroupNorm(num_groups=32),
        (MAP,),
        "indivisible-groups",
        "num_groups",
        "32 groups do not divide the 4 input channels\n  help: 4 channels allow num_groups: 2 or 4",
    ),
    (
        "slopes for other channels",
        PReLU(num_parameters=3),
        (MAP,),
        "bad-value",
        "num_parameters",
        "`prelu` has one slope, or one for each of the 4 channels, got num_parameters: 3\n"
        "  help: num_parameters: 1, or num_parameters: 4",
    ),
    (
        "slopes for other features",
        PReLU(num_parameters=3),
        (VECTOR,),
        "bad-value",
        "num_parameters",
        "`prelu` has one slope, or one for each of the 4 features, got num_parameters: 3\n"
        "  help: num_parameters: 1, or num_parameters: 4",
    ),
    (
        "a slice that ends behind the last channel",
        SliceChannels(stop=5),
        (MAP,),
        "bad-value",
        "stop",
        "`slice_channels` ends at 5, the input has 4 channels\n  help: leave `stop` out to take all from `start` on",
    ),
    (
        "a slice that begins behind the last channel",
        SliceChannels(start=4),
        (MAP,),
        "bad-value",
        "start",
        "`slice_channels` from 4 to 4 leaves no channel\n  help: `start` is at most 3",
    ),
    (
        "a slice that ends before it begins",
        SliceChannels(start=2, stop=1),
        (MAP,),
        "bad-value",
        "start",
        "`slice_channels` from 2 to 1 leaves no channel\n  help: `start` is at most 0",
    ),
    (
        "a map that is cut away",
        PadMap(top=-5, bottom=-3, left=1),
        (MAP,),
        "empty-map",
        None,
        "`pad_map` leaves 0 x 9 of a map of 8 x 8: nothing is left",
    ),
]


@pytest.mark.parametrize(("block", "inputs", "text"), ARITY, ids=[text.split(" takes")[0] for *_, text in ARITY])
def test_a_wrong_number_of_inputs_is_refused(block: Primitive, inputs: tuple[Type, ...], text: str) -> None:
    with pytest.raises(RuleError) as caught:
        check_inputs(block, inputs)
    assert (caught.value.kind, str(caught.value)) == ("arity", text)


@pytest.mark.parametrize(("block", "source", "text"), KINDS, ids=[block.key for block, *_ in KINDS])
def test_a_map_is_never_taken_for_a_vector_nor_a_vector_for_a_map(block: Primitive, source: Type, text: str) -> None:
    with pytest.raises(RuleError) as caught:
        check_inputs(block, (source,))
    assert (caught.value.kind, str(caught.value)) == ("wrong-kind", text)


@pytest.mark.parametrize(
    ("block", "inputs", "kind", "argument", "text"), [row[1:] for row in RULES], ids=[row[0] for row in RULES]
)
def test_a_rule_refuses_with_what_is_wrong_and_what_to_do(
    block: Primitive, inputs: tuple[Type, ...], kind: str, argument: str | None, text: str
) -> None:
    check_inputs(block, inputs)
    with pytest.raises(RuleError) as caught:
        block.infer(inputs)
    assert (caught.value.kind, caught.value.argument, str(caught.value)) == (kind, argument, text)


@pytest.mark.parametrize(
    ("kernel_size", "sides"), [(2, "2 x 2"), ((3, 4), "3 x 4"), ((4, 3), "4 x 3")], ids=["2", "3x4", "4x3"]
)
def test_auto_padding_refuses_an_even_kernel(kernel_size: int | tuple[int, int], sides: str) -> None:
    with pytest.raises(RuleError) as caught:
        Conv2d(out_channels=1, kernel_size=kernel_size, padding="auto")
    assert (caught.value.kind, caught.value.argument) == ("even-kernel", "kernel_size")
    assert str(caught.value) == (
        f"`padding: auto` has no middle for an even kernel ({sides})\n"
        "  help: write the padding as a number, or take an odd kernel_size"
    )


MESSAGES: list[Callable[[], RuleError]] = [
    lambda: RuleError("empty-map", "nothing is left"),
    lambda: RuleError("bad-value", "it is too large", help="make it smaller", argument="padding"),
]


@pytest.mark.parametrize("make", MESSAGES, ids=["bare", "full"])
def test_an_error_crosses_a_process_border_unchanged(make: Callable[[], RuleError]) -> None:
    import pickle

    error = make()
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  written here
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
