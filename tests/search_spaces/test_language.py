"""Wiring, weights, conditions and blocks that decide once: what a document may leave open, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from math import prod

import pytest

import graphs
import search_spaces
from graphs import DocumentError
from search_spaces import DecisionError, Space, parse_decisions

HEAD = "version: 1\nname: s\ninput: {image: {map: [4, 8, 8]}}\n"
TAIL = "  - global_avg_pool: {}\n  - {name: fc, linear: {out_features: 3}}\n"


def space_of(net: str, before: str = "") -> Space:
    return search_spaces.parse(f"{HEAD}{before}net:\n{net}{TAIL}", "s.yaml")


WIRED = """\
  - {name: a, conv: {out_channels: 4, kernel_size: 3}}
  - {name: b, conv: {out_channels: 4, kernel_size: 1}}
  - {name: c, from: {choice: [in, a, b]}, tanh: {}}
  - {name: d, from: [{choice: [in, a]}, c, {choice: [a, b]}], add: {}}
  - {from: [a, b, d], add: {}}
"""


def test_what_a_step_reads_may_be_open_alone_and_in_a_list() -> None:
    space = space_of(WIRED)
    assert [(d.address, d.kind, d.alternatives) for d in space.decisions] == [
        ("c.from", "source", ("in", "a", "b")),
        ("d.from.0", "source", ("in", "a")),
        ("d.from.2", "source", ("a", "b")),
    ]
    assert space.size() == 3 * 2 * 2
    graph = space.materialize({"c.from": "b", "d.from.0": "in", "d.from.2": "a"})
    sources = {node.address: [graph.address(s) for s in node.sources] for node in graph.nodes}
    assert sources["c"] == ["b.act.relu"]
    assert sources["d"] == ["image", "c", "a.act.relu"]
    assert "{name: c, from: b, tanh: {}}" in graph.text()
    assert graphs.parse(graph.text()).hash == graph.hash


def test_a_wiring_that_leaves_a_step_unread_is_no_network() -> None:
    space = space_of(
        "  - {name: a, relu: {}}\n  - {name: b, from: in, tanh: {}}\n  - {from: {choice: [a, b]}, relu: {}}\n"
    )
    with pytest.raises(DocumentError, match="nothing reads `a`"):
        space.materialize({"relu.from": "b"})
    assert list(space.points()) == []


def test_a_step_that_may_go_unread_says_so_and_is_left_out() -> None:
    space = space_of(
        "  - {name: a, unused: ok, conv: {out_channels: 4}}\n"
        "  - {name: b, from: in, unused: ok, conv: {out_channels: 4, kernel_size: 3}}\n"
        "  - {name: c, from: {choice: [a, b]}, relu: {}}\n"
    )
    small, large = (space.materialize({"c.from": name}) for name in "ab")
    # Convolutions of 4 to 4 channels without bias and their norms; a linear layer of 4 to 3.
    assert small.costs().params == 4 * 4 + 8 + 15
    assert large.costs().params == 4 * 4 * 9 + 8 + 15


def test_what_stands_open_is_written_down_again() -> None:
    before = """\
params: {width: {choice: [4, 8, 12], prior: [3, 2, 1]}, groups: {choice: [2, 4]}}
where: [width % groups == 0, width > groups]
blocks:
  cell:
    params: {w: int}
    where: [w > 1]
    decide: once
    body:
      - {name: x, choice: {c: {conv: {out_channels: w}}, i: []}, prior: {c: 2}}
