"""One convolution of inference with what is done to its result: the bias, a sum, an activation, a split.

On a CPU it is oneDNN's, on weights laid out as it wants them: `mkldnn::_convolution_pointwise`, what torch's own
compiler calls. On a GPU it is cuDNN's. Where these are missing, where there is little to do, and where torch's compiler
does the fusing, torch's convolution is followed by what overwrites its result.

Letters: N batch, C channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from graphs.training_kernels import Callee, overwriting

SMALL = 1_000_000  # MACs of an image below which calling oneDNN costs more than what it does better
BEHIND_ONEDNN = (nn.ELU, nn.Mish)  # activations that torch has no name for there
LARGE = 2**23  # values of a result on a GPU: 10 images of 256 x 56 x 56


@dataclass(frozen=True)
class FusedConvolution:
    """What is computed. The geometry is that of `like`, the weights are those given.

    `adds`: the callable takes a second tensor, which is added, and overwritten with the result where `overwrites`.
    `sizes` are the channels of the parts that the result is split into, `shape` is that of one image (C, H, W).
    """

    like: nn.Conv2d
    weight: Tensor
    bias: Tensor | None
    activation: nn.Module | None = None
    adds: bool = False
    overwrites: bool = False
    sizes: list[int] | None = None
    shape: tuple[int, ...] = ()

    @property
    def geometry(self) -> tuple[list[int], list[int], list[int], int]:
        """Stride, padding, dilation and groups."""
        like = self.like
        assert not isinstance(like.padding, str)
        return list(like.stride), list(like.padding), list(like.dilation), like.groups

    @property
    def macs(self) -> int:
        """Of one image, about: as if it were padded to keep its size."""
        down, right = self.like.stride
        return self.weight.numel() * -(-self.shape[1] // down) * -(-self.shape[2] // right)


def fused_convolution(what: FusedConvolution, *, packs: bool) -> Callee:
    """The fastest callable for the device and the dtype of the weight; with torch's operators alone unless `packs`."""
    small = what.like.groups == 1 and what.macs < SMALL
    if packs and not small and is_packable(what.weight):
        return _packed_sum(what) if what.adds else _packed(what)
    if packs and runs_on_cudnn(what.weight):
        return OnCudnn(what)
    return WithTorch(what)


def is_packable(weight: Tensor) -> bool:
    """Whether oneDNN's fused convolution takes this weight here."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and there and torch._C._get_mkldnn_enabled()


def runs_on_cudnn(weight: Tensor) -> bool:
    """Whether cuDNN's fused convolutions take this weight here."""
    there = torch.backends.cudnn.is_available() and torch.backends.cudnn.enabled
    return weight.is_cuda and weight.dtype in (torch.float32, torch.float16, torch.bfloat16) and there


# with oneDNN


def _packed(what: FusedConvolution) -> Callee:
    stride, padding, dilation, groups = what.geometry
    after = overwriting(what.activation) if isinstance(what.activation, BEHIND_ONEDNN) else None
    name, numbers, algorithm = _post_operation(None if after else what.activation)
    weight, bias, sizes = _laid_out(what), what.bias, what.sizes
    run = torch.ops.mkldnn._convolution_pointwise.default

    def convolve(source: Tensor) -> Any:
        result = run(source, weight, bias, padding, stride, dilation, groups, name, numbers, algorithm)
        if after is not None:
            result = after(result)
        return result if sizes is None else result.split_with_sizes(sizes, 1)

    return convolve


def _packed_sum(what: FusedConvolution) -> Callee:
    """With the sum, and a ReLU: the one activation that oneDNN does behind a sum."""
    stride, padding, dilation, groups = what.geometry
    fused = isinstance(what.activation, nn.ReLU)
    after = None if fused or what.activation is None else overwriting(what.activation)
    unary = "relu" if fused else None
    overwrites = what.overwrites
    rest: tuple[Any, ...]
    rest = (_laid_out(what), what.bias, padding, stride, dilation, groups, "add", 1.0, unary, [], None)
    fresh, over = torch.ops.mkldnn._convolution_pointwise.binary, torch.ops.mkldnn._convolution_pointwise_.binary

    def convolve(source: Tensor, other: Tensor) -> Any:
        result = over(other, source, *rest) if overwrites else fresh(source, other, *rest)
        return result if after is None else after(result)

    return convolve


