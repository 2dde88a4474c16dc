"""Searches for several objectives: the front, the winner on it, and what is measured for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from nas.cli.progress import best_so_far
from nas.cli.runs import result_lines
from nas.data import load_data
from nas.executors.inline import InlineExecutor
from nas.fronts import dominates
from nas.history import History
from nas.latency import measure_latency
from nas.ledger import Ledger, Line
from nas.objectives import oriented
from nas.recipe import Recipe
from nas.records import Proposed, Record
from nas.results import summarize
from nas.states import COMPLETE
from nas.trainer import Trainer
from nas.trials import Completed, Event, Job, Progress
from tests.nas.fakes import ParallelExecutor, begin, fake_trainer, network, run_to_end, started


def timed(job: Job) -> Iterator[Event]:
    """A fake training whose latency is a microsecond for every thousand MACs."""
    for event in fake_trainer()(job):
        if isinstance(event, Progress) and event.epoch == 1:
            yield replace(event, metrics={**event.metrics, "latency": network(job.architecture).costs().macs / 1e9})
        else:
            yield event


def search(folder: Path, **keys: object) -> tuple[History, ParallelExecutor]:
    executor = ParallelExecutor(timed)
    return run_to_end(folder, started(trials=24, **keys), executor), executor


def test_figures_are_oriented_so_that_more_is_better() -> None:
    figures = {"accuracy": 0.9, "params": 10, "macs": 20, "latency": None}
    assert oriented(["macs", "accuracy"], figures) == (-20, 0.9)
    assert oriented(["accuracy", "latency"], figures) is None


def test_the_front_has_what_no_complete_trial_dominates(tmp_path: Path) -> None:
    history, _ = search(tmp_path, objectives=["accuracy", "params"])
    complete = [trial for trial in history.searched if trial.state == COMPLETE]
    points = {trial.number: history.values(trial) or () for trial in complete}
    members = {trial.number for trial in history.front()}
    assert 1 < len(members) < len(points)
    for number, point in points.items():
        assert (number in members) == (not any(dominates(other, point) for other in points.values()))
    accuracies = [trial.curve[-1].value for trial in history.front()]
    assert accuracies == sorted(accuracies, reverse=True)


def test_the_winner_is_the_most_accurate_of_the_front_unless_another_is_preferred(tmp_path: Path) -> None:
    objectives = ["accuracy", "macs", "latency"]
    history, _ = search(tmp_path / "a", objectives=objectives)
    winner = history.winner()
    assert winner is not None
    assert winner.number == history.front()[0].number == history.ranking()[0].number

    history, executor = search(tmp_path / "b", objectives=objectives, prefer="macs")
    winner = history.winner()
    assert winner is not None
    assert winner.macs == min(trial.macs for trial in history.front())
    assert {job.trial for job in executor.jobs} == {trial.number for trial in history.searched}, "trained for nothing"

    history, _ = search(tmp_path / "c", objectives=objectives, prefer="knee")
    winner = history.winner()
    assert winner is not None
    assert winner in history.front()


@pytest.mark.parametrize(("prefer", "leaders"), [(None, [0, 1, 1]), ("macs", [0, 1, 2]), ("knee", [0, 1, 1])])
def test_the_best_so_far_is_no_network_that_another_dominates(
    tmp_path: Path, prefer: str | None, leaders: list[int]
) -> None:
    """The second is as accurate as the first with fewer MACs and a greater loss; the third is cheap and useless."""
    asked = started(objectives=["accuracy", "macs"], prefer=prefer, fidelity="full")
    told: list[int] = []
    with Ledger.create(tmp_path) as ledger:
        history = History(tmp_path, ledger.append(asked))
        for number, (accuracy, loss, macs) in enumerate([(1.0, 0.1, 300), (1.0, 0.2, 100), (0.1, 9.0, 90)]):
            records: list[Record] = [
                Proposed(number, {}, f"{number}" * 32, 10, macs, seed=0, epochs=1),
                Progress(number, 1, accuracy, {"validation_loss": loss}, 0.1),
                Completed(number),
            ]
            for record in records:
                history.apply(ledger.append(record))
            leader = history.leader()
            assert leader is not None
            told.append(leader.number)
            assert leader == history.winner()
            assert f"(trial {leader.number})" in best_so_far(history)
    assert told == leaders


def test_a_result_lists_the_front_with_its_hypervolume(tmp_path: Path) -> None:
    history, _ = search(tmp_path, objectives=["accuracy", "params"])
    said = summarize(history, driver_is_alive=False).as_dict()
    assert [one["trial"] for one in said["front"]] == [trial.number for trial in history.front()]
    assert said["reference"] == {"accuracy": 0.0, "params": 400}
    # By strips: from the cheapest corner, each network adds what it has beyond the dearer ones.
    area, free = 0.0, 0.0
    for one in sorted(said["front"], key=lambda one: one["params"], reverse=True):
        area += (one["value"]) * ((1 - one["params"] / 400) - free)
        free = 1 - one["params"] / 400
    assert said["hypervolume"] == pytest.approx(area, abs=1e-6)


@pytest.mark.parametrize(
    ("budget", "reference"), [({"max_flops": 20_000}, 10_000), ({"max_flops": 20_000, "max_macs": 7_000}, 7_000)]
)
def test_a_bound_of_flops_bounds_the_macs(tmp_path: Path, budget: dict[str, int], reference: float) -> None:
    history, _ = search(tmp_path, objectives=["accuracy", "macs"], budget=budget)
    said = summarize(history, driver_is_alive=False)
    assert said.front is not None
    assert said.front.reference == {"accuracy": 0.0, "macs": reference}
    assert said.front.ideal == {"accuracy": 1.0, "macs": 0.0}


def test_without_a_bound_the_ends_of_a_front_count(tmp_path: Path) -> None:
    """Of two networks each is the worst in what the other is best in."""
    keys = {"objectives": ["accuracy", "params", "macs"], "budget": {}, "candidates": 1}
    history = begin(tmp_path, started(**keys))[1].history
    lines: list[Record] = [
        Proposed(0, {"a": 0}, "ab" * 32, 100, 1000, 0, 1),
        Progress(0, 1, 0.5),
        Completed(0),
        Proposed(1, {"a": 1}, "cd" * 32, 50, 2000, 0, 1),
        Progress(1, 1, 0.4),
        Completed(1),
    ]
    for record in lines:
        history.apply(Line(0.0, record))
    said = summarize(history, driver_is_alive=False)
    assert said.front is not None
    assert said.front.reference == {"accuracy": 0.0, "params": pytest.approx(110), "macs": pytest.approx(2200)}
    # In 2200 x 110 x 1: 0.5 x 10 x 1200 and 0.4 x 60 x 200 overlap in 0.4 x 10 x 200.
    cells = 0.5 * 10 * 1200 + 0.4 * 60 * 200 - 0.4 * 10 * 200
    assert said.front.hypervolume == pytest.approx(cells / (110 * 2200), abs=1e-6)


def test_a_single_objective_has_no_front_to_tell_of(tmp_path: Path) -> None:
    said = summarize(search(tmp_path)[0], driver_is_alive=False).as_dict()
    assert (said["front"], said["hypervolume"], said["reference"]) == ([], None, None)


def test_a_target_that_is_reached_ends_the_search(tmp_path: Path) -> None:
    whole, _ = search(tmp_path / "whole")
    target = whole.ranking()[2].curve[-1].value
    history, _ = search(tmp_path / "cut", target=target)
    assert history.ended_by == "target"
    assert history.num_trained < whole.num_trained
    assert history.ranking()[0].curve[-1].value >= target


def test_a_search_that_only_time_ends_counts_no_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(1_000_000)  # a second for every line
    monkeypatch.setattr("nas.ledger.time.time", lambda: next(clock))
    history = run_to_end(tmp_path, started(trials=None, time=100.0), InlineExecutor(fake_trainer()))
    assert history.ended_by == "time"
    assert history.study.max_trials is None


def test_the_spread_of_a_latency_and_the_noise_of_the_clock_are_told(tmp_path: Path) -> None:
    first = started(objectives=["accuracy", "latency"], candidates=1)
    history = begin(tmp_path, first)[1].history
    metrics = {"latency": 2e-3, "latency_fastest": 1.5e-3, "latency_slowest": 4e-3, "latency_clock": 5e-7}
    lines: list[Record] = [Proposed(0, {}, "ab" * 32, 100, 1000, 0, 1), Progress(0, 1, 0.5, metrics), Completed(0)]
    for record in lines:
        history.apply(Line(0.0, record))
    result = summarize(history, driver_is_alive=False)
    [told] = result.as_dict()["front"]
    assert {name: told[name] for name in metrics} == metrics
    text = "\n".join(result_lines(result, None))
    assert "  2 ms (1.5 to 4)  " in text
    assert "latency       median (fastest to slowest) of 7 rounds; the clock alone 0.0005 ms" in text


def test_a_latency_is_the_median_of_rounds_and_above_the_noise_of_the_clock() -> None:
    architecture = """
version: 1
name: net
input: {image: {map: [1, 8, 8]}}
net: [{conv: {out_channels: 4, kernel_size: 3}}, {global_avg_pool: {}}, {name: fc, linear: {out_features: 10}}]
output: {logits: fc}
"""
    latency = measure_latency(network(architecture), "cpu")
    assert latency.fastest <= latency.seconds <= latency.slowest
    assert 0 < latency.clock < latency.fastest
    job = Job(0, architecture, seed=0, epochs=2)
    events = list(Trainer(load_data("digits").search, Recipe(), "cpu", measures_latency=True)(job))
    first, second = (event.metrics for event in events if isinstance(event, Progress))
    assert {"latency", "latency_fastest", "latency_slowest", "latency_clock"} <= first.keys()
    assert "latency" not in second
