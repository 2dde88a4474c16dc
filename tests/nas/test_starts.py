"""The hand-designed networks that a search begins with."""

from __future__ import annotations

import pytest

import search_spaces
from graphs import Budget
from nas.starts import find_starts

BUDGET = Budget.of(max_params="1M", max_macs="50M")

# LeNet-5 with its first width left open.
LENET = """
version: 1
name: around_lenet
params: {classes: 10, channels: 1, size: 32}
input: {image: {map: [channels, size, size]}}
net:
  - {name: c1, conv: {out_channels: {choice: [3, 6]}, kernel_size: 5, padding: 0, norm: none, activation: tanh}}
  - avg_pool2d: {kernel_size: 2}
  - conv: {out_channels: 16, kernel_size: 5, padding: 0, norm: none, activation: tanh}
  - avg_pool2d: {kernel_size: 2}
  - conv: {out_channels: 120, kernel_size: 5, padding: 0, norm: none, activation: tanh}
  - flatten: {}
  - linear: {out_features: 84}
  - tanh: {}
  - {name: logits, linear: {out_features: classes}}
output: {logits: logits}
"""


@pytest.fixture(scope="module")
def cnn() -> search_spaces.Space:
    return search_spaces.load("cnn", {"size": 32, "classes": 10})


def test_starts_keep_the_budget_at_the_size_of_the_study(cnn: search_spaces.Space) -> None:
    starts = find_starts(cnn, "cnn", BUDGET, 8)
    assert len(starts) == 8
    points = [cnn.point(start.decisions) for start in starts]
    assert all(BUDGET.admits(point.costs) for point in points)
    assert [point.decisions for point in points] == [start.decisions for start in starts]
    assert len({point.hash for point in points}) == 8


def test_starts_are_of_different_families_the_largest_first(cnn: search_spaces.Space) -> None:
    names = [start.name for start in find_starts(cnn, "cnn", BUDGET, 4)]
    families = [search_spaces.published.published()[name].family for name in names]
    assert len(set(families)) == 4
    params = [cnn.point(start.decisions).costs.params for start in find_starts(cnn, "cnn", BUDGET, 4)]
    assert params == sorted(params, reverse=True)
    (smallest,) = find_starts(cnn, "cnn", Budget(), 1)
    assert cnn.point(smallest.decisions).costs.params < min(params)


def test_in_a_space_of_ones_own_networks_are_looked_for() -> None:
    space = search_spaces.parse(LENET, settings={"classes": 7, "channels": 3})
    (start,) = find_starts(space, "around_lenet.yaml", Budget(), 8)
    assert start.name == "lenet5"
    assert start.decisions == {"c1.out_channels": 6}


def test_none_are_looked_for_where_none_are_wanted(cnn: search_spaces.Space) -> None:
    assert find_starts(cnn, "cnn", BUDGET, 0) == ()
