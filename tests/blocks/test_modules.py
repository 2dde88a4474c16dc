"""The modules that torch has no class for, on numbers small enough to work out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from blocks import Map, modules
from blocks.rearranging import ChannelShuffle
from tests import references


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


def test_global_max_pool_takes_the_largest_over_both_sides() -> None:
    source = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[-7.0, -5.0], [-9.0, -4.0]]]])
    assert torch.equal(modules.GlobalMaxPool()(source), torch.tensor([[6.0, -4.0]]))


def test_equal_values_share_the_gradient_of_a_global_max_pool() -> None:
    source = torch.tensor([[[[3.0, 1.0], [3.0, 2.0]]]], requires_grad=True)
    modules.GlobalMaxPool()(source).sum().backward()
    assert torch.equal(source.grad, torch.tensor([[[[0.5, 0.0], [0.5, 0.0]]]]))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 6])
def test_a_group_norm_trains_on_an_image_with_the_channels_last(size: int) -> None:
    source = torch.randn(3, 4, size, size, dtype=torch.float64)
    ours, theirs = modules.GroupNorm(2, 4).double(), torch.nn.GroupNorm(2, 4).double()
    ours(source.contiguous(memory_format=torch.channels_last)).pow(3).sum().backward()
    theirs(source).pow(3).sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


def test_pad_channels_appends_zeros() -> None:
    assert torch.equal(modules.PadChannels(2)(maps(1, 2)), maps(1, 2, 0, 0))
    assert torch.equal(modules.PadChannels(0)(maps(1, 2)), maps(1, 2))
    assert repr(modules.PadChannels(2)) == "PadChannels(extra=2)"


def test_slice_channels_takes_from_the_first_to_before_the_last() -> None:
    assert torch.equal(modules.SliceChannels(0, 2)(maps(1, 2, 3)), maps(1, 2))
    assert torch.equal(modules.SliceChannels(1, None)(maps(1, 2, 3)), maps(2, 3))
    assert repr(modules.SliceChannels(1, None)) == "SliceChannels(start=1, stop=None)"


def test_the_two_slices_are_the_chunks_of_torch() -> None:
    source = torch.arange(12.0).reshape(1, 6, 1, 2)
    ours = modules.SliceChannels(0, 3)(source), modules.SliceChannels(3, None)(source)
    assert all(map(torch.equal, ours, source.chunk(2, 1)))


def test_shuffled_channels_are_the_first_of_each_group_and_then_the_second() -> None:
    """Zhang 2017 (ShuffleNet), section 3.1: (groups, n) is transposed."""
    module = ChannelShuffle(groups=3).build((Map(6, 1, 1),))
    assert torch.equal(module(maps(1, 2, 3, 4, 5, 6)), maps(1, 3, 5, 2, 4, 6))


def test_pad_map_adds_zeros_and_cuts_what_is_negative() -> None:
    source = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    wide = torch.tensor([[[[0.0, 1.0, 2.0, 0.0, 0.0], [0.0, 3.0, 4.0, 0.0, 0.0]]]])
    moved = torch.tensor([[[[4.0, 0.0], [0.0, 0.0]]]])
    assert torch.equal(modules.PadMap(1, 2, 0, 0)(source), wide)
    assert torch.equal(modules.PadMap(-1, 1, -1, 1)(source), moved)
    assert repr(modules.PadMap(1, 2, 0, -1)) == "PadMap(left=1, right=2, top=0, bottom=-1)"


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_stochastic_depth_is_torchvision_s(mode: str) -> None:
    references.torchvision()
    from torchvision.ops import StochasticDepth

    source = torch.randn(64, 3, 2, 2)
    ours, theirs = modules.StochasticDepth(0.25, mode), StochasticDepth(0.25, mode)
    for _ in range(5):
        state = torch.get_rng_state()
        expected = theirs(source)
        torch.set_rng_state(state)
        torch.testing.assert_close(ours(source), expected)
    assert torch.equal(ours.eval()(source), source)
    assert repr(ours) == f"StochasticDepth(p=0.25, mode={mode})"


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropped = modules.StochasticDepth(0.25, "row")(torch.ones(4000, 2, 3))
    assert set(dropped.flatten(1).mean(1).tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert abs(dropped.mean().item() - 1) < 0.05  # six times the deviation of the mean, sqrt(1 / 3 / 4000)


def test_stochastic_depth_of_nothing_takes_no_random_numbers() -> None:
    state = torch.get_rng_state()
    modules.StochasticDepth(0.0, "row")(torch.ones(3, 2))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (modules.Add(), (maps(1, 2), maps(3, 4), maps(5, 6))),
        (modules.Concat(), (maps(1, 2), maps(3))),
        (modules.Scale(), (maps(1, 2), torch.tensor([[3.0, 4.0]]))),
        (modules.Scale(), (maps(1, 2), maps(3, 4))),
        (modules.GlobalAvgPool(), (maps(1, 2).expand(1, 2, 2, 2),)),
        (modules.GlobalMaxPool(), (torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]),)),
        (modules.PadChannels(3), (maps(1, 2),)),
        (modules.SliceChannels(1, 3), (maps(1, 2, 3, 4),)),
        (modules.PadMap(1, -1, 0, 2), (maps(1, 2).expand(1, 2, 2, 2),)),
    ],
    ids=[
        "add",
        "concat",
        "scale by a vector",
        "scale by a map",
        "global_avg_pool",
        "global_max_pool",
        "pad_channels",
        "slice_channels",
        "pad_map",
    ],
)
def test_gradients_flow(module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
    doubles = tuple(tensor.double().clone().requires_grad_() for tensor in inputs)
    assert torch.autograd.gradcheck(module, doubles)
