"""Graphs made in Python are the same documents, with errors at the line of Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import graphs
from graphs import Builder, DocumentError, Map, Vector


def residual() -> Builder:
    net = Builder("tiny", image=Map(1, 8, 8), params={"width": 8})
    stem = net.add("conv", out_channels="width", kernel_size=3)
    main = net.add("conv", out_channels="2*width", kernel_size=[1, 3], activation="none")
    skip = net.add("shortcut", stem, like=main)
    net.add("add", main, skip)
    net.add("residual_basic", name="stage", repeat=2, first={"stride": 2}, out_channels=16)
    net.add("global_avg_pool")
    net.add("linear", name="fc", out_features=10)
    return net


def test_a_built_graph_is_the_graph_of_the_same_document() -> None:
    text = """\
version: 1
name: tiny
params: {width: 8}
input: {image: {map: [1, 8, 8]}}
net:
  - {name: conv1, conv: {out_channels: width, kernel_size: 3}}
  - {name: conv2, conv: {out_channels: 2*width, kernel_size: [1, 3], activation: none}}
  - {name: shortcut1, from: conv1, shortcut: {like: conv2}}
  - {name: add1, from: [conv2, shortcut1], add: {}}
  - {name: stage, repeat: 2, first: {stride: 2}, residual_basic: {out_channels: 16}}
  - {name: global_avg_pool1, global_avg_pool: {}}
  - {name: fc, linear: {out_features: 10}}
"""
    graph = residual().graph()
    assert graph.text() == text
    assert graph.hash == graphs.parse(text).hash
    assert [node.address for node in graph.nodes] == [node.address for node in graphs.parse(text).nodes]


def test_outputs_are_named_and_several_are_allowed() -> None:
    net = Builder("taps", image=Map(3, 16, 16), extra=Vector(4))
    low = net.add("conv", net.input("image"), out_channels=4, kernel_size=3)
    high = net.add("conv", low, out_channels=8, kernel_size=3, stride=2)
    both = net.add("linear", net.input("extra"), out_features=2)
    graph = net.graph(low=low, high=high, both=both)
    assert {name: graph.types[value].shape for name, value in graph.outputs.items()} == {
        "low": (4, 16, 16),
        "high": (8, 8, 8),
        "both": (2,),
    }


def test_blocks_may_be_given_as_a_text() -> None:
    blocks = (
        "version: 1\nblocks: {twice: {params: {w: int}, body: [{conv: {out_channels: w}}, {conv: {out_channels: w}}]}}"
    )
    net = Builder("t", image=Map(1, 4, 4), blocks=blocks)
    net.add("twice", w=3)
    assert [node.address for node in net.graph().nodes if node.block.key == "conv2d"] == [
        "twice1.conv1.conv",
        "twice1.conv2.conv",
    ]


def test_mistakes_are_told_at_their_line_of_python() -> None:
    net = Builder("bad", image=Map(1, 8, 8))
    net.add("conv", out_channel=8)
    net.add("linear", out_features=3)
    with pytest.raises(DocumentError) as caught:
        net.graph()
    (fault,) = caught.value.faults
    assert fault.code == "E104"
    assert Path(fault.mark.source.name).name == "test_building.py"
    assert fault.mark.source.lines[fault.mark.line - 1].strip() == 'net.add("conv", out_channel=8)'
    assert fault.help == "did you mean `out_channels`?"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Builder("t", image=(3, 8, 8)), "the input `image` is a Map or a Vector"),  # type: ignore[arg-type]
        (lambda: Builder("t", image=Map(1, 8, 8)).add("relu", "image"), "a step reads what `add` or `input` gave"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_type_or_step_is_refused_at_once(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        wrong()


def test_a_network_without_input_or_step_is_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        Builder("t").graph()
    assert [fault.message for fault in caught.value.faults] == [
        "a network has at least one input and one step",
    ]
