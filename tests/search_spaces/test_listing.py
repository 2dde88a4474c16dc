"""Lists of all points that keep a budget, where these are few."""

from __future__ import annotations

import pytest

import search_spaces
from graphs import Budget

MOBILE = search_spaces.load("mobile")
FEW = search_spaces.parse(
    """\
version: 1
name: few
params: {width: {choice: [4, 8, 12]}}
input: {image: {map: [1, 8, 8]}}
net:
  - {name: cell, conv: {out_channels: width, kernel_size: {choice: [1, 3, 5]}}}
  - {name: more, repeat: {range: [1, 2]}, conv: {out_channels: width, kernel_size: 3}}
  - global_avg_pool: {}
  - {name: fc, linear: {out_features: 3}}
"""
)


def test_a_small_space_is_listed_whole() -> None:
    every = FEW.list_points()
    assert every is not None
    assert len(every) == FEW.size() == 18
    few = FEW.list_points(Budget.of(max_params=1_000))
    assert few is not None
    assert [point.decisions for point in few] == [point.decisions for point in every if point.costs.params <= 1_000]
    assert 0 < len(few) < 18


@pytest.mark.parametrize(
    "bounds", [{"max_macs": 52_300_000}, {"max_macs": 52_500_000, "max_params": 1_210_000}], ids=str
)
def test_the_few_points_of_a_large_space_that_keep_a_budget_are_listed(bounds: dict[str, int]) -> None:
    budget = Budget.of(bounds)
    listed = MOBILE.list_points(budget)
    assert listed is not None
    assert len({tuple(point.decisions.items()) for point in listed}) == len(listed) == MOBILE.count(budget).low > 10
    assert all(budget.admits(point.costs) for point in listed)


def test_many_points_are_not_listed() -> None:
    assert MOBILE.list_points(Budget.of(max_macs="100M")) is None
