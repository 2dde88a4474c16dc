"""Activations: pointwise functions without parameters. Each is torch's class of the same name."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from blocks.primitive import FREE, Cost, Primitive
from blocks.types import Type

if TYPE_CHECKING:
    from torch import nn


class Pointwise(Primitive):
    """A function of each value alone: the type stays, and nothing is counted. Abstract; `build` is left to each."""

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        return inputs[0]

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return FREE

    @abstractmethod
    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        """The torch module."""


class ReLU(Pointwise):
    """max(x, 0). Source: torch.nn.ReLU."""

    key: ClassVar[str] = "relu"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.ReLU()


class ReLU6(Pointwise):
    """min(max(x, 0), 6). Source: torch.nn.ReLU6."""

    key: ClassVar[str] = "relu6"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.ReLU6()


class LeakyReLU(Pointwise):
    """max(x, 0) + negative_slope * min(x, 0). Source: torch.nn.LeakyReLU."""

    key: ClassVar[str] = "leaky_relu"

    negative_slope: Annotated[float, Field(ge=0)] = 0.01

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.LeakyReLU(self.negative_slope)


class SiLU(Pointwise):
    """x * sigmoid(x), also called swish. Source: torch.nn.SiLU."""

    key: ClassVar[str] = "silu"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.SiLU()


class GELU(Pointwise):
    """x * Phi(x), exact or by tanh. Source: torch.nn.GELU."""

    key: ClassVar[str] = "gelu"

    approximate: Literal["none", "tanh"] = "none"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.GELU(self.approximate)


class Hardswish(Pointwise):
    """x * relu6(x + 3) / 6. Source: torch.nn.Hardswish."""

    key: ClassVar[str] = "hardswish"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Hardswish()


class Hardsigmoid(Pointwise):
    """relu6(x + 3) / 6. Source: torch.nn.Hardsigmoid."""

    key: ClassVar[str] = "hardsigmoid"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Hardsigmoid()


class Sigmoid(Pointwise):
    """1 / (1 + exp(-x)). Source: torch.nn.Sigmoid."""

    key: ClassVar[str] = "sigmoid"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Sigmoid()


class Tanh(Pointwise):
    """The hyperbolic tangent. Source: torch.nn.Tanh."""

    key: ClassVar[str] = "tanh"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Tanh()
