"""Operations that torch's exporter has no ONNX for, put together of ONNX's own.

Letters: N batch, C channels, H height, W width, K positions of the widest cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from onnx import numpy_helper
from onnxscript import opset20

HEIGHT, WIDTH = 2, 3  # axes


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What the exporter asks for each of these operations of torch's."""
    return {torch.ops.aten.adaptive_max_pool2d.default: _adaptive_max_pool2d}


def _adaptive_max_pool2d(source: Any, output_size: Sequence[int]) -> tuple[Any, Any]:
    """(N, C, H, W) to a grid of cells; one side after the other where these overlap or are of several sizes."""
    sides = (source.shape[HEIGHT], source.shape[WIDTH])
    steps = [side // cells for side, cells in zip(sides, output_size, strict=True)]
    if all(step * cells == side for step, cells, side in zip(steps, output_size, sides, strict=True)):
        source, _ = opset20.MaxPool(source, kernel_shape=steps, strides=steps)
    else:
        for axis, side, cells in zip((HEIGHT, WIDTH), sides, output_size, strict=True):
            positions: Any = opset20.Constant(value=numpy_helper.from_array(_positions(side, cells)))
            behind: Any = opset20.Constant(value_ints=[axis + 1])
            source = opset20.ReduceMax(opset20.Gather(source, positions, axis=axis), behind, keepdims=0)
    return source, source  # in place of the positions of the largest values, which nothing reads


def _positions(length: int, cells: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(cells, K): the positions of each cell, the last one again and again in those that are smaller than others.

    Cell i reaches from floor(i * length / cells) to ceil((i + 1) * length / cells).
    """
    begins = [i * length // cells for i in range(cells)]
    ends = [-(-(i + 1) * length // cells) for i in range(cells)]
    widest = max(end - begin for begin, end in zip(begins, ends, strict=True))
    rows = [[min(begin + i, end - 1) for i in range(widest)] for begin, end in zip(begins, ends, strict=True)]
    return np.array(rows, dtype=np.int64)
