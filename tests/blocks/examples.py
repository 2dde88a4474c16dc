"""Examples of every primitive: arguments and input types that it accepts. The oracle is test_oracle.py."""

from __future__ import annotations

from dataclasses import dataclass

from blocks import Map, Primitive, Type, Vector
from blocks.activation import (
    ELU,
    GELU,
    Hardsigmoid,
    Hardswish,
    LeakyReLU,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Tanh,
)
from blocks.convolution import Conv2d
from blocks.dense import Flatten, Linear
from blocks.merging import Add, Concat, PadChannels, Scale
from blocks.normalization import BatchNorm2d, GroupNorm, LayerNorm2d, LocalResponseNorm
from blocks.pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool2d
from blocks.rearranging import ChannelShuffle, PadMap, SliceChannels
from blocks.regularization import Dropout, StochasticDepth
from blocks.scaling import LayerScale, Multiply


@dataclass(frozen=True)
class Example:
    """One use of a block. `case` says what is special about it."""

    case: str
    block: Primitive
    inputs: tuple[Type, ...]

    def __str__(self) -> str:
        return f"{self.block.key}: {self.case}"


IMAGE = Map(3, 32, 32)
ODD = Map(4, 9, 13, (2, 2))  # odd sides of unequal length
WIDE = Map(8, 6, 11, (4, 2))
PIXEL = Map(6, 1, 1, (8, 8))
ROW = Vector(10)
HALF = Map(4, 8, 8, dtype="float16")

_POINTWISE = (
    ReLU(),
    ReLU6(),
    LeakyReLU(),
    LeakyReLU(negative_slope=0.2),
    ELU(),
    ELU(alpha=0.3),
    SiLU(),
    GELU(),
    GELU(approximate="tanh"),
    Mish(),
    Hardswish(),
    Hardsigmoid(),
    Sigmoid(),
    Tanh(),
    Dropout(),
    Dropout(p=0.0),
    StochasticDepth(p=0.2),
    StochasticDepth(p=0.5, mode="batch"),
)

