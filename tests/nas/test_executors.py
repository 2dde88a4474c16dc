"""The contract of `nas.trials.Executor`, over every executor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from nas.answers import Answers
from nas.executors import EXECUTORS, InlineExecutor
from nas.executors.tabular import TabularExecutor
from nas.trials import Completed, Diverged, Executor, Failed, Job, Progress, Stopped
from tests.nas.scripts import drive, ended, run

TRAINING = [pytest.param(name, marks=[pytest.mark.slow] if name == "ray" else []) for name in EXECUTORS]
ALL = [*TRAINING, "tabular"]


class Rising:
    """A table that has for every point what `ok` trains: an accuracy of epoch / 10, an epoch a second."""

    lookup = SimpleNamespace(epochs=range(1, 1001))

    def row(self, _: Mapping[str, object]) -> int:
        return 0

    def value(self, _: int, epoch: int) -> float:
        return epoch / 10

    def seconds(self, _: int, epoch: int) -> float:
        return float(epoch)


def make(name: str) -> Executor:
    if name == "inline":
        return InlineExecutor(run)
    if name == "tabular":
        return TabularExecutor(cast(Answers, Rising()), workers=2)
    from nas.executors.ray import RayExecutor

    return RayExecutor(run, capacity=2)


@pytest.fixture(params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def executors() -> Iterator[dict[str, Executor]]:
    """One of each kind, made when it is first asked for: Ray takes seconds to start."""
    made: dict[str, Executor] = {}
    yield made
    for executor in made.values():
        executor.close()


@pytest.fixture
def executor(name: str, executors: dict[str, Executor]) -> Executor:
    if name not in executors:
        executors[name] = make(name)
    return executors[name]


def test_every_epoch_is_reported_in_order_and_then_the_end(executor: Executor) -> None:
    [events] = drive(executor, [Job(0, "ok", seed=0, epochs=3)]).values()
    assert [(event.epoch, event.value) for event in events if isinstance(event, Progress)] == [
        (1, 0.1),
        (2, 0.2),
        (3, 0.3),
    ]
    assert events[3:] == [Completed(0)]


def test_each_of_many_jobs_ends_once(executor: Executor) -> None:
    for trial, events in drive(executor, [Job(number, "ok", seed=0, epochs=2) for number in range(7)]).items():
        assert [ended(event) for event in events] == [False, False, True]
        assert {event.trial for event in events} == {trial}


def test_a_stopped_trial_ends_long_before_its_last_epoch(executor: Executor) -> None:
    [events] = drive(executor, [Job(0, "ok", seed=0, epochs=1000)], stop_after={0: 3}).values()
    *progress, end = events
    assert isinstance(end, Stopped)
    assert isinstance(progress[-1], Progress)
    assert end.epoch == progress[-1].epoch == len(progress)
    assert 3 <= end.epoch < 1000


def test_stopping_a_trial_leaves_the_next_ones_alone(executor: Executor) -> None:
    jobs = [Job(0, "ok", seed=0, epochs=1000), Job(1, "ok", seed=0, epochs=4)]
    assert drive(executor, jobs, stop_after={0: 1})[1][-1] == Completed(1)
    executor.stop(1)
    assert drive(executor, [Job(1, "ok", seed=0, epochs=4, attempt=1)])[1][-1] == Completed(1)


@pytest.mark.parametrize("name", TRAINING, indirect=True)  # a row of a table does not fail
def test_a_failure_names_the_line_that_raised(executor: Executor) -> None:
    [events] = drive(executor, [Job(0, "ok raise", seed=0, epochs=3)]).values()
    assert isinstance(events[0], Progress)
    assert isinstance(events[1], Failed)
    assert 'raise ValueError("no such epoch")' in events[1].traceback
    assert len(events) == 2


@pytest.mark.parametrize("name", TRAINING, indirect=True)
def test_divergence_ends_a_trial_and_no_other(executor: Executor) -> None:
    events = drive(executor, [Job(0, "diverge", seed=0, epochs=3), Job(1, "ok", seed=0, epochs=1)])
    assert events[0] == [Diverged(0, "the loss is nan")]
    assert events[1][-1] == Completed(1)


def test_a_trial_may_be_handed_in_again_after_its_end(executor: Executor) -> None:
    drive(executor, [Job(0, "raise", seed=0, epochs=1)])
    assert drive(executor, [Job(0, "ok", seed=0, epochs=1, attempt=1)])[0][-1] == Completed(0)


def test_more_jobs_than_the_capacity_are_refused(executor: Executor) -> None:
    jobs = [Job(number, "ok", seed=0, epochs=1) for number in range(executor.capacity)]
    for job in jobs:
        executor.submit(job)
    with pytest.raises(AssertionError, match="more jobs than capacity"):
        executor.submit(Job(99, "ok", seed=0, epochs=1))
    left = len(jobs)
    while left:
        left -= sum(map(ended, executor.events(1.0)))


def test_nothing_happens_where_nothing_runs(executor: Executor) -> None:
    assert executor.events(0.01) == []