"""
    space = space_of(WIRED + "  - {conv: {out_channels: width}}\n  - {cell: {w: width}}\n", before)
    again = search_spaces.parse(space.text())
    assert again.text() == space.text()
    assert again.decisions == space.decisions
    for line in (
        "width % groups == 0",
        "prior: [3, 2, 1]",
        "decide: once",
        "prior: {c: 2}",
        "from: {choice: [in, a, b]}",
    ):
        assert line in space.text()


# where


TIED = (
    "params: {width: {choice: [4, 8, 12]}, groups: {choice: [1, 4, 8]}, k: {choice: [1, 3]}, "
    "half: {type: int, default: width // 2}}\n"
)
GROUPED = "  - {conv: {out_channels: width}}\n  - {conv: {out_channels: half * 2, groups: groups, kernel_size: k}}\n"


def test_where_leaves_the_points_that_keep_it() -> None:
    space = space_of(GROUPED, TIED + "where: [half * 2 % groups == 0]\n")
    kept = [(w, g) for w in (4, 8, 12) for g in (1, 4, 8) if w % g == 0]
    assert len(kept) == 7
    assert space.size() == 7 * 2
    points = [(p.decisions["params.width"], p.decisions["params.groups"]) for p in space.points()]
    assert sorted(points) == sorted(kept * 2)
    sizes = {decision.address: decision.sizes for decision in space.decisions}
    assert sizes == {"params.width": (2, 3, 2), "params.groups": (3, 3, 1), "params.k": (1, 1)}


def test_draws_are_uniform_over_what_keeps_where_and_none_is_refused() -> None:
    space = space_of(GROUPED, TIED + "where: [width % groups == 0]\n")
    # 4 keeps 1 and 4; 8 keeps 1, 4 and 8; 12 keeps 1 and 4: 7 pairs.
    assert space.size() == 7 * 2
    sampled = space.sample(1_400, seed=2)
    assert sampled.acceptance == 1
    seen = Counter((p.decisions["params.width"], p.decisions["params.groups"]) for p in sampled.points)
    assert len(seen) == 7
    assert all(140 < number < 260 for number in seen.values())


def test_decisions_that_break_where_are_no_point() -> None:
    space = space_of(GROUPED, TIED + "where: [width % groups == 0]\n")
    with pytest.raises(DecisionError) as caught:
        space.materialize({"params.width": 12, "params.groups": 8, "params.k": 1})
    assert caught.value.message == "with `8` for `params.groups` nothing keeps `where`"


@pytest.mark.parametrize(
    ("where", "code", "message"),
    [
        ("width % grups == 0", "E108", "no `grups` is known here"),
        ("width %", "E107", "is no expression"),
        ("width % groups", "E107", "a condition is true or false, `width % groups` is 0"),
        ("width % (groups - 4) == 0", "E107", "has no value"),
        ("width > 100", "E304", "no combination of parameters keeps `where`"),
    ],
)
def test_a_condition_that_says_nothing_is_a_fault_at_its_place(where: str, code: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        space_of(GROUPED, f"{TIED}where: [{where}]\n")
    [fault] = caught.value.faults
    assert (fault.code, fault.mark.line) == (code, 5)
    assert message in fault.message


def test_conditions_that_tie_too_much_are_refused() -> None:
    params = "params: {a: {range: [1, 200]}, b: {range: [1, 200]}}\n"
    with pytest.raises(DocumentError, match="ties 40,000 combinations of parameters; at most 20,000"):
        space_of("  - {conv: {out_channels: a, kernel_size: 1}}\n", params + "where: [a < b]\n")


def test_a_condition_of_a_block_makes_calls_illegal() -> None:
    space = space_of(
        "  - {cell: {w: {choice: [4, 6, 8]}}}\n",
        "blocks: {cell: {params: {w: int}, where: w % in.channels == 0, body: [{conv: {out_channels: w}}]}}\n",
    )
    assert space.size() == 3
    assert [point.decisions["cell.w"] for point in space.points()] == [4, 8]


def test_a_condition_holds_for_settings_of_a_network_too() -> None:
    text = f"{HEAD}params: {{width: 8}}\nwhere: [width % 4 == 0]\nnet:\n  - conv: {{out_channels: width}}\n"
    assert graphs.parse(text).costs().params == 4 * 8 + 16
    with pytest.raises(DocumentError, match="`width % 4 == 0` does not hold: width is 6"):
        graphs.parse(text, settings={"width": 6})


# prior


def test_weights_are_those_of_points() -> None:
    # Weights: kernels 2 and 1, the plain step 3: a plain point has 3*2 or 3*1, the identity 1; twice for two depths.
    space = space_of(
        "  - name: a\n    repeat: {range: [1, 2]}\n    prior: {plain: 3}\n"
        "    choice: {plain: {conv: {out_channels: 4, kernel_size: {choice: [1, 3], prior: [2, 1]}}}, none: []}\n"
    )
    assert space.size() == 2 * (2 + 1)
    masses = {decision.address: decision.masses for decision in space.decisions}
    assert masses == {"a.repeat": (10, 10), "a": (9, 1), "a.plain.kernel_size": (2, 1)}
    seen = Counter(tuple(p.decisions.values()) for p in space.sample(2_000, seed=1).points)
    wanted = {
        (d, *rest): weight for d in (1, 2) for rest, weight in {("plain", 1): 6, ("plain", 3): 3, ("none",): 1}.items()
    }
    assert seen.keys() == wanted.keys()
    for point, weight in wanted.items():
        assert seen[point] == pytest.approx(100 * weight, abs=60)


# blocks that decide once

ONCE = """\
blocks:
  edge:
    body: [{name: op, choice: {conv: {conv: {out_channels: in.channels}}, skip: []}}]
  cell:
    decide: once
    body:
      - {name: left, edge: {}}
      - {name: right, from: in, edge: {}}
      - {from: [left, right], add: {}}
