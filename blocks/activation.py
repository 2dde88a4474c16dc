"""Activations: pointwise functions, all but `prelu` without parameters. Each is torch's class of the same name."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from blocks.errors import RuleError
from blocks.primitive import FREE, Cost, PositiveInt, Primitive
from blocks.types import Map, Type

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


class PReLU(Primitive):
    """max(x, 0) + a * min(x, 0) with a learnt slope, `init` at first: one, or as many as there are channels.

    Source: torch.nn.PReLU; He 2015 (Delving Deep into Rectifiers), section 2.1, which has one for each channel.
    """

    key: ClassVar[str] = "prelu"

    num_parameters: PositiveInt = 1
    init: float = 0.25

    def infer(self, inputs: tuple[Type, ...]) -> Type:
        source = inputs[0]
        kind, number = ("channels", source.channels) if isinstance(source, Map) else ("features", source.features)
        if self.num_parameters not in (1, number):
            raise RuleError(
                "bad-value",
                f"`prelu` has one slope, or one for each of the {number} {kind}, got num_parameters: "
                f"{self.num_parameters}",
                help=f"num_parameters: 1, or num_parameters: {number}",
                argument="num_parameters",
            )
        return source

    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        return Cost(params=self.num_parameters)

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.PReLU(self.num_parameters, self.init)

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.num_parameters,)}


class ELU(Pointwise):
    """x where it is positive, alpha * (exp(x) - 1) elsewhere. Source: torch.nn.ELU."""

    key: ClassVar[str] = "elu"

    alpha: Annotated[float, Field(ge=0)] = 1.0

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.ELU(self.alpha)


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


class Mish(Pointwise):
    """x * tanh(log(1 + exp(x))). Source: torch.nn.Mish; Misra 2019 (Mish)."""

    key: ClassVar[str] = "mish"

    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        from torch import nn

        return nn.Mish()


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
