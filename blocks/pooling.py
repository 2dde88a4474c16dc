"""Pools: windows that take the largest or the mean value."""

from __future__ import annotations

from dataclasses import replace
from math import gcd
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from blocks.errors import RuleError
from blocks.geometry import pair, slide
from blocks.primitive import Cost, Kind, NaturalPair, Pair, Primitive, Window, as_map
from blocks.types import Map, Type, Vector

if TYPE_CHECKING:
    from torch import nn


def _stride_is_kernel(stride: Any, above: ValidationInfo) -> Any:
    """The default of torch, written out, so that equal pools are equal."""
    return above.data.get("kernel_size") if stride is None else stride


class MaxPool2d(Primitive):
    """The largest value of each window of a map. `stride` is `kernel_size` unless given. Source: torch.nn.MaxPool2d."""

    key: ClassVar[str] = "max_pool2d"
    takes: ClassVar[Kind] = "map"

    kernel_size: Pair
    stride: Pair | None = Field(default=None, validate_default=True)
    padding: NaturalPair = 0
    dilation: Pair = 1
    ceil_mode: bool = False

    _default_stride = field_validator("stride", mode="before")(_stride_is_kernel)

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        _refuse_wide_padding(self.kernel_size, self.padding)
        return slide(
            self.key,
            as_map(inputs[0]),
            kernel_size=pair(self.kernel_size),
            stride=pair(self.stride or self.kernel_size),
            padding=pair(self.padding),
            dilation=pair(self.dilation),
            ceil_mode=self.ceil_mode,
        )

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        height, width = (d * (k - 1) + 1 for d, k in zip(pair(self.dilation), pair(self.kernel_size), strict=True))
        return Cost(window=Window((height, width), pair(self.stride or self.kernel_size)))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.MaxPool2d(
            self.kernel_size, self.stride or self.kernel_size, self.padding, self.dilation, ceil_mode=self.ceil_mode
        )


class AvgPool2d(Primitive):
    """The mean of each window of a map. `stride` is `kernel_size` unless given. Source: torch.nn.AvgPool2d."""

    key: ClassVar[str] = "avg_pool2d"
    takes: ClassVar[Kind] = "map"

    kernel_size: Pair
    stride: Pair | None = Field(default=None, validate_default=True)
    padding: NaturalPair = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    _default_stride = field_validator("stride", mode="before")(_stride_is_kernel)

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        _refuse_wide_padding(self.kernel_size, self.padding)
        return slide(
            self.key,
            as_map(inputs[0]),
            kernel_size=pair(self.kernel_size),
            stride=pair(self.stride or self.kernel_size),
            padding=pair(self.padding),
            ceil_mode=self.ceil_mode,
        )

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost(window=Window(pair(self.kernel_size), pair(self.stride or self.kernel_size)))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.AvgPool2d(
            self.kernel_size,
            self.stride or self.kernel_size,
            self.padding,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
        )


class AdaptiveAvgPool2d(Primitive):
    """The mean over a grid of `output_size` cells, a map (C, H', W'). Source: torch.nn.AdaptiveAvgPool2d."""

    key: ClassVar[str] = "adaptive_avg_pool2d"
    takes: ClassVar[Kind] = "map"

    output_size: Pair

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        return _grid(as_map(inputs[0]), pair(self.output_size))

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost(window=_cell(as_map(inputs[0]), pair(self.output_size)))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.AdaptiveAvgPool2d(self.output_size)


class AdaptiveMaxPool2d(Primitive):
    """The largest value over a grid of `output_size` cells, a map (C, H', W'). Source: torch.nn.AdaptiveMaxPool2d."""

    key: ClassVar[str] = "adaptive_max_pool2d"
    takes: ClassVar[Kind] = "map"

    output_size: Pair

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        return _grid(as_map(inputs[0]), pair(self.output_size))

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost(window=_cell(as_map(inputs[0]), pair(self.output_size)))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.AdaptiveMaxPool2d(self.output_size)


class GlobalAvgPool(Primitive):
    """The mean of each channel of a map (C, H, W): a vector (C). Source: Lin 2013 (Network In Network), section 3.2."""

    key: ClassVar[str] = "global_avg_pool"
    takes: ClassVar[Kind] = "map"

    def infer(self, inputs: tuple[Type, ...]) -> Vector:
        source = as_map(inputs[0])
        return Vector(source.channels, source.dtype)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        source = as_map(inputs[0])
        return Cost(window=Window((source.height, source.width)))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import GlobalAvgPool as Module

        return Module()


class GlobalMaxPool(Primitive):
    """The largest value of each channel of a map (C, H, W): a vector (C). Equal ones share the gradient in equal parts.
    Source: torch.amax; Oquab 2015 (Is Object Localization for Free?)."""

    key: ClassVar[str] = "global_max_pool"
    takes: ClassVar[Kind] = "map"

    def infer(self, inputs: tuple[Type, ...]) -> Vector:
        source = as_map(inputs[0])
        return Vector(source.channels, source.dtype)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        source = as_map(inputs[0])
        return Cost(window=Window((source.height, source.width)))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import GlobalMaxPool as Module

        return Module()


def _grid(source: Map, cells: tuple[int, int]) -> Map:
    """The map of a pool to so many cells, vertically and horizontally."""
    down, right = _steps(source, cells)
    vertical, horizontal = source.stride
    return replace(source, height=cells[0], width=cells[1], stride=(vertical * down, horizontal * right))


def _cell(source: Map, cells: tuple[int, int]) -> Window:
    return Window((_widest_cell(source.height, cells[0]), _widest_cell(source.width, cells[1])), _steps(source, cells))


def _steps(source: Map, cells: tuple[int, int]) -> tuple[int, int]:
    """From one cell to the next, in whole positions."""
    return max(1, source.height // cells[0]), max(1, source.width // cells[1])


def _widest_cell(length: int, cells: int) -> int:
    """The most positions that one cell covers: cell i reaches from floor(i * length / cells) to
    ceil((i + 1) * length / cells).

    With r = i * length mod cells, that is `whole + ceil((r + rest) / cells)`, and r takes every multiple of
    gcd(length, cells) below `cells`.
    """
    whole, rest = divmod(length, cells)
    if rest == 0:
        return whole
    return whole + (1 if rest == gcd(length, cells) else 2)


def _refuse_wide_padding(kernel_size: int | tuple[int, int], padding: int | tuple[int, int]) -> None:
    most = tuple(kernel // 2 for kernel in pair(kernel_size))
    if any(pad > half for pad, half in zip(pair(padding), most, strict=True)):
        raise RuleError(
            "bad-value",
            f"a pool's padding is at most half its kernel, got padding {_shown(padding)} for kernel_size "
            f"{_shown(kernel_size)}",
            help=f"the widest here is padding: {_shown(most[0] if most[0] == most[1] else most)}",
            argument="padding",
        )


def _shown(size: int | tuple[int, ...]) -> str:
    """As a document has it."""
    return str(list(size)) if isinstance(size, tuple) else str(size)
