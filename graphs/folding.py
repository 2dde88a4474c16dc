"""Operations of a plan as callables on tensors, for inference: they hold weights of their own, made of those of the
network's modules once.

Norms are folded in. On a CPU a convolution is oneDNN's, on weights laid out as it wants them, and does the activation
or the sum as well: `mkldnn::_convolution_pointwise`, what torch's own compiler calls. Where that is missing, or the
weights are no float32 on a CPU, torch's convolution is followed by what overwrites its result.

Letters: N batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from graphs.kernels import Callee, in_place, overwriting, side_by_side, statistics_of
from graphs.passes import Convolution, InPlace, Module, Norm, Operation, Plan


def inference_kernel(operation: Operation, plan: Plan, modules: Sequence[nn.Module], *, packs: bool) -> Callee:
    """The callable of an operation, with weights made of what the modules have now.

    `packs`: laid out for oneDNN where that is possible; torch's own compiler can't read what is.
    """
    match operation.kernel:
        case Module(node):
            return modules[node].forward
        case InPlace(node):
            return in_place(plan.node(node).block.key, modules[node])
        case Norm(node, activation):
            return Affine(modules[node], None if activation is None else modules[activation])  # type: ignore[arg-type]
        case Convolution() as kernel:
            return _convolution(kernel, operation, plan, modules, packs=packs)


class Affine(nn.Module):
    """A norm by its running statistics, (N, C, H, W), and maybe an activation: one multiply-add."""

    def __init__(self, norm: nn.BatchNorm2d, activation: nn.Module | None) -> None:
        super().__init__()
        dtype = statistics_of(norm)[0].dtype
        for name, value in zip(("factor", "shift"), _factors(norm), strict=True):
            self.register_buffer(name, value.to(dtype)[:, None, None])
        self._overwrite = None if activation is None else overwriting(activation)

    def forward(self, source: Tensor) -> Tensor:
        result = torch.addcmul(self.get_buffer("shift"), source, self.get_buffer("factor"))
        return result if self._overwrite is None else self._overwrite(result)


def _factors(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a norm multiplies each channel by, and then adds; (C) each, at least float32."""
    mean, variance = statistics_of(norm)
    exact = torch.promote_types(mean.dtype, torch.float32)
    factor = torch.rsqrt(variance.to(exact) + norm.eps)
    if norm.affine:
        factor = factor * norm.weight.to(exact)
    shift = -mean.to(exact) * factor
    return factor, shift + norm.bias.to(exact) if norm.affine else shift


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[Tensor, Tensor | None]:
    """The weight and the bias of a convolution with the norm behind it."""
    weight, bias = convolution.weight.detach(), convolution.bias
    if norm is None:
        return weight, None if bias is None else bias.detach()
    factor, shift = _factors(norm)
    dtype, exact = weight.dtype, factor.dtype
    if bias is not None:
        shift = shift + bias.to(exact) * factor
    return (weight.to(exact) * factor[:, None, None, None]).to(dtype), shift.to(dtype)


def _convolution(
    kernel: Convolution, operation: Operation, plan: Plan, modules: Sequence[nn.Module], *, packs: bool
) -> Callee:
    parts = [
        _folded(modules[branch.convolution], None if branch.norm is None else modules[branch.norm])  # type: ignore[arg-type]
        for branch in kernel.branches
    ]
    weight, bias = (
        torch.cat([weight for weight, _ in parts]) if len(parts) > 1 else parts[0][0],
        side_by_side([b for _, b in parts]),
    )
    first = modules[kernel.branches[0].convolution]
    assert isinstance(first, nn.Conv2d)
    activation = None if kernel.activation is None else modules[kernel.activation]
    sizes = None if len(operation.results) == 1 else [part.shape[0] for part, _ in parts]
    if packs and is_packable(weight):
        source = plan.graph.types[operation.sources[0]]
        if kernel.add is not None:
            return _packed_sum(first, weight, bias, activation, source.shape, overwrites=kernel.overwrites)
        return _packed(first, weight, bias, activation, sizes, source.shape)
    return FoldedConvolution(first, weight, bias, activation, sizes)


def is_packable(weight: Tensor) -> bool:
    """Whether oneDNN's fused convolution takes this weight here."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and there and torch._C._get_mkldnn_enabled()


def _packed(
    like: nn.Conv2d,
    weight: Tensor,
    bias: Tensor | None,
    activation: nn.Module | None,
    sizes: list[int] | None,
    shape: tuple[int, ...],
) -> Callee:
    stride, padding, dilation, groups = _geometry(like)
    name, numbers, algorithm = _post_operation(activation)
    weight = _laid_out(like, weight, shape)
    run = torch.ops.mkldnn._convolution_pointwise.default

    def convolve(source: Tensor) -> Any:
        result = run(source, weight, bias, padding, stride, dilation, groups, name, numbers, algorithm)
        return result if sizes is None else result.split_with_sizes(sizes, 1)

    return convolve


def _packed_sum(
    like: nn.Conv2d,
    weight: Tensor,
    bias: Tensor | None,
    activation: nn.Module | None,
    shape: tuple[int, ...],
    *,
    overwrites: bool,
) -> Callee:
    """With the sum, and a ReLU: the one activation that oneDNN does behind a sum."""
    stride, padding, dilation, groups = _geometry(like)
    fused = isinstance(activation, nn.ReLU)
    after = None if fused or activation is None else overwriting(activation)
    unary = "relu" if fused else None
    rest: tuple[Any, ...]
    rest = (_laid_out(like, weight, shape), bias, padding, stride, dilation, groups, "add", 1.0, unary, [], None)
    fresh, over = torch.ops.mkldnn._convolution_pointwise.binary, torch.ops.mkldnn._convolution_pointwise_.binary

    def convolve(source: Tensor, other: Tensor) -> Any:
        result = over(other, source, *rest) if overwrites else fresh(source, other, *rest)
        return result if after is None else after(result)

    return convolve


def _laid_out(like: nn.Conv2d, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The weight as oneDNN wants it for an image (C, H, W); what is good for one is good for more."""
    stride, padding, dilation, groups = _geometry(like)
    reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
    result: Tensor = reorder(weight.to_mkldnn(), padding, stride, dilation, groups, [1, *shape])
    return result


class FoldedConvolution(nn.Module):
    """A convolution with what is folded in it, then the sum and the activation in place, then the split."""

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        like: nn.Conv2d,
        weight: Tensor,
        bias: Tensor | None,
        activation: nn.Module | None,
        sizes: list[int] | None,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self._stride, self._padding, self._dilation, self._groups = _geometry(like)
        self._overwrite = None if activation is None else overwriting(activation)
        self._sizes = sizes

    def forward(self, source: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        result = torch.conv2d(source, self.weight, self.bias, self._stride, self._padding, self._dilation, self._groups)
        if others:
            result = result.add_(others[0])
        if self._overwrite is not None:
            result = self._overwrite(result)
        return result if self._sizes is None else result.split_with_sizes(self._sizes, 1)


def _geometry(like: nn.Conv2d) -> tuple[list[int], list[int], list[int], int]:
    """Stride, padding, dilation and groups."""
    assert not isinstance(like.padding, str)
    return list(like.stride), list(like.padding), list(like.dilation), like.groups


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
