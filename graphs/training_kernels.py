"""Operations of a plan as callables on tensors, for training: they read the parameters of the network's modules
whenever they are called.

Letters: N batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphs.passes import Convolution, InPlace, Module, Operation, Plan

Callee = Callable[..., Any]


def overwriting(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """An activation that may overwrite what it is given; `gelu` can't."""
    match module:
        case nn.ReLU():
            return torch.relu_
        case nn.ReLU6():
            return lambda x: functional.hardtanh_(x, 0.0, 6.0)
        case nn.LeakyReLU():
            return lambda x: functional.leaky_relu_(x, module.negative_slope)
        case nn.ELU():
            return lambda x: functional.elu_(x, module.alpha)
        case nn.SiLU():
            return lambda x: functional.silu(x, inplace=True)
        case nn.Mish():
            return lambda x: functional.mish(x, inplace=True)
        case nn.Hardswish():
            return lambda x: functional.hardswish(x, inplace=True)
        case nn.Hardsigmoid():
            return lambda x: functional.hardsigmoid(x, inplace=True)
        case nn.Sigmoid():
            return torch.sigmoid_
        case nn.Tanh():
            return torch.tanh_
    return module


def _add(source: Tensor, *others: Tensor) -> Tensor:
    for other in others:
        source = source.add_(other)
    return source


def _scale(source: Tensor, gate: Tensor) -> Tensor:
    return source.mul_(gate if gate.dim() == 4 else gate[:, :, None, None])


def in_place(key: str, module: nn.Module) -> Callee:
    """A pointwise block that overwrites its first input."""
    joining: dict[str, Callee] = {"add": _add, "scale": _scale}
    return joining[key] if key in joining else overwriting(module)


class TrainedConvolution:
    """Convolutions of one source as one, with the norms and the activation behind them, on the parameters that the
    modules have at the time. Weights are put side by side at every call, which costs less than a copy of what it
    reads."""

    def __init__(
        self,
        convolutions: Sequence[nn.Conv2d],
        norms: Sequence[nn.BatchNorm2d],
        activation: nn.Module | None,
        *,
        whole: bool,
    ) -> None:
        self.convolutions, self.norms = tuple(convolutions), tuple(norms)
        self.activation = None if activation is None else overwriting(activation) if norms else activation
        self.sizes = None if whole else [convolution.out_channels for convolution in convolutions]

    def __call__(self, source: Tensor) -> Tensor | tuple[Tensor, ...]:
        first = self.convolutions[0]
        weight = torch.cat([convolution.weight for convolution in self.convolutions])
        bias = side_by_side([convolution.bias for convolution in self.convolutions])
        result = functional.conv2d(source, weight, bias, first.stride, first.padding, first.dilation)
        if self.norms:
            result = self._normed(result)
        if self.activation is not None:
            result = self.activation(result)
        return result if self.sizes is None else result.split_with_sizes(self.sizes, 1)

    def _normed(self, source: Tensor) -> Tensor:
        first = self.norms[0]
        if not all(norm.training for norm in self.norms):  # some are at rest, as in a transfer
            parts = source.split_with_sizes([norm.num_features for norm in self.norms], 1)
            return torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], 1)
        assert first.momentum is not None
        mean, variance = (
            torch.cat([getattr(norm, name) for norm in self.norms]) for name in ("running_mean", "running_var")
        )
        weight, bias = (side_by_side([getattr(norm, name) for norm in self.norms]) for name in ("weight", "bias"))
        result = functional.batch_norm(source, mean, variance, weight, bias, True, first.momentum, first.eps)
        begin = 0
        with torch.no_grad():
            for norm in self.norms:
                kept, counter, end = statistics_of(norm), norm.num_batches_tracked, begin + norm.num_features
                kept[0].copy_(mean[begin:end])
                kept[1].copy_(variance[begin:end])
                assert counter is not None
                counter.add_(1)
                begin = end
        return result


def statistics_of(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The running mean and variance, (C) each."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    return mean, variance


def side_by_side(parts: Sequence[Tensor | None]) -> Tensor | None:
    """Vectors one after the other; all are there, or none is."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None


def training_kernel(operation: Operation, plan: Plan, modules: Sequence[nn.Module]) -> Callee:
    """The callable of an operation in training."""
    match operation.kernel:
        case Module(node):
            return modules[node]
        case InPlace(node):
            return in_place(plan.node(node).block.key, modules[node])
        case Convolution() as kernel:
            convolutions = [modules[branch.convolution] for branch in kernel.branches]
            norms = [modules[branch.norm] for branch in kernel.branches if branch.norm is not None]
            activation = None if kernel.activation is None else modules[kernel.activation]
            return TrainedConvolution(convolutions, norms, activation, whole=kernel.joined is not None)  # type: ignore[arg-type]
    raise AssertionError(operation)
