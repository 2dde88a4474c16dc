"""Where branches meet: add, concat, scale; and pad_channels, which makes two branches alike without parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from blocks.errors import RuleError
from blocks.primitive import FREE, Cost, Kind, PositiveInt, Primitive, as_map
from blocks.types import Map, Type, Vector

if TYPE_CHECKING:
    from torch import nn

ONE_DTYPE = "give all inputs of the network one dtype"


class Add(Primitive):
    """The sum of two or more inputs of one type. Never broadcasts: `scale` is the block that does."""

    key: ClassVar[str] = "add"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, None)
    commutative: ClassVar[bool] = True

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        _refuse_unequal(self.key, inputs, ("channels", "features", "height", "width", "stride", "dtype"))
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import Add as Module

        return Module()


class Concat(Primitive):
    """The channels of all inputs in order, maps (C1 + C2 + ..., H, W) or vectors (C1 + C2 + ...)."""

    key: ClassVar[str] = "concat"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, None)

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        _refuse_unequal(self.key, inputs, ("height", "width", "stride", "dtype"))
        first = inputs[0]
        if isinstance(first, Map):
            return replace(first, channels=sum(as_map(source).channels for source in inputs))
        return replace(first, features=sum(source.elements for source in inputs))

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import Concat as Module

        return Module()


class Scale(Primitive):
    """A map (C, H, W) times a gate for each channel: a vector (C) or a map (C, 1, 1). Source: Hu 2017, equation 4."""

    key: ClassVar[str] = "scale"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    takes: ClassVar[Kind] = "map"

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        source, gate = as_map(inputs[0]), inputs[1]
        if source.dtype != gate.dtype:
            raise RuleError(
                "type-mismatch",
                f"`scale` inputs differ in dtype: {source.dtype} and {gate.dtype}",
                help=ONE_DTYPE,
            )
        if gate.shape not in ((source.channels,), (source.channels, 1, 1)):
            raise RuleError(
                "type-mismatch",
                f"`scale` takes a map and one gate per channel, got {source} and {gate}",
                help=f"the gate is a vector[{source.channels}] or a map[{source.channels}, 1, 1]",
            )
        return source

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import Scale as Module

        return Module()


class PadChannels(Primitive):
    """A map (C, H, W) with zero maps appended up to `out_channels`: the parameter-free shortcut, option A of He 2015
    (Deep Residual Learning), section 3.3."""

    key: ClassVar[str] = "pad_channels"
    takes: ClassVar[Kind] = "map"

    out_channels: PositiveInt

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        source = as_map(inputs[0])
        if self.out_channels < source.channels:
            raise RuleError(
                "bad-value",
                f"`pad_channels` only adds channels: the input has {source.channels}, out_channels is "
                f"{self.out_channels}",
                help="project with a 1x1 `conv` to have fewer channels",
                argument="out_channels",
            )
        return replace(source, channels=self.out_channels)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import PadChannels as Module

        return Module(self.out_channels - as_map(inputs[0]).channels)


def _refuse_unequal(key: str, inputs: tuple[Type, ...], traits: tuple[str, ...]) -> None:
    if len({type(source) for source in inputs}) > 1:
        kinds = " and ".join("a map" if isinstance(source, Map) else "a vector" for source in inputs)
        raise RuleError("type-mismatch", f"`{key}` inputs differ in kind: {kinds}", help="join maps, or vectors")
    for trait in traits:
        if trait not in type(inputs[0]).__dataclass_fields__:
            continue
        values = [getattr(source, trait) for source in inputs]
        if len(set(values)) > 1:
            shown = " and ".join("x".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in values)
            raise RuleError(
                "type-mismatch", f"`{key}` inputs differ in {trait}: {shown}", help=_how_to_join(key, trait, inputs)
            )


def _how_to_join(key: str, trait: str, inputs: tuple[Type, ...]) -> str:
    if trait == "dtype":
        return ONE_DTYPE
    if isinstance(inputs[0], Vector):
        return f"give them equal {trait} with `linear`"
    if key == "add":
        return "project the input: {name: skip, from: in, shortcut: {like: main}}"
    return f"give the branches equal {trait}: the same stride and padding, or a pool on the larger one"
