"""Torch modules for the operations that torch has no class for, or one that needs a guard. Only `build` rules import
this file.

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


class GlobalMaxPool(nn.Module):
    """(N, C, H, W) to (N, C)."""

    def forward(self, source: Tensor) -> Tensor:
        return source.amax((2, 3))


class LayerNorm2d(nn.Module):
    """(N, C, H, W) to the same, each position with mean 0 and variance 1 over its channels, then scaled and shifted."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, source: Tensor) -> Tensor:
        rows = source.permute(0, 2, 3, 1)
        return functional.layer_norm(rows, self.weight.shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"


class GroupNorm(nn.GroupNorm):
    """torch's, but for an input with the channels last that needs no gradient, as an image or what frozen layers give:
    torch 2.13 has no memory for its gradient on a CPU, and crashes in the backward pass."""

    def forward(self, source: Tensor) -> Tensor:
        if self.affine and torch.is_grad_enabled() and not source.requires_grad and source.device.type == "cpu":
            source = source.clone(memory_format=torch.contiguous_format)
        return super().forward(source)


class LayerScale(nn.Module):
    """(N, C, H, W) with each channel times its weight, of which all are `init_value` at first, and plus its bias."""

    def __init__(self, channels: int, init_value: float, bias: bool = False) -> None:
        super().__init__()
        self.init_value = init_value
        self.weight = nn.Parameter(torch.full((channels,), init_value))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, source: Tensor) -> Tensor:
        scaled = source * self.weight[:, None, None]
        return scaled if self.bias is None else scaled + self.bias[:, None, None]

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, init_value={self.init_value}, bias={self.bias is not None}"


class Multiply(nn.Module):
    """A tensor times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, source: Tensor) -> Tensor:
        return source * self.factor

    def extra_repr(self) -> str:
        return f"factor={self.factor}"


class PadChannels(nn.Module):
    """(N, C, H, W) to (N, C + extra, H, W), zeros last."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, source: Tensor) -> Tensor:
        return functional.pad(source, (0, 0, 0, 0, 0, self.extra))

    def extra_repr(self) -> str:
        return f"extra={self.extra}"


class SliceChannels(nn.Module):
    """(N, C, H, W) to its channels from `start` to before `stop`, or to the last."""

    def __init__(self, start: int, stop: int | None) -> None:
        super().__init__()
        self.start = start
        self.stop = stop

    def forward(self, source: Tensor) -> Tensor:
        return source[:, self.start : self.stop]

    def extra_repr(self) -> str:
        return f"start={self.start}, stop={self.stop}"


class PadMap(nn.Module):
    """(N, C, H, W) to (N, C, top + H + bottom, left + W + right), with zeros; what is negative is cut off."""

    def __init__(self, left: int, right: int, top: int, bottom: int) -> None:
        super().__init__()
        self.left = left
        self.right = right
        self.top = top
        self.bottom = bottom

    def forward(self, source: Tensor) -> Tensor:
        return functional.pad(source, (self.left, self.right, self.top, self.bottom))

    def extra_repr(self) -> str:
        return f"left={self.left}, right={self.right}, top={self.top}, bottom={self.bottom}"


class StochasticDepth(nn.Module):
    """Zeros in place of a sample (mode row) or of the batch, with probability p in training; what stays, over 1 - p."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, source: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return source
        samples = source.shape[0] if self.mode == "row" else 1
        kept = source.new_empty((samples, *[1] * (source.dim() - 1))).bernoulli_(1 - self.p)
        return source * kept / (1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"
