"""Proxies on tensors: what their papers define, worked out on networks small enough for a hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import graphs
from nas.data import load_data
from nas.proxies import Proxy, naswot, synflow
from nas.study_values import TENSOR_PROXIES
from tests.nas.test_checkpoints import NETWORK


def linear(weights: list[list[float]]) -> nn.Linear:
    layer = nn.Linear(len(weights[0]), len(weights), bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weights))
    return layer


def test_naswot_is_the_determinant_of_the_kernel_of_active_units() -> None:
    # Two units, two images: (1, -1) makes the first active alone, (1, 1) both. They agree in one of two units:
    # K = [[2, 1], [1, 2]], whose determinant is 3.
    module = nn.Sequential(linear([[1.0, 0.0], [0.0, 1.0]]), nn.ReLU())
    assert naswot(module, torch.tensor([[1.0, -1.0], [1.0, 1.0]])) == pytest.approx(math.log(3))


def test_naswot_adds_up_over_all_activations() -> None:
    # The second ReLU sees what the first gives, (1, 0) and (1, 1): the same pattern once more, K = [[4, 2], [2, 4]].
    module = nn.Sequential(linear([[1.0, 0.0], [0.0, 1.0]]), nn.ReLU(), nn.ReLU())
    assert naswot(module, torch.tensor([[1.0, -1.0], [1.0, 1.0]])) == pytest.approx(math.log(12))


def test_images_that_a_network_cannot_tell_apart_are_worth_nothing() -> None:
    module = nn.Sequential(linear([[1.0, 0.0], [0.0, 1.0]]), nn.ReLU())
    assert naswot(module, torch.ones(2, 2)) == -math.inf
    assert naswot(nn.Sequential(linear([[1.0, 0.0]])), torch.eye(2)) == -math.inf


def test_synflow_is_the_flow_of_ones_through_absolute_weights() -> None:
    # R = |a| . x with ones: 1 + 2 + 3 = 6 = sum(w * dR/dw); a second layer of weight -5 makes it 30, counted by both.
    one = nn.Sequential(nn.Flatten(), linear([[1.0, -2.0, 3.0]]))
    two = nn.Sequential(nn.Flatten(), linear([[1.0, -2.0, 3.0]]), nn.ReLU(), linear([[-5.0]]))
    assert synflow(one, (3, 1, 1)) == pytest.approx(math.log(6))
    assert synflow(two, (3, 1, 1)) == pytest.approx(math.log(60))


def test_synflow_passes_norms_by() -> None:
    kernel = nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        kernel.weight.fill_(2.0)
    module = nn.Sequential(kernel, nn.BatchNorm2d(1), nn.Flatten(), linear([[1.0, 1.0, 1.0, 1.0]]))
    # The outputs are 2 at four places, their sum 8; by the kernel and by the four weights 8 each.
    assert synflow(module, (1, 2, 2)) == pytest.approx(math.log(16))


@pytest.mark.parametrize("name", TENSOR_PROXIES)
def test_a_proxy_gives_a_network_the_same_number_every_time_and_leaves_the_world_alone(name: str) -> None:
    data = load_data("digits").search
    graph = graphs.parse(NETWORK)
    torch.manual_seed(1)
    world = torch.rand(3)
    torch.manual_seed(1)
    proxy = Proxy(name, data, seed=4)
    first = proxy(graph)
    assert math.isfinite(first)
    assert proxy(graph) == first
    assert Proxy(name, data, seed=5)(graph) != first
    assert math.isfinite(Proxy(name, data, seed=10**26)(graph))
    assert torch.equal(torch.rand(3), world)


@pytest.mark.parametrize("name", TENSOR_PROXIES)
def test_a_wider_network_is_worth_more(name: str) -> None:
    proxy = Proxy(name, load_data("digits").search, seed=0)
    wide = NETWORK.replace("out_channels: 8", "out_channels: 32")
    assert proxy(graphs.parse(wide)) > proxy(graphs.parse(NETWORK))
