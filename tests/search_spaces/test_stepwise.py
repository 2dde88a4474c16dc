"""What decisions cost without their network, and draws within bounds where a space is no chain."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

import search_spaces
from blocks.errors import BudgetError
from graphs import Budget, DocumentError
from graphs.loading import graph_of
from search_spaces import Point, Space
from search_spaces.adaptive_weights import LEAST, Experience, choose_weighted
from search_spaces.kinship import remembered_points
from search_spaces.stepwise import Draw, draw_within

CNN = search_spaces.load("cnn", {"size": 32, "classes": 10})
BUDGET = Budget.of(max_params="300k", max_macs="20M")

# Everything that a walk has to know of: a group, branches, conditions, alternatives of a block, `first`, `before`,
# holes in what is not done, a step that decides at each repetition, and shared decisions that costs depend on.
ODD = search_spaces.parse(
    """\
version: 1
name: odd
params: {norm: {choice: [batch, none]}, wide: {choice: [1, 2]}, width: {type: int, default: 8*wide}}
input: {image: {map: [3, 16, 16]}}
defaults: {conv: {norm: norm}, part: {wide: wide}}
blocks:
  part:
    params: {out_channels: int, stride: 1, wide: 1}
    one_of:
      - when: in.height > 6
        sequential:
          - {name: main, conv: {out_channels: out_channels*wide, kernel_size: {choice: [1, 3]}, stride: stride}}
          - {name: again, repeat: {range: [0, 4]}, conv: {out_channels: in.channels}}
      - {conv: {out_channels: {choice: [4, 6]}}}
  reads_back:
    params: {other: node}
    body:
      - {name: a, conv: {out_channels: other.channels}}
      - {name: b, from: in, when: in.channels < 9, conv: {out_channels: {choice: [5, 7]}, kernel_size: 3}}
      - {name: back, from: b, conv: {out_channels: other.channels}}
      - {from: [a, back], add: {}}
net:
  - {name: stem, conv: {out_channels: width, kernel_size: 3}}
  - {name: parts, repeat: 2, first: {stride: 2}, part: {out_channels: {choice: [4, 8]}}}
  - {name: cells, repeat: {range: [0, 3]}, decide: each, choice: {one: {reads_back: {other: before}}, two: [relu: {}]}}
  - name: fork
    join: concat
    parallel:
      left: [{conv: {out_channels: {choice: [2, 3]}}}]
      right: [{reads_back: {other: before}}]
  - global_avg_pool: {}
  - {name: fc, linear: {out_features: 3}}
