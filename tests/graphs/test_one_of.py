"""`one_of`: a block that is one of several others, by its parameters."""

from __future__ import annotations

import pytest

import graphs
from graphs import DocumentError
from search_spaces.loading import parse as parse_space

HEAD = """\
version: 1
name: t
params: {kind: {words: [wide, deep, none], default: wide}}
input: {image: {map: [4, 8, 8]}}
blocks:
  block:
    params: {kind: {words: [wide, deep, none]}, width: 8}
    one_of:
      - {when: kind == 'wide', conv: {out_channels: width, kernel_size: 3}}
      - when: kind == 'deep'
        sequential:
          - {name: first, conv2d: {out_channels: width, kernel_size: 1}}
          - relu: {}
"""
NET = "net:\n  - {name: a, block: {kind: kind}}\n  - {name: b, repeat: 2, block: {kind: kind}}\n"


def addresses(kind: str) -> list[str]:
    return [
        node.address
        for node in graphs.parse(HEAD.replace("default: wide", f"default: {kind}") + NET + "  - tanh: {}\n").nodes
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "wide",
            [f"{block}.{part}" for block in ("a", "b.0", "b.1") for part in ("conv", "norm", "act.relu")] + ["tanh"],
        ),
        ("deep", [f"{block}.{part}" for block in ("a", "b.0", "b.1") for part in ("first", "relu")] + ["tanh"]),
        ("none", ["tanh"]),
    ],
)
def test_the_alternative_stands_at_the_address_of_the_block(kind: str, expected: list[str]) -> None:
    assert addresses(kind) == expected


def test_the_first_alternative_that_holds_is_taken() -> None:
    text = HEAD.replace("kind == 'deep'", "width > 2") + "net:\n  - {name: a, block: {kind: wide}}\n"
    assert [node.address for node in graphs.parse(text).nodes] == ["a.conv", "a.norm", "a.act.relu"]


def test_a_block_that_is_a_primitive_is_one_node() -> None:
    text = HEAD.replace("conv: {out_channels: width, kernel_size: 3}", "relu: {}")
    (node,) = graphs.parse(text + "net:\n  - {name: a, block: {kind: wide}}\n").nodes
    assert (node.address, node.block.key) == ("a", "relu")


def test_what_stands_there_is_called_as_the_alternative_is() -> None:
    groups = graphs.parse(HEAD + NET).groups
    assert [(group.address, group.block, group.repeats) for group in groups if group.address in ("a", "b", "b.1")] == [
        ("a", "conv", None),
        ("b", "conv", 2),
        ("b.1", "conv", None),
    ]


def test_its_hash_is_that_of_the_alternative_written_out() -> None:
    plain = "version: 1\nname: t\ninput: {image: {map: [4, 8, 8]}}\nnet:\n"
    written = f"{plain}  - {{repeat: 3, conv: {{out_channels: 8, kernel_size: 3}}}}\n"
    assert graphs.parse(HEAD + NET).hash == graphs.parse(written).hash


def test_a_mistake_in_the_alternative_that_is_not_taken_is_told() -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(HEAD.replace("kernel_size: 1}", "kernel: 1}") + NET)
    (fault,) = caught.value.faults
    assert (fault.code, fault.mark.line) == ("E104", 12)


def test_a_type_that_does_not_fit_is_told_at_the_call() -> None:
    with pytest.raises(DocumentError) as caught:
        graphs.parse(HEAD + "net:\n  - {name: a, block: {kind: kind}}\n  - {from: [a, in], add: {}}\n")
    assert [fault.code for fault in caught.value.faults] == ["E201"]


def test_a_search_may_decide_which_it_is() -> None:
    text = HEAD.replace("default: wide}}\ninput", "default: wide}, width: 8}\ninput")
    space = parse_space(text.replace("{words: [wide, deep, none], default: wide}", "{choice: [wide, deep]}") + NET)
    assert space.size() == 2
    assert space.locate(graphs.parse(HEAD + NET)) == {"params.kind": "wide"}
    found = {
        space.materialize(decisions).nodes[0].address
        for decisions in ({"params.kind": "wide"}, {"params.kind": "deep"})
    }
    assert found == {"a.conv", "a.first"}
