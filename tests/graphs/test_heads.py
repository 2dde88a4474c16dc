"""Outputs that only training has: they are trained, and nothing else sees them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

import graphs
from graphs import Builder, Vector
from graphs.conventions import CONVENTIONS, count
from graphs.difference import difference
from graphs.drawing import draw
from graphs.smallest import smallest_input

PLAIN = """\
version: 1
name: with_head
input: {image: {map: [3, 32, 32]}}
net:
  - {name: stem, conv: {out_channels: 8, kernel_size: 3, stride: 2}}
  - {name: body, conv: {out_channels: 16, kernel_size: 3, stride: 2}}
  - {name: gap, global_avg_pool: {}}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""
HEAD = """\
  - {name: aux_pool, from: stem, avg_pool2d: {kernel_size: 5, stride: 3}}
  - {name: aux_flat, flatten: {}}
  - {name: aux, linear: {out_features: 10}}
"""
WITH_HEAD = PLAIN.replace("output:", HEAD + "output:") + "training_output: {aux: aux}\n"
SHARING = """\
version: 1
input: {x: {vector: 4}}
net:
  - {name: deep, linear: {out_features: 4}}
  - {name: head, from: x, linear: {out_features: 4}}
  - {name: out, from: deep, share: head}
output: {out: out}
training_output: {aux: head}
"""


def test_what_only_training_needs_is_no_part_of_what_ships() -> None:
    with_head, plain = graphs.parse(WITH_HEAD), graphs.parse(PLAIN)
    assert with_head.hash == plain.hash
    assert with_head.costs() == plain.costs()
    assert with_head.nodes[-1].address == "logits"
    assert with_head.outputs == plain.outputs
    assert smallest_input(with_head.document) == smallest_input(plain.document) == "1 x 1"
    assert not difference(with_head, plain).changes
    assert [count(with_head, tool) for tool in CONVENTIONS] == [count(plain, tool) for tool in CONVENTIONS]
    assert draw(with_head, "mmd") == draw(plain, "mmd")


def test_training_has_the_heads() -> None:
    graph = graphs.parse(WITH_HEAD)
    trained = graph.in_training
    assert [node.address for node in trained.nodes[-3:]] == ["aux_pool", "aux_flat", "aux"]
    assert trained.costs().params - graph.costs().params == (8 * 4 * 4) * 10 + 10  # 16x16 by windows of 5, 3 apart
    assert graphs.parse(PLAIN).in_training.trained is None


def test_a_head_stands_in_the_text_and_may_be_built_in_python() -> None:
    graph = graphs.parse(WITH_HEAD)
    assert graphs.parse(graph.text()).in_training.hash == graph.in_training.hash
    net = Builder("net", x=Vector(4))
    first = net.add("linear", out_features=4)
    out = net.add("tanh", first)
    net.training_output(aux=net.add("linear", first, out_features=2))
    built = net.graph(out=out)
    assert (len(built.nodes), len(built.in_training.nodes)) == (2, 3)
    assert graphs.parse(built.text()).in_training.hash == built.in_training.hash


def test_a_network_returns_its_heads_in_training_and_what_ships_in_evaluation() -> None:
    torch.manual_seed(0)
    module, x = graphs.parse(WITH_HEAD).compile(), torch.randn(2, 3, 32, 32)
    assert {name: tuple(value.shape) for name, value in module(x).items()} == {"logits": (2, 10), "aux": (2, 10)}
    module.get_submodule("aux").register_forward_hook(_fail)
    plain = graphs.parse(PLAIN).compile()
    plain.load_state_dict({key: value for key, value in module.state_dict().items() if not key.startswith("aux")})
    assert torch.equal(module.eval()(x), plain.eval()(x))


def _fail(*_: Any) -> None:
    pytest.fail("a head was computed in evaluation")


def test_a_gradient_of_every_output_reaches_what_they_share() -> None:
    module = graphs.parse(WITH_HEAD).compile()
    module(torch.randn(2, 3, 32, 32))["aux"].sum().backward()
    reached = {name for name, parameter in module.named_parameters() if parameter.grad is not None}
    assert reached == {"stem.conv.weight", "stem.norm.weight", "stem.norm.bias", "aux.weight", "aux.bias"}


def test_what_ships_of_a_network_has_no_weights_of_its_heads() -> None:
    graph = graphs.parse(WITH_HEAD)
    assert graph.compile().state_dict().keys() - graph.as_shipped.compile().state_dict().keys() == {
        "aux.weight",
        "aux.bias",
    }


@pytest.mark.parametrize("shipped", [False, True])
def test_a_copy_has_heads_where_the_network_has(shipped: bool) -> None:
    graph = graphs.parse(WITH_HEAD)
    module = (graph.as_shipped if shipped else graph).compile()
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):  # noqa: S301
        assert other.state_dict().keys() == module.state_dict().keys()


def test_weights_that_a_head_has_first_stand_where_what_ships_has_them() -> None:
    graph = graphs.parse(SHARING)
    shipped = graph.as_shipped.compile().state_dict().keys()
    assert shipped == graph.compile().state_dict().keys() == {"deep.weight", "deep.bias", "out.weight", "out.bias"}
    module, x = graph.compile(), torch.ones(1, 4)
    torch.testing.assert_close(module(x)["aux"], module.get_submodule("out")(x))
