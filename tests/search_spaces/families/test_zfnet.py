"""ZFNet against the one library that has it, which normalizes before the pool, by another alpha."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import search_spaces
from tests.search_spaces.proof_data import Reference
from tests.search_spaces.reference_models import difference, pair, run_both


@pytest.mark.slow  # 62 and 108 million parameters
@pytest.mark.parametrize(("name", "builder"), [("zfnet", "zfnet"), ("zfnet_512_1024_512", "zfnetb")])
def test_logits_are_those_of_pytorchcv_with_its_norms_in_their_places(name: str, builder: str) -> None:
    reference = Reference("pytorchcv", builder)
    both = pair(search_spaces.load_network(name, {"normalize": "before_pool"}), reference, name)
    norms = [part for part in both.ours.modules() if isinstance(part, nn.LocalResponseNorm)]
    assert len(norms) == 2
    for norm in norms:
        norm.alpha = 0.0001  # of the mean, in place of the sum
    both.ours.eval()
    both.theirs.eval()
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    ((logits, expected),) = run_both(both, reference, images)
    assert difference(expected[0], expected[1]) > 1e-3
    assert difference(logits, expected) < 1e-5


def test_the_order_of_the_paper_is_another_network_of_the_same_cost() -> None:
    paper, other = (search_spaces.load_network("zfnet", {"normalize": f"{when}_pool"}) for when in ("after", "before"))
    assert (paper.costs().params, paper.costs().macs) == (other.costs().params, other.costs().macs)
    assert paper.hash == search_spaces.load_network("zfnet").hash != other.hash
