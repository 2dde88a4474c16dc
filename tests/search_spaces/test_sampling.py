"""Draws keep the budget, are uniform over what keeps it, and an impossible budget is refused."""

from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

import pytest
from scipy.stats import chisquare

import graphs
import search_spaces
from blocks.errors import BudgetError
from graphs import Budget

SMALL = search_spaces.load("small")

# 3 widths x (a plain cell with 3 kernels, or one residual cell) x 2 depths of the second part = 24 points.
TINY = search_spaces.parse(
    """\
version: 1
name: tiny
params: {width: {choice: [4, 8, 12]}}
input: {image: {map: [1, 8, 8]}}
net:
  - name: cell
    choice:
      plain: {conv: {out_channels: width, kernel_size: {choice: [1, 3, 5]}}}
      residual: {residual_basic: {out_channels: width}}
  - {name: more, repeat: {range: [1, 2]}, conv: {out_channels: width, kernel_size: 3}}
  - global_avg_pool: {}
  - {name: fc, linear: {out_features: 3}}
"""
)
CELLS = [("plain", 1), ("plain", 3), ("plain", 5), ("residual", None)]


def tiny_points() -> list[dict[str, object]]:
    points = []
    for width, (cell, kernel), depth in product((4, 8, 12), CELLS, (1, 2)):
        decisions = {"params.width": width, "cell": cell, "more.repeat": depth}
        points.append(decisions | ({"cell.plain.kernel_size": kernel} if kernel else {}))
    return points


@pytest.mark.parametrize(
    "budget",
    [Budget(), Budget.of(max_params=2_000), Budget.of(max_params=1_500, max_macs=60_000), Budget.of(min_params=1_500)],
    ids=str,
)
def test_draws_are_uniform_over_the_feasible_points(budget: Budget) -> None:
    feasible = [point for point in tiny_points() if budget.admits(TINY.materialize(point).costs())]
    assert 1 < len(feasible) <= 24
    drawn = Counter(frozenset(p.decisions.items()) for p in TINY.sample(1_200, budget, seed=2).points)
    assert drawn.keys() == {frozenset(point.items()) for point in feasible}
    # The seed is fixed; a sampler that draws each decision uniformly fails here with p < 1e-100.
    assert chisquare(list(drawn.values())).pvalue > 0.01


def test_acceptance_is_the_share_of_feasible_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_spaces.sampling.PATIENCE", 10**9)
    budget = Budget.of(max_params=1_000)
    feasible = sum(budget.admits(TINY.materialize(point).costs()) for point in tiny_points())
    assert TINY.sample(1_000, budget, seed=3).acceptance == pytest.approx(feasible / 24, abs=0.05)


def test_fewer_than_no_points_are_a_mistake() -> None:
    space = search_spaces.load("small")
    assert space.sample(0).points == ()
    with pytest.raises(ValueError, match="`num_points` is 0 or more, got -1"):
        space.sample(-1)


def test_the_same_seed_draws_the_same_points() -> None:
    budget = Budget.of(max_params="4k")
    first, again, other = (SMALL.sample(5, budget, seed) for seed in (7, 7, 8))
    assert [p.decisions for p in first.points] == [p.decisions for p in again.points]
    assert [p.decisions for p in first.points] != [p.decisions for p in other.points]


def test_every_sample_is_legal_within_budget_and_stands_on_its_own() -> None:
    budget = Budget.of(max_params="4k", max_macs="400k")
    sampled = SMALL.sample(50, budget)
    assert sampled.uniform
    for point in sampled.points:
        costs = point.graph.costs()
        assert costs.params <= 4_000
        assert costs.macs <= 400_000
        assert SMALL.materialize(point.decisions).hash == point.graph.hash
        assert graphs.parse(point.graph.text()).hash == point.graph.hash


def test_costs_of_samples_are_what_torch_counts() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    for point in SMALL.sample(20, seed=5).points:
        module = point.graph.compile(device="meta").eval()
        with FlopCounterMode(display=False) as counter:
            output = module(torch.empty(1, 1, 8, 8, device="meta"))
        costs = point.graph.costs()
        assert counter.get_total_flops() == costs.flops
        assert sum(parameter.numel() for parameter in module.parameters()) == costs.params
        assert output.shape == (1, 10)


def test_an_impossible_budget_names_the_smallest_network() -> None:
    # Smallest: width 4, 1x1 cell: 4 + 8 (norm) + 4*4*9 + 8 + 4*3 + 3 = 179 parameters; 64*(4 + 144) + 12 = 9,484 MACs.
    with pytest.raises(BudgetError) as caught:
        TINY.refuse_impossible(Budget.of(max_params=100))
    assert caught.value.message == (
        "nothing in the space `tiny` keeps params <= 100: its smallest network has 179 params, 9,484 macs"
    )
    assert caught.value.help.startswith("in it `more.0.conv` counts 144 of them")


