"""conv2d: the convolution alone. `conv`, with norm and activation, is a composite."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from blocks.errors import RuleError
from blocks.geometry import pair, slide
from blocks.primitive import Cost, Kind, NaturalPair, Pair, PositiveInt, Primitive, Window, as_map
from blocks.types import Map, Type

if TYPE_CHECKING:
    from torch import nn


class Conv2d(Primitive):
    """A 2-d convolution over a map (C, H, W) to (out_channels, H', W').

    `padding: auto` adds `dilation * (kernel_size - 1) / 2` on each side, which keeps the size at stride 1; it refuses
    even kernels, which have no middle. Source: torch.nn.Conv2d.
    """

    key: ClassVar[str] = "conv2d"
    takes: ClassVar[Kind] = "map"

    out_channels: PositiveInt
    kernel_size: Pair
    stride: Pair = 1
    dilation: Pair = 1
    padding: NaturalPair | Literal["auto"] = 0  # below the fields that `auto` is made from
    groups: PositiveInt = 1
    bias: bool = True

    @field_validator("padding", mode="before")
    @classmethod
    def _resolve_auto(cls, padding: Any, above: ValidationInfo) -> Any:
        """`auto` as the number that it stands for, so that equal convolutions are equal."""
        if padding != "auto" or not {"kernel_size", "dilation"} <= above.data.keys():  # one of them was refused
            return padding
        return _half_padding(pair(above.data["kernel_size"]), pair(above.data["dilation"]))

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        source = as_map(inputs[0])
        if source.channels % self.groups or self.out_channels % self.groups:
            is_input = source.channels % self.groups != 0
            name, channels = ("input", source.channels) if is_input else ("output", self.out_channels)
            raise RuleError(
                "indivisible-groups",
                f"{self.groups} groups do not divide the {channels} {name} channels",
                help=self._how_to_divide(source),
                argument="groups",
            )
        window = slide(
            self.key,
            source,
            kernel_size=pair(self.kernel_size),
            stride=pair(self.stride),
            padding=self._padding(),
            dilation=pair(self.dilation),
        )
        return Map(self.out_channels, window.height, window.width, window.stride, window.dtype)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        source, output = as_map(inputs[0]), self.infer(inputs)
        height, width = pair(self.kernel_size)
        weights = self.out_channels * (source.channels // self.groups) * height * width
        down, right = pair(self.dilation)
        return Cost(
            params=weights + (self.out_channels if self.bias else 0),
            macs=weights * output.height * output.width,
            window=Window((down * (height - 1) + 1, right * (width - 1) + 1), pair(self.stride)),
        )

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        source = as_map(inputs[0])
        return nn.Conv2d(
            source.channels,
            self.out_channels,
            pair(self.kernel_size),
            pair(self.stride),
            self._padding(),
            pair(self.dilation),
            self.groups,
            self.bias,
        )

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        shape = (self.out_channels, as_map(inputs[0]).channels // self.groups, *pair(self.kernel_size))
        return {"weight": shape, "bias": (self.out_channels,)} if self.bias else {"weight": shape}

    def _how_to_divide(self, source: Map) -> str:
        most = gcd(source.channels, self.out_channels)
        divisors = (number for number in range(1, most + 1) if most % number == 0)
        near = sorted(divisors, key=lambda number: abs(number - self.groups))[:2]
        possible = " or ".join(str(number) for number in sorted(near))
        return f"{source.channels} input and {self.out_channels} output channels allow groups: {possible}"

    def _padding(self) -> tuple[int, int]:
        assert self.padding != "auto"
        return pair(self.padding)


def _half_padding(kernel_size: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    if not all(size % 2 for size in kernel_size):
        raise RuleError(
            "even-kernel",
            f"`padding: auto` has no middle for an even kernel ({kernel_size[0]} x {kernel_size[1]})",
            help="write the padding as a number, or take an odd kernel_size",
            argument="kernel_size",
        )
    height, width = (gap * (size - 1) // 2 for gap, size in zip(dilation, kernel_size, strict=True))
    return height, width
