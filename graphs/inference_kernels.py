"""Operations of a plan as callables on tensors, for inference: they hold weights of their own, made of those of the
network's modules once.

Norms are folded in; `graphs.convolutions` runs what comes of that.

Letters: N batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from graphs.convolutions import FusedConvolution, fused_convolution
from graphs.passes import Convolution, InPlace, Module, Norm, Operation, Plan
from graphs.training_kernels import Callee, in_place, overwriting, side_by_side, statistics_of


def inference_kernel(operation: Operation, plan: Plan, modules: Sequence[nn.Module], *, packs: bool) -> Callee:
    """The callable of an operation, with weights made of what the modules have now.

    `packs`: for oneDNN or cuDNN where that is possible; torch's own compiler can't read what is.
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
    return fused_convolution(
        FusedConvolution(
            like=first,
            weight=weight,
            bias=bias,
            activation=None if kernel.activation is None else modules[kernel.activation],
            adds=kernel.add is not None,
            overwrites=kernel.overwrites,
            sizes=None if len(operation.results) == 1 else [part.shape[0] for part, _ in parts],
            shape=plan.graph.types[operation.sources[0]].shape,
        ),
        packs=packs,
    )
