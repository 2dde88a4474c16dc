"""Operations of a plan as callables on tensors.

For training they read the parameters of the network's modules whenever they are called. For inference they hold weights
of their own, made of those once: norms folded in, and on a CPU laid out as oneDNN wants them, with the activation and
the sum done by its convolution (`mkldnn::_convolution_pointwise`, what torch's own compiler calls).

Letters: N batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphs.passes import Convolution, InPlace, Module, Norm, Operation, Plan

Callee = Callable[..., Any]


def _overwriting(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """An activation that may overwrite what it is given; `gelu` can't."""
    match module:
        case nn.ReLU():
            return torch.relu_
        case nn.ReLU6():
            return lambda x: functional.hardtanh_(x, 0.0, 6.0)
        case nn.LeakyReLU():
            return lambda x: functional.leaky_relu_(x, module.negative_slope)
        case nn.SiLU():
            return lambda x: functional.silu(x, inplace=True)
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
    return joining[key] if key in joining else _overwriting(module)


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
        self.activation = None if activation is None else _overwriting(activation) if norms else activation
        self.sizes = None if whole else [convolution.out_channels for convolution in convolutions]

    def __call__(self, source: Tensor) -> Tensor | tuple[Tensor, ...]:
        first = self.convolutions[0]
        weight = torch.cat([convolution.weight for convolution in self.convolutions])
        bias = _joined([convolution.bias for convolution in self.convolutions])
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
        weight, bias = (_joined([getattr(norm, name) for norm in self.norms]) for name in ("weight", "bias"))
        result = functional.batch_norm(source, mean, variance, weight, bias, True, first.momentum, first.eps)
        begin = 0
        with torch.no_grad():
            for norm in self.norms:
                kept, counter, end = _statistics(norm), norm.num_batches_tracked, begin + norm.num_features
                kept[0].copy_(mean[begin:end])
                kept[1].copy_(variance[begin:end])
                assert counter is not None
                counter.add_(1)
                begin = end
        return result


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The running mean and variance, (C) each."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    return mean, variance


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
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


def inference_kernel(operation: Operation, plan: Plan, modules: Sequence[nn.Module]) -> Callee:
    """The callable of an operation in inference, with weights made of what the modules have now."""
    match operation.kernel:
        case Module(node):
            return modules[node].forward
        case InPlace(node):
            return in_place(plan.node(node).block.key, modules[node])
        case Norm(node, activation):
            return _affine(modules[node], None if activation is None else modules[activation])  # type: ignore[arg-type]
        case Convolution() as kernel:
            return _convolution(kernel, operation, plan, modules)


def _affine(norm: nn.BatchNorm2d, activation: nn.Module | None) -> Callee:
    factor, shift = (value.to(_statistics(norm)[0].dtype)[:, None, None] for value in _factors(norm))
    if activation is None:
        return lambda source: torch.addcmul(shift, source, factor)
    overwrite = _overwriting(activation)
    return lambda source: overwrite(torch.addcmul(shift, source, factor))


def _factors(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a norm multiplies each channel by, and then adds; (C) each, at least float32."""
    mean, variance = _statistics(norm)
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


def _convolution(kernel: Convolution, operation: Operation, plan: Plan, modules: Sequence[nn.Module]) -> Callee:
    parts = [
        _folded(modules[branch.convolution], None if branch.norm is None else modules[branch.norm])  # type: ignore[arg-type]
        for branch in kernel.branches
    ]
    weight, bias = (
        torch.cat([weight for weight, _ in parts]) if len(parts) > 1 else parts[0][0],
        _joined([b for _, b in parts]),
    )
    first = modules[kernel.branches[0].convolution]
    assert isinstance(first, nn.Conv2d)
    activation = None if kernel.activation is None else modules[kernel.activation]
    sizes = None if len(operation.results) == 1 else [part.shape[0] for part, _ in parts]
    if is_packable(weight):
        source = plan.graph.types[operation.sources[0]]
        return _packed(first, weight, bias, activation, kernel.add is not None, sizes, source.shape)
    return _unpacked(first, weight, bias, activation, sizes)


def is_packable(weight: Tensor) -> bool:
    """Whether oneDNN's fused convolution takes this weight here."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and there and torch._C._get_mkldnn_enabled()


def _packed(
    like: nn.Conv2d,
    weight: Tensor,
    bias: Tensor | None,
    activation: nn.Module | None,
    adds: bool,
    sizes: list[int] | None,
    shape: tuple[int, ...],
) -> Callee:
    stride, padding, dilation, groups = list(like.stride), list(like.padding), list(like.dilation), like.groups
    name, numbers, algorithm = _post_operation(activation)
    size = [1, *shape]  # what is good for one image is good for more: benchmarks/compile.md
    reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
    weight = reorder(weight.to_mkldnn(), padding, stride, dilation, groups, size)
    single = torch.ops.mkldnn._convolution_pointwise.default
    binary = torch.ops.mkldnn._convolution_pointwise.binary

    if adds:
        fused = isinstance(activation, nn.ReLU)  # the one activation that it does behind a sum
        unary = "relu" if fused else None
        overwrite = None if fused or activation is None else _overwriting(activation)

        def add(source: Tensor, other: Tensor) -> Tensor:
            result: Tensor = binary(
                source, other, weight, bias, padding, stride, dilation, groups, "add", 1.0, unary, [], None
            )
            return result if overwrite is None else overwrite(result)

        return add
    if sizes is None:
        return lambda source: single(source, weight, bias, padding, stride, dilation, groups, name, numbers, algorithm)
    return lambda source: single(
        source, weight, bias, padding, stride, dilation, groups, name, numbers, algorithm
    ).split_with_sizes(sizes, 1)


def _unpacked(
    like: nn.Conv2d,
    weight: Tensor,
    bias: Tensor | None,
    activation: nn.Module | None,
    sizes: list[int] | None,
) -> Callee:
    stride, padding, dilation, groups = like.stride, like.padding, like.dilation, like.groups
    overwrite = None if activation is None else _overwriting(activation)

    def convolve(source: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        result = torch.conv2d(source, weight, bias, stride, padding, dilation, groups)
        if others:
            result = result.add_(others[0])
        if overwrite is not None:
            result = overwrite(result)
        return result if sizes is None else result.split_with_sizes(sizes, 1)

    return convolve


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
