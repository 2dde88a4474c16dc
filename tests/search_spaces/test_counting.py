"""Counts and draws over the chain of a space are those of a list of all its points."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

import search_spaces
from blocks.errors import BudgetError
from graphs import Budget
from graphs.fragments import forget
from search_spaces import Space, counting
from search_spaces.bounds import bounds_of
from search_spaces.chain_counts import count_paths
from search_spaces.chain_draws import Grid
from search_spaces.chains import SUMMED_METRICS
from search_spaces.counting import wilson_interval

HEAD = "version: 1\nname: s\n"
TAIL = "  - global_avg_pool: {}\n  - {name: fc, linear: {out_features: 3}}\n"
BLOCKS = """\
blocks:
  cell:
    params: {width: int}
    body:
      - name: op
        choice:
          plain: {conv: {out_channels: width, kernel_size: {choice: [1, 3]}}}
          residual: {residual_basic: {out_channels: width}}
  stage:
    params: {width: int, stride: 1}
    where: [in.channels <= 2 * width]
    body:
      - {name: pool, when: stride > 1, max_pool2d: {kernel_size: stride}}
      - {name: cells, repeat: {range: [0, 2]}, decide: each, cell: {width: width}}
      - {name: last, from: cells, conv: {out_channels: width}}
  shared:
    decide: once
    body: [{name: op, choice: {conv: {conv: {out_channels: in.channels, kernel_size: {choice: [1, 3]}}}, skip: []}}]
"""


def random_space(seed: int) -> Space:
    """A small chain: shared parameters, strides, repeats, nested choices, and parts that are no legal network."""
    random = Random(seed)
    parts = [
        "  - {name: NAME, repeat: {range: [LOW, 3]}, first: {stride: 2}, "
        "conv: {out_channels: {choice: [4, 8]}, kernel_size: {choice: [1, 3]}}}\n",
        "  - {name: NAME, cell: {width: width}}\n",
        "  - {name: NAME, stage: {width: {choice: [4, 8]}, stride: 2}}\n",
        "  - {name: NAME, repeat: {range: [LOW, 2]}, decide: each, first: {stride: 2}, "
        "conv: {out_channels: 4, kernel_size: {choice: [1, 3]}}}\n",
        "  - {name: NAME, choice: {no: [], two: [{cell: {width: 4}}, {conv: {out_channels: {choice: [4, 8]}}}], "
        "one: {cell: {width: 8}}}, prior: {two: 3}}\n",
        "  - {name: NAME, repeat: {choice: [1, 2]}, shared: {}}\n",
        "  - {name: NAME, choice: {pool: {max_pool2d: {kernel_size: {choice: [2, 5]}}}, no: []}}\n",
        "  - {name: NAME, conv: {out_channels: 4, kernel_size: 3}}\n"
        "  - {name: NAMEb, relu: {}, unused: ok}\n"
        "  - {name: NAMEc, from: [NAME, {choice: [NAME, NAMEb]}], concat: {}}\n",
    ]
    net = f"  - {{name: stem, conv: {{out_channels: {{choice: [4, {random.choice([6, 8])}]}}, kernel_size: 3}}}}\n"
    for number in range(random.randint(1, 2)):
        net += random.choice(parts).replace("NAME", f"s{number}").replace("LOW", str(random.randint(0, 1)))
    params = "params: {width: {choice: [4, 8], prior: [1, 3]}, size: 8}\ninput: {image: {map: [3, size, size]}}\n"
    return search_spaces.parse(f"{HEAD}{params}{BLOCKS}net:\n{net}{TAIL}")


def budgets(space: Space, seed: int) -> list[Budget]:
    """Budgets around the middle of the space: one bound, two, a range, and none that anything keeps."""
    random = Random(seed)
    costs = [point.graph.costs() for point in space.points()]
    params, macs, memory = (sorted(getattr(cost, metric) for cost in costs) for metric in SUMMED_METRICS)
    return [
        Budget(),
        Budget.of(max_params=random.choice(params)),
        Budget.of(max_macs=random.choice(macs), max_params=random.choice(params)),
        Budget.of(min_flops=2 * random.choice(macs), max_activation_bytes=random.choice(memory)),
        Budget.of(max_macs=macs[-1], min_params=random.choice(params), max_activation_bytes=random.choice(memory)),
        Budget.of(max_params=params[0] - 1),
    ]


@pytest.mark.parametrize("few", [0, 24])
@pytest.mark.parametrize("seed", range(10))
def test_counts_are_those_of_a_list_of_all_points(seed: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether every link is opened that can be, or those alone that leave much open."""
    monkeypatch.setattr("search_spaces.unfolding.FEW", few)
    space = random_space(seed)
    assert space.chain is not None
    points = list(space.points())
    for budget in budgets(space, seed):
        kept = [point for point in points if budget.admits(point.graph.costs())]
        found = space.count(budget)
        assert (found.low, found.high) == (len(kept), len(kept)), budget
        bounds, is_whole = bounds_of(budget, [])
        assert is_whole
        some, more = (
            Grid(space.chain, bounds, cells=9, up=up, weighted=False).mass if len(kept) else 0 for up in (True, False)
        )
        assert some <= len(kept) <= more


