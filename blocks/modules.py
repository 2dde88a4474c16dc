"""Torch modules for the operations that torch has no class for. Only `build` rules import this file.

Letters: N batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Add(nn.Module):
    """The sum of tensors of one shape."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first + other
        return first


class Concat(nn.Module):
    """Tensors (N, Ci, ...) as one (N, C1 + C2 + ..., ...)."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, 1)


class Scale(nn.Module):
    """A map (N, C, H, W) times its gate (N, C) or (N, C, 1, 1)."""

    def forward(self, source: Tensor, gate: Tensor) -> Tensor:
        return source * (gate if gate.dim() == 4 else gate[:, :, None, None])


class GlobalAvgPool(nn.Module):
    """(N, C, H, W) to (N, C)."""

    def forward(self, source: Tensor) -> Tensor:
        return source.mean((2, 3))


class PadChannels(nn.Module):
    """(N, C, H, W) to (N, C + extra, H, W), zeros last."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, source: Tensor) -> Tensor:
        return functional.pad(source, (0, 0, 0, 0, 0, self.extra))

    def extra_repr(self) -> str:
        return f"extra={self.extra}"
