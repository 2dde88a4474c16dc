"""Budgets, and the numbers that people write in them."""

from __future__ import annotations

import pytest

from blocks.errors import BudgetError
from graphs import Budget, parse
from graphs.quantities import format_count, format_quantity, parse_quantity

# 3 * 4 * 4 = 48 values in and out; a convolution of 3 * 3 * 1 + 3 = 12 parameters and 3 * 3 * 16 = 144 MACs.
COSTS = parse("version: 1\ninput: {x: {map: [3, 4, 4]}}\nnet: [{conv2d: {out_channels: 3, kernel_size: 1}}]\n").costs()


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (4000, 4000),
        ("4000", 4000),
        ("4k", 4000),
        ("4K", 4000),
        (" 1.5M ", 1_500_000),
        ("4.2G", 4_200_000_000),
        ("4.2B", 4_200_000_000),
        ("1T", 10**12),
        ("0", 0),
        ("1_000_000", 1_000_000),
        ("25,557,032", 25_557_032),
        ("0.001k", 1),
        (2.0, 2),
    ],
)
def test_a_quantity_is_read_as_people_write_it(written: int | float | str, number: int) -> None:
    assert parse_quantity(written) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1_234_567, "1,234,567"),
        (10**15 - 1, "999,999,999,999,999"),
        (10**15, "1.0e15"),
        (78 * 10**172 + 10**100, "7.8e173"),
        (10**400, "1.0e400"),
    ],
)
def test_a_count_that_nobody_could_read_is_a_power_of_ten(number: int, text: str) -> None:
    assert format_count(number) == text


@pytest.mark.parametrize(
    "written", ["", "k", "4 k k", "4x", "-3", "1e3", "nan", "inf", "1.5", "0.0001k", True, "4" * 19]
)
def test_what_is_no_whole_quantity_is_refused(written: str | bool) -> None:
    with pytest.raises(BudgetError, match="the number is a"):
        parse_quantity(written)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (61_706, "61.71k"),
        (25_557_032, "25.56M"),
        (4_089_184_256, "4.089G"),
        (10**13, "10T"),
        (-5000, "-5k"),
    ],
)
def test_a_quantity_is_shown_in_four_digits(number: int, shown: str) -> None:
    assert format_quantity(number) == shown


def test_both_ends_of_a_budget_belong_to_it() -> None:
    assert (COSTS.params, COSTS.macs) == (12, 144)
    assert Budget.of(min_params=12, max_params=12, max_macs=144, max_flops=288).admits(COSTS)
    assert not Budget.of(max_params=11).admits(COSTS)
    assert not Budget.of(min_macs=145).admits(COSTS)
    assert Budget().admits(COSTS)


def test_violations_are_relative_to_the_bound_and_above_zero_where_it_is_broken() -> None:
    budget = Budget.of(max_params=8, min_macs=288, max_flops=576, max_peak_bytes=2 * 48 * 4)
    wanted = {"max_params": 0.5, "min_macs": 0.5, "max_flops": -0.5, "max_peak_bytes": 0.0}
    assert budget.violations(COSTS) == wanted


def test_a_bound_of_zero_can_be_broken() -> None:
    assert Budget.of(max_params=0).violations(COSTS) == {"max_params": 12.0}


def test_a_budget_is_made_of_numbers_and_texts_and_reads_back() -> None:
    budget = Budget.of({"max_macs": "400k"}, max_params="4k", min_params=None)
    assert budget == Budget.of(max_macs=400_000, max_params=4000)
    assert budget.as_dict() == {"max_params": 4000, "max_macs": 400_000}
    assert Budget.of(budget.as_dict()) == budget
    assert str(budget) == "params <= 4k, macs <= 400k"
    assert bool(budget)
    assert not Budget.of(max_params=None)
    assert str(Budget()) == "no budget"


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_parms": 3}, "there is no bound `max_parms`\n  help: did you mean `max_params`?"),
        ({"latency": 3}, "there is no bound `latency`"),
        ({"max_params": "many"}, "max_params is a number, got `many`\n  help: as in 4000, 4k, 1.5M or 4.2G"),
        ({"max_params": -1}, "max_params is a number, got `-1`"),
        ({"max_params": 1.5}, "max_params is a whole number, got `1.5`"),
        ({"min_params": "5k", "max_params": "4k"}, "min_params 5,000 is above max_params 4,000: no network fits"),
    ],
)
def test_a_budget_that_means_nothing_is_refused(bounds: dict[str, int | float | str], message: str) -> None:
    with pytest.raises(BudgetError) as caught:
        Budget.of(bounds)
    assert str(caught.value).startswith(message)
