"""Holes, decisions and what becomes of a document when they are filled."""

from __future__ import annotations

import pytest

import graphs
import search_spaces
from search_spaces import DecisionError, Space

HEAD = "version: 1\nname: tiny\n"
TAIL = "  - global_avg_pool: {}\n  - {name: fc, linear: {out_features: 3}}\n"


def space_of(net: str, blocks: str = "", params: str = "") -> Space:
    text = HEAD + (f"params: {params}\n" if params else "") + "input: {image: {map: [1, 8, 8]}}\n"
    return search_spaces.parse(text + (f"blocks:\n{blocks}" if blocks else "") + "net:\n" + net + TAIL)


STAGES = space_of(
    "  - {name: a, stage: {width: {choice: [4, 8]}}}\n  - {name: b, stage: {width: 8}}\n",
    blocks="""\
  stage:
    params: {width: int}
    body:
      - name: cell
        repeat: {range: [0, 2]}
        choice:
          plain: {conv: {out_channels: width, kernel_size: {choice: [1, 3]}}}
          double: [{conv: {out_channels: width}}, {conv: {out_channels: width, kernel_size: 3}}]
""",
)


def test_decisions_are_addressed_by_where_they_stand() -> None:
    assert [(d.address, d.kind, d.alternatives) for d in STAGES.decisions] == [
        ("a.width", "value", (4, 8)),
        ("a.cell.repeat", "repeat", (0, 1, 2)),
        ("a.cell", "step", ("plain", "double")),
        ("a.cell.plain.kernel_size", "value", (1, 3)),
        ("b.cell.repeat", "repeat", (0, 1, 2)),
        ("b.cell", "step", ("plain", "double")),
        ("b.cell.plain.kernel_size", "value", (1, 3)),
    ]


def test_size_counts_points_that_differ_where_it_matters() -> None:
    # A cell is one of 2 kernels or the double one: 3. Repeated once or twice: 2 * 3; not at all: 1. So 7 a stage.
    assert STAGES.size() == 2 * 7 * 7


def test_every_choice_weighs_its_alternatives_by_their_points() -> None:
    sizes = {decision.address: decision.sizes for decision in STAGES.decisions}
    assert sizes["a.cell.repeat"] == (1, 3, 3)
    assert sizes["a.cell"] == (2, 1)


def test_a_point_reads_as_a_document_without_holes() -> None:
    decisions = {
        "a.width": 8,
        "a.cell.repeat": 2,
        "a.cell": "plain",
        "a.cell.plain.kernel_size": 3,
        "b.cell.repeat": 1,
        "b.cell": "double",
    }
    graph = STAGES.materialize(decisions)
    assert (
        graph.text()
        == """\
version: 1
name: tiny
input: {image: {map: [1, 8, 8]}}
blocks:
  stage:
    params: {width: int}
    body:
      - {name: cell, repeat: 2, conv: {out_channels: width, kernel_size: 3}}
  stage_2:
    params: {width: int}
    body:
      - name: cell
        repeat: 1
        sequential:
          - conv: {out_channels: width}
          - conv: {out_channels: width, kernel_size: 3}
net:
  - {name: a, stage: {width: 8}}
  - {name: b, stage_2: {width: 8}}
  - global_avg_pool: {}
  - {name: fc, linear: {out_features: 3}}
"""
    )
    assert [node.address for node in graph.nodes if node.block.key == "conv2d"] == [
        "a.cell.0.conv",
        "a.cell.1.conv",
        "b.cell.0.conv1.conv",
        "b.cell.0.conv2.conv",
    ]


def test_calls_that_decide_alike_share_a_template() -> None:
    same = {"repeat": 1, "": "plain", "plain.kernel_size": 1}
    decisions = {f"{stage}.cell{'.' if key else ''}{key}": value for stage in "ab" for key, value in same.items()}
    text = STAGES.materialize({**decisions, "a.width": 4}).text()
    assert text.count("params: {width: int}") == 1


def test_a_stage_that_is_repeated_no_times_is_its_input() -> None:
    graph = STAGES.materialize({"a.width": 4, "a.cell.repeat": 0, "b.cell.repeat": 0})
    assert [node.address for node in graph.nodes] == ["global_avg_pool", "fc"]