"""


def test_a_block_that_decides_once_has_one_set_of_decisions() -> None:
    space = space_of("  - {cell: {}}\n  - {conv: {out_channels: 8}}\n  - {name: more, repeat: 2, cell: {}}\n", ONCE)
    assert [decision.address for decision in space.decisions] == ["blocks.cell.left.op", "blocks.cell.right.op"]
    assert space.size() == 4
    graph = space.materialize({"blocks.cell.left.op": "conv", "blocks.cell.right.op": "skip"})
    # One 1x1 convolution with norm on 4 channels, one of 4 to 8, two of 8 to 8, and the linear layer.
    assert graph.costs().params == (16 + 8) + (32 + 16) + 2 * (64 + 16) + (8 * 3 + 3)
    assert "decide" not in graph.text()
    assert graphs.parse(graph.text()).hash == graph.hash


def test_a_block_that_decides_once_and_is_never_called_decides_nothing() -> None:
    space = space_of("  - {conv: {out_channels: {choice: [4, 8]}}}\n", ONCE)
    assert space.size() == 2


def test_a_block_that_decides_once_inside_another() -> None:
    more = ONCE + "  pair: {decide: once, body: [{cell: {}}, {conv: {out_channels: {choice: [4, 8]}}}, {cell: {}}]}\n"
    space = space_of("  - {pair: {}}\n  - {pair: {}}\n", more)
    assert space.size() == prod([2, 2, 2])
    assert len({point.graph.text() for point in space.points()}) == 8
    assert all(graphs.parse(point.graph.text()).hash == point.graph.hash for point in space.points())


def test_once_is_a_word() -> None:
    with pytest.raises(DocumentError, match="a block decides `each` time anew, or `once`"):
        space_of("  - {cell: {}}\n", ONCE.replace("once", "ones"))


# steps that decide at each repetition

EACH = """\
  - name: stages
    repeat: {choice: [0, 1, 3], prior: [2, 1, 1]}
    decide: each
    first: {stride: {choice: [1, 2]}}
    choice:
      a: {conv: {out_channels: {choice: [4, 8]}, kernel_size: 3}}
      b: {conv: {out_channels: 3}}
    prior: {b: 2}
