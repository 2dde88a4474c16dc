"""No sampler ever proposes anything over budget, or twice: also within budgets that hold one point in a million.

`TRIALS=10000 pytest -m slow` plays so many; the Gaussian process alone then takes some minutes.
"""

from __future__ import annotations

import os
from collections import deque
from zlib import crc32

import pytest

import graphs
import search_spaces
from graphs import Budget
from nas.samplers import SAMPLERS, Outcome, make_sampler

NUM_TRIALS = int(os.environ.get("TRIALS", "450"))

# Ten convolutions with four widths and four kernels each: 1.1e12 points.
SPACE = search_spaces.parse(
    """
version: 1
name: ten
input: {image: {map: [3, 16, 16]}}
blocks:
  cell: {body: [{conv: {out_channels: {choice: [4, 8, 12, 16]}, kernel_size: {choice: [1, 3, 5, 7]}}}]}
net:
  - {name: stem, conv: {out_channels: 8, kernel_size: 3, stride: 2}}
"""
    + "".join(f"  - {{name: cell{number}, cell: {{}}}}\n" for number in range(10))
    + """\
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""
)
# Near the smallest networks, near the largest, a band between, and two bounds at once.
MILLIONTHS = (
    Budget.of(max_params=1_300),
    Budget.of(min_params=83_000),
    Budget.of(min_params=66_000, max_params=66_010),
    Budget.of(max_params=1_500, max_macs=75_000),
)


@pytest.mark.parametrize("budget", MILLIONTHS, ids=str)
def test_the_budgets_hold_about_one_point_in_a_million(budget: Budget) -> None:
    assert 1e-7 < SPACE.count(budget).estimate / SPACE.size() < 1e-5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_tight_budget_is_kept(sampler: str) -> None:
    play(sampler, MILLIONTHS[0], num_trials=25)


@pytest.mark.slow
@pytest.mark.parametrize("budget", MILLIONTHS[1:], ids=str)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_kind_of_tight_budget_is_kept(sampler: str, budget: Budget) -> None:
    play(sampler, budget, num_trials=45)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_budget_is_kept_over_many_trials(sampler: str) -> None:
    play(sampler, MILLIONTHS[0], num_trials=NUM_TRIALS)


def play(sampler: str, budget: Budget, num_trials: int) -> None:
    """A search of which every trial is in budget and new, three running at a time; the values are those of chance."""
    asked = make_sampler(sampler, SPACE, budget, seed=1, num_trials=num_trials)
    known: set[str] = set()
    running: deque[tuple[int, float]] = deque()
    for number in range(num_trials):
        decisions = asked.propose(number, known)
        assert decisions is not None
        point = SPACE.point(decisions)
        assert budget.admits(point.costs)
        assert point.hash not in known
        if number % 100 == 0:  # what a worker builds of it costs what it was judged by
            assert budget.admits(graphs.parse(point.graph.text()).costs())
        known.add(point.hash)
        asked.accepted(number, decisions)
        running.append((number, crc32(point.hash.encode()) / 2**32))
        if len(running) == 3:
            trial, value = running.popleft()
            asked.ended(trial, Outcome("complete", (value,), 9))
