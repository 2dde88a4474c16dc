"""The table of outcomes: what the ledger says and what follows, for everything that can become of a trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

import search_spaces
from graphs import Budget
from nas.brain import MAX_FAILURES_IN_A_ROW
from nas.driver import run_trials
from nas.executors.inline import InlineExecutor
from nas.history import NUM_CONFIRMATION_SEEDS, History
from nas.ledger import read_ledger
from nas.records import Decisions, Duplicate, Proposed, Rejected, Start
from nas.samplers import RandomSampler
from nas.samplers.drawing import draw_new
from nas.trials import Diverged, Event, Failed, Job, Lost, OutOfMemory, Progress
from tests.nas.fakes import (
    BUDGET,
    RECIPE,
    SPACE_TEXT,
    ParallelExecutor,
    begin,
    fake_trainer,
    goes_well,
    network,
    run_to_end,
    started,
    trials_of,
    value_of,
)


def ends(trial: int, event: Callable[[Job], Event], attempts: int = 99) -> Callable[[Job], Event | None]:
    """The ending of one trial's first attempts."""
    return lambda job: event(job) if job.trial == trial and job.attempt < attempts else None


def run(folder: Path, ending: Callable[[Job], Event | None], **changes: object) -> tuple[History, ParallelExecutor]:
    executor = ParallelExecutor(fake_trainer(ending))
    history = run_to_end(folder, started(**changes), executor)
    return history, executor


def test_the_asked_number_of_trials_is_trained(tmp_path: Path) -> None:
    history, executor = run(tmp_path, goes_well)
    assert history.ended_by == "trials"
    assert history.num_trained == 8
    assert sum(history.counts().values()) == 8
    assert executor.most_at_once == 2


def test_a_complete_trial_has_all_its_epochs_and_the_value_of_the_last(tmp_path: Path) -> None:
    history, executor = run(tmp_path, goes_well)
    texts = {job.trial: job.architecture for job in executor.jobs}
    for trial in history.ranking():
        assert [epoch.epoch for epoch in trial.curve] == list(range(1, RECIPE.epochs + 1))
        assert trial.value == value_of(texts[trial.number], RECIPE.epochs)
        assert trial.hash == network(texts[trial.number]).hash


def test_a_diverged_trial_counts_and_is_not_repeated(tmp_path: Path) -> None:
    history, executor = run(tmp_path, ends(1, lambda job: Diverged(job.trial, "the loss became nan")))
    assert history.trials[1].state == "diverged"
    assert history.trials[1].reason == "the loss became nan"
    assert history.num_trained == 8
    assert [job.attempt for job in executor.jobs if job.trial == 1] == [0]


def test_a_value_that_is_no_number_is_a_divergence(tmp_path: Path) -> None:
    def train(job: Job) -> object:
        for event in fake_trainer()(job):
            is_bad = isinstance(event, Progress) and event.epoch == 2 and job.trial == 0
            yield Progress(job.trial, 2, float("nan"), {"validation_loss": float("inf")}) if is_bad else event

    history = run_to_end(tmp_path, started(trials=3), InlineExecutor(train))  # type: ignore[arg-type]
    assert history.trials[0].state == "diverged"
    assert len(history.trials[0].curve) == 1
    assert history.num_trained == 3


def test_a_failed_trial_counts_and_keeps_its_traceback(tmp_path: Path) -> None:
    history, _ = run(tmp_path, ends(1, lambda job: Failed(job.trial, "Traceback\nValueError: odd")))
    assert history.trials[1].state == "failed"
    assert history.trials[1].reason == "Traceback\nValueError: odd"
    assert history.counts()["failed"] == 1
    assert history.num_trained == 8


def test_a_trial_out_of_memory_is_tried_once_more_with_nothing_beside_it(tmp_path: Path) -> None:
    history, executor = run(tmp_path, ends(1, lambda job: OutOfMemory(job.trial, "full"), attempts=1))
    assert [job.attempt for job in executor.jobs if job.trial == 1] == [0, 1]
    assert executor.beside[1, 0] != set()
    assert executor.beside[1, 1] == set()
    assert history.trials[1].state in ("complete", "stopped")


def test_a_trial_out_of_memory_twice_is_rejected_and_does_not_count(tmp_path: Path) -> None:
    history, executor = run(tmp_path, ends(1, lambda job: OutOfMemory(job.trial, "full")))
    assert history.trials[1].state == "rejected"
    assert [job.attempt for job in executor.jobs if job.trial == 1] == [0, 1]
    assert history.num_trained == 8
    assert len(history.searched) == 9


