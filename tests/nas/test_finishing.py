"""Final trainings that come to no end: the search goes on to its bundle with the next candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import search_spaces
from graphs import Budget, Graph
from nas.data import Data, load_data
from nas.finishing import finish
from nas.history import History
from nas.ledger import Ledger, RunError
from nas.recipe import Recipe
from nas.records import Ended, Exported, Record, Unfinished
from nas.results import Result, is_over, summarize
from nas.training import DivergedError, Training
from tests.nas.conftest import Answer
from tests.nas.fakes import SPACE_TEXT
from tests.nas.test_evidence import POINTS, SEARCHED, first_line, play

SHORT = Recipe(epochs=1, final_epochs=1)
FEW_CLASSES = search_spaces.parse(SPACE_TEXT.replace("out_features: 10", "out_features: 7")).sample(1).points[0].graph


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_data("digits")


def end(run: Path, data: Data, graph_of: Callable[[int], Graph]) -> tuple[list[Record], Result]:
    """What the end of a run comes to, from wherever its ledger is."""
    ledger, history = Ledger.open(run, lambda lines: History.of(run, lines))
    records = []
    with ledger:
        for record in finish(history, graph_of, data, Budget(), "cpu"):
            history.apply(ledger.append(record))
            records.append(record)
    assert is_over(history)
    return records, summarize(history, driver_is_alive=False)


def begun(run: Path, **keys: object) -> Path:
    """A run whose search has ended: trial 0 is the best of three, 1 and 2 are hand-designed."""
    play(run, replace(first_line(**{"final_seeds": 1, "rivals": 1, **keys}), recipe=SHORT), SEARCHED)
    return run


def test_a_winner_that_can_not_be_trained_hands_over_to_the_next(tmp_path: Path, digits: Data) -> None:
    run = begun(tmp_path / "run")
    records, result = end(run, digits, lambda trial: POINTS[trial].graph if trial else FEW_CLASSES)
    [failed] = [record for record in records if isinstance(record, Unfinished)]
    assert failed.trial == 0
    assert failed.reason.startswith("its final training failed: IndexError: Target ")
    assert 'File "' in failed.traceback
    assert isinstance(records[-1], Exported)
    assert result.bundle == run / "bundle"
    assert result.best is not None
    assert result.best.trial == 1
    assert result.as_dict()["unfinished"] == [{"trial": 0, "reason": failed.reason}]
    assert [(rival.candidate.trial, rival.reason) for rival in result.rivals] == [(2, "")]
    again, same = end(run, digits, lambda trial: POINTS[trial].graph)
    assert (again, same) == ([], result)


def diverging(monkeypatch: pytest.MonkeyPatch, *trials: int) -> None:
    """The trainings of these networks diverge in their first epoch."""
    hashes = {POINTS[trial].graph.hash for trial in trials}
    run_epoch = Training.run_epoch

    def run_or_diverge(training: Training) -> float:
        if training._graph.hash in hashes:
            raise DivergedError("the loss became nan in epoch 1")
        return run_epoch(training)

    monkeypatch.setattr(Training, "run_epoch", run_or_diverge)


def test_after_a_winner_that_diverges_a_resumed_run_goes_on_with_the_next(
    tmp_path: Path, digits: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path / "run", rivals=0)
    diverging(monkeypatch, 0)
    ledger, history = Ledger.open(run, lambda lines: History.of(run, lines))
    with ledger:  # the driver is killed after the first line
        first = next(finish(history, lambda trial: POINTS[trial].graph, digits, Budget(), "cpu"))
        ledger.append(first)
    assert first == Unfinished(0, "its final training diverged: the loss became nan in epoch 1")
    records, result = end(run, digits, lambda trial: POINTS[trial].graph)
    assert [type(record).__name__ for record in records] == ["Finalised", "Exported"]
    assert result.best is not None
    assert (result.best.trial, result.bundle) == (1, run / "bundle")


def test_a_rival_that_fails_in_any_way_leaves_the_winner_its_bundle(tmp_path: Path, digits: Data) -> None:
    run = begun(tmp_path / "run")
    _, result = end(run, digits, lambda trial: FEW_CLASSES if trial == 1 else POINTS[trial].graph)
    assert result.bundle == run / "bundle"
    assert result.rivals[0].reason.startswith("its final training failed: IndexError: Target ")


def test_a_winner_without_room_waits_for_it_and_loses_nothing(
    tmp_path: Path, digits: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path / "run", rivals=0)

    def exhaust(training: Training) -> float:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(Training, "run_epoch", exhaust)
        with pytest.raises(RunError, match="the final training of trial 0 ran out of memory") as caught:
            end(run, digits, lambda trial: POINTS[trial].graph)
    assert caught.value.help == f"make room, or take another device, then: nas resume {run}"
    _, result = end(run, digits, lambda trial: POINTS[trial].graph)
    assert result.best is not None
    assert (result.best.trial, result.bundle) == (0, run / "bundle")


def test_where_no_candidate_is_left_the_run_says_so_and_is_over(
    tmp_path: Path, digits: Data, monkeypatch: pytest.MonkeyPatch, nas: Callable[..., Answer]
) -> None:
    run = begun(tmp_path / "run")
    diverging(monkeypatch, 0, 1, 2)
    records, result = end(run, digits, lambda trial: POINTS[trial].graph)
    assert [(type(record), record.trial) for record in records if isinstance(record, Unfinished)] == [
        (Unfinished, 0),
        (Unfinished, 1),
        (Unfinished, 2),
    ]
    assert (result.best, result.bundle, result.ended_by) == (None, None, "trials")
    assert result.failure.startswith(
        "3 candidates were trained for the last time, and none to the end, trial 2 for one: "
        "its final training diverged: the loss became nan in epoch 1; "
        "begin a new run with a lower `learning_rate` than 0.05"
    )
    told = f"error: no final training came to its end, so there is nothing to export\n  help: {result.failure}\n"
    for command in (("resume", run), ("export", run)):
        code, _, err = nas(*command)
        assert (code, err) == (1, told)
    code, out, _ = nas("status", run)
    assert (code, out.splitlines()[-1]) == (0, f"no network    {result.failure}")


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (DivergedError("the loss became nan"), "begin a new run with a lower `learning_rate` than 0.05"),
        (ValueError("no such thing"), "correct what is told there; {}/ledger.jsonl has the whole of it"),
    ],
    ids=["diverged", "failed"],
)
def test_what_to_change_follows_from_how_the_final_training_of_the_only_network_ended(
    error: Exception, change: str, tmp_path: Path, digits: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_early(_: Training) -> float:
        raise error

    run = tmp_path / "run"
    first = replace(first_line(final_seeds=1, rivals=0), recipe=SHORT)
    play(run, first, [*SEARCHED[:3], Ended("trials")])
    monkeypatch.setattr(Training, "run_epoch", end_early)
    [ended], result = end(run, digits, lambda trial: POINTS[trial].graph)
    assert isinstance(ended, Unfinished)
    assert result.failure == f"no network is left after trial 0: {ended.reason}; {change.format(run)}"


def test_of_several_objectives_the_next_best_in_the_preferred_takes_its_place(tmp_path: Path) -> None:
    keys = {"objectives": ["accuracy", "params"], "prefer": "params"}
    history = play(tmp_path / "run", first_line(**keys), SEARCHED)
    by_params = sorted(history.front(), key=lambda trial: trial.params)
    left = [trial.number for trial in history.ranking() if trial not in by_params]
    order = []
    while (winner := history.winner()) is not None:
        order.append(winner.number)
        history.unfinished[winner.number] = "it diverged"
    assert order == [trial.number for trial in by_params] + left
