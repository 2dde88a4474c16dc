"""All trials of a run as Python and the command line read them."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import nas
from nas.ledger import Ledger, RunError
from nas.records import Ended, Proposed, Record
from nas.states import Trial
from nas.trials import Completed, Paused, Progress, Stopped
from tests.nas.conftest import Answer
from tests.nas.fakes import started

CURVES = {0: (0.25, 0.5), 1: (0.125,), 2: (0.75,)}


def proposed(trial: int) -> Proposed:
    return Proposed(trial, {"width": 8 * trial}, f"{trial}" * 64, 100 * trial, 1000 * trial, trial, 2, until=1)


def write(run: Path, *records: Record) -> None:
    run.mkdir()
    with Ledger.create(run) as ledger:
        for record in (started(), *records):
            ledger.append(record)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Trial 0 went to its end, trial 1 was stopped at a rung after it, trial 2 still waits at one."""
    epochs = {n: [Progress(n, at + 1, value, seconds=2.0) for at, value in enumerate(CURVES[n])] for n in CURVES}
    records: list[Record] = [proposed(0), epochs[0][0], Paused(0, 1), proposed(1), epochs[1][0], Paused(1, 1)]
    records += [epochs[0][1], Completed(0), proposed(2), epochs[2][0], Paused(2, 1), Stopped(1, 1)]
    write(tmp_path / "run", *records)
    return tmp_path / "run"


def test_every_trial_is_told_as_it_ended_those_that_are_open_last(run: Path) -> None:
    trials = list(nas.read_trials(run))
    assert [(one.number, one.state, one.value) for one in trials] == [
        (0, "complete", 0.5),
        (1, "stopped", 0.125),
        (2, "paused", 0.75),
    ]
    first, second, _ = trials
    assert (first.values, first.seconds) == ({1: 0.25, 2: 0.5}, 4.0)
    assert (second.decisions, second.hash, second.params, second.macs) == ({"width": 8}, "1" * 64, 100, 1000)


def test_a_trial_is_a_row_and_a_line_of_json(run: Path, nas: Callable[..., Answer]) -> None:
    code, out, _ = nas("status", str(run), "--trials")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert (rows[0]["values"], rows[0]["decisions"]) == ({"1": 0.25, "2": 0.5}, {"width": 0})


def test_lines_of_json_are_no_single_object(run: Path, nas: Callable[..., Answer]) -> None:
    code, out, _ = nas("status", str(run), "--trials", "--json")
    assert (code, "give it alone" in out) == (2, True)


def test_a_run_that_there_is_not_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run"):
        nas.read_trials(tmp_path / "gone")


def test_what_was_told_is_forgotten(tmp_path: Path) -> None:
    ended = [(proposed(n), Progress(n, 2, n / 1000), Completed(n)) for n in range(1, 600)]
    write(tmp_path / "run", *(record for records in ended for record in records), Ended("trials"))
    most = 0
    before = sum(type(one) is Trial for one in gc.get_objects())
    for trial in nas.read_trials(tmp_path / "run"):
        if trial.number % 100 == 0:
            most = max(most, sum(type(one) is Trial for one in gc.get_objects()) - before)
    assert 0 < most < 200