"""
)


def point_of(space: Space, draw: Draw) -> Point:
    """The point that was drawn."""
    return space.decide(lambda decision: draw.positions[decision.address], draw.walked)


def fresh(space: Space, point: Point) -> tuple[int, int, int]:
    costs = graph_of(space.document if not point.decisions else point.graph.document).costs()
    return costs.params, costs.macs, costs.activation_bytes


@pytest.mark.parametrize("name", ["small", "mobile", "nasbench_macro"])
def test_costs_are_those_of_the_network(name: str) -> None:
    space = search_spaces.load(name)
    assert space.costing is not None
    for point in space.sample(4, seed=5).points:
        assert (point.costs.params, point.costs.macs, point.costs.activation_bytes) == fresh(space, point)


def test_costs_of_everything_the_language_has_are_those_of_the_network() -> None:
    assert ODD.costing is not None
    points = ODD.sample(60, seed=1).points
    assert len({point.hash for point in points}) > 30
    for point in points:
        assert (point.costs.params, point.costs.macs, point.costs.activation_bytes) == fresh(ODD, point)
        assert point.costs.peak_bytes == point.graph.costs().peak_bytes


def test_what_is_no_legal_network_has_no_costs() -> None:
    space = search_spaces.parse(
        "version: 1\nname: odd\ninput: {image: {map: [3, 8, 8]}}\n"
        "net: [{name: a, conv2d: {out_channels: {choice: [2, 3]}, kernel_size: 1}},\n"
        "      {name: b, conv2d: {out_channels: 4, kernel_size: 1, groups: 2}}]\n"
    )
    assert [point.decisions for point in space.points()] == [{"a.out_channels": 2}]
    assert {point.decisions["a.out_channels"] for point in space.sample(20, Budget.of(max_params=50)).points} == {2}


def test_draws_of_the_family_tree_keep_the_budget_and_cover_it() -> None:
    sampled = CNN.sample(60, BUDGET, seed=1)
    assert not sampled.uniform
    assert sampled.acceptance > 0.5
    kinds, depths = set(), set()
    for point in sampled.points:
        assert BUDGET.admits(point.costs)
        assert CNN.active(point.decisions) == point.decisions
        depths.add(point.decisions["stages.repeat"])
        kinds |= {point.decisions.get(f"stages.{number}.kind") for number in range(20)} - {None}
    assert len(depths) > 10
    assert len(kinds) > 12
    for point in sampled.points[:4]:
        assert (point.costs.params, point.costs.macs, point.costs.activation_bytes) == fresh(CNN, point)


def test_draws_are_those_of_their_seed_whatever_was_drawn_before() -> None:
    again = Space(CNN.document)
    first = [point.decisions for point in CNN.sample(5, BUDGET, seed=3).points]
    assert [point.decisions for point in again.sample(5, BUDGET, seed=3).points] == first


@pytest.mark.parametrize("seed", range(3))
def test_a_lower_bound_is_kept_as_well(seed: int) -> None:
    budget = Budget.of(min_params="150k", max_params="300k", max_macs="20M")
    assert all(budget.admits(point.costs) for point in CNN.sample(3, budget, seed).points)


def test_everything_that_keeps_the_bounds_may_come_out() -> None:
    space = search_spaces.parse(
        "version: 1\nname: two\ninput: {image: {map: [3, 8, 8]}}\n"
        "blocks: {part: {body: [{name: conv, repeat: {range: [1, 3]}, conv: {out_channels: {choice: [2, 4, 8]}}}]}}\n"
        "net: [{name: parts, repeat: {range: [1, 2]}, decide: each, part: {}},\n"
        "      global_avg_pool: {}, linear: {out_features: 2}]\n"
    )
    costing = space.costing
    assert costing is not None
    from search_spaces.bounds import bounds_of

    budget, random = Budget.of(max_params=90), Random(0)
    bounds, _ = bounds_of(budget, [])
    feasible = {frozenset(p.decisions.items()) for p in space.points() if budget.admits(p.costs)}
    drawn = [draw_within(costing, bounds, random) for _ in range(40 * len(feasible))]
    found = {frozenset(point_of(space, draw).decisions.items()) for draw in drawn if draw is not None}
    assert 20 < len(feasible) < space.size() == 90
    assert found == feasible


def test_an_impossible_budget_names_the_smallest_network_and_what_dominates_it() -> None:
    space = search_spaces.load("cnn", {"size": 32, "classes": 1000})
    with pytest.raises(BudgetError) as caught:
        space.sample(1, Budget.of(max_params=2_000))
    assert "nothing in the space `cnn` keeps params <= 2k: its smallest network has" in str(caught.value)
    assert "head.kind" in (caught.value.help or "")


def test_a_transition_passes_one_channel_on() -> None:
    space = search_spaces.load("cnn", {"size": 28, "channels": 1})
    known = remembered_points("cnn")
    assert known is not None
    assert space.point({**known["lenet5"], "stages.0.reduction.pool": "transition"}).costs.params > 0


# What a network has too much of: the second alternative of `odd`. Enough is open that costs are added up by walking.
MANY = (
    "{name: many, sequential: [{conv: {out_channels: {range: [1, 300]}}}, {conv: {out_channels: {range: [1, 300]}}}]}"
)
LONG = "n" * 60
NO_BLOCKS = "  rectified: {body: [relu: {}]}"
TOO_MUCH = {
    "nodes": ("", "{name: odd, repeat: {choice: [1, 7000]}, conv: {out_channels: 4}}", "nodes"),
    "nested repeats": (
        "  r: {body: [{repeat: 200, relu: {}}]}",
        "{name: odd, repeat: {choice: [1, 200]}, r: {}}",
        "nodes",
    ),
    "repetitions": (
        "  n: {params: {n: int}, body: [{repeat: n, relu: {}}]}",
        "{name: odd, n: {n: {choice: [1, 30000]}}}",
        "an integer from 0 to 20,000",
    ),
    "MACs": (
        "",
        "{name: odd, choice: {few: [relu: {}], much: [{conv: {out_channels: 60000}}, "
        "{conv: {out_channels: 60000, kernel_size: 999, padding: 499}}]}}",
        "parameters",
    ),
    "levels": (
        "".join(f"  d{level}: {{body: [d{level + 1}: {{}}]}}\n" for level in range(40)) + "  d40: {body: [relu: {}]}",
        "{name: odd, choice: {flat: [relu: {}], deep: {d0: {}}}}",
        "nested more than 32",
    ),
    "characters": (
        "",
        "{name: odd, choice: {short: [relu: {}], long: ["
        + f"{{name: {LONG}, sequential: [" * 9
        + "{sequential: [relu: {}]}"
        + "]}" * 9
        + "]}}",
        "more than 500 characters",
    ),
    "values": (
        "  reads: {params: {other: node}, body: [{name: o, from: other, conv: {out_channels: 4}}, "
        "{name: p, from: in, conv: {out_channels: 4}}, {from: [p, o], add: {}}]}",
        "{name: odd, from: many, choice: {reads: {reads: {other: spare}}, leaves: [relu: {}]}}",
        "nothing reads",
    ),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_point_is_refused_where_its_network_is(what: str) -> None:
    blocks, step, said = TOO_MUCH[what]
    text = f"version: 1\nname: s\ninput: {{image: {{map: [3, 16, 16]}}}}\nblocks:\n{blocks or NO_BLOCKS}\n"
    text += f"net:\n  - {MANY}\n"
    text += "  - {name: spare, from: many, conv: {out_channels: 4}}\n" if what == "values" else ""
    space = search_spaces.parse(f"{text}  - {step}\n  - global_avg_pool: {{}}\n  - linear: {{out_features: 3}}\n")
    assert (space.costing is None) == (what in ("levels", "characters", "values"))
    odd = space.decisions[-1]
    small = {one.address: one.alternatives[0] for one in space.decisions}
    assert space.point(small).costs.params == space.materialize(small).costs().params
    with pytest.raises(DocumentError, match=said):
        space.point({**small, odd.address: odd.alternatives[1]})
    points = space.sample(3, Budget.of(max_params="1M")).points
    assert {point.decisions[odd.address] for point in points} == {odd.alternatives[0]}


def test_what_never_fits_is_drawn_more_seldom_but_never_given_up() -> None:
    experience, random = Experience(), Random(0)
    assert experience.weights("here", [1, 3, 0]).weights == [1, 3, 0]
    for _ in range(1_000):
        experience.weights("here", [1, 3, 0]).note(0, worked=False)
        experience.weights("here", [1, 3, 0]).note(1, worked=True)
    assert experience.weights("here", [1, 3, 0]).weights == [LEAST, 3, 0]
    assert experience.weights("elsewhere", [1, 3, 0]).weights == [1, 3, 0]
    counts = Counter(choose_weighted([1, 3, 0], random) for _ in range(4_000))
    assert set(counts) == {0, 1}
    assert 0.2 < counts[0] / 4_000 < 0.3


def test_one_stream_of_draws_does_not_learn_from_another() -> None:
    tight = Budget.of(max_params="30k", max_macs="2M")
    fresh = [point.decisions for point in Space(CNN.document).sample(4, tight, seed=2).points]
    CNN.sample(4, tight, seed=3)
    assert [point.decisions for point in CNN.sample(4, tight, seed=2).points] == fresh
