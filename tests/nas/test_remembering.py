"""What a driver remembers of its trials: enough to go on as if it were all, and no more however many there are."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import optuna
import pytest

import search_spaces
from graphs import Budget
from nas.brain import Brain
from nas.cli.progress import Lines
from nas.driver import run_trials
from nas.ends import Hashes, Outcome, Outcomes
from nas.executors import InlineExecutor
from nas.history import History, all_trials
from nas.ledger import Follower, read_ledger
from nas.optuna_storage import export_to_optuna
from nas.records import Decisions, Duplicate, Record, Start
from nas.results import summarize
from nas.samplers import RandomSampler
from nas.trials import Diverged, Event, Failed, Job, Lost, OutOfMemory
from tests.nas.fakes import SPACE_TEXT, begin, fake_trainer, reopen, started
from tests.nas.test_driver import cut

SPACE = search_spaces.parse(SPACE_TEXT)


def test_hashes_are_found_by_their_first_digits_with_the_number_that_was_given_last() -> None:
    random = Random(0)
    known = {f"{random.getrandbits(128):032x}": number for number in range(500)}
    hashes = Hashes()
    for hash, number in known.items():
        hashes.add(hash, number)
    assert len(hashes) == 500
    assert {hash: hashes.number(hash) for hash in known} == known
    assert all(hash in hashes for hash in known)
    assert not any(f"{random.getrandbits(128):032x}" in hashes for _ in range(500))
    hashes.add(next(iter(known)), 7000)
    assert hashes.number(next(iter(known))) == 7000
    assert len(hashes) == 500


def test_outcomes_are_told_as_they_were_noted() -> None:
    told = {
        3: Outcome("complete", (0.5, -2.0), 9),
        0: Outcome("stopped", (0.25, -4.0), 1),
        4: Outcome("diverged", None, 0),
    }
    outcomes = Outcomes(2)
    for trial, outcome in told.items():
        outcomes.put(trial, outcome)
    assert {trial: outcomes.get(trial) for trial in told} == told


def ends_badly(job: Job) -> Event | None:
    """Some trials diverge or fail, some need a second attempt."""
    endings: Mapping[int, Event] = {
        5: Diverged(job.trial, "the loss became nan"),
        12: Failed(job.trial, "Traceback\nValueError: odd"),
        20: OutOfMemory(job.trial, "no room"),
        27: Lost(job.trial, "the node is gone"),
    }
    is_stubborn = job.trial in (5, 12)
    return endings.get(job.trial) if is_stubborn or not job.attempt else None


STUDIES: dict[str, dict[str, Any]] = {
    "to the end": {"sampler": "evolution", "fidelity": "full"},
    "in halves": {"sampler": "tpe", "fidelity": "asha", "trials": 70},
    "of two objectives": {"sampler": "nsga2", "objectives": ["accuracy", "params"], "fidelity": "asha"},
    "by a model": {"sampler": "gp", "fidelity": "full"},
    "for the smallest": {"sampler": "local", "objectives": ["accuracy", "macs"], "prefer": "macs"},
    "screened": {"sampler": "random", "screening": "params", "screening_draws": 3, "fidelity": "asha"},
}


def play(folder: Path, keys: Mapping[str, Any]) -> tuple[History, str]:
    """A run to its end that begins with three networks of a name, and what its observer printed."""
    points = SPACE.sample(3, Budget.of(max_params=892), seed=5).points
    starts = tuple(Start(name, point.decisions) for name, point in zip("abc", points, strict=True))
    first = replace(started(**{"budget": {"max_params": 892}, "trials": 60, **keys}), starts=starts)
    ledger, brain = begin(folder, first)
    told = io.StringIO()
    with ledger, InlineExecutor(fake_trainer(ends_badly)) as executor:
        run_trials(ledger, brain, executor, Lines(told))
    return brain.history, told.getvalue().replace(str(folder), "")


def records(folder: Path) -> list[Record]:
    return [line.record for line in read_ledger(folder)]


def said(history: History) -> dict[str, Any]:
    """All that is told of a run but its times, and what a driver does after the search."""
    ignored = {"run", "seconds"}
    summary = summarize(history, driver_is_alive=False).as_dict()
    return {
        **{key: value for key, value in summary.items() if key not in ignored},
        "counts": history.counts(),
        "best ones": [trial.number for trial in history.candidates()],
        "rivals of the winner": [trial.number for trial in history.rivals()],
        "ranking": [trial.number for trial in history.ranking()],
    }


@pytest.mark.parametrize("name", STUDIES)
def test_a_run_that_forgets_all_it_can_is_the_run_that_forgets_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.history.MAX_OVER", 10_000)
    whole, told = play(tmp_path / "whole", STUDIES[name])
    assert len(whole.trials) == whole.num_trials > 50
    monkeypatch.setattr("nas.history.MAX_OVER", 0)
    forgetful, told_too = play(tmp_path / "forgetful", STUDIES[name])
    assert len(forgetful.trials) < len(whole.trials) - 10
    assert records(tmp_path / "forgetful") == records(tmp_path / "whole")
    assert said(forgetful) == said(whole)
    assert told_too == told
    for number, trial in whole.trials.items():
        assert forgetful.outcome(number) == whole.outcome(number)
        assert forgetful.by_hash.number(trial.hash) == whole.by_hash.number(trial.hash)


@pytest.mark.parametrize("name", ["in halves", "of two objectives"])
def test_a_run_that_is_killed_goes_on_whatever_it_forgets(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = play(tmp_path / "whole", STUDIES[name])
    num_lines = len(read_ledger(tmp_path / "whole"))
    monkeypatch.setattr("nas.history.MAX_OVER", 0)
    for number in range(20, num_lines, num_lines // 4):
        ledger, brain = reopen(cut(tmp_path / "whole", tmp_path / str(number), number))
        with ledger, InlineExecutor(fake_trainer(ends_badly)) as executor:
            run_trials(ledger, brain, executor)
        trials = all_trials(tmp_path / str(number), read_ledger(tmp_path / str(number)))
        wanted = all_trials(tmp_path / "whole", read_ledger(tmp_path / "whole"))
        assert {one.number: (one.hash, one.state, one.value) for one in trials.values()} == {
            one.number: (one.hash, one.state, one.value) for one in wanted.values()
        }
        assert said(brain.history)["best"] == said(whole)["best"]


def test_what_is_remembered_does_not_grow_with_the_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.history.MAX_OVER", 5)
    most: list[int] = []
    ledger, brain = begin(tmp_path, started(budget={"max_params": 892}, trials=90, candidates=4))

    def note(record: Record, history: History) -> None:
        most.append(len(history.trials) - len(history.running))

    with ledger, InlineExecutor(fake_trainer()) as executor:
        run_trials(ledger, brain, executor, note)
    assert brain.history.num_trials == 90 + 4 * 2  # the longer trainings of the candidates
    assert max(most[: len(most) // 2]) == 20 + 5  # the best, and those that may be forgotten soon
    assert max(most) <= 20 + 5 + 4 * 2


class Repeating(RandomSampler):
    """Proposes the network of the trial before the last once more, every fourth time; is told what became of it."""

    def __init__(self) -> None:
        super().__init__(SPACE, Budget(), 0)
        self.proposed: list[Decisions] = []
        self.told: list[Outcome | None] = []

    def propose(self, number: int, known: Any) -> Decisions | None:
        if number % 4 == 3:
            return self.proposed[-2]
        decisions = super().propose(number, known)
        assert decisions is not None
        self.proposed.append(decisions)
        return decisions

    def duplicated(self, decisions: Decisions, outcome: Outcome | None) -> None:
        self.told.append(outcome)


def test_a_network_that_comes_again_is_answered_with_the_outcome_of_a_forgotten_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.history.MAX_OVER", 0)
    monkeypatch.setattr("nas.history.MAX_RANKED", 1)
    sampler = Repeating()
    ledger, brain = begin(tmp_path, started(budget={}, trials=24, candidates=1))
    brain = Brain(SPACE, Budget(), sampler, brain.history)
    forgotten: list[bool] = []

    def note(record: Record, history: History) -> None:
        if isinstance(record, Duplicate):
            forgotten.append(record.of not in history.trials)

    with ledger, InlineExecutor(fake_trainer()) as executor:
        run_trials(ledger, brain, executor, note)
    trials = all_trials(tmp_path, read_ledger(tmp_path))
    again = [line.record.of for line in read_ledger(tmp_path) if isinstance(line.record, Duplicate)]
    assert len(again) >= 7
    assert any(forgotten)
    assert sampler.told == [Outcome("complete", (trials[number].curve[-1].value,), 9) for number in again]


def test_a_study_of_optuna_has_the_trials_that_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, export: Callable[[Path], optuna.Study]
) -> None:
    monkeypatch.setattr("nas.history.MAX_OVER", 0)
    history, _ = play(tmp_path / "run", STUDIES["in halves"])
    trials = all_trials(tmp_path / "run", Follower(tmp_path / "run").read())
    searched = [trial for trial in trials.values() if trial.confirms is None]
    assert len(searched) == 70 > len(history.searched)
    there = export(tmp_path / "run").trials
    assert [one.user_attrs["hash"] for one in there] == [trial.hash for trial in searched]
    assert [one.user_attrs["state"] for one in there] == [trial.state for trial in searched]


@pytest.fixture
def export(tmp_path: Path) -> Callable[[Path], optuna.Study]:
    def export(run: Path) -> optuna.Study:
        url, lines = f"sqlite:///{tmp_path}/runs.db", read_ledger(run)
        export_to_optuna(History.of(run, lines), lines, url)
        return optuna.load_study(study_name="fake", storage=url)

    return export
