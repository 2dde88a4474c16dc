"""Runs that are cut, resumed, interrupted and refused; the tensors are arithmetic."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nas
import nas.driver
import search_spaces
from blocks.errors import BudgetError, FixpointError
from graphs import Budget
from nas import resume, status
from nas.data import DataError
from nas.driver import run_trials
from nas.executors.inline import InlineExecutor
from nas.history import History
from nas.ledger import LEDGER, Ledger, Line, RunError, read_ledger
from nas.manifest import damage_of
from nas.records import Exported, Finalised, Record, Resumed, Started
from nas.results import Result, SearchInterrupted
from nas.study import StudyError
from nas.trials import Diverged, Event, Failed, Job, OutOfMemory, Progress
from tests.nas.fakes import (
    BUDGET,
    RECIPE,
    SPACE_TEXT,
    ParallelExecutor,
    begin,
    fake_trainer,
    reopen,
    run_to_end,
    started,
    trials_of,
    write_bundle,
)
from tests.nas.test_ledger import file_size_limit

SPACE = search_spaces.parse(SPACE_TEXT)


def search(**keys: Any) -> Result:
    """A search of the little space, unless the keys have another."""
    return nas.search(**{"space": SPACE, "budget": BUDGET, "data": "digits", "starts": 0, **keys})


def cut(run: Path, copy: Path, num_lines: int, extra: bytes = b"") -> Path:
    """A run as a driver leaves it that is killed after this line, or within the next."""
    copy.mkdir()
    lines = (run / LEDGER).read_bytes().splitlines(keepends=True)
    (copy / LEDGER).write_bytes(b"".join(lines[:num_lines]) + extra)
    return copy


def resumed(run: Path) -> History:
    ledger, brain = reopen(run)
    with ledger, InlineExecutor(fake_trainer()) as executor:
        run_trials(ledger, brain, executor)
    return brain.history


@pytest.mark.parametrize(
    ("sampler", "fidelity", "stride"),
    [("random", "asha", 1), ("random", "hyperband", 4), ("tpe", "asha", 3), ("tpe", "full", 9)],
)
def test_a_run_that_is_killed_at_any_line_ends_as_if_it_had_not_been(
    tmp_path: Path, sampler: str, fidelity: str, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.samplers.tpe.TPESampler.num_startup", 4)
    first = started(sampler=sampler, fidelity=fidelity, trials=10, budget={"max_params": 250})
    whole = run_to_end(tmp_path / "whole", first, InlineExecutor(fake_trainer()))
    num_lines = len(read_ledger(tmp_path / "whole"))
    for num in range(1, num_lines + 1, stride):
        copy = cut(tmp_path / "whole", tmp_path / f"cut{num}", num, extra=b'{"n":' if num % 2 else b"")
        history = resumed(copy)
        assert trials_of(history) == trials_of(whole), f"cut after line {num}"
        assert history.counts() == whole.counts()
        assert history.ended_by == whole.ended_by


def test_a_run_that_is_killed_over_and_over_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    first = started(sampler="tpe", fidelity="asha", trials=14)
    whole = run_to_end(tmp_path / "whole", first, InlineExecutor(fake_trainer()))
    cut(tmp_path / "whole", tmp_path / "cut", 1)
    for allowed in range(9, 400, 9):
        ledger, brain = reopen(tmp_path / "cut")
        with ledger, pytest.MonkeyPatch.context() as patch:
            patch.setattr(Ledger, "append", _dies_after(allowed // 9 + 12, Ledger.append))
            try:
                run_trials(ledger, brain, InlineExecutor(fake_trainer()))
            except _KilledError:
                continue
        break
    assert trials_of(History.of(tmp_path / "cut", read_ledger(tmp_path / "cut"))) == trials_of(whole)


class _KilledError(Exception):
    pass


def _dies_after(num_lines: int, append: Callable[[Ledger, Record], object]) -> Callable[[Ledger, Record], object]:
    written = 0

    def limited(ledger: Ledger, record: Record) -> object:
        nonlocal written
        written += 1
        if written > num_lines:
            raise _KilledError
        return append(ledger, record)

    return limited


def test_no_finished_trial_is_repeated_or_lost_with_several_workers(tmp_path: Path) -> None:
    first = started(trials=12, fidelity="asha")
    run_to_end(tmp_path / "whole", first, ParallelExecutor(fake_trainer(), capacity=3))
    num_lines = len(read_ledger(tmp_path / "whole"))
    for num in range(2, num_lines, 5):
        copy = cut(tmp_path / "whole", tmp_path / f"cut{num}", num)
        before = History.of(copy, read_ledger(copy))
        finished = {trial.number: trial.state for trial in before.trials.values() if trial.is_over}
        ledger, brain = reopen(copy)
        executor = ParallelExecutor(fake_trainer(), capacity=3)
        with ledger, executor:
            run_trials(ledger, brain, executor)
        assert not {job.trial for job in executor.jobs} & set(finished)
        assert {number: brain.history.trials[number].state for number in finished} == finished
        assert brain.history.num_trained == 12


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """`search` and `resume` with a fake trainer and a fake end; `control.trainer` may be replaced."""
    control = SimpleNamespace(trainer=fake_trainer(), finished=0, device="")

    def finish(history: History, *others: object) -> Iterator[Record]:
        winner = history.winner()
        if winner is None:
            return
        control.finished += 1
        control.device = others[-1]
        if 1 not in history.finals.get(winner.number, {}):
            yield Finalised(winner.number, 1, 0.97, 0.1, 1.0, "final/x")
        if 2 not in history.finals[winner.number]:
            yield Finalised(winner.number, 2, 0.99, 0.1, 1.0, "final/y")
        if history.exported is None or damage_of(history.run / "bundle"):
            write_bundle(history.run / "bundle")
            yield Exported("bundle", {})

    monkeypatch.setattr(nas.driver, "make_executor", lambda *_: InlineExecutor(control.trainer))
    monkeypatch.setattr(nas.driver, "finish", finish)
    return control


@pytest.mark.usefixtures("offline")
def test_a_search_ends_with_a_bundle_and_says_what_became_of_its_trials(tmp_path: Path) -> None:
    seen: list[str] = []
    result = search(
        trials=6,
        recipe=RECIPE,
        run=tmp_path / "run",
        on_event=lambda record, _: seen.append(type(record).__name__),
    )
    assert result.ended_by == "trials"
    assert sum(result.trials.values()) == 6
    assert result.bundle == tmp_path / "run" / "bundle"
    assert result.best is not None
    assert result.best.params <= 400
    assert result.test is not None
    assert result.test.mean == pytest.approx(0.98)
    assert result.test.std == pytest.approx(0.01414, abs=1e-5)
    assert set(result.as_dict()) >= {"run", "ended_by", "trials", "best", "bundle"}
    assert seen[0] == "Started"
    assert seen[-1] == "Exported"
    assert len(seen) == len(read_ledger(tmp_path / "run"))
    assert status(tmp_path / "run") == result


@pytest.mark.parametrize(("device", "final"), [("cuda", "auto"), ("cuda:1", "auto"), ("auto", "auto"), ("cpu", "cpu")])
def test_the_devices_of_a_cluster_are_none_that_the_driver_trains_on(
    tmp_path: Path, offline: SimpleNamespace, device: str, final: str
) -> None:
    search(trials=3, recipe=RECIPE, run=tmp_path, executor="ray", address="10.0.0.1:6379", device=device)
    assert offline.device == final


@pytest.mark.usefixtures("offline")
def test_a_run_that_is_over_is_left_as_it_is(tmp_path: Path) -> None:
    result = search(trials=3, recipe=RECIPE, run=tmp_path)
    before = (tmp_path / LEDGER).read_bytes()
    assert resume(tmp_path) == result
    assert (tmp_path / LEDGER).read_bytes() == before


def test_of_a_run_that_is_over_a_lost_bundle_is_written_anew_and_nothing_is_trained(
    tmp_path: Path, offline: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = search(trials=3, recipe=RECIPE, run=tmp_path)
    shutil.rmtree(tmp_path / "bundle")
    lost = status(tmp_path)
    assert (lost.ended_by, lost.bundle, lost.damage) == ("trials", None, f"{tmp_path / 'bundle'} is gone")
    monkeypatch.delattr(nas.driver, "make_executor")
    seen: list[str] = []
    again = resume(tmp_path, on_event=lambda record, _: seen.append(type(record).__name__))
    assert seen == ["Resumed", "Exported"]
    assert (again.bundle, again.test, again.best) == (result.bundle, result.test, result.best)
    assert offline.finished == 2


@pytest.mark.usefixtures("offline")
def test_a_folder_that_holds_a_run_is_refused_before_images_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(trials=3, recipe=RECIPE, run=tmp_path)
    monkeypatch.delattr(nas.driver, "open_study")
    with pytest.raises(RunError, match="already holds a run"):
        search(trials=3, recipe=RECIPE, run=tmp_path)


def test_an_impossible_budget_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="80 params"):
        search(budget=Budget.of(max_params=10), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def interrupting(trial: int, epoch: int) -> Callable[[Job], Iterator[Event]]:
    def train(job: Job) -> Iterator[Event]:
        for event in fake_trainer()(job):
            if isinstance(event, Progress) and (event.trial, event.epoch) == (trial, epoch):
                raise KeyboardInterrupt
            yield event

    return train


def test_ctrl_c_says_what_resumes_and_resuming_ends_as_the_whole_run(tmp_path: Path, offline: SimpleNamespace) -> None:
    whole = search(trials=6, recipe=RECIPE, run=tmp_path / "whole")
    offline.trainer = interrupting(trial=3, epoch=1)
    with pytest.raises(SearchInterrupted) as caught:
        search(trials=6, recipe=RECIPE, run=tmp_path / "cut")
    assert caught.value.command == f"nas resume {tmp_path / 'cut'}"
    assert status(tmp_path / "cut").ended_by == "interrupted"
    offline.trainer = fake_trainer()
    again = resume(tmp_path / "cut")
    assert again.trials == whole.trials
    assert again.best == whole.best
    assert again.ended_by == "trials"
    assert [type(line.record) for line in read_ledger(tmp_path / "cut")].count(Resumed) == 1


@pytest.mark.usefixtures("offline")
def test_ctrl_c_just_as_the_ledger_begins_says_what_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SearchInterrupted) as caught:
        search(trials=3, recipe=RECIPE, run=tmp_path / "told", on_event=interrupt)
    assert caught.value.command == f"nas resume {tmp_path / 'told'}"
    append = Ledger.append
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", lambda *line: interrupt(append(*line)))
        with pytest.raises(SearchInterrupted):
            search(trials=3, recipe=RECIPE, run=tmp_path / "written")
    assert resume(tmp_path / "written").trials == resume(tmp_path / "told").trials


def test_a_cluster_that_is_not_there_costs_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    for run in (None, "rx"):
        with pytest.raises(FixpointError, match=r"there is no Ray cluster at 127\.0\.0\.1:1: "):
            search(executor="ray", address="127.0.0.1:1", run=run)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("storage", "kept"), [("shared", "{}/shared"), ("s3://images/shared", "s3://images/shared")])
def test_a_run_has_the_storage_that_it_began_with_wherever_it_is_resumed(
    storage: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search(trials=3, recipe=RECIPE, executor="ray", storage=storage, run="whole")
    assert History.of(Path("whole"), read_ledger(Path("whole"))).study.storage == kept.format(tmp_path)
    cut(Path("whole"), Path("cut"), 5)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert resume("../cut").ended_by == "trials"
    assert [*Path().iterdir()] == []


@pytest.mark.usefixtures("offline")
def test_a_run_whose_folder_is_removed_ends_at_its_next_event(tmp_path: Path) -> None:
    def remove(record: Record, history: History) -> None:
        if isinstance(record, Progress):
            shutil.rmtree(history.run)

    with pytest.raises(RunError, match="was removed while the run went on"):
        search(trials=3, recipe=RECIPE, run=tmp_path / "run", on_event=remove)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("offline")
def test_a_run_that_ends_in_its_final_training_goes_on_with_the_next_seed(tmp_path: Path) -> None:
    search(trials=3, recipe=RECIPE, run=tmp_path / "whole")
    kinds = [type(line.record) for line in read_ledger(tmp_path / "whole")]
    cut(tmp_path / "whole", tmp_path / "cut", kinds.index(Finalised) + 1)
    assert status(tmp_path / "cut").ended_by == "interrupted"
    result = resume(tmp_path / "cut")
    assert result.test is not None
    assert result.test.accuracies == (0.97, 0.99)
    assert [type(line.record) for line in read_ledger(tmp_path / "cut")].count(Finalised) == 2


@pytest.mark.usefixtures("offline")
def test_status_of_a_living_run_says_that_it_runs(tmp_path: Path) -> None:
    seen = []

    def look(record: Record, history: History) -> None:
        if isinstance(record, Progress):
            seen.append(status(history.run).ended_by)

    search(trials=3, recipe=RECIPE, run=tmp_path, on_event=look)
    assert set(seen) == {"running"}


def test_status_of_a_run_that_ends_meanwhile_advises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, _ = begin(tmp_path, started())

    def read_and_end(run: Path, lines: Iterable[Line]) -> History:
        history = reading(run, lines)
        ledger.close()
        return history

    reading = History.of
    monkeypatch.setattr(History, "of", read_and_end)
    assert status(tmp_path).ended_by == "running"


@pytest.mark.usefixtures("offline")
def test_a_second_driver_on_a_living_run_is_refused(tmp_path: Path) -> None:
    def rival(record: Record, history: History) -> None:
        if isinstance(record, Started):
            with pytest.raises(RunError, match="in use by another driver"):
                resume(history.run)

    assert search(trials=3, recipe=RECIPE, run=tmp_path, on_event=rival).ended_by == "trials"


@pytest.mark.usefixtures("offline")
def test_a_folder_with_a_run_is_not_searched_in_again(tmp_path: Path) -> None:
    search(trials=3, recipe=RECIPE, run=tmp_path)
    with pytest.raises(RunError, match="already holds a run"):
        search(trials=3, recipe=RECIPE, run=tmp_path)


@pytest.mark.usefixtures("offline")
def test_runs_without_a_name_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [str(search(trials=2, recipe=RECIPE).run) for _ in range(2)]
    assert names == ["runs/little-digits-1", "runs/little-digits-2"]


@pytest.mark.usefixtures("offline")
def test_a_search_says_what_it_is_at_before_it_begins(tmp_path: Path) -> None:
    told: list[object] = []

    def observe(record: Record, _: History) -> None:
        told.append(type(record))

    search(trials=1, recipe=RECIPE, run=tmp_path / "run", on_wait=told.append, on_event=observe)
    assert told[:2] == [
        "reading `digits`, and working out what networks of `little` cost",
        Started,
    ]


@pytest.mark.usefixtures("offline")
def test_images_that_have_changed_are_refused_on_resume(tmp_path: Path) -> None:
    search(trials=2, recipe=RECIPE, run=tmp_path / "whole")
    (tmp_path / "cut").mkdir()
    with Ledger.create(tmp_path / "cut") as ledger:
        ledger.append(started())
    with pytest.raises(RunError, match=r"are not those that .* began with"):
        resume(tmp_path / "cut")


@pytest.mark.usefixtures("offline")
def test_a_full_disk_ends_the_run_with_one_sentence_and_a_whole_ledger(tmp_path: Path) -> None:
    whole = search(trials=6, recipe=RECIPE, run=tmp_path / "whole")
    size = (tmp_path / "whole" / LEDGER).stat().st_size
    with file_size_limit(size // 2), pytest.raises(RunError, match="cannot be written"):
        search(trials=6, recipe=RECIPE, run=tmp_path / "full")
    assert (tmp_path / "full" / LEDGER).read_bytes().endswith(b"\n")
    assert resume(tmp_path / "full").best == whole.best


@pytest.mark.parametrize("room", [0, 100], ids=["nothing fits", "a part of the first line fits"])
@pytest.mark.parametrize("run", [None, "deep/er/run", "there"])
def test_a_disk_that_is_full_from_the_beginning_leaves_nothing_behind(
    room: int, run: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    with file_size_limit(room), pytest.raises(RunError, match="cannot be written") as caught:
        search(trials=2, recipe=RECIPE, run=run)
    assert caught.value.help == "make room, fix the permissions, or choose another folder"
    assert [*tmp_path.rglob("*")] == [tmp_path / "there"]


@pytest.mark.usefixtures("offline")
def test_a_run_can_begin_where_a_full_disk_kept_one_from_it(tmp_path: Path) -> None:
    with file_size_limit(0), pytest.raises(RunError):
        search(trials=2, recipe=RECIPE, run=tmp_path / "run")
    assert search(trials=2, recipe=RECIPE, run=tmp_path / "run").ended_by == "trials"


def test_a_file_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for verb in (lambda run: search(run=run), resume, status):
        with pytest.raises(RunError, match=r"file is a file, and a run is a folder") as caught:
            verb(tmp_path / "file")
        assert caught.value.help == "give the folder of a run, or one that is new"
    with pytest.raises(RunError) as caught:
        status(tmp_path / "file" / LEDGER)
    (tmp_path / LEDGER).touch()
    with pytest.raises(RunError) as caught:
        status(tmp_path / LEDGER)
    assert caught.value.help == f"give its folder: {tmp_path}"
    assert (tmp_path / "file").read_text() == "mine"


def test_a_space_for_other_images_is_refused(tmp_path: Path) -> None:
    wide = search_spaces.parse(SPACE_TEXT.replace("[1, 8, 8]", "[3, 9, 8]"))
    with pytest.raises(DataError, match="take 3x9x8, the images are 1x8x8"):
        search(space=wide, run=tmp_path / "run")
    many = search_spaces.parse(SPACE_TEXT.replace("out_features: 10", "out_features: 7"))
    with pytest.raises(DataError, match=r"the images 10 classes\n  help: call the parameter `classes`, "):
        search(space=many, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_parameters_are_not_set_of_a_space_that_is_loaded_already(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="`set` does not apply to a `Space` object") as caught:
        search(set={"nonsense": 3}, run=tmp_path / "run")
    assert caught.value.faults[0].path == ("set",)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trials": 0}, "`trials` is 0"),
        ({"sampler": "magic"}, "there is no sampler `magic`"),
        ({"executor": "moon"}, "there is no executor `moon`"),
        ({"final_seeds": 0}, "`final_seeds` is 0"),
        ({"candidates": -1}, "`candidates` is -1"),
        ({"recipe": {"epochs": 0}}, "`epochs` is 0"),
        ({"recipe": {"epochs": 9}, "first_rung": 9}, "`first_rung` is 9, and a trial has 9 epochs"),
        ({"time": "2 weeks"}, "`time` is a number with a unit, got `2 weeks`"),
        ({"target": "130%"}, "`target` is an accuracy above 0 and up to 100%, got `130%`"),
        ({"objectives": ["speed"]}, "there is no objective `speed`"),
        ({"trails": 3}, "a study has no key `trails`"),
        ({"workers": 2}, "`inline` runs one trial at a time, not 2"),
        ({"address": "head:6379"}, "`inline` runs on this machine alone"),
        ({"executor": "ray", "workers": 0}, "`workers` is 0"),
    ],
    ids=[
        "trials",
        "sampler",
        "executor",
        "final_seeds",
        "candidates",
        "epochs",
        "first_rung",
        "time",
        "target",
        "objectives",
        "trails",
        "workers inline",
        "address",
        "workers",
    ],
)
def test_arguments_that_mean_nothing_are_refused(tmp_path: Path, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(FixpointError, match=re.escape(message)):
        search(run=tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_a_run_in_which_nothing_was_completed_has_no_bundle(tmp_path: Path, offline: SimpleNamespace) -> None:
    def broken(job: Job) -> Iterator[Event]:
        yield Failed(job.trial, "no such device")

    offline.trainer = broken
    result = search(trials=30, recipe=RECIPE, run=tmp_path)
    assert (result.ended_by, result.best, result.bundle) == ("failures", None, None)
    assert offline.finished == 0
    assert resume(tmp_path) == result


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        (
            Diverged(0, "the loss became nan in epoch 1"),
            "3 of 4 trials diverged, such as by: the loss became nan in epoch 1; "
            "lower the `learning_rate` of the `recipe`, which is 1e+09",
        ),
        (
            Failed(0, "Traceback (most recent call last):\n  there\nValueError: no such thing\n"),
            "3 of 4 trials failed, such as by: ValueError: no such thing; correct what is told there; {} has",
        ),
        (
            OutOfMemory(0, "2 GiB are not to be had"),
            # what needs too much memory doesn't count as trained: it ends by ten failures in a row
            "9 of 10 trials ran out of memory, such as by: 2 GiB are not to be had; "
            "lower the `batch_size` of the `recipe`, which is 32",
        ),
    ],
    ids=["diverged", "failed", "memory"],
)
def test_where_no_network_came_of_a_search_the_commonest_reason_is_told_with_what_to_change(
    tmp_path: Path, offline: SimpleNamespace, end: Diverged | Failed | OutOfMemory, failure: str
) -> None:
    other = Failed(0, "an odd one") if not isinstance(end, Failed) else Diverged(0, "the loss became inf")

    def broken(job: Job) -> Iterator[Event]:
        yield replace(other if job.trial == 1 else end, trial=job.trial)

    offline.trainer = broken
    recipe = {"learning_rate": 1e9, "batch_size": 32}
    result = search(trials=4, recipe=recipe, run=tmp_path, candidates=1)
    assert result.failure.startswith(failure.format(tmp_path / LEDGER))
    assert status(tmp_path).as_dict()["failure"] == result.failure
