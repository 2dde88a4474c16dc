"""All primitives, in one tuple that one can read."""

from __future__ import annotations

from blocks import (
    activation,
    convolution,
    dense,
    merging,
    normalization,
    pooling,
    rearranging,
    regularization,
    scaling,
)
from blocks.primitive import Primitive

CATALOG: tuple[type[Primitive], ...] = (
    convolution.Conv2d,
    pooling.MaxPool2d,
    pooling.AvgPool2d,
    pooling.AdaptiveAvgPool2d,
    pooling.AdaptiveMaxPool2d,
    pooling.GlobalAvgPool,
    pooling.GlobalMaxPool,
    dense.Linear,
    dense.Flatten,
    regularization.Dropout,
    regularization.StochasticDepth,
    normalization.BatchNorm2d,
    normalization.LayerNorm2d,
    normalization.GroupNorm,
    normalization.LocalResponseNorm,
    activation.ReLU,
    activation.ReLU6,
    activation.LeakyReLU,
    activation.PReLU,
    activation.ELU,
    activation.SiLU,
    activation.GELU,
    activation.Mish,
    activation.Hardswish,
    activation.Hardsigmoid,
    activation.Sigmoid,
    activation.Tanh,
    merging.Add,
    merging.Concat,
    merging.Scale,
    merging.PadChannels,
    scaling.Multiply,
    scaling.LayerScale,
    rearranging.ChannelShuffle,
    rearranging.SliceChannels,
    rearranging.PadMap,
)

_BY_KEY = {block.key: block for block in CATALOG}


def primitive(key: str) -> type[Primitive] | None:
    """The primitive that this word stands for in a document, or None."""
    return _BY_KEY.get(key)
