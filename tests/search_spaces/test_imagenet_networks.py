"""The shipped networks for ImageNet against torchvision: parameters, MACs, and logits with copied weights.

Parameters and MACs are those of torchvision 0.28.0, counted on its own models with torch's FlopCounterMode; its
weights' metadata gives the same parameters, and billions of MACs to three decimals.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import graphs
import search_spaces
from tests import references
from tests.search_spaces.torchvision_names import NAMES

# Parameters and MACs at 224 x 224, in evaluation: GoogLeNet without its auxiliary classifiers.
COUNTS = {
    "resnet50": (25_557_032, 4_089_184_256),
    "googlenet": (6_624_904, 1_498_376_192),
    "densenet121": (7_978_856, 2_834_161_664),
    "efficientnet_b0": (5_288_548, 385_814_752),
}
OPTIONS: dict[str, dict[str, Any]] = {"googlenet": {"aux_logits": False, "init_weights": False}}

TOLERANCE = 1e-5  # of the largest logit, in float32; measured are 4e-7 to 3e-6


def network(name: str, settings: graphs.document.Settings | None = None) -> graphs.Graph:
    return search_spaces.load_network(name, settings)


def reference(name: str) -> nn.Module:
    """torchvision's model. Every norm has statistics and scales of its own: fresh ones leave a wrong eps unseen; and
    the convolutions keep the variance of what they read, or else the images would not reach the logits."""
    torch.manual_seed(0)
    model: nn.Module = getattr(references.torchvision().models, name)(**OPTIONS.get(name, {}))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return model.eval()


def weights_for(graph: graphs.Graph, name: str, theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Their weights under our keys; each of theirs is taken once."""
    keys = graph.compile(device="meta").state_dict().keys()
    parts = {key: key.rpartition(".") for key in keys}
    found = {key: f"{NAMES[name](address)}.{part}" for key, (address, _, part) in parts.items()}
    assert sorted(found.values()) == sorted(theirs)
    return {key: theirs[other] for key, other in found.items()}


def difference(one: Tensor, other: Tensor) -> float:
    return ((one - other).abs().max() / other.abs().max()).item()


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_and_macs_are_the_published_ones(name: str) -> None:
    costs = network(name).costs()
    assert (costs.params, costs.macs) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_torch_counts_the_same_parameters_buffers_and_macs(name: str) -> None:
    graph = network(name)
    module = graph.compile(device="meta").eval()
    with FlopCounterMode(display=False) as counter:
        output = module(torch.empty(1, 3, 224, 224, device="meta"))
    costs = graph.costs()
    assert output.shape == (1, 1000)
    assert counter.get_total_flops() == costs.flops == 2 * costs.macs
    assert sum(parameter.numel() for parameter in module.parameters()) == costs.params
    assert sum(buffer.numel() for buffer in module.buffers()) == costs.buffers


@pytest.mark.parametrize("name", COUNTS)
def test_the_weights_of_torchvision_have_these_counts_in_their_metadata(name: str) -> None:
    weights = references.torchvision().models.get_model_weights(name)["IMAGENET1K_V1"]
    costs = network(name).costs()
    assert weights.meta["num_params"] == costs.params
    assert weights.meta["_ops"] == round(costs.macs / 1e9, 3)


@pytest.mark.parametrize("name", COUNTS)
def test_logits_are_those_of_torchvision_with_its_weights(name: str) -> None:
    graph, model = network(name), reference(name)
    ours = graph.compile().eval()
    ours.load_state_dict(weights_for(graph, name, model.state_dict()))
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, logits = model(images), ours(images)
    assert difference(expected[0], expected[1]) > 100 * TOLERANCE, "two images that look alike prove nothing"
    assert difference(logits, expected) < TOLERANCE


# What is different, and the shipped network as it would be with that: all have the same parameters and MACs.
MISTAKES = [
    ("googlenet", {"eps": 0.00001}),
    ("googlenet", {"eps": 0.002}),
]


@pytest.mark.parametrize(("name", "settings"), MISTAKES, ids=str)
def test_a_mistake_that_no_count_shows_would_be_seen_in_the_logits(name: str, settings: dict[str, float]) -> None:
    graph, model = network(name, settings), reference(name)
    ours = graph.compile().eval()
    ours.load_state_dict(weights_for(graph, name, model.state_dict()))
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert difference(ours(images), model(images)) > 10 * TOLERANCE
    assert (graph.costs().params, graph.costs().macs) == COUNTS[name]


def test_the_kernel_of_the_paper_is_one_setting_away() -> None:
    """5x5 in place of 3x3 in the nine third branches: 16 more taps for each pair of channels."""
    reduced = ((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128), (48, 128))
    more = 16 * sum(one * other for one, other in reduced)
    assert network("googlenet", {"b5_kernel": 5}).costs().params == COUNTS["googlenet"][0] + more


def test_growth_widens_the_stem_of_densenet_and_all_that_follows() -> None:
    graph = network("densenet121", {"growth": 16})
    channels = [
        type_.shape[0] for node, type_ in zip(graph.nodes, graph.types[1:], strict=True) if node.block.key == "concat"
    ]
    assert channels[:6] == [32 + 16 * layer for layer in range(1, 7)]
    # The blocks end with (start + 16 n) channels, and each transition halves them: 32, 64, 128, 256, and 512 at the
    # end.
    assert channels[-1] == 512