"""


def test_a_step_that_decides_at_each_repetition_has_decisions_of_its_own_for_every_one() -> None:
    space = space_of(EACH)
    assert [decision.address for decision in space.decisions] == [
        "stages.repeat",
        *(address for n in range(3) for address in (f"stages.{n}", f"stages.{n}.a.out_channels")),
        "stages.first.stride",
    ]
    # A repetition has 2 + 1 ways, the stride 2: nothing, 3 * 2, and 3^3 * 2.
    assert space.size() == 1 + 6 + 54
    points = list(space.points())
    assert len({str(sorted(point.decisions.items())) for point in points}) == len(points) == 61
    assert all(graphs.parse(point.graph.text()).hash == point.graph.hash for point in points)


def test_each_repetition_is_what_it_decided() -> None:
    decisions = {"stages.repeat": 3, "stages.0": "a", "stages.0.a.out_channels": 8, "stages.1": "b"}
    decisions |= {"stages.2": "a", "stages.2.a.out_channels": 4, "stages.first.stride": 2}
    graph = space_of(EACH).materialize(decisions)
    convs = [node for node in graph.nodes if node.block.key == "conv2d"]
    assert [str(node.type) for node in convs] == [f"map[{n}, 4, 4], stride 2" for n in (8, 3, 4)]
    assert [node.address for node in convs] == [f"stages.step{n}.conv" for n in range(3)]


def test_weights_of_a_step_that_decides_at_each_repetition_multiply() -> None:
    # Nothing: 2; once: (2 * 1 + 1 * 2) ways * 2 strides; three times: 4^3 * 2. The weights of all points add up.
    sampled = space_of(EACH).sample(2000, seed=1)
    share = sum(point.decisions["stages.repeat"] == 3 for point in sampled.points) / 2000
    assert share == pytest.approx(128 / (2 + 8 + 128), abs=0.03)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{decide: each, conv: {out_channels: 4}}", "`decide` goes with `repeat`"),
        ("{decide: often, repeat: 2, conv: {out_channels: 4}}", "a repeated step decides `each` time anew, or `once`"),
        ("{decide: each, repeat: 2 * 2, conv: {out_channels: 4}}", "repeated 0 to 256 times, by a number or a choice"),
        ("{decide: each, repeat: {choice: [2, -1]}, conv: {out_channels: 4}}", "repeated 0 to 256 times"),
    ],
)
def test_what_decides_at_each_repetition_is_repeated_a_number_of_times(step: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        space_of(f"  - {step}\n")


def test_defaults_reach_every_call_of_a_block_that_decides_anew() -> None:
    text = """\
version: 1
name: tiny
params: {width: {choice: [4, 8]}}
input: {image: {map: [1, 8, 8]}}
defaults: {cell: {width: width}, unread: {width: width}}
blocks:
  cell: {params: {width: int}, body: [{conv: {out_channels: width, kernel_size: {choice: [1, 3]}}}]}
  unread: {params: {width: int}, body: [{conv: {out_channels: width}}]}
net: [{cell: {}}, {cell: {}}, {global_avg_pool: {}}]
"""
    space = search_spaces.parse(text)
    graph = space.materialize({"params.width": 8, "cell1.conv.kernel_size": 1, "cell2.conv.kernel_size": 3})
    assert [str(node.type) for node in graph.nodes if node.block.key == "conv2d"] == ["map[8, 8, 8], stride 1"] * 2
    assert graphs.parse(graph.text()).hash == graph.hash


# decisions as JSON


def test_decisions_come_back_from_json() -> None:
    space = space_of("  - {conv: {out_channels: 4, kernel_size: {choice: [3, [1, 3]]}}}\n")
    assert parse_decisions('{"conv.kernel_size": [1, 3]}') == {"conv.kernel_size": (1, 3)}
    assert space.materialize(parse_decisions('{"conv.kernel_size": [1, 3]}')).hash


@pytest.mark.parametrize(("text", "message"), [("{", "decisions are JSON"), ("[]", "decisions are a JSON object")])
def test_decisions_that_are_no_json_are_refused(text: str, message: str) -> None:
    with pytest.raises(DecisionError, match=message):
        parse_decisions(text)
