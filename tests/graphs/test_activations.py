"""The names of activations stand in the catalog, in composites and in passes: all of these know the same ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from blocks import CATALOG, Map
from blocks.activation import Pointwise, PReLU
from graphs.convolutions import fused_convolution
from graphs.document import Param
from graphs.library import composites
from graphs.passes.pointwise import ACTIVATIONS
from graphs.training_kernels import overwriting
from tests.graphs.test_convolutions import arguments, example, expected, joined

KINDS = {kind.key: kind for kind in CATALOG if issubclass(kind, Pointwise)}
# Every composite that says which activation it has: the parameter's words.
CHOOSING = {
    f"{template.name.text}.{param.name.text}": param
    for template in composites().values()
    for param in template.params
    if "relu" in param.words
}


def module(key: str) -> nn.Module:
    return KINDS[key]().build((Map(4, 8, 8),))


@pytest.mark.parametrize("param", CHOOSING.values(), ids=CHOOSING)
def test_a_composite_takes_every_activation_and_none(param: Param) -> None:
    assert sorted(param.words) == sorted(["none", PReLU.key, *KINDS])


def test_a_composite_that_chooses_would_be_seen() -> None:
    assert {"activation.kind", "conv.activation", "inverted_residual.se_activation"} <= CHOOSING.keys()


def test_every_activation_is_done_with_the_convolution_before_it() -> None:
    assert set(KINDS) == ACTIVATIONS


@pytest.mark.parametrize("key", KINDS)
def test_an_activation_in_place_gives_what_it_gives(key: str) -> None:
    values = torch.linspace(-8, 8, 101)
    assert torch.equal(overwriting(module(key))(values.clone()), module(key)(values))


@pytest.mark.parametrize("key", KINDS)
def test_an_activation_done_with_a_convolution_gives_what_it_gives(key: str) -> None:
    what = example(bias=True, activation=module(key))
    given = arguments(what)
    with torch.inference_mode():
        found = joined(fused_convolution(what, packs=True)(*[tensor.clone() for tensor in given]))
        assert torch.allclose(found, expected(what, *given), atol=1e-6)
