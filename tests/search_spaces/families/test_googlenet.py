"""GoogLeNet as torchvision builds it, what separates it from the paper, and what only trains."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from search_spaces import load_network
from search_spaces.weight_maps import load_key_maps
from search_spaces.weight_names import match
from tests import references
from tests.search_spaces.reference_models import difference, random_state


def test_the_kernel_of_the_paper_is_one_setting_away() -> None:
    """5x5 in place of 3x3 in the nine third branches: 16 more taps for each pair of channels."""
    reduced = ((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128), (48, 128))
    more = 16 * sum(one * other for one, other in reduced)
    assert load_network("googlenet", {"b5_kernel": 5}).costs().params == 6_624_904 + more


# What torch counts of one image in training: torchvision 0.28.0, and a build of the paper's table, which is Caffe's
# train_val.prototxt to the unit.
TRAINING_MACS = {
    "googlenet": 1_506_748_416,
    "googlenet_2014": 1_591_044_096,
    "inception_v3": 5_718_899_296,
}


@pytest.mark.parametrize(("name", "macs"), TRAINING_MACS.items())
def test_training_computes_the_auxiliary_classifiers_as_well(name: str, macs: int) -> None:
    assert load_network(name).in_training.costs().macs == macs


def test_a_classifier_of_the_paper_has_its_sizes() -> None:
    """Szegedy 2014, section 5: 5x5 pooling at stride 3 leaves 4 x 4 of 512 and of 528 channels; 1x1 to 128; 1024
    units; seventy percent dropped."""
    trained = load_network("googlenet_2014").in_training
    types = {node.address: node.type.shape for node in trained.nodes}
    assert [types[f"aux{index}.pool5"] for index in (1, 2)] == [(512, 4, 4), (528, 4, 4)]
    assert (types["aux1.conv.conv"], types["aux1.fc1"], types["aux1.fc2"]) == ((128, 4, 4), (1024,), (1000,))
    assert [node.block.model_dump()["p"] for node in trained.nodes if node.block.key == "dropout"] == [0.4, 0.7, 0.7]


def test_what_ships_has_no_auxiliary_classifier() -> None:
    for name in TRAINING_MACS:
        graph = load_network(name)
        assert not [node.address for node in graph.nodes if node.address.startswith("aux")]
        assert [node.address for node in graph.in_training.nodes if node.address.startswith("aux")]


class PaperConv(nn.Module):
    """In place of torchvision's convolution with a norm: one with a bias."""

    def __init__(self, in_channels: int, out_channels: int, **window: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, **window)

    def forward(self, source: Tensor) -> Tensor:
        return functional.relu(self.conv(source))


def torchvision_as_of_2014() -> nn.Module:
    """torchvision's GoogLeNet with the paper's parts: biases, 5x5, a third pool of 3x3, response norms."""
    references.torchvision()
    parts = importlib.import_module("torchvision.models.googlenet")

    def module(*channels: int) -> nn.Module:
        found: nn.Module = parts.Inception(*channels, conv_block=PaperConv)
        last = found.get_submodule("branch3.1")
        last.conv = nn.Conv2d(channels[4], channels[5], kernel_size=5, padding=2)
        return found

    aux = partial(parts.InceptionAux, conv_block=PaperConv)
    model: nn.Module = parts.GoogLeNet(init_weights=False, blocks=[PaperConv, module, aux])
    model.maxpool4 = nn.MaxPool2d(3, 2, ceil_mode=True)
    for before in ("maxpool1", "conv3"):
        norm = nn.LocalResponseNorm(5)
        model.get_submodule(before).register_forward_hook(lambda _module, _inputs, output, norm=norm: norm(output))
    return model


def test_the_network_of_the_paper_computes_what_torchvision_s_does_with_the_paper_s_parts() -> None:
    """But for the pool of the auxiliary classifiers, which is taken from torchvision here."""
    ours = load_network("googlenet_2014", {"aux_grid": True, "size": 96}).compile()
    theirs = torchvision_as_of_2014()
    state = random_state(ours)
    (matching,) = (match("googlenet_2014", known, state, theirs.state_dict()) for known in load_key_maps("googlenet"))
    assert matching.complete
    ours.load_state_dict(state)
    theirs.load_state_dict({there: state[here] for here, there in matching.names.items()})
    for part in (*ours.modules(), *theirs.modules()):
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        outputs, expected = ours.train()(images), theirs.train()(images)
    for name, there in {"logits": "logits", "aux1": "aux_logits1", "aux2": "aux_logits2"}.items():
        assert difference(outputs[name], getattr(expected, there)) < 1e-5
    assert difference(outputs["logits"][0], outputs["logits"][1]) > 1e-3
