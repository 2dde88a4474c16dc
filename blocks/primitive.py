"""The contract of a primitive: an abstract model with three rules, and the cost they report.

A primitive is final: nobody inherits from one. Rules assume that `check_inputs` has been called (the number and kind of
inputs fit); they raise `RuleError` for everything else that is wrong, and never guess.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from blocks.errors import RuleError
from blocks.types import Map, Type, Vector

if TYPE_CHECKING:
    from torch import nn

PositiveInt = Annotated[int, Field(ge=1)]
NaturalInt = Annotated[int, Field(ge=0)]


def _one_number(value: int | tuple[int, int]) -> int | tuple[int, int]:
    """3 for (3, 3): one way to write a size, so that equal blocks are equal."""
    return value[0] if isinstance(value, tuple) and value[0] == value[1] else value


Pair = Annotated[PositiveInt | tuple[PositiveInt, PositiveInt], AfterValidator(_one_number)]
NaturalPair = Annotated[NaturalInt | tuple[NaturalInt, NaturalInt], AfterValidator(_one_number)]
Kind = Literal["map", "vector", "any"]


@dataclass(frozen=True, slots=True)
class Window:
    """What one output position sees of its input: (vertical, horizontal) extent and step, in input positions.

    `least`: its extent by the narrowest of several ways, where there are several, as through a norm that takes the mean
    of a map.
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    least: tuple[int, int] | None = None

    @property
    def narrowest(self) -> tuple[int, int]:
        """The extent by the narrowest way."""
        return self.least or self.size


@dataclass(frozen=True, slots=True)
class Cost:
    """What one block costs for one sample.

    `params` are trainable numbers; `buffers` numbers that are stored but not trained. `macs` counts the multiply-adds
    of convolutions, linear layers and matrix products, padding included: half of what torch's `FlopCounterMode`
    counts. Bias, normalization, activation and pooling are not counted.
    """

    params: int = 0
    buffers: int = 0
    macs: int = 0
    window: Window = Window()


FREE = Cost()


class Primitive(BaseModel, ABC):
    """One operation: its arguments are its fields, under torch's names.

    `key` is the word that stands for it in a document. `num_inputs` is how many inputs it takes, least and most (None:
    any number). `takes` is the kind of the first input. `commutative` says that the order of its inputs is without
    effect.
    """

    # A validator is built when the first block of its kind is made: a network has few kinds of all that there are.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    key: ClassVar[str]
    num_inputs: ClassVar[tuple[int, int | None]] = (1, 1)
    takes: ClassVar[Kind] = "any"
    commutative: ClassVar[bool] = False

    @abstractmethod
    def infer(self, inputs: tuple[Type, ...]) -> Type:
        """The type of the output. Raises `RuleError` where the inputs do not fit."""

    @abstractmethod
    def cost(self, inputs: tuple[Type, ...]) -> Cost:
        """What it costs on inputs that `infer` accepts."""

    @abstractmethod
    def build(self, inputs: tuple[Type, ...]) -> nn.Module:
        """The torch module, called with one tensor (N, *shape) an input."""

    def weights(self, inputs: tuple[Type, ...]) -> dict[str, tuple[int, ...]]:
        """The shapes of its parameters and buffers by their names in the module's state_dict; most blocks have none."""
        return {}


_KIND = {Map: "map", Vector: "vector"}


def check_inputs(block: Primitive, inputs: tuple[Type, ...]) -> None:
    """Refuse a wrong number of inputs, and a first input of the wrong kind.

    There is no implicit coercion between maps and vectors, ever.
    """
    least, most = block.num_inputs
    if len(inputs) < least or (most is not None and len(inputs) > most):
        wanted = f"{least} input{'s' * (least > 1)}"
        if most != least:
            wanted = f"{least} or more inputs" if most is None else f"{least} to {most} inputs"
        if len(inputs) < least:
            help = "name them: from: [a, b]"
        else:
            help = "join them before it, with `add` or `concat`"
        raise RuleError("arity", f"`{block.key}` takes {wanted}, got {len(inputs)}", help=help)
    if block.takes != "any" and _KIND[type(inputs[0])] != block.takes:
        if block.takes == "vector":
            help = "insert `- global_avg_pool: {}` (one number per channel) or `- flatten: {}` (all of them) before it"
        else:
            help = "put it before the block that makes the vector"
        raise RuleError("wrong-kind", f"`{block.key}` takes a {block.takes}, got {inputs[0]}", help=help)


def as_map(type: Type) -> Map:
    """The input as a map; `check_inputs` has made sure that it is one."""
    assert isinstance(type, Map), type
    return type


def as_vector(type: Type) -> Vector:
    """The input as a vector; `check_inputs` has made sure that it is one."""
    assert isinstance(type, Vector), type
    return type
