"""What trials that were stopped at a rung are expected to come to in full."""

from __future__ import annotations

import pytest

from nas.samplers.scales import MIN_PAIRS, Rungs, expected_in_full
from nas.samplers.standing import IN_FULL, Reached, Tried

RUNG: Reached = (False, 3)


def trials(ends: list[float | None], rung: list[float], params: list[float]) -> tuple[list[Tried | None], list[Rungs]]:
    """With these accuracies at the rung, and after it where they went on, and these parameters, less being better."""
    found: list[Tried | None] = []
    rungs: list[Rungs] = []
    for number, (end, there, size) in enumerate(zip(ends, rung, params, strict=True)):
        values = {RUNG: (there, -size)} | ({} if end is None else {IN_FULL: (end, -size)})
        last = IN_FULL if end is not None else RUNG
        found.append(Tried(number, {"a": number}, values[last], last))
        rungs.append(values)
    return found, rungs


def test_a_trial_at_a_rung_is_expected_to_come_to_what_others_came_to_from_there() -> None:
    rung = [0.1, 0.2, 0.3, 0.4, 0.5, 0.25, 0.05]
    ends = [0.5 + 0.5 * value for value in rung[:5]]
    found, rungs = trials([*ends, None, None], rung, [10, 20, 30, 40, 50, 60, 70])
    expected = expected_in_full([*found, None], [*rungs, {}])
    assert expected[:5] == found[:5]
    assert expected[7] is None
    for one, value, size in zip(expected[5:7], (0.625, 0.525), (60, 70), strict=True):
        assert one is not None
        assert one.fidelity == IN_FULL
        assert one.values == pytest.approx((value, -size))


def test_nothing_is_expected_to_be_better_than_the_best_there_is_or_to_gain_by_being_worse() -> None:
    found, rungs = trials([0.6, 0.7, 0.8, 0.9, 0.9, None], [0.1, 0.2, 0.3, 0.4, 0.5, 0.9], [1] * 6)
    assert [one.values for one in expected_in_full(found, rungs)[5:] if one] == [(0.9, -1)]
    found, rungs = trials([0.9, 0.8, 0.7, 0.6, 0.5, None], [0.1, 0.2, 0.3, 0.4, 0.5, 0.9], [1] * 6)
    [last] = [one for one in expected_in_full(found, rungs)[5:] if one]
    assert last.values == pytest.approx((0.7, -1))


def test_from_too_few_trials_nothing_is_concluded() -> None:
    ends = [0.6, 0.7, 0.8, 0.9]
    assert len(ends) == MIN_PAIRS - 1
    found, rungs = trials([*ends, None], [0.1, 0.2, 0.3, 0.4, 0.5], [1] * 5)
    assert expected_in_full(found, rungs) == found


def test_equal_values_at_a_rung_say_nothing_but_their_mean() -> None:
    found, rungs = trials([0.5, 0.6, 0.7, 0.8, 0.9, None], [0.1] * 6, [1] * 6)
    [last] = [one for one in expected_in_full(found, rungs)[5:] if one]
    assert last.values == pytest.approx((0.7, -1))
