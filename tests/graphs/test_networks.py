"""Four shipped networks, layer by layer, against tables of reference implementations; resnet18 against torchvision."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import search_spaces
from graphs import Graph
from graphs.compilation import compile
from tests import references
from tests.graphs.layer_tables import layers
from tests.search_spaces.torchvision_names import resnet

# Parameters, buffers and MACs. Buffers are two for every channel of a norm, and a counter for every norm. The channels:
# of the CIFAR network, 16 + 6 * (16 + 32 + 64) = 688 in 19 norms; of resnet18, 64 + 4 * 64 + 5 * (128 + 256 + 512) =
# 4800 in 20; of resnet50, 64 + 3 * 384 + 256 + (4 * 768 + 512) + (6 * 1536 + 1024) + (3 * 3072 + 2048) = 26560 in 53.
COUNTS = {
    "lenet5": (61_706, 0, 416_520),
    "cifar_resnet20": (269_722, 2 * 688 + 19, 40_551_040),
    "resnet18": (11_689_512, 2 * 4_800 + 20, 1_814_073_344),
    "resnet50": (25_557_032, 2 * 26_560 + 53, 4_089_184_256),
}


def network(name: str, **settings: int) -> Graph:
    return search_spaces.load_network(name, settings)


@pytest.mark.parametrize("name", COUNTS)
def test_totals_are_the_published_ones(name: str) -> None:
    costs = network(name).costs()
    assert (costs.params, costs.buffers, costs.macs) == COUNTS[name]
    assert costs.flops == 2 * costs.macs


@pytest.mark.parametrize("name", COUNTS)
def test_every_layer_is_that_of_the_reference(name: str) -> None:
    ours = [
        (node.type.shape, node.params, node.macs)
        for node in network(name).costs().nodes
        if node.block in ("conv2d", "linear")
    ]
    assert ours == layers(name)


@pytest.mark.parametrize("name", COUNTS)
def test_torch_finds_the_same_shapes_and_counts(name: str) -> None:
    graph = network(name)
    module = compile(graph, device="meta")
    shapes: list[torch.Size] = []
    for operation in {id(part): part for part in module._operations}.values():
        operation.register_forward_hook(lambda _module, _inputs, output: shapes.append(output.shape[1:]))
    images = [torch.empty(2, *type_.shape, device="meta") for type_ in graph.inputs.values()]
    with FlopCounterMode(display=False) as counter:
        module(*images)
    assert shapes == [node.type.shape for node in graph.nodes]
    assert counter.get_total_flops() == 2 * graph.costs().flops  # a batch of two
    assert sum(parameter.numel() for parameter in module.parameters()) == graph.costs().params
    assert sum(buffer.numel() for buffer in module.buffers()) == graph.costs().buffers


# He 2015, table 6, has 0.46M, 0.66M, 0.85M and 1.7M. The exact ones are those of builds of torch's modules; that of
# depth 18 has projections, and 1,730,714 with the 16 * 32 + 64 + 32 * 64 + 128 of those.
@pytest.mark.parametrize(("depth", "params"), [(5, 464_154), (7, 658_586), (9, 853_018), (18, 1_727_962)])
def test_the_depth_of_the_cifar_network_is_one_parameter(depth: int, params: int) -> None:
    graph = network("cifar_resnet20", depth=depth)
    assert graph.costs().params == params
    assert sum(node.block.key in ("conv2d", "linear") for node in graph.nodes) == 6 * depth + 2


def test_shortcuts_of_option_a_have_no_parameters() -> None:
    nodes = network("cifar_resnet20").costs().nodes
    skips = [node for node in nodes if ".skip." in node.address]
    assert [node.block for node in skips] == ["avg_pool2d", "pad_channels"] * 2
    assert sum(node.params for node in skips) == 0


def test_logits_of_resnet18_are_those_of_torchvision_with_its_weights() -> None:
    torch.manual_seed(0)
    theirs = references.torchvision().models.resnet18()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):  # fresh statistics would leave a wrong eps or order unseen
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    ours, weights = network("resnet18").compile(), theirs.state_dict()
    keys = {key: key.rpartition(".") for key in ours.state_dict()}
    names = {key: f"{resnet(address)}.{part}" for key, (address, _, part) in keys.items()}
    assert sorted(names.values()) == sorted(weights)
    ours.load_state_dict({key: weights[name] for key, name in names.items()})
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        expected, logits = theirs.eval()(images), ours.eval()(images)
    assert (logits - expected).abs().max() / expected.abs().max() < 1e-5
    assert (expected[0] - expected[1]).abs().max() > 0.01
