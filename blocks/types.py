"""What flows along an edge. Batch is implicit: a type describes one sample.

Letters: C channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DType = Literal["float32", "float16", "bfloat16"]

BYTES: dict[str, int] = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True, slots=True)
class Map:
    """A feature map (C, H, W).

    `stride` is the distance in input pixels between two neighbours of this map, vertically and horizontally; two maps
    of equal size but unequal stride look at different places and do not join.
    """

    channels: int
    height: int
    width: int
    stride: tuple[int, int] = (1, 1)
    dtype: DType = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.channels, self.height, self.width)

    @property
    def elements(self) -> int:
        return self.channels * self.height * self.width

    def __str__(self) -> str:
        vertical, horizontal = self.stride
        stride = str(vertical) if vertical == horizontal else f"{vertical}x{horizontal}"
        return f"map[{self.channels}, {self.height}, {self.width}], stride {stride}"


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector of features (C)."""

    features: int
    dtype: DType = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.features,)

    @property
    def elements(self) -> int:
        return self.features

    def __str__(self) -> str:
        return f"vector[{self.features}]"


Type = Map | Vector


def num_bytes(type: Type) -> int:
    """Bytes of one sample of this type."""
    return type.elements * BYTES[type.dtype]