def _laid_out(what: FusedConvolution) -> Tensor:
    """The weight as oneDNN wants it for one image; what is good for one is good for more."""
    stride, padding, dilation, groups = what.geometry
    reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
    result: Tensor = reorder(what.weight.to_mkldnn(), padding, stride, dilation, groups, [1, *what.shape])
    return result


def _post_operation(activation: nn.Module | None) -> tuple[str, list[float], str]:
    """What oneDNN calls an activation, its numbers, and the way it is computed."""
    match activation:
        case None:
            return "none", [], ""
        case nn.ReLU6():
            return "hardtanh", [0.0, 6.0], ""
        case nn.LeakyReLU():
            return "leaky_relu", [activation.negative_slope], ""
        case nn.GELU():
            return "gelu", [], activation.approximate
        case nn.SiLU():
            return "swish", [], ""
    return type(activation).__name__.lower(), [], ""


class OnCudnn:
    """With cuDNN, which does the bias, a sum and a ReLU while it convolves.

    Any other activation is done behind it, as that of grouped convolutions is, at which the fused ones are many times
    slower. A bias is then part of torch's convolution, which adds it by a sum that broadcasts; on a large result the
    kernel for norms does the same in half the time (benchmarks/compile_gpu.md), on a small one its launch costs more.
    """

    def __init__(self, what: FusedConvolution) -> None:
        self._weight, self._bias, self._sizes, self._geometry = what.weight, what.bias, what.sizes, what.geometry
        channels = self._weight.shape[0]
        down, right = what.like.stride
        self._values = channels * (what.shape[1] // down) * (what.shape[2] // right)
        self._mean, self._variance = self._weight.new_zeros(channels), self._weight.new_ones(channels)
        self._fuses = isinstance(what.activation, nn.ReLU) and what.like.groups == 1
        self._after = None if what.activation is None or self._fuses else overwriting(what.activation)

    def __call__(self, source: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        result = self._fused(source, *others) if self._fuses else self._apart(source, *others)
        return result if self._sizes is None else result.split_with_sizes(self._sizes, 1)

    def _fused(self, source: Tensor, *others: Tensor) -> Tensor:
        if others:
            return torch.cudnn_convolution_add_relu(source, self._weight, others[0], 1.0, self._bias, *self._geometry)
        return torch.cudnn_convolution_relu(source, self._weight, self._bias, *self._geometry)

    def _apart(self, source: Tensor, *others: Tensor) -> Tensor:
        if self._bias is None or source.shape[0] * self._values < LARGE:
            result = torch.conv2d(source, self._weight, self._bias, *self._geometry)
        else:
            result = torch.conv2d(source, self._weight, None, *self._geometry)
            result = torch.batch_norm(result, None, self._bias, self._mean, self._variance, False, 0.0, 0.0, True)
        if others:
            result = result.add_(others[0])
        return result if self._after is None else self._after(result)


class WithTorch(nn.Module):
    """With torch's convolution, then the sum and the activation in place, then the split."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, what: FusedConvolution) -> None:
        super().__init__()
        self.register_buffer("weight", what.weight)
        self.register_buffer("bias", what.bias)
        self._stride, self._padding, self._dilation, self._groups = what.geometry
        self._after = None if what.activation is None else overwriting(what.activation)
        self._sizes = what.sizes

    def forward(self, source: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        result = torch.conv2d(source, self.weight, self.bias, self._stride, self._padding, self._dilation, self._groups)
        if others:
            result = result.add_(others[0])
        if self._after is not None:
            result = self._after(result)
        return result if self._sizes is None else result.split_with_sizes(self._sizes, 1)
