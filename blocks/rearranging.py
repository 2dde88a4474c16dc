"""Maps rearranged, without parameters and without arithmetic: channel_shuffle, slice_channels, pad_map."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from blocks.errors import RuleError
from blocks.geometry import refuse_indivisible
from blocks.primitive import FREE, Cost, Kind, NaturalInt, PositiveInt, Primitive, as_map
from blocks.types import Map, Type

if TYPE_CHECKING:
    from torch import nn


class ChannelShuffle(Primitive):
    """The channels of a map (C, H, W) dealt out: the first of every group, then the second of every group, and so on.
    Source: torch.nn.ChannelShuffle; Zhang 2017 (ShuffleNet), section 3.1."""

    key: ClassVar[str] = "channel_shuffle"
    takes: ClassVar[Kind] = "map"

    groups: PositiveInt

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        source = as_map(inputs[0])
        refuse_indivisible(source, self.groups, "groups")
        return source

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.ChannelShuffle(self.groups)


class SliceChannels(Primitive):
    """The channels of a map (C, H, W) from `start` to `stop`, which is not among them; to the last without a `stop`.

    Half of them each, as torch.chunk gives: `{stop: in.channels // 2}` and `{start: in.channels // 2}`.
    """

    key: ClassVar[str] = "slice_channels"
    takes: ClassVar[Kind] = "map"

    start: NaturalInt = 0
    stop: PositiveInt | None = None

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        source = as_map(inputs[0])
        stop = source.channels if self.stop is None else self.stop
        if stop > source.channels:
            raise RuleError(
                "bad-value",
                f"`slice_channels` ends at {stop}, the input has {source.channels} channels",
                help="leave `stop` out to take all from `start` on",
                argument="stop",
            )
        if self.start >= stop:
            raise RuleError(
                "bad-value",
                f"`slice_channels` from {self.start} to {stop} leaves no channel",
                help=f"`start` is at most {stop - 1}",
                argument="start",
            )
        return replace(source, channels=stop - self.start)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import SliceChannels as Module

        return Module(self.start, self.stop)


class PadMap(Primitive):
    """A map (C, H, W) with so many rows or columns of zeros on each side, or cut by so many where the number is
    negative: `{left: -1, right: 1}` moves it one column to the left. Source: torch.nn.ZeroPad2d, whose `padding` is
    (left, right, top, bottom).
    """

    key: ClassVar[str] = "pad_map"
    takes: ClassVar[Kind] = "map"

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        source = as_map(inputs[0])
        height, width = source.height + self.top + self.bottom, source.width + self.left + self.right
        if height < 1 or width < 1:
            shape = f"{source.height} x {source.width}"
            raise RuleError("empty-map", f"`pad_map` leaves {height} x {width} of a map of {shape}: nothing is left")
        return replace(source, height=height, width=width)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import PadMap as Module

        return Module(self.left, self.right, self.top, self.bottom)
