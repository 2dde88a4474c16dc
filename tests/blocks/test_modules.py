"""The modules that torch has no class for, on numbers small enough to work out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from blocks import modules


def maps(*values: float) -> Tensor:
    """One sample with a 1 x 1 map for every value."""
    return torch.tensor(values).reshape(1, -1, 1, 1)


def test_add_sums_all_its_inputs() -> None:
    assert torch.equal(modules.Add()(maps(1, 2), maps(10, 20)), maps(11, 22))
    assert torch.equal(modules.Add()(maps(1, 2), maps(10, 20), maps(100, 200)), maps(111, 222))


def test_add_leaves_its_inputs_as_they_are() -> None:
    first = maps(1, 2)
    modules.Add()(first, maps(10, 20))
    assert torch.equal(first, maps(1, 2))


def test_concat_keeps_the_order_of_its_inputs() -> None:
    assert torch.equal(modules.Concat()(maps(1), maps(2, 3), maps(4)), maps(1, 2, 3, 4))
    assert torch.equal(
        modules.Concat()(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [4.0]])).T[1], Tensor([3, 4])
    )


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 1, 1)], ids=["vector", "map"])
def test_scale_multiplies_every_channel_of_every_sample_by_its_own_gate(shape: tuple[int, ...]) -> None:
    source = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(2, 2, 1, 1).expand(2, 2, 1, 3)
    gate = torch.tensor([1.0, 10.0, 100.0, 0.0]).reshape(shape)
    expected = torch.tensor([1.0, 20.0, 300.0, 0.0]).reshape(2, 2, 1, 1).expand(2, 2, 1, 3)
    assert torch.equal(modules.Scale()(source, gate), expected)


def test_global_avg_pool_takes_the_mean_over_both_sides() -> None:
    source = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, -4.0]]]])
    assert torch.equal(modules.GlobalAvgPool()(source), torch.tensor([[3.0, -1.0]]))


def test_pad_channels_appends_zeros() -> None:
    assert torch.equal(modules.PadChannels(2)(maps(1, 2)), maps(1, 2, 0, 0))
    assert torch.equal(modules.PadChannels(0)(maps(1, 2)), maps(1, 2))
    assert repr(modules.PadChannels(2)) == "PadChannels(extra=2)"


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (modules.Add(), (maps(1, 2), maps(3, 4), maps(5, 6))),
        (modules.Concat(), (maps(1, 2), maps(3))),
        (modules.Scale(), (maps(1, 2), torch.tensor([[3.0, 4.0]]))),
        (modules.Scale(), (maps(1, 2), maps(3, 4))),
        (modules.GlobalAvgPool(), (maps(1, 2).expand(1, 2, 2, 2),)),
        (modules.PadChannels(3), (maps(1, 2),)),
    ],
    ids=["add", "concat", "scale by a vector", "scale by a map", "global_avg_pool", "pad_channels"],
)
def test_gradients_flow(module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
    doubles = tuple(tensor.double().clone().requires_grad_() for tensor in inputs)
    assert torch.autograd.gradcheck(module, doubles)
