"""Models of other libraries, with random weights that both they and our networks have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn

from graphs import Graph
from search_spaces.catalog import find
from search_spaces.weight_maps import load_key_maps
from search_spaces.weight_names import match
from tests import references
from tests.search_spaces import paper_classics, paper_models
from tests.search_spaces.proof_data import Reference

State = dict[str, Tensor]


@dataclass(frozen=True)
class Pair:
    """Our module and a library's with equal weights; `names` are our keys and those there."""

    ours: nn.Module
    theirs: nn.Module
    names: Mapping[str, str]

    def train(self, mode: bool) -> None:
        """Both in training, or both in evaluation."""
        self.ours.train(mode)
        self.theirs.train(mode)


# What the libraries leave out at random in training, and by which attribute they say how often.
RANDOM_PARTS = {"Dropout": "p", "Dropout2d": "p", "StochasticDepth": "p", "DropPath": "drop_prob"}


def build(reference: Reference, *, device: str = "meta") -> nn.Module:
    """The library's model; on the meta device it costs nothing, and has no weights."""
    # torchvision's RegNet computes its widths with tensors, and reads them: it needs numbers.
    first = "cpu" if reference.builder.startswith("regnet_") else device
    with torch.device(first):
        return _build(reference).to(device)


def _build(reference: Reference) -> nn.Module:
    name, options = reference.builder, reference.options
    match reference.library:
        case "torchvision":
            return cast("nn.Module", getattr(references.torchvision().models, name)(**options))
        case "timm":
            return cast("nn.Module", references.timm().create_model(name, **options))
        case "pytorchcv":
            return cast("nn.Module", references.pytorchcv().get_model(name, **options))
        case "paper":
            home = paper_models if hasattr(paper_models, name) else paper_classics
            return cast("nn.Module", getattr(home, name)(**options))


def random_state(module: nn.Module, seed: int = 0) -> State:
    """Weights for a module on the meta device.

    Every norm has statistics and scales of its own, since fresh ones leave a wrong eps unseen, and weights keep the
    variance of what they read, or else the images would not reach the logits.
    """
    generator = torch.Generator().manual_seed(seed)
    return {key: _random(key.rpartition(".")[2], like, generator) for key, like in module.state_dict().items()}


def _random(name: str, like: Tensor, generator: torch.Generator) -> Tensor:
    values = torch.zeros(like.shape, dtype=like.dtype)
    if name == "num_batches_tracked":
        return values
    if like.dim() > 1:
        bound = sqrt(6 / like[0].numel())
        return values.uniform_(-bound, bound, generator=generator)
    if name in ("bias", "running_mean"):
        return values.normal_(0, 0.1, generator=generator)
    return values.uniform_(0.5, 1.5, generator=generator)


def pair(graph: Graph, reference: Reference, network: str) -> Pair:
    """A network and the library's with the weights of ours, whose keys the family's map translates.

    Nothing is left out at random in training, on either side, and both have torch's own memory format: another one
    rounds otherwise, which the norms of two images make visible.
    """
    ours, theirs = graph.compile(device="meta", channels_last=False), build(reference)
    state, wanted = random_state(ours), theirs.state_dict()
    names = _names(network, state, wanted) if reference.library != "paper" else {key: key for key in state}
    assert reference.library != "paper" or names.keys() == wanted.keys()
    other = {key: state[ours_key].reshape(wanted[key].shape).clone() for ours_key, key in names.items()}
    unused = {key: torch.zeros(like.shape, dtype=like.dtype) for key, like in wanted.items() if key not in other}
    ours.load_state_dict(state, assign=True)
    wanted.update({**other, **unused})  # the same dict: it holds the version that torchvision's MnasNet asks for
    theirs.load_state_dict(wanted, assign=True)
    return Pair(_steady(ours), _steady(theirs), names)


def _names(network: str, state: State, wanted: State) -> Mapping[str, str]:
    """What the map of the family that fits best calls our keys there."""
    family = find(network, "network").family
    assert family is not None
    tried = [
        match(network, key_map, state, wanted.keys()) for key_map in load_key_maps(family) if key_map.serves(network)
    ]
    matching = min(tried, key=lambda found: len(found.missing) + len(found.surplus))
    assert not matching.missing, f"{matching.library}: {dict(matching.missing)} {matching.counts}"
    assert not matching.surplus, f"{matching.library}: {matching.surplus}"
    return matching.names


def _steady(module: nn.Module) -> nn.Module:
    """The module with nothing left out at random in training."""
    for part in module.modules():
        name = RANDOM_PARTS.get(type(part).__name__)
        if name is not None:
            setattr(part, name, 0.0)
    return module


def run_both(both: Pair, reference: Reference, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What a network and its reference make of images: of each output ours and theirs."""
    with torch.no_grad():
        outputs, expected = both.ours(images), both.theirs(images)
    if isinstance(outputs, Tensor):
        return [(outputs, expected)]
    assert outputs.keys() == reference.outputs.keys()
    return [(outputs[name], getattr(expected, there)) for name, there in reference.outputs.items()]


def difference(one: Tensor, other: Tensor) -> float:
    """The largest difference, of the largest value."""
    return ((one - other).abs().max() / other.abs().max()).item()
