"""Early stopping: who goes on past a rung."""

from __future__ import annotations

import pytest

from nas.stopping import Halving, Rungs


@pytest.mark.parametrize(
    ("num_epochs", "rungs"),
    [(24, (3, 8)), (27, (3, 9)), (9, (3,)), (6, (2,)), (5, (2,)), (3, ()), (1, ()), (81, (9, 27))],
)
def test_rungs_are_thirds_of_the_training(num_epochs: int, rungs: tuple[int, ...]) -> None:
    assert Rungs.of(num_epochs).epochs == rungs


def observe_all(values: list[float]) -> list[bool]:
    halving = Halving(Rungs((3,)))
    return [halving.observe(trial, 3, value) for trial, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "stops"),
    [
        ([0.1, 0.2], [False, False]),
        ([0.5, 0.4, 0.3], [False, False, True]),
        ([0.3, 0.4, 0.5], [False, False, False]),
        ([0.5, 0.5, 0.5], [False, False, False]),
        # Of six values the best two go on; the sixth trial is the third.
        ([0.9, 0.8, 0.1, 0.2, 0.3, 0.7], [False, False, True, True, True, True]),
        ([0.9, 0.5, 0.1, 0.2, 0.3, 0.7], [False, False, True, True, True, False]),
        ([0.5, 0.4, float("nan")], [False, False, True]),
    ],
    ids=["too few", "worst of three", "best of three", "ties go on", "third of six", "second of six", "no number"],
)
def test_a_trial_goes_on_if_it_is_in_the_best_third_so_far(values: list[float], stops: list[bool]) -> None:
    assert observe_all(values) == stops


def test_nothing_stops_between_rungs() -> None:
    halving = Halving(Rungs((3,)))
    assert not any(halving.observe(trial, 2, -trial) for trial in range(9))


def test_a_trial_that_is_repeated_is_not_its_own_rival() -> None:
    halving = Halving(Rungs((3,)))
    for trial, value in enumerate([0.5, 0.4, 0.6]):
        halving.observe(trial, 3, value)
    assert [halving.observe(2, 3, 0.6) for _ in range(5)] == [False] * 5
