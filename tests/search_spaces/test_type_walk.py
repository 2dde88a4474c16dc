"""What is known of a network that was only walked is what its graph says: costs, peak of memory and hash."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

import search_spaces
from graphs import Budget, Graph
from search_spaces import Decision, Decisions, Space
from search_spaces.costing import Walked
from search_spaces.kinship import remembered_points, space_for
from tests.search_spaces.test_stepwise import ODD, point_of

# Cells that read the two before them, repeated as often as is decided; the first of them reads other types.
CELLS = """\
version: 1
name: cells
input: {image: {map: [3, 16, 16]}}
blocks:
  cell:
    params: {previous: node, width: int}
    body:
      - {name: here, conv: {out_channels: width}}
      - {name: there, from: previous, conv: {out_channels: width, kernel_size: {choice: [1, 3]}}}
      - {from: [here, there], add: {}}
  closed:
    params: {previous: node}
    body:
      - {name: here, conv: {out_channels: in.channels}}
      - {name: there, from: previous, conv: {out_channels: in.channels}}
      - {from: [there, here], concat: {}}
      - {name: back, conv: {out_channels: in.channels}}
net:
  - {name: stem, conv: {out_channels: 4, kernel_size: 3}}
  - {name: cells, repeat: {range: [1, 5]}, cell: {previous: before, width: {choice: [4, 6, 8]}}}
  - {name: last, repeat: {range: [0, 4]}, closed: {previous: before}}
  - {name: rest, repeat: {choice: [0, 3]}, sequential: [{conv: {out_channels: 6}}, {choice: {a: [relu: {}], b: []}}]}
  - global_avg_pool: {}
  - {name: fc, linear: {out_features: 3}}
"""
# A part that two values lead out of, so that where it stands matters for its hash, and several outputs.
OUTPUTS = """\
version: 1
name: outputs
input: {image: {map: [3, 16, 16]}}
blocks:
  ladder:
    params: {width: int}
    body:
      - {name: a, conv: {out_channels: width}}
      - {name: b, from: a, conv: {out_channels: width, kernel_size: 3}}
      - {name: c, from: [a, b], add: {}}
      - {name: d, from: [b, c], add: {}}
      - {name: e, from: [d, a], add: {}}
net:
  - {name: first, ladder: {width: {choice: [4, 8]}}}
  - {name: second, repeat: {range: [0, 3]}, ladder: {width: {choice: [4, 8]}}}
  - {name: pooled, global_avg_pool: {}}
  - {name: one, linear: {out_features: {range: [1, 300]}}}
  - {name: other, from: pooled, linear: {out_features: {range: [1, 300]}}}
