"""Spaces of which some points alone count."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

import search_spaces
from blocks.errors import BudgetError
from graphs import Budget
from search_spaces import DecisionError, Decisions, NotInSpaceError, counting
from search_spaces.points import legal_point

WHOLE = search_spaces.parse("""\
version: 1
name: few
params: {a: {range: [1, 9]}, b: {range: [1, 9]}}
input: {image: {map: [3, 8, 8]}}
net:
  - conv2d: {out_channels: a, kernel_size: 1, bias: false}
  - conv2d: {out_channels: b, kernel_size: 1, bias: false}
""")


class Listed(list[Decisions]):
    """Points as a list, the last of which turns out to be none."""

    def __getitem__(self, number: int) -> Decisions:  # type: ignore[override]
        if number == len(self) - 1:
            raise DecisionError("no point", help="")
        return super().__getitem__(number)


def pair(a: int, b: int) -> Decisions:
    return {"params.a": a, "params.b": b}


# Parameters are 3a + ab: 4, 10, 12, 42, 108.
FEW = [pair(1, 1), pair(2, 2), pair(2, 3), pair(6, 4), pair(9, 9)]
SPACE = WHOLE.only(Listed([*FEW, pair(5, 5)]))


def test_the_members_are_all_its_points() -> None:
    assert WHOLE.size() == 81
    assert SPACE.size() == 6
    assert [point.decisions for point in SPACE.points()] == FEW
    assert [point.costs.params for point in SPACE.points()] == [4, 10, 12, 42, 108]
    listed = SPACE.list_points(Budget.of(max_params=40))
    assert listed is not None
    assert [point.decisions for point in listed] == FEW[:3]
    assert legal_point(SPACE, pair(2, 4)) is None
    with pytest.raises(DecisionError, match="the point is none of those that `few` is restricted to"):
        SPACE.point(pair(2, 4))
    assert WHOLE.point(pair(2, 4)).costs.params == 14


@pytest.mark.parametrize(("max_params", "kept"), [(1000, FEW), (12, FEW[:3]), (5, FEW[:1])])
def test_draws_are_uniform_over_the_members_within_a_budget(max_params: int, kept: list[Decisions]) -> None:
    sampled = SPACE.sample(600, Budget.of(max_params=max_params), seed=1)
    assert sampled.uniform
    counts = Counter(FEW.index(point.decisions) for point in sampled.points)
    assert sorted(counts) == list(range(len(kept)))
    # A share has a deviation of 0.0163 at 1 in 5, and 0.0192 at 1 in 3.
    assert all(count / 600 == pytest.approx(1 / len(kept), abs=0.08) for count in counts.values())


def test_a_member_of_very_many_that_alone_keeps_a_budget_is_drawn() -> None:
    many = WHOLE.only(Listed([pair(9, 9)] * 5000 + [pair(1, 1)] + [pair(9, 9)]))
    assert many.sample(3, Budget.of(max_params=5)).points[0].decisions == pair(1, 1)


def test_moves_lead_from_member_to_member() -> None:
    assert [point.decisions for point in SPACE.neighbours(pair(2, 2))] == [pair(2, 3)]
    assert {SPACE.mutate(pair(2, 2), Random(seed)).decisions["params.b"] for seed in range(5)} == {3}
    with pytest.raises(BudgetError, match="a point of the space `few` has no legal neighbour"):
        SPACE.mutate(pair(9, 9), Random(0))


def test_a_budget_that_no_member_keeps_is_told_with_the_nearest() -> None:
    with pytest.raises(BudgetError, match="the space `few` keeps params <= 3: its smallest network has 4 params"):
        SPACE.refuse_impossible(Budget.of(max_params=3))


def test_a_network_is_located_among_the_members_alone() -> None:
    assert SPACE.locate(WHOLE.materialize(pair(2, 3))) == pair(2, 3)
    with pytest.raises(NotInSpaceError, match="the network is none of the points that `few` is restricted to"):
        SPACE.locate(WHOLE.materialize(pair(2, 4)))


def test_very_many_members_are_counted_by_draws_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_LISTED", 5)
    found = SPACE.count(Budget.of(max_params=12))  # 3 of 6
    assert not found.exact
    assert found.low <= 3 <= found.high < 6


def test_members_none_of_which_is_legal_are_refused() -> None:
    for members in ([], [pair(1, 1)]):  # the last is none
        with pytest.raises(BudgetError, match="none of the points that `few` is restricted to is a legal network"):
            WHOLE.only(Listed(members)).sample(1)
