"""What only training does: dropout of values, and of whole branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from blocks.primitive import FREE, Cost, Primitive
from blocks.types import Type

if TYPE_CHECKING:
    from torch import nn


class Dropout(Primitive):
    """Sets each value to zero with probability `p` while training. Source: torch.nn.Dropout."""

    key: ClassVar[str] = "dropout"

    p: Annotated[float, Field(ge=0, lt=1)] = 0.5

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Dropout(self.p)


class StochasticDepth(Primitive):
    """Sets all values of a sample to zero with probability `p` while training, and divides those of others by 1 - p:
    at the end of a residual branch, it leaves the branch out. `mode: batch` decides for the whole batch at once.

    Source: Huang 2016 (Deep Networks with Stochastic Depth), as torchvision.ops.StochasticDepth.
    """

    key: ClassVar[str] = "stochastic_depth"

    p: Annotated[float, Field(ge=0, lt=1)]
    mode: Literal["row", "batch"] = "row"

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import StochasticDepth as Module

        return Module(self.p, self.mode)
