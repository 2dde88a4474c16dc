"""Vectors: linear, flatten."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from blocks.primitive import Cost, Kind, PositiveInt, Primitive, Window, as_map, as_vector
from blocks.types import Type, Vector

if TYPE_CHECKING:
    from torch import nn


class Linear(Primitive):
    """A fully connected layer, vector (C) to vector (out_features). Source: torch.nn.Linear."""

    key: ClassVar[str] = "linear"
    takes: ClassVar[Kind] = "vector"

    out_features: PositiveInt
    bias: bool = True

    def infer(self, inputs: tuple[Type, ...]) -> Vector:
        return Vector(self.out_features, inputs[0].dtype)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        weights = as_vector(inputs[0]).features * self.out_features
        return Cost(params=weights + (self.out_features if self.bias else 0), macs=weights)

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Linear(as_vector(inputs[0]).features, self.out_features, self.bias)

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        shape = (self.out_features, as_vector(inputs[0]).features)
        return {"weight": shape, "bias": (self.out_features,)} if self.bias else {"weight": shape}


class Flatten(Primitive):
    """All values of a map (C, H, W) as a vector (C * H * W), channel first. Source: torch.nn.Flatten."""

    key: ClassVar[str] = "flatten"
    takes: ClassVar[Kind] = "map"

    def infer(self, inputs: tuple[Type, ...]) -> Vector:
        return Vector(inputs[0].elements, inputs[0].dtype)

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        source = as_map(inputs[0])
        return Cost(window=Window((source.height, source.width)))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Flatten()
