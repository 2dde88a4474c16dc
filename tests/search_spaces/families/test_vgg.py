"""VGG in the other library that has it."""

from __future__ import annotations

import pytest
import torch

import search_spaces
from tests.search_spaces.proof_data import Reference
from tests.search_spaces.reference_models import difference, pair, run_both


@pytest.mark.slow  # 133 million parameters
def test_logits_are_those_of_timm_whose_linear_layers_are_convolutions() -> None:
    reference = Reference("timm", "vgg11_bn")
    both = pair(search_spaces.load_network("vgg11_bn", {"size": 64}), reference, "vgg11_bn")
    both.ours.eval()
    both.theirs.eval()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    ((logits, expected),) = run_both(both, reference, images)
    assert difference(expected[0], expected[1]) > 1e-3
    assert difference(logits, expected) < 1e-5
