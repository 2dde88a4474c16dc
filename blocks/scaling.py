"""Products: multiply, by a number that stands in the document; layer_scale, by one for each channel that is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from blocks.primitive import FREE, Cost, Kind, Primitive, as_map
from blocks.types import Type

if TYPE_CHECKING:
    from torch import nn


class Multiply(Primitive):
    """Each value times `factor`, which is not trained: the scaled residuals of Szegedy 2016 (Inception-v4,
    Inception-ResNet), section 3.3."""

    key: ClassVar[str] = "multiply"

    factor: float

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import Multiply as Module

        return Module(self.factor)


class LayerScale(Primitive):
    """Each channel of a map (C, H, W) times a factor of its own, which is trained and starts at `init_value`: C
    parameters. With `bias`, plus a number of its own, which starts at 0: 2C.

    Source: Touvron 2021 (Going Deeper with Image Transformers), section 2.1; with a bias, the subsampling of LeCun 1998
    (Gradient-Based Learning Applied to Document Recognition), section II.A.
    """

    key: ClassVar[str] = "layer_scale"
    takes: ClassVar[Kind] = "map"

    init_value: float = 1e-6
    bias: bool = False

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost(params=as_map(inputs[0]).channels * (2 if self.bias else 1))

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import LayerScale as Module

        return Module(as_map(inputs[0]).channels, self.init_value, self.bias)

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        channels = (as_map(inputs[0]).channels,)
        return {"weight": channels, "bias": channels} if self.bias else {"weight": channels}
