"""Three proofs of every shipped network: its figures are those that others count, its logits those of another
implementation with the same weights, and torch counts the same operations and shapes as we do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import search_spaces
from graphs import Graph
from graphs.compilation import CompiledGraph
from tests import references
from tests.search_spaces.proof_data import LAYERS, Layer, Proof, Reference, layer_table, proofs
from tests.search_spaces.reference_models import build, difference, pair, run_both

TOLERANCE = 1e-5  # of the largest logit, in float32
WEIGHTED = ("conv2d", "linear", "batch_norm2d")

# What is slow: modules with more convolutions, and logits of more parameters to draw or more MACs on a small image.
MOST_CONVS, MOST_PARAMS, MOST_MACS = 100, 40_000_000, 1_500_000_000


def deep(proof: Proof) -> bool:
    """Whether modules take long to build, of which the tests build some hundred."""
    return proof.convs > MOST_CONVS


def heavy(proof: Proof) -> bool:
    """Whether a comparison of logits takes more than a few seconds."""
    assert proof.reference is not None
    size = proof.reference.size
    scale = 1.0 if size is None else (size / 224) ** 2
    return deep(proof) or proof.params > MOST_PARAMS or proof.macs * scale > MOST_MACS


def cases(chosen: Iterable[Proof], slow: Callable[[Proof], bool] = lambda _: False) -> list[object]:
    """Proofs as parameters of a test, the slow ones marked."""
    return [pytest.param(proof, id=proof.name, marks=[pytest.mark.slow] if slow(proof) else []) for proof in chosen]


ALL = list(proofs().values())
REFERRED = [proof for proof in ALL if proof.reference]
TORCHVISION = [proof for proof in ALL if proof.reference and proof.reference.library == "torchvision"]


def test_every_network_has_a_proof_and_every_proof_a_network() -> None:
    assert sorted(proofs()) == list(search_spaces.names("network"))


@pytest.mark.parametrize("proof", cases(ALL))
def test_a_proof_stands_with_its_family_and_has_a_reference_or_a_reason(proof: Proof) -> None:
    assert search_spaces.find(proof.name, "network").family == proof.family
    theirs = proof.reference is not None and proof.reference.library != "paper"
    assert theirs != bool(proof.unverified)
    assert proof.source


@pytest.mark.parametrize("proof", cases(ALL))
def test_the_figures_are_those_of_the_source(proof: Proof) -> None:
    costs = proof.graph().costs()
    blocks = [node.block for node in costs.nodes]
    found = (costs.params, costs.macs, blocks.count("conv2d"), blocks.count("linear"))
    assert found == (proof.params, proof.macs, proof.convs, proof.linears)
    assert costs.flops == 2 * costs.macs
    assert bool(proof.training_params) == bool(proof.graph().trained)


def weighted_layers(graph: Graph) -> list[Layer]:
    """The layers of a network that tables have: block, shape of the output, parameters, MACs."""
    nodes = [node for node in graph.costs().nodes if node.block in WEIGHTED]
    return [(node.block, node.type.shape, node.params, node.macs) for node in nodes]


@pytest.mark.parametrize("proof", cases(proof for proof in ALL if proof.layers))
def test_every_layer_is_that_of_the_table(proof: Proof) -> None:
    assert weighted_layers(proof.graph()) == layer_table(proof.layers)


@pytest.mark.parametrize("proof", cases(proof for proof in ALL if proof.training_layers))
def test_every_layer_in_training_is_that_of_the_table(proof: Proof) -> None:
    """In whatever order: auxiliary classifiers run beside the others."""
    assert sorted(weighted_layers(proof.graph().in_training)) == sorted(layer_table(proof.training_layers))


def test_every_table_of_layers_is_compared() -> None:
    used = {table for proof in ALL for table in (proof.layers, proof.training_layers) if table}
    assert used == {path.stem for path in LAYERS.glob("*.csv")}


@pytest.mark.parametrize("proof", cases(ALL, slow=deep))
def test_torch_finds_the_same_shapes_and_counts(proof: Proof) -> None:
    graph = proof.graph()
    module = graph.as_shipped.compile(device="meta").eval()
    assert isinstance(module, CompiledGraph)
    shapes: list[torch.Size] = []
    for operation in {id(part): part for part in module._operations}.values():
        operation.register_forward_hook(lambda _module, _inputs, output: shapes.append(output.shape[1:]))
    flops = count(module, [torch.empty(2, *type_.shape, device="meta") for type_ in graph.inputs.values()])
    costs = graph.costs()
    assert shapes == [node.type.shape for node in graph.nodes]
    assert flops == 2 * costs.flops  # a batch of two
    assert sum(parameter.numel() for parameter in module.parameters()) == costs.params
    assert sum(buffer.numel() for buffer in module.buffers()) == costs.buffers


@pytest.mark.parametrize("proof", cases(proof for proof in ALL if proof.training_params))
def test_training_has_the_parameters_of_the_source(proof: Proof) -> None:
    graph = proof.graph()
    assert graph.in_training.costs().params == proof.training_params
    weights = graph.compile(device="meta").parameters()
    assert sum(weight.numel() for weight in weights) == proof.training_params


@pytest.mark.parametrize("proof", cases(REFERRED, slow=deep))
def test_the_reference_has_these_figures(proof: Proof) -> None:
    assert proof.reference is not None
    (image,) = proof.graph().inputs.values()
    model = build(proof.reference).eval()
    assert count(model, [torch.empty(1, *image.shape, device="meta")]) == 2 * proof.macs
    assert sum(parameter.numel() for parameter in model.parameters()) in (proof.params, proof.training_params)


@pytest.mark.parametrize("proof", cases(TORCHVISION))
def test_the_weights_of_torchvision_have_these_counts_in_their_metadata(proof: Proof) -> None:
    assert proof.reference is not None
    models = references.torchvision().models
    known = {weights.name: weights.meta for weights in models.get_model_weights(proof.reference.builder)}
    if "IMAGENET1K_V1" not in known:
        pytest.skip("torchvision offers no weights for it")
    assert known["IMAGENET1K_V1"]["num_params"] in (proof.params, proof.training_params)
    assert known["IMAGENET1K_V1"]["_ops"] == round(proof.macs / 1e9, 3)


@pytest.mark.parametrize("proof", cases(REFERRED, slow=heavy))
def test_with_equal_weights_logits_are_equal_and_training_moves_the_norms_alike(proof: Proof) -> None:
    assert proof.reference is not None
    graph = proof.compared()
    both = pair(graph, proof.reference, proof.name)
    (image,) = graph.inputs.values()
    images = torch.randn(2, *image.shape, generator=torch.Generator().manual_seed(1))

    both.train(False)
    ((logits, expected),) = run_both(both, proof.reference, images)
    assert difference(expected[0], expected[1]) > 100 * TOLERANCE, "two images that look alike prove nothing"
    assert difference(logits, expected) < TOLERANCE

    both.train(True)
    for output, wanted in run_both(both, proof.reference, images):
        assert difference(output, wanted) < TOLERANCE
    moved, others = both.ours.state_dict(), both.theirs.state_dict()
    for key, name in both.names.items():
        if "running" in key:
            assert difference(moved[key], others[name]) < TOLERANCE, key


def test_a_mistake_that_no_count_shows_would_be_seen_in_the_logits() -> None:
    reference = Reference("torchvision", "resnet18")
    both = pair(search_spaces.load_network("resnet18"), reference, "resnet18")
    both.train(False)
    for part in both.ours.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 0.0001
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    ((logits, expected),) = run_both(both, reference, images)
    assert difference(logits, expected) > 10 * TOLERANCE


def count(module: nn.Module, images: list[Tensor]) -> int:
    """What torch counts in one run, in FLOPs."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*images)
    flops: int = counter.get_total_flops()
    return flops
