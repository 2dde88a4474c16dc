"""Equal networks have one hash, however they are written; different ones have different hashes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphs
from tests.graphs.documents import documents
from tests.graphs.wrong_documents import HEAD


def hash_of(net: str, before: str = "", head: str = HEAD) -> str:
    return graphs.parse(head + before + "net:\n" + net).hash


A = "  - {name: a, conv: {out_channels: 4}}\n"
B = "  - {name: b, from: in, conv: {out_channels: 4, kernel_size: 3}}\n"

EQUAL = {
    "other names": (
        A + B + "  - {from: [a, b], add: {}}\n",
        (A + B).replace("a,", "left,").replace("b,", "right,") + "  - {name: end, from: [left, right], add: {}}\n",
    ),
    "inputs of add in the other order": (
        A + B + "  - {from: [a, b], add: {}}\n",
        A + B + "  - {from: [b, a], add: {}}\n",
    ),
    "steps in another order": (
        A + B + "  - {from: [a, b], add: {}}\n",
        B + A.replace("a,", "a, from: in,") + "  - {from: [a, b], add: {}}\n",
    ),
    "a repeat, written out": ("  - {repeat: 3, conv: {out_channels: 4}}\n", "  - conv: {out_channels: 4}\n" * 3),
    "a group, opened": ("  - sequential: [{relu: {}}, {tanh: {}}]\n", "  - relu: {}\n  - tanh: {}\n"),
    "branches, as steps": (
        "  - {join: add, parallel: {l: [{relu: {}}], r: []}}\n",
        "  - {name: l, relu: {}}\n  - {from: [in, l], add: {}}\n",
    ),
    "a shipped block, written out": (
        "  - conv: {out_channels: 4, kernel_size: 3}\n",
        "  - conv2d: {out_channels: 4, kernel_size: 3, padding: 1, bias: false}\n  - batch_norm2d: {}\n  - relu: {}\n",
    ),
    "defaults, written out": (
        "  - max_pool2d: {kernel_size: 2}\n",
        "  - max_pool2d: {kernel_size: [2, 2], stride: 2, padding: [0, 0], dilation: 1, ceil_mode: false}\n",
    ),
    "an expression and its value": ("  - conv: {out_channels: 2*in.channels}\n", "  - conv: {out_channels: 6}\n"),
    "a step that is left out": ("  - {when: 1 > 2, tanh: {}}\n  - relu: {}\n", "  - relu: {}\n"),
    "a step that is unused": ("  - {unused: ok, tanh: {}}\n  - {from: in, relu: {}}\n", "  - relu: {}\n"),
    "a number as an integer and as a float": (
        "  - leaky_relu: {negative_slope: 1}\n",
        "  - leaky_relu: {negative_slope: 1.0}\n",
    ),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL.keys())
def test_equal_networks_have_one_hash(one: str, other: str) -> None:
    assert hash_of(one) == hash_of(other)


def test_a_template_is_what_it_is_made_of() -> None:
    cell = "blocks: {cell: {params: {w: int}, body: [{name: m, conv: {out_channels: w}}, {from: [m, m], add: {}}]}}\n"
    flat = "  - {name: m, conv: {out_channels: 5}}\n  - {name: n, from: [m, m], add: {}}\n"
    assert hash_of("  - {name: x, cell: {w: 5}}\n", cell) == hash_of(flat)


def test_name_documentation_and_requirements_are_no_part_of_a_network() -> None:
    plain = graphs.parse(HEAD + "net: [{relu: {}}]\n")
    other = graphs.parse(HEAD + 'name: other\ndoc: text\nparams: {w: 3}\nnet: [{relu: {}}]\nrequire: {params: "< 5"}\n')
    assert plain.hash == other.hash


DIFFERENT = {
    "one argument": ("  - conv: {out_channels: 4}\n", "  - conv: {out_channels: 5}\n"),
    "an argument without effect on costs": ("  - dropout: {p: 0.5}\n", "  - dropout: {p: 0.4}\n"),
    "the activation": ("  - relu: {}\n", "  - relu6: {}\n"),
    "the order of steps": ("  - relu: {}\n  - tanh: {}\n", "  - tanh: {}\n  - relu: {}\n"),
    "inputs of concat in the other order": (
        A + B + "  - {from: [a, b], concat: {}}\n",
        A + B + "  - {from: [b, a], concat: {}}\n",
    ),
    "one node twice, and two equal nodes": (
        A + "  - {from: [a, a], add: {}}\n",
        A + "  - {name: b, from: in, conv: {out_channels: 4}}\n  - {from: [a, b], add: {}}\n",
    ),
    "shared and own weights": (
        "  - {name: a, conv: {out_channels: 3}}\n  - {name: b, share: a}\n",
        "  - {name: a, conv: {out_channels: 3}}\n  - {name: b, conv: {out_channels: 3}}\n",
    ),
    "which of two equal branches goes on": (
        "  - {name: a, relu: {}}\n  - {name: b, from: in, relu: {}}\n  - {name: c, from: a, tanh: {}}\n"
        "  - {name: d, from: [c, a], add: {}}\n  - {from: [d, b], add: {}}\n",
        "  - {name: a, relu: {}}\n  - {name: b, from: in, relu: {}}\n  - {name: c, from: a, tanh: {}}\n"
        "  - {name: d, from: [c, b], add: {}}\n  - {from: [d, a], add: {}}\n",
    ),
    "the wiring of a shortcut": (
        "  - {name: a, relu: {}}\n  - {name: b, relu: {}}\n  - {from: [b, in], add: {}}\n",
        "  - {name: a, relu: {}}\n  - {name: b, relu: {}}\n  - {from: [b, a], add: {}}\n",
    ),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_different_networks_have_different_hashes(one: str, other: str) -> None:
    assert hash_of(one) != hash_of(other)


def test_input_and_outputs_are_part_of_a_network() -> None:
    steps = "  - {name: a, relu: {}}\n  - {name: b, tanh: {}}\n"
    variants = {
        hash_of(steps),
        hash_of(steps, head=HEAD.replace("8, 8", "8, 9")),
        hash_of(steps, head=HEAD.replace("8, 8]", "8, 8], dtype: float16")),
        hash_of(steps + "output: {x: b, y: a}\n"),
        hash_of(steps + "output: {x: a, y: b}\n"),
        hash_of(steps + "output: {x: b, y: b}\n"),
    }
    assert len(variants) == 6


def test_inputs_are_told_apart_by_their_order() -> None:
    head = "version: 1\ninput: {a: {vector: 4}, b: {vector: 4}}\n"
    one = hash_of("  - {from: [a, b], concat: {}}\n", head=head)
    assert one != hash_of("  - {from: [b, a], concat: {}}\n", head=head)
    assert one == hash_of("  - {from: [x, y], concat: {}}\n", head=head.replace("a:", "x:").replace("b:", "y:"))


@settings(max_examples=60)
@given(documents(), st.randoms(use_true_random=False))
def test_names_and_the_order_of_added_values_do_not_matter(data: dict[str, Any], random: Any) -> None:
    graph = graphs.parse(json.dumps(data))
    swapped = json.loads(json.dumps(data).replace('["skip", "main"]', '["main", "skip"]'))
    names = {"features": f"f{random.randrange(100)}", "logits": f"l{random.randrange(100)}"}
    for step in swapped["net"]:
        if "name" in step:
            step["name"] = names[step["name"]]
    swapped["output"] = {name: names[source] for name, source in swapped["output"].items()}
    assert graphs.parse(json.dumps(swapped)).hash == graph.hash


@settings(max_examples=30)
@given(st.lists(documents(), min_size=5, max_size=10))
def test_networks_of_one_hash_cost_the_same(several: list[dict[str, Any]]) -> None:
    by_hash: dict[str, set[tuple[int, int, int]]] = {}
    for graph in (graphs.parse(json.dumps(data)) for data in several):
        by_hash.setdefault(graph.hash, set()).add((graph.costs().params, graph.costs().macs, len(graph.nodes)))
    assert all(len(costs) == 1 for costs in by_hash.values())