def test_a_lost_trial_is_begun_again(tmp_path: Path) -> None:
    history, executor = run(tmp_path, ends(1, lambda job: Lost(job.trial, "worker gone"), attempts=2))
    assert [job.attempt for job in executor.jobs if job.trial == 1] == [0, 1, 2]
    assert history.trials[1].state in ("complete", "stopped")
    assert [epoch.epoch for epoch in history.trials[1].curve][:3] == [1, 2, 3]


def test_a_trial_that_is_lost_every_time_has_failed(tmp_path: Path) -> None:
    history, executor = run(tmp_path, ends(1, lambda job: Lost(job.trial, "worker gone")))
    assert [job.attempt for job in executor.jobs if job.trial == 1] == [0, 1, 2, 3, 4]
    assert history.trials[1].state == "failed"
    assert history.num_trained == 8


def test_failures_in_a_row_end_the_search(tmp_path: Path) -> None:
    history, _ = run(tmp_path, lambda job: Failed(job.trial, "no such device"), trials=50)
    assert history.ended_by == "failures"
    assert history.num_trained <= MAX_FAILURES_IN_A_ROW + 1


def test_over_budget_points_are_rejected_untrained_with_their_violations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, budget = search_spaces.parse(SPACE_TEXT), Budget.of(max_params=200)

    def propose(self: RandomSampler, number: int, known: Set[str]) -> Decisions | None:
        return draw_new(space, budget if number % 2 else Budget.of(min_params=201), known, number)

    monkeypatch.setattr(RandomSampler, "propose", propose)
    history, executor = run(tmp_path, goes_well, trials=8, budget={"max_params": 200})
    rejected = [line.record for line in read_ledger(tmp_path) if isinstance(line.record, Rejected)]
    assert len(rejected) == 8
    assert all(record.violations["max_params"] > 0 for record in rejected)
    assert history.counts()["rejected"] == len(rejected)
    assert all(budget.admits(network(job.architecture).costs()) for job in executor.jobs)


def test_no_network_is_trained_twice_in_a_search(tmp_path: Path) -> None:
    history, _ = run(tmp_path, goes_well, sampler="tpe", trials=60)
    hashes = [trial.hash for trial in history.searched]
    assert len(hashes) == len(set(hashes)) == 60
    for line in read_ledger(tmp_path):
        if isinstance(line.record, Duplicate):
            assert history.trials[line.record.of].hash == line.record.hash


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_space_that_is_exhausted_ends_the_search(tmp_path: Path, sampler: str) -> None:
    history, _ = run(tmp_path, goes_well, sampler=sampler, trials=1000, budget={"max_params": 170})
    assert history.ended_by == "space exhausted"
    assert 5 < history.num_trained < 40


def test_a_search_begins_with_its_hand_designed_networks(tmp_path: Path) -> None:
    space = search_spaces.parse(SPACE_TEXT)
    small, other = space.sample(2, BUDGET, seed=3).points
    large = space.sample(1, Budget.of(min_params=401), seed=3).points[0]
    starts = tuple(
        Start(name, point.decisions) for name, point in (("a", small), ("large", large), ("a", small), ("b", other))
    )
    run_to_end(tmp_path, replace(started(sampler="evolution"), starts=starts), ParallelExecutor(fake_trainer()))
    first = [line.record for line in read_ledger(tmp_path) if isinstance(line.record, Proposed | Rejected | Duplicate)]
    assert [type(record) for record in first[:4]] == [Proposed, Rejected, Duplicate, Proposed]
    assert [record.decisions for record in first[:4]] == [start.decisions for start in starts]
    history = History.of(tmp_path, read_ledger(tmp_path))
    assert [trial.network for trial in history.searched[:3]] == ["a", "b", ""]
    assert history.num_trained == 8


def test_a_sampler_that_finds_nothing_is_not_asked_again_while_trials_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def propose(self: RandomSampler, number: int, known: Set[str]) -> Decisions | None:
        asked.append(number)
        return draw_new(search_spaces.parse(SPACE_TEXT), BUDGET, known, number) if number < 1 else None

    monkeypatch.setattr(RandomSampler, "propose", propose)
    history, _ = run(tmp_path, goes_well, candidates=1)
    assert (history.ended_by, history.num_trained) == ("nothing new found", 1)
    assert asked == [0, 1]


