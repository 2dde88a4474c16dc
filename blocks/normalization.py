"""batch_norm2d."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from blocks.primitive import Cost, Kind, Primitive, as_map
from blocks.types import Type

if TYPE_CHECKING:
    from torch import nn


class BatchNorm2d(Primitive):
    """Batch normalization of each channel of a map (C, H, W): 2C parameters, and 2C + 1 buffers (running mean, running
    variance, a counter). Source: torch.nn.BatchNorm2d."""

    key: ClassVar[str] = "batch_norm2d"
    takes: ClassVar[Kind] = "map"

    eps: Annotated[float, Field(gt=0)] = 1e-5
    momentum: Annotated[float, Field(gt=0, le=1)] = 0.1
    affine: bool = True

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        channels = as_map(inputs[0]).channels
        return Cost(params=2 * channels if self.affine else 0, buffers=2 * channels + 1)

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.BatchNorm2d(as_map(inputs[0]).channels, self.eps, self.momentum, self.affine)

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        channels = (as_map(inputs[0]).channels,)
        scales = {"weight": channels, "bias": channels} if self.affine else {}
        return {**scales, "running_mean": channels, "running_var": channels, "num_batches_tracked": ()}
