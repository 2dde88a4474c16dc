"""A convolution of inference computes one thing, whoever runs it: the torch operators one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from graphs import convolutions
from graphs.convolutions import FusedConvolution, OnCudnn, fused_convolution

CASES = {
    "bare": {},
    "bias and ReLU": {"bias": True, "activation": nn.ReLU()},
    "sum": {"bias": True, "adds": True},
    "sum and ReLU": {"bias": True, "activation": nn.ReLU(), "adds": True},
    "sum and SiLU": {"bias": True, "activation": nn.SiLU(), "adds": True},
    "groups": {"bias": True, "activation": nn.ReLU(), "groups": 4},
    "depthwise": {"bias": True, "activation": nn.ReLU6(), "groups": 8},
    "split": {"activation": nn.ReLU(), "sizes": [2, 10, 4]},
    "hard swish": {"bias": True, "activation": nn.Hardswish()},
}


def example(
    *,
    bias: bool = False,
    activation: nn.Module | None = None,
    adds: bool = False,
    groups: int = 1,
    sizes: list[int] | None = None,
) -> FusedConvolution:
    torch.manual_seed(0)
    like = nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=groups, bias=bias)
    own = None if like.bias is None else like.bias.detach()
    return FusedConvolution(like, like.weight.detach(), own, activation, adds=adds, sizes=sizes, shape=(8, 9, 7))


def expected(what: FusedConvolution, source: Tensor, *others: Tensor) -> Tensor:
    result: Tensor = what.like(source)
    for other in others:
        result = result + other
    return result if what.activation is None else what.activation(result)


def arguments(what: FusedConvolution) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, *shape, generator=generator) for shape in [(8, 9, 7), (16, 5, 4)][: 2 if what.adds else 1]]


def joined(result: Tensor | tuple[Tensor, ...]) -> Tensor:
    return result if isinstance(result, Tensor) else torch.cat(result, 1)


@pytest.fixture
def cudnn_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN's fused convolutions, said with torch's operators: relu(conv(x) + alpha * z + bias)."""

    def relu(x: Tensor, w: Tensor, bias: Tensor | None, *geometry: object) -> Tensor:
        return torch.conv2d(x, w, bias, *geometry).relu()  # type: ignore[call-overload, no-any-return]

    def add_relu(x: Tensor, w: Tensor, z: Tensor, alpha: float, bias: Tensor | None, *geometry: object) -> Tensor:
        return (torch.conv2d(x, w, bias, *geometry) + alpha * z).relu()  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(torch, "cudnn_convolution_relu", relu)
    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", add_relu)


KERNELS: dict[str, Callable[[FusedConvolution], Callable[..., Tensor | tuple[Tensor, ...]]]] = {
    "torch": lambda what: fused_convolution(what, packs=False),
    "what the CPU takes": lambda what: fused_convolution(what, packs=True),
    "cuDNN": OnCudnn,
}


@pytest.mark.usefixtures("cudnn_in_torch")
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_a_fused_convolution_is_its_parts_one_after_the_other(
    options: dict[str, object],
    kernel: Callable[[FusedConvolution], Callable[..., Tensor | tuple[Tensor, ...]]],
) -> None:
    what = example(**options)  # type: ignore[arg-type]
    given = arguments(what)
    with torch.inference_mode():
        wanted = expected(what, *given)
        found = kernel(what)(*[tensor.clone() for tensor in given])
    assert torch.allclose(joined(found), wanted, atol=1e-6)
    if what.sizes is not None:
        assert [part.shape[1] for part in found] == what.sizes


@pytest.mark.usefixtures("cudnn_in_torch")
@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_bias_of_a_large_result_is_the_same(options: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutions, "LARGE", 1)
    what = example(**options)  # type: ignore[arg-type]
    given = arguments(what)
    with torch.inference_mode():
        wanted = expected(what, *given)
        found = OnCudnn(what)(*[tensor.clone() for tensor in given])
    assert torch.allclose(joined(found), wanted, atol=1e-6)


def test_a_bias_that_is_left_out_would_be_seen() -> None:
    what = example(bias=True)
    given = arguments(what)
    with torch.inference_mode():
        assert not torch.allclose(joined(OnCudnn(replace(what, bias=None))(*given)), expected(what, *given), atol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_cudnn_computes_what_the_cpu_does(options: dict[str, object]) -> None:
    what = example(**options)  # type: ignore[arg-type]
    given = arguments(what)
    own = None if what.bias is None else what.bias.cuda()
    there = FusedConvolution(
        what.like.cuda(), what.weight.cuda(), own, what.activation, what.adds, sizes=what.sizes, shape=what.shape
    )
    with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
        found = fused_convolution(there, packs=True)(*[tensor.cuda() for tensor in given])
        wanted = expected(example(**options), *given)  # type: ignore[arg-type]
    assert torch.allclose(joined(found).cpu(), wanted, atol=1e-5)