def test_the_best_candidates_are_trained_again_longer_on_the_same_seeds(tmp_path: Path) -> None:
    history, executor = run(tmp_path, goes_well, trials=12, candidates=2)
    best = [trial.number for trial in history.ranking()[:2]]
    again = [job for job in executor.jobs if history.trials[job.trial].confirms is not None]
    assert len(again) == 2 * NUM_CONFIRMATION_SEEDS
    assert {job.epochs for job in again} == {RECIPE.final_epochs}
    seeds = {number: [job.seed for job in again if history.trials[job.trial].confirms == number] for number in best}
    assert seeds[best[0]] == seeds[best[1]]
    assert len(set(seeds[best[0]])) == NUM_CONFIRMATION_SEEDS


def test_the_winner_is_the_candidate_with_the_best_longer_trainings(tmp_path: Path) -> None:
    first = run(tmp_path / "a", goes_well, trials=12)[0]
    best, second = (trial.number for trial in first.ranking()[:2])
    winner = first.winner()
    assert winner is not None
    assert winner.number == best  # the fake curve keeps the order

    def reversed_when_longer(job: Job) -> Iterator[Event]:
        for event in fake_trainer()(job):
            if isinstance(event, Progress) and job.epochs == RECIPE.final_epochs:
                yield replace(event, value=1 - event.value)
            else:
                yield event

    executor = ParallelExecutor(reversed_when_longer)
    other = run_to_end(tmp_path / "b", started(trials=12, candidates=2), executor)
    assert [trial.hash for trial in other.ranking()[:2]] == [first.trials[best].hash, first.trials[second].hash]
    winner = other.winner()
    assert winner is not None
    assert winner.number == other.ranking()[1].number


def test_a_candidate_whose_longer_trainings_failed_does_not_win(tmp_path: Path) -> None:
    best = run(tmp_path / "a", goes_well, trials=12)[0].ranking()[0]

    def fails_when_longer(job: Job) -> Event | None:
        is_best = network(job.architecture).hash == best.hash
        return Failed(job.trial, "odd") if is_best and job.epochs == RECIPE.final_epochs else None

    history, _ = run(tmp_path / "b", fails_when_longer, trials=12, candidates=2)
    assert history.ranking()[0].hash == best.hash
    assert history.winner() == history.ranking()[1]


def test_a_single_candidate_needs_no_confirmation(tmp_path: Path) -> None:
    history, _ = run(tmp_path, goes_well, candidates=1)
    assert len(history.trials) == len(history.searched)
    assert history.winner() == history.ranking()[0]


def test_ties_go_to_the_lower_loss_and_then_to_the_cheaper_network(tmp_path: Path) -> None:
    def train(job: Job) -> object:
        loss = {0: 0.5, 1: 0.2, 2: 0.2}[job.trial] if job.epochs == RECIPE.epochs else 1.0
        for event in fake_trainer()(job):
            yield (
                Progress(job.trial, event.epoch, 0.9, {"validation_loss": loss})
                if isinstance(event, Progress)
                else event
            )

    ledger, brain = begin(tmp_path, started(trials=3, candidates=1))
    with ledger:
        run_trials(ledger, brain, InlineExecutor(train))  # type: ignore[arg-type]
    cheaper, dearer = sorted((brain.history.trials[1], brain.history.trials[2]), key=lambda trial: trial.macs)
    assert cheaper.macs < dearer.macs
    assert [trial.number for trial in brain.history.ranking()] == [cheaper.number, dearer.number, 0]


def test_time_ends_the_search_but_not_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(1_000_000)  # a second for every line
    monkeypatch.setattr("nas.ledger.time.time", lambda: next(clock))
    history, _ = run(tmp_path, goes_well, time=2.0, trials=100, candidates=1)
    assert history.ended_by == "time"
    # Two trials were proposed by then; both are trained to their end, which takes 2 x 9 lines and more.
    assert [trial.state for trial in history.searched] == ["complete", "complete"]


def test_the_inline_executor_is_deterministic(tmp_path: Path) -> None:
    runs = [
        run_to_end(tmp_path / name, started(sampler="tpe", trials=20), InlineExecutor(fake_trainer()))
        for name in ("a", "b")
    ]
    assert trials_of(runs[0]) == trials_of(runs[1])


def test_an_architecture_is_written_once_per_trial_as_decisions(tmp_path: Path) -> None:
    history, _ = run(tmp_path, goes_well)
    proposed = [line.record for line in read_ledger(tmp_path) if isinstance(line.record, Proposed)]
    assert [record.trial for record in proposed] == list(range(len(history.trials)))
    assert all(BUDGET.as_dict()["max_params"] >= record.params for record in proposed)