def test_an_impossible_minimum_names_the_largest_network() -> None:
    with pytest.raises(BudgetError, match="its largest network has"):
        TINY.refuse_impossible(Budget.of(min_params="1M"))


def test_an_impossible_peak_names_no_node() -> None:
    # Smallest peak: a 3x3 convolution of width 4 holds its input and its output at once, 2 * 4 * 64 values of 4 bytes.
    with pytest.raises(BudgetError, match="its smallest network has 2,048 peak_bytes") as caught:
        TINY.refuse_impossible(Budget.of(max_peak_bytes=1_000))
    assert caught.value.help == "raise the budget, or open smaller alternatives"


def test_the_smallest_network_of_a_large_space_is_found_by_descent() -> None:
    # By hand: stem 4 filters of 3x3 (36) + norm 8; stage 1 of width 4 as bottleneck 2-2-4 is larger than one 1x1 plain
    # convolution (16 + 8); stage 2 of width 8 as 1x1 (32 + 16); stage 3 of width 8 (64 + 16); linear 8*10 + 10: 286.
    with pytest.raises(BudgetError, match="its smallest network has 286 params"):
        SMALL.refuse_impossible(Budget.of(max_params=10))


def test_a_budget_too_tight_for_draws_is_met_by_the_chain() -> None:
    sampled = SMALL.sample(100, Budget.of(max_params=290))
    assert sampled.uniform
    # Of 143,327,232 points 6 have 286 to 290 parameters; all of them are met.
    assert len({tuple(point.decisions.items()) for point in sampled.points}) == 6
    assert all(point.graph.costs().params <= 290 for point in sampled.points)


def test_a_budget_too_tight_for_draws_is_met_by_descent_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_spaces.Space, "chain", None)
    sampled = SMALL.sample(2, Budget.of(max_params=290))
    assert not sampled.uniform
    assert all(point.graph.costs().params <= 290 for point in sampled.points)


def test_descent_finds_the_smallest_network_from_every_start() -> None:
    budget = Budget.of(max_params=286)
    points = [SMALL.draws(budget, seed).next() for seed in range(5)]
    assert [point.graph.costs().params for point in points] == [286] * 5


def test_a_small_space_is_listed_where_draws_do_not_meet_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_spaces.sampling.MAX_REJECTED", 0)
    monkeypatch.setattr(search_spaces.Space, "chain", None)
    budget = Budget.of(max_params=400)
    draws = TINY.draws(budget)
    seen = {point.graph.hash for point in (draws.next() for _ in range(300))}
    assert draws.uniform
    everything = {point.graph.hash for point in TINY.sample(300, seed=1).points if budget.admits(point.graph.costs())}
    assert seen >= everything
    assert len(everything) > 1


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_parms": 4}, "there is no bound `max_parms`"),
        ({"max_params": "4x"}, "max_params is a number, got `4x`"),
        ({"max_params": "-4"}, "max_params is a number, got `-4`"),
        ({"max_params": "0.5"}, "max_params is a whole number, got `0.5`"),
        ({"max_params": 5, "min_params": 6}, "min_params 6 is above max_params 5: no network fits"),
    ],
)
def test_a_budget_that_says_nothing_is_refused(bounds: dict[str, int | str], message: str) -> None:
    with pytest.raises(BudgetError) as caught:
        Budget.of(bounds)
    assert caught.value.message == message


@pytest.mark.parametrize(("text", "number"), [("4k", 4_000), ("1.5M", 1_500_000), ("4.2G", 4_200_000_000), (7, 7)])
def test_quantities_are_read_as_people_write_them(text: str | int, number: int) -> None:
    assert Budget.of(max_macs=text).as_dict() == {"max_macs": number}


def test_a_budget_may_be_its_bounds_wherever_a_space_takes_one() -> None:
    space = search_spaces.load("small", {"classes": 10})
    bounds, budget = {"max_params": "4k"}, Budget.of(max_params=4000)
    space.refuse_impossible(bounds)
    decisions = space.sample(2, bounds).points[0].decisions
    assert space.sample(2, bounds).points == space.sample(2, budget).points
    assert space.draw_decisions(2, bounds) == space.draw_decisions(2, budget)
    assert space.count(bounds) == space.count(budget)
    assert space.list_points(bounds) == space.list_points(budget)
    assert next(space.neighbours(decisions, bounds)) == next(space.neighbours(decisions, budget))
    assert space.mutate(decisions, Random(0), budget=bounds) == space.mutate(decisions, Random(0), budget=budget)
    with pytest.raises(BudgetError, match="did you mean `max_params`"):
        space.sample(1, {"max_parms": "4k"})