@pytest.mark.parametrize("seed", range(6))
def test_a_path_has_the_decisions_and_the_costs_of_a_point(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_spaces.unfolding.FEW", 0 if seed % 2 else 24)
    space = random_space(seed)
    assert space.chain is not None
    listed = {tuple(sorted(point.decisions.items(), key=str)): point.graph.costs() for point in space.points()}
    drawn = space.draw_decisions(200, seed=seed)
    assert {tuple(sorted(decisions.items(), key=str)) for decisions in drawn.decisions} <= listed.keys()
    grid = Grid(space.chain, bounds_of(Budget(), [])[0])
    path = grid.draw(100, np.random.default_rng(seed))
    for row, decisions in zip(path.T, grid.decisions(path), strict=True):
        costs = np.sum([layer.options[at].costs for layer, at in zip(space.chain.layers, row, strict=True)], axis=0)
        point = listed[tuple(sorted(decisions.items(), key=str))]
        assert tuple(costs) == tuple(getattr(point, metric) for metric in SUMMED_METRICS)


UNIFORM = search_spaces.parse(
    f"""\
{HEAD}params: {{width: {{choice: [4, 8, 12]}}}}
input: {{image: {{map: [1, 8, 8]}}}}
net:
  - name: cell
    choice:
      plain: {{conv: {{out_channels: width, kernel_size: {{choice: [1, 3, 5]}}}}}}
      residual: {{residual_basic: {{out_channels: width}}}}
  - {{name: more, repeat: {{range: [1, 2]}}, conv: {{out_channels: {{choice: [4, 8]}}, kernel_size: 3}}}}
{TAIL}"""
)


@pytest.mark.parametrize(
    "budget",
    [Budget.of(max_params=1_200), Budget.of(max_params=1_500, max_macs=60_000), Budget.of(min_params=1_000)],
    ids=str,
)
def test_draws_from_a_chain_are_uniform_over_the_feasible_points(budget: Budget) -> None:
    feasible = [p.decisions for p in UNIFORM.points() if budget.admits(p.graph.costs())]
    assert 8 < len(feasible) < UNIFORM.size() == 3 * 4 * 2 * 2
    drawn = Counter(frozenset(d.items()) for d in UNIFORM.draw_decisions(200 * len(feasible), budget, seed=4).decisions)
    assert drawn.keys() == {frozenset(decisions.items()) for decisions in feasible}
    assert chisquare(list(drawn.values())).pvalue > 0.01


def test_draws_keep_the_proportions_of_a_prior_under_a_budget() -> None:
    text = UNIFORM.text().replace("{choice: [4, 8, 12]}", "{choice: [4, 8, 12], prior: [5, 1, 2]}")
    space = search_spaces.parse(text)
    budget = Budget.of(max_params=1_500)
    feasible = [p.decisions for p in space.points() if budget.admits(p.graph.costs())]
    weights = np.array([{4: 5, 8: 1, 12: 2}[int(str(d["params.width"]))] for d in feasible])
    drawn = Counter(frozenset(d.items()) for d in space.draw_decisions(8_000, budget, seed=1).decisions)
    seen = [drawn[frozenset(decisions.items())] for decisions in feasible]
    assert chisquare(seen, 8_000 * weights / weights.sum()).pvalue > 0.01
    assert space.count(budget).low == len(feasible)  # a count has no weights


def test_the_table_of_nasbench_macro_is_counted_exactly() -> None:
    # Of the 6,561 rows 932 have at most 40M FLOPs; 452 of these at most, 480 at least a million parameters.
    space = search_spaces.load("nasbench_macro")
    assert space.count(Budget.of(max_macs="40M")).low == 932
    assert space.count(Budget.of(max_macs="40M", max_params="1M")).low == 452
    assert space.count(Budget.of(max_macs="40M", min_params="1M")).low == 480
    assert space.count().low == 6_561


@pytest.mark.slow
def test_a_count_that_is_too_large_for_memory_is_bracketed() -> None:
    space = search_spaces.load("mobile")
    count = space.count(Budget.of(max_macs="150M"))
    assert not count.exact
    assert 0 < count.low < count.high < 1.02 * count.low


def test_two_bounds_are_counted_alike_with_and_without_looking_at_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    space = search_spaces.load("nasbench_macro")
    assert space.chain is not None
    bounds, _ = bounds_of(Budget.of(min_params="600k", max_params="1M", min_macs="20M", max_macs="40M"), [])
    counted = count_paths(space.chain, bounds)
    monkeypatch.setattr("search_spaces.chain_counts.MAX_PRODUCT", 0)
    assert count_paths(space.chain, bounds) == counted
    assert counted


def test_what_a_document_requires_is_counted() -> None:
    text = UNIFORM.text() + 'require: {params: "< 1000", macs: ">= 20k"}\n'
    space = search_spaces.parse(text)
    kept = [p for p in UNIFORM.points() if p.graph.costs().params < 1_000 and p.graph.costs().macs >= 20_000]
    assert space.count().low == space.count().high == len(kept) > 0
    assert len({frozenset(d.items()) for d in space.draw_decisions(500, seed=0).decisions}) == len(kept)


def test_a_convolution_that_may_go_unread_is_counted_as_the_list_has_it() -> None:
    text = f"""{HEAD}input: {{image: {{map: [3, 16, 16]}}}}
net:
  - {{name: stem, conv: {{out_channels: 6, kernel_size: {{choice: [3, 5]}}}}}}
  - name: s
    sequential:
      - {{name: a, choice: {{none: [], some: {{conv: {{out_channels: 6, kernel_size: {{choice: [1, 3]}}}}}}}}}}
      - {{name: b, from: {{choice: [in, a]}}, unused: ok, relu: {{}}}}
      - {{name: c, from: {{choice: [a, b]}}, relu: {{}}}}
{TAIL}"""
    forget()  # an expansion that nothing is known of
    count = search_spaces.parse(text).count()
    listed = [*search_spaces.parse(text).points()]
    # Of 2 * 3 * 2 * 2 ways, 2 * 2 read `in` by `b` and `b` by `c`, and leave the convolution unread.
    assert (count.low, count.high) == (len(listed), len(listed)) == (20, 20)


def test_a_bound_on_peak_memory_is_kept_though_it_does_not_add_up() -> None:
    peaks = sorted(p.graph.costs().peak_bytes for p in UNIFORM.points())
    budget = Budget.of(max_peak_bytes=peaks[len(peaks) // 3], max_params=1_500)
    kept = {frozenset(p.decisions.items()) for p in UNIFORM.points() if budget.admits(p.graph.costs())}
    assert {frozenset(d.items()) for d in UNIFORM.draw_decisions(400, budget, seed=2).decisions} == kept
    assert UNIFORM.count(budget).low == len(kept)


def test_bounds_that_only_together_are_impossible_name_the_networks_at_their_ends() -> None:
    with pytest.raises(BudgetError) as caught:
        UNIFORM.draw_decisions(1, Budget.of(max_params=300, min_macs="100k"))
    assert caught.value.message == "nothing in the space `s` keeps params <= 300, macs >= 100k at once"
    assert "the smallest in params, 179, has 9,484 macs" in caught.value.help


def test_an_impossible_budget_names_the_smallest_network_exactly() -> None:
    # Stem 16 filters of 3x3 on 3 channels at stride 2, and so on: the smallest of 2.6e16, found by the chain.
    with pytest.raises(BudgetError) as caught:
        search_spaces.load("mobile").draw_decisions(1, Budget.of(max_macs="1M"))
    assert caught.value.message.startswith("nothing in the space `mobile` keeps macs <= 1M: its smallest network has")


def test_a_space_that_is_no_chain_says_why() -> None:
    inputs = "input: {a: {map: [3, 8, 8]}, b: {map: [3, 8, 8]}}\n"
    space = search_spaces.parse(f"{HEAD}{inputs}net:\n  - {{from: [a, b], concat: {{}}}}\n{TAIL}")
    assert space.chain is None
    assert space.no_chain_because == "the document has several inputs"
    assert space.count().low == 1


NESTED = """\
version: 1
name: nested
input: {image: {map: [3, 32, 32]}}
blocks:
  stage:
    params: {width: int, stride: 1}
    body:
      - name: kind
        choice:
          residual:
            - name: cells
              repeat: {range: [1, 4]}
              decide: each
              first: {stride: stride}
              residual_basic: {out_channels: width, kernel_size: {choice: [3, 5]}, se_reduction: {choice: [0, 4, 8]}}
          mobile:
            - name: cells
              repeat: {range: [1, 4]}
              decide: each
              first: {stride: stride}
              inverted_residual: {out_channels: width, kernel_size: {choice: [3, 5, 7]}, expansion: {choice: [2, 4]}}
net:
  - {name: stem, conv: {out_channels: {choice: [16, 32]}, kernel_size: 3}}
  - {name: stage1, stage: {width: {choice: [16, 24]}, stride: 2}}
  - {name: stage2, stage: {width: {choice: [32, 48]}, stride: 2}}
  - {name: stage3, stage: {width: {choice: [64, 96]}, stride: 2}}
  - global_avg_pool: {}
  - linear: {out_features: 10}
"""


def test_a_space_of_nested_stages_is_opened_down_to_its_blocks() -> None:
    # A stage: 2 widths, 2 kinds with 6 cells, of which 1 to 4 decide each: 2 * 2 * (6 + 36 + 216 + 1,296) = 6,216.
    space = search_spaces.parse(NESTED)
    budget = Budget.of(max_macs="4M")
    assert space.count().low == space.size() == 2 * 6_216**3
    count = space.count(budget)
    assert count.exact
    drawn = space.draw_decisions(2_000, budget, seed=3)
    for decisions in drawn.decisions[:20]:
        assert budget.admits(space.materialize(decisions).costs())
        assert space.active(decisions) == decisions
    # The share of uniform draws that keep the budget is that of the count: 3,000 of them, to three deviations.
    free = space.draw_decisions(3_000, seed=5).decisions
    assert space.chain is not None
    share = count.low / space.size()
    kept = sum(decisions["stage3.kind"] == "mobile" for decisions in free) / 3_000
    assert kept == pytest.approx(0.5, abs=0.03)
    assert 0 < share < 0.05


def test_what_was_only_not_found_is_not_called_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    # With two cells a side, costs are rounded so much that nothing is ruled out.
    monkeypatch.setattr("search_spaces.chain_draws.CELLS", (1, 2, 2, 2))
    monkeypatch.setattr("search_spaces.chain_draws.MAX_IN_VAIN", 100)
    space = search_spaces.parse(UNIFORM.text())
    with pytest.raises(BudgetError, match="nothing was found in the space `s` that keeps params <= 300, macs >= 100k"):
        space.draw_decisions(1, Budget.of(max_params=300, min_macs="100k"))


def test_the_interval_of_a_share_is_wilsons() -> None:
    for kept, drawn in ((0, 100), (1, 100), (37, 100), (100, 100), (3, 7)):
        wanted = binomtest(kept, drawn).proportion_ci(0.95, method="wilson")
        assert wilson_interval(kept, drawn, 0.95) == pytest.approx((wanted.low, wanted.high))


def test_draws_count_points_alike_whatever_their_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_LISTED", 0)
    step = "  - {conv: {out_channels: {choice: [4, 8, 64], prior: [98, 1, 1]}, kernel_size: 3}}\n"
    space = search_spaces.parse(f"{HEAD}input: {{image: {{map: [3, 8, 8]}}}}\nnet:\n{2 * step}{TAIL}")
    budget = Budget.of(min_peak_bytes=4 * 64 * 64)  # at least once 64 channels; nothing that adds up along a chain
    assert sum(budget.admits(point.costs) for point in space.points()) == 5  # of 9; by the prior, of 2 draws in 100
    count = space.count(budget)
    assert (count.exact, count.confidence) == (False, 0.95)
    assert 3 < count.low <= 5 <= count.high < 9
