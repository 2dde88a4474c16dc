"""AlexNet and ZFNet against the one library that has them, which normalizes before the pool and by another alpha."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import search_spaces
from tests.search_spaces.proof_data import Reference
from tests.search_spaces.reference_models import difference, pair, run_both


@pytest.mark.slow  # 62 and 108 million parameters
@pytest.mark.parametrize(
    ("name", "settings", "builder"),
    [
        ("alexnet_cs231n", {"groups": 1}, "alexnet"),
        ("zfnet", {}, "zfnet"),
        ("zfnet_512_1024_512", {}, "zfnetb"),
    ],
)
def test_logits_are_those_of_pytorchcv_with_its_norms(name: str, settings: dict[str, int], builder: str) -> None:
    graph = search_spaces.load_network(name, {**settings, "normalize": "before_pool"})
    both = pair(graph, Reference("pytorchcv", builder), name)
    norms = [part for part in both.ours.modules() if isinstance(part, nn.LocalResponseNorm)]
    assert len(norms) == 2
    for norm in norms:
        norm.alpha = 0.0001  # of the mean, in place of the sum
    both.ours.eval()
    both.theirs.eval()
    (image,) = graph.inputs.values()
    images = torch.randn(2, *image.shape, generator=torch.Generator().manual_seed(1))
    ((logits, expected),) = run_both(both, Reference("pytorchcv", builder), images)
    assert difference(expected[0], expected[1]) > 1e-3
    assert difference(logits, expected) < 1e-5


@pytest.mark.parametrize("name", ["alexnet_krizhevsky2012", "alexnet_cs231n", "zfnet"])
def test_the_order_of_norm_and_pool_makes_another_network_of_the_same_cost(name: str) -> None:
    early, late = (search_spaces.load_network(name, {"normalize": f"{when}_pool"}) for when in ("before", "after"))
    assert (early.costs().params, early.costs().macs) == (late.costs().params, late.costs().macs)
    assert early.hash != late.hash


def test_the_paper_s_alpha_is_five_times_its_number_in_torch_s_words() -> None:
    """Krizhevsky 2012, section 3.3: k = 2, n = 5, alpha = 0.0001 of the sum of five squares, beta = 0.75."""
    norm = torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    (block, _) = (
        node.block
        for node in search_spaces.load_network("alexnet_krizhevsky2012").nodes
        if node.block.key == "local_response_norm"
    )
    assert block.model_dump() == {"size": norm.size, "alpha": norm.alpha, "beta": norm.beta, "k": norm.k}
    values = torch.arange(1.0, 8.0).reshape(1, 7, 1, 1)
    sums = torch.tensor([sum(x * x for x in range(max(1, i - 2), min(7, i + 2) + 1)) for i in range(1, 8)])
    expected = values.flatten() / (2 + 1e-4 * sums) ** 0.75
    assert torch.allclose(norm(values).flatten(), expected)
