"""Whatever a move gives is a legal point, near where it was asked to be, and keeps `where` and the budget."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import search_spaces
from blocks.errors import BudgetError
from graphs import Budget
from search_spaces import Decisions, Space

SMALL = search_spaces.load("small")
TIED = search_spaces.parse("""\
version: 1
name: tied
params: {width: {choice: [4, 8, 12]}, groups: {choice: [1, 4, 8]}}
where: [width % groups == 0]
input: {image: {map: [3, 8, 8]}}
net:
  - {name: a, conv: {out_channels: width, kernel_size: {choice: [1, 3]}}}
  - {name: b, conv: {out_channels: width, groups: groups}}
  - name: c
    choice:
      none: []
      window: {max_pool2d: {kernel_size: {choice: [2, 9]}}}       # a window of 9 is no legal network
      deep: {sequential: [{repeat: {range: [1, 3]}, conv: {out_channels: {choice: [4, 8]}, kernel_size: 3}}]}
  - {name: d, from: {choice: [b, c]}, relu: {}, unused: ok}
  - {from: c, global_avg_pool: {}}
  - linear: {out_features: 3}
""")
BUDGETS = [Budget(), Budget.of(max_params="600"), Budget.of(max_macs="40k", min_params=100)]


def distance(one: Decisions, other: Decisions) -> int:
    """The decisions that both have, and have differently."""
    return sum(one[address] != other[address] for address in one.keys() & other.keys())


def is_point(space: Space, decisions: Decisions) -> bool:
    return space.active(decisions) == decisions and bool(space.materialize(decisions))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.sampled_from(BUDGETS))
def test_a_mutation_is_legal_within_budget_and_as_far_as_asked(seed: int, num_changes: int, budget: Budget) -> None:
    start = TIED.sample(1, budget, seed).points[0].decisions
    point = TIED.mutate(start, Random(seed), num_changes, budget)
    assert is_point(TIED, point.decisions)
    assert budget.admits(point.graph.costs())
    repaired = {"params.width", "params.groups"}  # `where` may rule out one by the other
    assert point.decisions != start
    assert distance(start, point.decisions) <= num_changes + len(repaired)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(BUDGETS))
def test_a_child_has_the_decisions_of_its_parents(seed: int, budget: Budget) -> None:
    one, other = (point.decisions for point in TIED.sample(2, budget, seed).points)
    child = TIED.crossover(one, other, Random(seed), budget)
    assert is_point(TIED, child.decisions)
    assert budget.admits(child.graph.costs())
    tied = {"params.width", "params.groups"}
    for address, value in child.decisions.items():
        if address not in tied and (address in one or address in other):
            assert value in (one.get(address, value), other.get(address, value))


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_neighbours_are_all_points_one_decision_away(budget: Budget) -> None:
    points = [point.decisions for point in TIED.points() if budget.admits(point.graph.costs())]
    for start in points[::7]:
        found = [point.decisions for point in TIED.neighbours(start, budget)]
        assert all(decisions in points and distance(start, decisions) == 1 for decisions in found)
        # Of the points that differ in one decision there is one for every such change, whatever else it makes matter.
        changes = {
            (address, decisions[address])
            for decisions in points
            if distance(start, decisions) == 1
            for address in start.keys() & decisions.keys()
            if start[address] != decisions[address]
        }
        assert {
            (address, decisions[address])
            for decisions in found
            for address in start.keys() & decisions.keys()
            if start[address] != decisions[address]
        } == changes
        assert len(found) == len(changes)


@pytest.mark.slow
def test_mutation_reaches_every_alternative() -> None:
    random, decisions = Random(0), SMALL.sample(1, seed=0).points[0].decisions
    reached: set[tuple[str, object]] = set()
    for _ in range(2_500):
        decisions = SMALL.mutate(decisions, random).decisions
        reached.update(decisions.items())
    assert reached == {(d.address, alternative) for d in SMALL.decisions for alternative in d.alternatives}


def test_what_a_change_makes_matter_is_drawn_uniformly() -> None:
    start: Decisions = {"params.width": 4, "params.groups": 1, "a.kernel_size": 1, "c": "none", "d.from": "c"}
    random = Random(1)
    found = (TIED.mutate(start, random).decisions for _ in range(3_000))
    depths = Counter(decisions.get("c.deep.conv.repeat") for decisions in found)
    del depths[None]
    assert depths.keys() == {1, 2, 3}
    assert max(depths.values()) < 1.5 * min(depths.values())


def test_a_point_without_neighbours_in_the_budget_says_so() -> None:
    space = search_spaces.parse(
        "version: 1\nname: lone\ninput: {image: {map: [3, 8, 8]}}\n"
        "net: [{name: a, conv2d: {out_channels: {choice: [1, 2]}, kernel_size: 1}}]\n"
    )
    with pytest.raises(BudgetError) as caught:
        space.mutate({"a.out_channels": 1}, Random(0), budget=Budget.of(max_params=4))
    assert caught.value.message == "a point of the space `lone` has no legal neighbour that keeps params <= 4"
    with pytest.raises(BudgetError, match="neither of two points"):
        space.crossover({"a.out_channels": 2}, {"a.out_channels": 2}, Random(0), Budget.of(max_params=4))
    assert space.crossover(
        {"a.out_channels": 2}, {"a.out_channels": 1}, Random(0), Budget.of(max_params=4)
    ).decisions == {"a.out_channels": 1}