EXAMPLES: tuple[Example, ...] = (
    Example("the stem of ResNet", Conv2d(out_channels=64, kernel_size=7, stride=2, padding=3), (Map(3, 224, 224),)),
    Example("one by one", Conv2d(out_channels=5, kernel_size=1), (ODD,)),
    Example("no bias", Conv2d(out_channels=5, kernel_size=3, bias=False), (ODD,)),
    Example("asymmetric kernel", Conv2d(out_channels=2, kernel_size=(1, 7), padding=(0, 3)), (WIDE,)),
    Example("asymmetric stride", Conv2d(out_channels=2, kernel_size=3, stride=(1, 2)), (ODD,)),
    Example("stride larger than the kernel", Conv2d(out_channels=2, kernel_size=1, stride=3), (ODD,)),
    Example("dilation", Conv2d(out_channels=2, kernel_size=3, dilation=2), (ODD,)),
    Example("asymmetric dilation", Conv2d(out_channels=2, kernel_size=(2, 3), dilation=(3, 2)), (ODD,)),
    Example("groups", Conv2d(out_channels=6, kernel_size=3, groups=2), (ODD,)),
    Example("depthwise", Conv2d(out_channels=8, kernel_size=3, groups=8, bias=False), (WIDE,)),
    Example("depthwise, two of each", Conv2d(out_channels=16, kernel_size=3, groups=8), (WIDE,)),
    Example("even kernel", Conv2d(out_channels=3, kernel_size=2, padding=1), (ODD,)),
    Example("auto padding", Conv2d(out_channels=3, kernel_size=(5, 3), padding="auto"), (ODD,)),
    Example("auto padding, dilated", Conv2d(out_channels=3, kernel_size=3, dilation=2, padding="auto"), (ODD,)),
    Example("auto padding, stride 2", Conv2d(out_channels=3, kernel_size=3, stride=2, padding="auto"), (ODD,)),
    Example("padding wider than the kernel", Conv2d(out_channels=3, kernel_size=1, padding=4), (ODD,)),
    Example("kernel as large as the padded map", Conv2d(out_channels=2, kernel_size=3, padding=1), (PIXEL,)),
    Example("half precision", Conv2d(out_channels=2, kernel_size=3), (HALF,)),
    Example("the pool of ResNet", MaxPool2d(kernel_size=3, stride=2, padding=1), (Map(64, 112, 112, (2, 2)),)),
    Example("stride by default", MaxPool2d(kernel_size=2), (ODD,)),
    Example("stride by default, asymmetric", MaxPool2d(kernel_size=(3, 2)), (ODD,)),
    Example("asymmetric padding", MaxPool2d(kernel_size=(3, 4), stride=1, padding=(1, 2)), (ODD,)),
    Example("dilation", MaxPool2d(kernel_size=2, stride=1, dilation=(2, 3)), (ODD,)),
    Example("ceil_mode, a window over the edge", MaxPool2d(kernel_size=3, stride=2, ceil_mode=True), (WIDE,)),
    Example("ceil_mode, the last window dropped", MaxPool2d(kernel_size=1, stride=2, ceil_mode=True), (WIDE,)),
    Example("ceil_mode, dropped in the padding", MaxPool2d(kernel_size=2, padding=1, ceil_mode=True), (ODD,)),
    Example("ceil_mode, smaller than the kernel", MaxPool2d(kernel_size=3, stride=3, ceil_mode=True), (PIXEL,)),
    Example("ceil_mode, dilated", MaxPool2d(kernel_size=3, stride=2, dilation=2, ceil_mode=True), (WIDE,)),
    Example("half precision", MaxPool2d(kernel_size=2), (HALF,)),
    Example("stride by default", AvgPool2d(kernel_size=2), (ODD,)),
    Example("the branch of Inception", AvgPool2d(kernel_size=3, stride=1, padding=1), (WIDE,)),
    Example("padding not counted", AvgPool2d(kernel_size=3, stride=2, padding=1, count_include_pad=False), (ODD,)),
    Example("ceil_mode", AvgPool2d(kernel_size=2, ceil_mode=True), (ODD,)),
    Example("ceil_mode, asymmetric", AvgPool2d(kernel_size=(3, 2), stride=(2, 3), ceil_mode=True), (WIDE,)),
    Example("whole windows", AdaptiveAvgPool2d(output_size=(3, 1)), (ODD,)),
    Example("unequal windows", AdaptiveAvgPool2d(output_size=(4, 5)), (ODD,)),
    Example("more cells than pixels", AdaptiveAvgPool2d(output_size=7), (PIXEL,)),
    Example("whole windows", AdaptiveMaxPool2d(output_size=(3, 1)), (ODD,)),
    Example("unequal windows", AdaptiveMaxPool2d(output_size=(4, 5)), (ODD,)),
    Example("more cells than pixels", AdaptiveMaxPool2d(output_size=7), (PIXEL,)),
    Example("a map", GlobalAvgPool(), (ODD,)),
    Example("a pixel", GlobalAvgPool(), (PIXEL,)),
    Example("half precision", GlobalAvgPool(), (HALF,)),
    Example("a map", GlobalMaxPool(), (ODD,)),
    Example("a pixel", GlobalMaxPool(), (PIXEL,)),
    Example("half precision", GlobalMaxPool(), (HALF,)),
    Example("with bias", Linear(out_features=7), (ROW,)),
    Example("no bias", Linear(out_features=7, bias=False), (ROW,)),
    Example("one feature", Linear(out_features=1), (Vector(1),)),
    Example("half precision", Linear(out_features=7), (Vector(10, "float16"),)),
    Example("a map", Flatten(), (ODD,)),
    Example("half precision", Flatten(), (HALF,)),
    Example("with parameters", BatchNorm2d(), (ODD,)),
    Example("without parameters", BatchNorm2d(affine=False), (ODD,)),
    Example("the numbers of EfficientNet", BatchNorm2d(eps=1e-3, momentum=0.01), (PIXEL,)),
    Example("the numbers of AlexNet", LocalResponseNorm(size=5, alpha=5e-4, k=2.0), (Map(96, 55, 55, (4, 4)),)),
    Example("an even size", LocalResponseNorm(size=2), (ODD,)),
    Example("wider than the map is deep", LocalResponseNorm(size=9, beta=0.5), (ODD,)),
    *(Example(f"a map, {block}", block, (ODD,)) for block in _POINTWISE),
    *(Example(f"a vector, {block}", block, (ROW,)) for block in _POINTWISE),
    Example("a map", LayerNorm2d(), (ODD,)),
    Example("the numbers of ConvNeXt, a pixel", LayerNorm2d(eps=1e-6), (PIXEL,)),
    Example("half precision", LayerNorm2d(), (HALF,)),
    Example("two groups", GroupNorm(num_groups=2), (ODD,)),
    Example("one group, without parameters", GroupNorm(num_groups=1, affine=False), (WIDE,)),
    Example("as many groups as channels", GroupNorm(num_groups=8, eps=1e-3), (WIDE,)),
    Example("half precision", GroupNorm(num_groups=4), (HALF,)),
    Example("one slope, a map", PReLU(), (ODD,)),
    Example("one slope, a vector", PReLU(init=0.1), (ROW,)),
    Example("a slope for each channel", PReLU(num_parameters=4), (ODD,)),
    Example("a slope for each feature", PReLU(num_parameters=10), (ROW,)),
    Example("half precision", PReLU(num_parameters=4), (HALF,)),
    Example("a map", LayerScale(), (ODD,)),
    Example("a large one, a pixel", LayerScale(init_value=0.1), (PIXEL,)),
    Example("with a bias", LayerScale(init_value=1.0, bias=True), (ODD,)),
    Example("half precision", LayerScale(), (HALF,)),
    Example("a map", Multiply(factor=0.17), (ODD,)),
    Example("a vector, negative", Multiply(factor=-2.0), (ROW,)),
    Example("half precision", Multiply(factor=0.2), (HALF,)),
    Example("two maps", Add(), (ODD, ODD)),
    Example("three maps", Add(), (WIDE, WIDE, WIDE)),
    Example("two vectors", Add(), (ROW, ROW)),
    Example("half precision", Add(), (HALF, HALF)),
    Example("two maps of unequal depth", Concat(), (ODD, Map(1, 9, 13, (2, 2)))),
    Example("two maps of equal depth", Concat(), (ODD, ODD)),
    Example("four maps", Concat(), (ODD, ODD, ODD, Map(2, 9, 13, (2, 2)))),
    Example("two vectors", Concat(), (ROW, Vector(3))),
    Example("gate is a vector", Scale(), (ODD, Vector(4))),
    Example("gate is a pixel of another stride", Scale(), (ODD, Map(4, 1, 1, (18, 26)))),
    Example("a pixel by a pixel", Scale(), (PIXEL, PIXEL)),
    Example("more channels", PadChannels(out_channels=9), (ODD,)),
    Example("as many channels", PadChannels(out_channels=4), (ODD,)),
    Example("two groups", ChannelShuffle(groups=2), (ODD,)),
    Example("one group", ChannelShuffle(groups=1), (ODD,)),
    Example("as many groups as channels", ChannelShuffle(groups=8), (WIDE,)),
    Example("half precision", ChannelShuffle(groups=2), (HALF,)),
    Example("the first half", SliceChannels(stop=2), (ODD,)),
    Example("the rest", SliceChannels(start=1), (ODD,)),
    Example("from the middle", SliceChannels(start=2, stop=5), (WIDE,)),
    Example("all", SliceChannels(), (ODD,)),
    Example("wider and lower", PadMap(left=1, right=2, top=-1), (ODD,)),
    Example("moved by one pixel", PadMap(left=-1, right=1, top=-1, bottom=1), (WIDE,)),
    Example("as it is", PadMap(), (ODD,)),
    Example("a pixel with a frame", PadMap(left=1, right=1, top=1, bottom=1), (PIXEL,)),
)