def test_a_hole_of_one_alternative_is_filled_wherever_it_stands() -> None:
    space = space_of(
        "  - {name: a, twice: {}}\n",
        blocks="  twice: {body: [{name: s, repeat: 2, first: {stride: {choice: [2]}}, conv: {out_channels: 4}}]}\n",
    )
    assert [decision.address for decision in space.decisions] == ["a.s.first.stride"]
    [point] = space.sample(1).points
    assert [node.type.shape for node in point.graph.nodes if node.block.key == "conv2d"] == [(4, 4, 4), (4, 4, 4)]


def test_a_choice_in_params_is_one_decision_used_in_many_places() -> None:
    space = space_of(
        "  - conv: {out_channels: width}\n  - conv: {out_channels: 2*width}\n", params="{width: {choice: [2, 3]}}"
    )
    assert [decision.address for decision in space.decisions] == ["params.width"]
    graph = space.materialize({"params.width": 3})
    assert [node.type.shape for node in graph.nodes if node.block.key == "conv2d"] == [(3, 8, 8), (6, 8, 8)]


def test_pairs_ranges_branches_and_first_may_be_open() -> None:
    space = space_of(
        "  - {name: p, join: add, parallel: {l: [{conv: {out_channels: 4, kernel_size: {choice: [3, [1, 3]]}}}],"
        " r: [{conv: {out_channels: 4}}]}}\n"
        "  - {name: s, repeat: 2, first: {stride: {choice: [1, 2]}},"
        " conv: {out_channels: {range: [4, 8], step: 2}, kernel_size: 3}}\n"
    )
    assert {d.address: d.alternatives for d in space.decisions} == {
        "p.l.conv.kernel_size": (3, (1, 3)),
        "s.out_channels": (4, 6, 8),
        "s.first.stride": (1, 2),
    }
    decisions = {"p.l.conv.kernel_size": [1, 3], "s.out_channels": 6, "s.first.stride": 2}
    graph = space.materialize(decisions)
    assert graph.nodes[-3].type.shape == (6, 4, 4)
    assert graph.nodes[0].block.model_dump()["kernel_size"] == (1, 3)


def test_decisions_that_do_not_matter_are_ignored() -> None:
    wanted = {"a.width": 4, "a.cell.repeat": 0, "b.cell.repeat": 0}
    more = {**wanted, "a.cell": "double", "b.cell.plain.kernel_size": 3}
    assert STAGES.materialize(more).hash == STAGES.materialize(wanted).hash
    full = {decision.address: decision.alternatives[0] for decision in STAGES.decisions}
    assert STAGES.active(full) == wanted


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({"a.width": 4}, "there is no decision for `a.cell.repeat`"),
        ({"a.width": 5}, "`5` is no alternative of `a.width`"),
        ({"a.widht": 4}, "the space has no decision `a.widht`"),
        ({"a.width": 4, "a.cell.repeat": True}, "`True` is no alternative of `a.cell.repeat`"),
    ],
)
def test_wrong_decisions_are_refused(decisions: dict[str, object], message: str) -> None:
    with pytest.raises(DecisionError) as caught:
        STAGES.materialize(decisions)
    assert caught.value.message == message
    assert caught.value.help


def test_a_document_without_holes_is_a_space_of_one_point() -> None:
    space = space_of("  - conv: {out_channels: 4}\n")
    assert space.size() == 1
    assert space.decisions == ()
    assert space.materialize({}).hash == graphs.parse(space.text()).hash


def test_settings_replace_the_parameters_of_a_space() -> None:
    space = search_spaces.load("small", {"classes": 4, "size": 16})
    graph = space.sample(1).points[0].graph
    assert graph.inputs["image"].shape == (1, 16, 16)
    assert graph.nodes[-1].type.shape == (4,)


def test_the_text_of_a_space_is_the_space_again() -> None:
    space = search_spaces.load("small")
    again = search_spaces.parse(space.text())
    assert again.decisions == space.decisions
    assert again.size() == space.size()