output: {one: one, other: other}
"""


@cache
def family_tree(size: int, classes: int) -> Space:
    return search_spaces.load("cnn", {"size": size, "classes": classes})


def walked(space: Space, decisions: Decisions) -> Walked:
    """The walk that takes these decisions."""

    def choose(decision: Decision) -> int:
        return decision.alternatives.index(decisions[decision.address])

    assert space.costing is not None
    return space.costing.costs(choose)


def assert_same(found: Walked, graph: Graph) -> None:
    costs = graph.costs()
    assert found.costs[:3] == (costs.params, costs.macs, costs.activation_bytes)
    assert found.peak_bytes == costs.peak_bytes
    assert found.hash == graph.hash


def points_of(space: Space, number: int, seed: int) -> list[search_spaces.Point]:
    random = Random(seed)
    drawn = (space.draw(random) for _ in range(2 * number))
    return [point for point in drawn if point is not None][:number]


@pytest.mark.parametrize(("size", "classes"), [(32, 10), pytest.param(224, 1000, marks=pytest.mark.slow)])
def test_a_network_of_the_family_tree_that_was_walked_has_the_figures_of_its_graph(size: int, classes: int) -> None:
    space = family_tree(size, classes)
    for point in points_of(space, 6, seed=size):
        assert_same(walked(space, point.decisions), point.graph)
        assert point.hash == point.graph.hash
        assert point.costs.peak_bytes == point.graph.costs().peak_bytes


@pytest.mark.parametrize("name", ["densenet121", "shufflenet_v1_g3", "inception_v4", "efficientnet_b0", "resnet50"])
def test_neighbours_of_a_hand_designed_network_that_were_walked_have_the_figures_of_their_graphs(name: str) -> None:
    known = remembered_points("cnn")
    assert known is not None
    space = space_for("cnn", search_spaces.load_network(name).as_shipped)
    random = Random(name)
    point = space.mutate(known[name], random)
    assert_same(walked(space, space.active(known[name])), search_spaces.load_network(name).as_shipped)
    assert_same(walked(space, point.decisions), point.graph)


def test_cells_that_read_the_two_before_them_have_the_figures_of_their_graph() -> None:
    space = family_tree(64, 10)
    tower: Decisions = {
        f"tower.nasnet.{name}": value for name, value in {"stem": 32, "cells": 2, "filters": 32}.items()
    }
    random = Random(0)
    for skips, crop, counts in ((True, 0, False), (False, 1, True)):
        more: Decisions = {
            "tower": "nasnet",
            "tower.nasnet.skip_reduction": skips,
            "tower.nasnet.crop": crop,
            "tower.nasnet.count_padding": counts,
            "stages.repeat": 1,
        }
        rest: Decisions = {one.address: random.choice(one.alternatives) for one in space.decisions}
        point = space.point({**rest, **tower, **more})
        assert_same(walked(space, point.decisions), point.graph)


@pytest.mark.parametrize("text", [CELLS, OUTPUTS, ODD.text()], ids=["cells", "outputs", "odd"])
def test_whatever_the_language_has_a_walk_knows_the_figures_of_the_graph(text: str) -> None:
    space = search_spaces.parse(text)
    for point in points_of(space, 80, seed=1):
        assert_same(walked(space, point.decisions), point.graph)


def test_what_was_drawn_within_a_budget_knows_its_hash() -> None:
    from search_spaces.bounds import bounds_of
    from search_spaces.stepwise import draw_within

    space = family_tree(32, 10)
    assert space.costing is not None
    budget = Budget.of(max_params="300k", max_macs="20M")
    bounds, _ = bounds_of(budget, [])
    random = Random(4)
    found = [spent for spent in (draw_within(space.costing, bounds, random) for _ in range(12)) if spent is not None]
    assert len(found) > 5
    for spent in found:
        assert_same(spent.walked, point_of(space, spent).graph)


def test_what_a_walk_can_not_say_is_for_the_graph_to_say() -> None:
    space = search_spaces.parse(
        "version: 1\nname: two\ninput: {a: {map: [3, 8, 8]}, b: {map: [3, 8, 8]}}\n"
        "net:\n  - {name: left, from: a, conv: {out_channels: {range: [1, 300]}}}\n"
        "  - {name: right, from: b, conv: {out_channels: {range: [1, 300]}}}\n"
        "  - {from: [left, right], concat: {}}\n"
        "  - global_avg_pool: {}\n  - linear: {out_features: 2}\n"
    )
    [point] = points_of(space, 1, seed=0)
    assert walked(space, point.decisions).hash is None
    assert point.hash == point.graph.hash
    assert point.costs == point.graph.costs().totals
    assert point.costs.peak_bytes == point.graph.costs().peak_bytes


# What functions are written of: groups in groups, a long `one_of`, words and numbers of all kinds as arguments, strides
# that differ by direction, what lacks a value, and an expression that skips what has none.
WRITTEN = f"""\
version: 1
name: written
params: {{width: {{range: [4, 40], step: 4}}, kind: {{choice: [relu, tanh, none]}}, ratio: {{choice: [0.5, 1.0, 2]}}}}
input: {{image: {{map: [3, 12, 16]}}}}
blocks:
  wide:
    params: {{size: {{type: size, default: [1, 2]}}, out: int, scaled: {{type: int, default: "round_to(1.5*out, 4)"}}}}
    body:
      - {{name: conv, conv: {{out_channels: scaled, kernel_size: 3, stride: size}}}}
      - {{name: deep, {"sequential: [{name: g, repeat: 2, " * 5}conv: {{out_channels: in.channels}}{"}]" * 5}}}
  chosen:
    params: {{at: int, low: {{type: int, default: 4 // (in.channels - 12)}}}}
    one_of:
{"".join(f"      - {{when: at == {number}, conv: {{out_channels: {number}}}}}{chr(10)}" for number in range(1, 30))}\
      - {{when: at > 60 or in.channels > 30, conv: {{out_channels: in.channels, activation: none}}}}
  by_direction:
    params: {{other: node}}
    body:
      - {{name: a, when: other.stride == in.stride, conv: {{out_channels: other.channels}}}}
      - {{name: b, when: not (other.stride == in.stride), conv: {{out_channels: 2*other.channels}}}}
net:
  - {{name: stem, wide: {{out: width, size: {{choice: [[1, 2], 1, [2, 1]]}}}}}}
  - {{name: fork, from: stem, wide: {{out: width, size: [2, 1]}}}}
  - {{name: again, from: stem, by_direction: {{other: fork}}}}
  - {{name: more, from: fork, chosen: {{at: width - 4}}}}
  - {{name: act, activation: {{kind: kind}}}}
  - {{name: left, global_avg_pool: {{}}}}
  - {{name: right, from: again, global_avg_pool: {{}}}}
  - {{name: both, from: [left, right], concat: {{}}}}
  - {{name: drop, dropout: {{p: 0.5}}}}
  - {{name: out, when: ratio >= 1 and kind != 'none', linear: {{out_features: "ceil(ratio*3)"}}}}
  - {{name: end, linear: {{out_features: 2}}}}
"""


def test_functions_are_written_for_whatever_arguments_and_groups_there_are() -> None:
    space = search_spaces.parse(WRITTEN)
    points = points_of(space, 60, seed=2)
    assert len({point.hash for point in points}) > 30
    for point in points:
        assert_same(walked(space, point.decisions), point.graph)


def test_groups_that_are_nested_too_deep_are_left_to_the_graph() -> None:
    for number in (0, 12, 18):
        text = "sequential: [{repeat: 1, " * number + "conv: {out_channels: width}" + "}]" * number
        space = search_spaces.parse(
            f"version: 1\nname: deep\nparams: {{width: {{range: [1, 9]}}}}\ninput: {{image: {{map: [3, 8, 8]}}}}\n"
            f"net: [{{name: a, {text}}}, global_avg_pool: {{}}]\n"
        )
        assert (space.costing is None) == (number == 18)
        assert space.point({"params.width": 5}).costs.params == space.materialize({"params.width": 5}).costs().params


def test_a_large_network_that_was_walked_has_the_figures_of_its_graph() -> None:
    space = search_spaces.parse(
        "version: 1\nname: large\ninput: {image: {map: [3, 4, 4]}}\n"
        "net:\n  - {name: a, conv: {out_channels: {range: [1, 300]}}}\n"
        "  - {name: b, conv: {out_channels: {range: [1, 300]}}}\n"
        "  - {name: many, repeat: {choice: [1, 12000]}, relu: {}}\n  - global_avg_pool: {}\n"
    )
    point = space.point({"a.out_channels": 3, "b.out_channels": 4, "many.repeat": 12_000})
    found = walked(space, point.decisions)
    assert found.costs[3] > 20_000
    assert found.is_small
    assert_same(found, point.graph)
    assert (point.hash, point.costs) == (point.graph.hash, point.graph.costs().totals)
