"""Normalization of maps: batch_norm2d, layer_norm2d, group_norm, local_response_norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from blocks.geometry import refuse_indivisible
from blocks.primitive import FREE, Cost, Kind, PositiveInt, Primitive, Window, as_map
from blocks.types import Map, Type

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


class LayerNorm2d(Primitive):
    """Layer normalization over the channels of a map (C, H, W), at each position for itself: 2C parameters, no buffers.

    Source: Ba 2016 (Layer Normalization); torchvision's class of this name in its ConvNeXt, which is torch.nn.LayerNorm
    with the channels last.
    """

    key: ClassVar[str] = "layer_norm2d"
    takes: ClassVar[Kind] = "map"

    eps: Annotated[float, Field(gt=0)] = 1e-5

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost(params=2 * as_map(inputs[0]).channels)

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import LayerNorm2d as Module

        return Module(as_map(inputs[0]).channels, self.eps)

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        channels = (as_map(inputs[0]).channels,)
        return {"weight": channels, "bias": channels}


class GroupNorm(Primitive):
    """Normalization of each of `num_groups` equal groups of the channels of a map (C, H, W), over its channels and all
    its positions: 2C parameters, no buffers. A group for each channel is instance normalization.

    Source: torch.nn.GroupNorm; Wu 2018 (Group Normalization), section 3.
    """

    key: ClassVar[str] = "group_norm"
    takes: ClassVar[Kind] = "map"

    num_groups: PositiveInt
    eps: Annotated[float, Field(gt=0)] = 1e-5
    affine: bool = True

    def infer(self, inputs: tuple[Type, ...]) -> Map:
        source = as_map(inputs[0])
        refuse_indivisible(source, self.num_groups, "num_groups")
        return source

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        source = as_map(inputs[0])
        # A value is seen by itself, and by way of the mean and the variance with all others.
        window = Window((source.height, source.width), least=(1, 1))
        return Cost(params=2 * source.channels if self.affine else 0, window=window)

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from blocks.modules import GroupNorm as Module

        return Module(self.num_groups, as_map(inputs[0]).channels, self.eps, self.affine)

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        channels = (as_map(inputs[0]).channels,)
        return {"weight": channels, "bias": channels} if self.affine else {}


class LocalResponseNorm(Primitive):
    """Each value of a map (C, H, W) divided by (k + alpha * m) ** beta, where m is the mean of the squares at its
    position over the `size` channels around it, those beyond the edge zero. Without parameters.

    Krizhevsky 2012 (ImageNet Classification), section 3.3, has the sum in place of the mean: its alpha is torch's and
    Caffe's divided by `size`. Source: torch.nn.LocalResponseNorm.
    """

    key: ClassVar[str] = "local_response_norm"
    takes: ClassVar[Kind] = "map"

    size: PositiveInt
    alpha: Annotated[float, Field(ge=0)] = 1e-4
    beta: Annotated[float, Field(ge=0)] = 0.75
    k: Annotated[float, Field(gt=0)] = 1.0

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.LocalResponseNorm(self.size, self.alpha, self.beta, self.k)
