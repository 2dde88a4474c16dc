"""Trials that pause at rungs and go on: what the ledger says, what a worker is given, what samplers are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.ends import Outcome
from nas.history import History
from nas.ledger import read_ledger
from nas.records import Promoted, Proposed
from nas.samplers import RandomSampler
from nas.trials import Diverged, Event, Failed, Job, Lost, OutOfMemory, Paused, Stopped
from tests.nas.fakes import RECIPE, ParallelExecutor, fake_trainer, goes_well, run_to_end, started, value_of

RUNGS = (1, 3)  # of nine epochs


def run(
    folder: Path, ending: Callable[[Job], Event | None] = goes_well, capacity: int = 1, **keys: object
) -> tuple[History, ParallelExecutor]:
    executor = ParallelExecutor(fake_trainer(ending), capacity)
    return run_to_end(folder, started(fidelity="asha", **keys), executor), executor


def jobs_of(executor: ParallelExecutor, history: History) -> list[Job]:
    return [job for job in executor.jobs if history.trials[job.trial].confirms is None]


@pytest.mark.parametrize("capacity", [1, 3])
def test_a_promoted_trial_goes_on_from_the_epoch_at_which_it_paused(tmp_path: Path, capacity: int) -> None:
    history, executor = run(tmp_path, capacity=capacity, trials=12)
    last: dict[int, int] = {}
    for job in jobs_of(executor, history):
        assert job.begin == last.get(job.trial, 0)
        assert job.saves == RUNGS
        assert job.epochs == RECIPE.epochs
        last[job.trial] = job.last_epoch
    for trial in history.searched:
        assert [one.epoch for one in trial.curve] == list(range(1, len(trial.curve) + 1))
        assert len(trial.curve) == last[trial.number]


def test_fewer_trials_come_to_every_further_rung_and_better_ones(tmp_path: Path) -> None:
    history, executor = run(tmp_path, trials=36, candidates=1)
    reached = Counter(len(trial.curve) for trial in history.searched)
    assert set(reached) == {1, 3, 9}
    assert reached[1] > reached[3] > reached[9]
    texts = {job.trial: job.architecture for job in executor.jobs}
    heights = {number: value_of(texts[number], 60) for number in texts}
    best = max(history.searched, key=lambda trial: heights[trial.number])
    assert best.state == "complete"  # the fake curves keep the order


def test_in_the_end_what_was_paused_is_stopped_where_it_stands(tmp_path: Path) -> None:
    history, _ = run(tmp_path, trials=12)
    assert set(history.counts()) == {"complete", "stopped"}
    assert history.num_trained == 12
    for trial in history.searched:
        if trial.state == "stopped":
            assert len(trial.curve) in RUNGS
            assert trial.value == trial.curve[-1].value
    stopped = [line.record for line in read_ledger(tmp_path) if isinstance(line.record, Stopped)]
    assert {(one.trial, one.epoch) for one in stopped} == {
        (trial.number, len(trial.curve)) for trial in history.searched if trial.state == "stopped"
    }


@pytest.mark.parametrize("candidates", [1, 3])
def test_there_are_as_many_complete_trials_as_candidates(tmp_path: Path, candidates: int) -> None:
    history, _ = run(tmp_path, trials=5, candidates=candidates)
    assert history.num_complete >= candidates
    assert history.num_trained == 5


def test_the_ledger_holds_every_pause_and_promotion(tmp_path: Path) -> None:
    history, executor = run(tmp_path, trials=12)
    records = [line.record for line in read_ledger(tmp_path)]
    proposed = [one for one in records if isinstance(one, Proposed) and one.confirms is None]
    assert {one.until for one in proposed} == {RUNGS[0]}
    promoted = [(one.trial, one.until) for one in records if isinstance(one, Promoted)]
    assert promoted == [(job.trial, job.last_epoch) for job in jobs_of(executor, history) if job.begin]
    assert sum(isinstance(one, Paused) for one in records) == 12 + sum(until < 9 for _, until in promoted)


def test_a_lost_trial_goes_on_from_its_last_rung(tmp_path: Path) -> None:
    attempts: list[Job] = []

    def lost_once(job: Job) -> Event | None:
        if job.last_epoch == 3 and not attempts:
            attempts.append(job)
            return Lost(job.trial, "worker gone")
        return None

    history, executor = run(tmp_path, lost_once, trials=12)
    (lost,) = attempts
    again = [job for job in executor.jobs if job.trial == lost.trial and job.last_epoch == 3]
    assert [(job.begin, job.attempt) for job in again] == [(1, 0), (1, 1)]
    assert len(history.trials[lost.trial].curve) >= 3


def test_a_trial_in_its_last_third_that_is_lost_does_not_begin_anew_without_rungs_either(tmp_path: Path) -> None:
    """Where nothing pauses, checkpoints are written all the same."""
    executor = ParallelExecutor(
        fake_trainer(lambda job: Lost(job.trial, "gone") if job.trial == 0 and job.attempt == 0 else None)
    )
    run_to_end(tmp_path, started(trials=2, candidates=1), executor)
    assert [(job.begin, job.attempt) for job in executor.jobs if job.trial == 0] == [(0, 0), (1, 1)]


def test_a_promoted_trial_out_of_memory_is_tried_again_alone_from_its_rung(tmp_path: Path) -> None:
    def full_once(job: Job) -> Event | None:
        return OutOfMemory(job.trial, "full") if job.last_epoch == 3 and job.attempt == 0 else None

    history, executor = run(tmp_path, full_once, capacity=3, trials=12)
    again = [job for job in executor.jobs if job.attempt == 1]
    assert again
    assert all(job.begin >= 1 for job in again)
    assert all(executor.beside[job.trial, 1] == set() for job in again)
    assert history.num_trained == 12


@pytest.mark.parametrize("event", [lambda job: Diverged(job.trial, "nan"), lambda job: Failed(job.trial, "odd")])
def test_a_promoted_trial_that_breaks_off_counts_and_others_take_its_place(
    tmp_path: Path, event: Callable[[Job], Event]
) -> None:
    broken: set[int] = set()

    def breaks(job: Job) -> Event | None:
        if job.last_epoch == 3 and len(broken) < 2:
            broken.add(job.trial)
            return event(job)
        return None

    history, _ = run(tmp_path, breaks, trials=12)
    assert len(broken) == 2
    assert {trial.number for trial in history.searched if trial.state in ("diverged", "failed")} == broken
    assert history.num_complete >= 2
    assert history.num_trained == 12


def test_time_that_is_over_lets_the_best_come_to_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1_000_000, 2_000_000))  # a second for every line
    monkeypatch.setattr("nas.ledger.time.time", lambda: next(clock))
    history, _ = run(tmp_path, time=30.0, candidates=1)
    assert history.ended_by == "time"
    assert history.num_complete == 1
    assert history.ranking()[0].value == max(trial.value or 0 for trial in history.searched)


def test_several_objectives_promote_what_no_other_beats(tmp_path: Path) -> None:
    history, _ = run(tmp_path, trials=30, objectives=["accuracy", "params"], candidates=1)
    first = {trial.number: (trial.curve[0].value, -trial.params) for trial in history.searched}

    def is_beaten(one: tuple[float, int]) -> bool:
        return any(other != one and other[0] >= one[0] and other[1] >= one[1] for other in first.values())

    front = [number for number, values in first.items() if not is_beaten(values)]
    assert len(front) <= 30 // 3, "the front is too large to be promoted whole: the test shows nothing"
    assert all(len(history.trials[number].curve) > 1 for number in front)


def test_a_sampler_is_told_of_every_rung_and_once_of_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[int, list[tuple[str, int]]] = {}

    def note(self: RandomSampler, trial: int, outcome: Outcome) -> None:
        assert outcome.values is not None
        told.setdefault(trial, []).append((outcome.state, outcome.epoch))

    monkeypatch.setattr(RandomSampler, "paused", note)
    monkeypatch.setattr(RandomSampler, "ended", note)
    history, _ = run(tmp_path, trials=12)
    ways = {tuple(said) for said in told.values()}
    assert ways <= {
        (("paused", 1), ("stopped", 1)),
        (("paused", 1), ("paused", 3), ("stopped", 3)),
        (("paused", 1), ("paused", 3), ("complete", 9)),
        (("paused", 1), ("complete", 9)),  # brought to the end, as there were too few
    }
    assert {state for said in told.values() for state, _ in said[:-1]} == {"paused"}
    assert len(told) == len(history.searched)


@pytest.mark.parametrize("keys", [{"fidelity": "moon"}, {"eta": 1}, {"first_rung": 0}])
def test_a_fidelity_that_means_nothing_is_refused(keys: dict[str, object]) -> None:
    from nas.study import Study, StudyError

    with pytest.raises(StudyError, match=next(iter(keys))):
        Study.of({"space": "little", **keys})
