"""The table of outcomes, each row caused for real: real trainings, real processes, real signals, a real cluster.

What needs no process of its own is elsewhere: kills at every line and full disks in test_driver, damaged and torn
lines in test_ledger, whole searches that are killed in test_killing and, line by line, in test_killed_on_a_table.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nas.driver import run_trials, status
from nas.executors.inline import InlineExecutor
from nas.history import MAX_LOSSES, History
from nas.ledger import LEDGER, Line, read_ledger
from nas.records import Promoted, Proposed, Resumed
from nas.states import DIVERGED, FAILED, REJECTED, RUNNING
from nas.trials import Completed, Diverged, Executor, Failed, Job, Lost, OutOfMemory, Paused, Progress, Stopped
from tests.nas.fakes import begin, fake_trainer, reopen, run_to_end, started, trials_of
from tests.nas.faults import Faulty
from tests.nas.killed_driver import FIRST, NUM_TRIALS, sleeping_trainer
from tests.nas.poisoned_driver import POISON
from tests.nas.processes import descendants, end

ROOT = Path(__file__).parents[2]
ENDS = (Completed, Paused, Stopped, Diverged, Failed, OutOfMemory, Lost)
WELL = {"Completed", "Paused", "Stopped"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and limits the address space"),
]


def make(name: str, trainer: Faulty) -> Executor:
    if name == "inline":
        return InlineExecutor(trainer)
    from nas.executors.ray import RayExecutor

    return RayExecutor(trainer, capacity=2)


def ends_of(run: Path) -> dict[int, list[str]]:
    """How the attempts of each trial ended, as the ledger has it."""
    ends: dict[int, list[str]] = {}
    for line in read_ledger(run):
        if isinstance(line.record, ENDS):
            ends.setdefault(line.record.trial, []).append(type(line.record).__name__)
    return ends


@contextmanager
def killing(folder: Path) -> Iterator[None]:
    """Kills every process that says it hangs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            for said in folder.glob("*.pid"):
                os.kill(int(said.read_text()), signal.SIGKILL)
                said.unlink()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("name", ["inline", "ray"])
def test_whatever_becomes_of_a_trial_is_told_by_the_ledger_and_costs_no_other(name: str, tmp_path: Path) -> None:
    faults = {1: "nan", 2: "memory", 3: "exception", 4: "memory!"} | ({5: "hang"} if name == "ray" else {})
    trainer = Faulty(tmp_path, faults)
    first = replace(started(trials=8, candidates=1), recipe=trainer.recipe)
    with killing(tmp_path):
        history = run_to_end(tmp_path / "run", first, make(name, trainer))
    ends = ends_of(tmp_path / "run")
    trials = history.trials

    assert (ends[1], trials[1].state) == (["Diverged"], DIVERGED)
    assert "the loss became nan" in trials[1].reason
    assert ends[2][0] == "OutOfMemory"
    assert ends[2][1:]
    assert {*ends[2][1:]} <= WELL
    assert (ends[3], trials[3].state) == (["Failed"], FAILED)
    assert "Target 10 is out of bounds" in trials[3].reason
    assert (ends[4], trials[4].state) == (["OutOfMemory"] * 2, REJECTED)
    if name == "ray":
        assert ends[5][0] == "Lost"
        assert ends[5][1:]
        assert {*ends[5][1:]} <= WELL
    for number in trials.keys() - faults.keys():
        assert {*ends[number]} <= WELL
    assert history.num_trained == 8


def test_a_node_that_is_removed_costs_what_ran_on_it(tmp_path: Path) -> None:
    """Of three nodes with a worker each, one goes away; the other two finish what it was at, and everything after.

    The cluster asks for no token, unlike the one that this process had before.
    """
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    from nas.executors.ray import RayExecutor

    RayExecutor(sleeping_trainer(0), capacity=1).close()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        ledger, brain = begin(tmp_path / "run", FIRST)
        executor = RayExecutor(
            sleeping_trainer(0.2), capacity=3, address=cluster.address, storage=str(tmp_path / "shared")
        )
        removing = threading.Thread(target=cluster.remove_node, args=(nodes[1],), kwargs={"allow_graceful": False})

        def watch(record: object, history: History) -> None:
            if history.num_trained == 3 and removing.ident is None:
                removing.start()

        with ledger, executor:
            run_trials(ledger, brain, executor, watch)
        removing.join()
    finally:
        cluster.shutdown()
    ends = ends_of(tmp_path / "run")
    assert brain.history.ended_by == "trials", [trial.reason for trial in brain.history.trials.values()]
    lost = {number for number, of_trial in ends.items() if "Lost" in of_trial}
    assert len(lost) == 1
    for of_trial in ends.values():
        assert of_trial[-1] in WELL
        assert of_trial.count("Lost") <= 1
        assert {*of_trial} <= WELL | {"Lost"}


def drive(run: Path, executor: str) -> subprocess.Popen[str]:
    """A driver of its own, that begins a run or goes on with it; in a group of its own, to be cleared away."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.nas.killed_driver", str(run), executor],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill_at_random(run: Path, executor: str, most_seconds: float) -> bool:
    """Kills a driver some moments after it has begun its work; whether there was still something to kill."""
    driver = drive(run, executor)
    assert driver.stdout is not None
    begun = driver.stdout.readline()
    try:
        driver.wait(random.uniform(0, most_seconds))
    except subprocess.TimeoutExpired:
        below = descendants(driver.pid)
        driver.kill()
        driver.wait()
        time.sleep(0.5 if below else 0)
        end(below)
        assert begun == "begun\n", begun + driver.stdout.read()
        return True
    finally:
        driver.stdout.close()
    assert driver.returncode == 0, begun
    return False


def bring_to_end(run: Path, executor: str) -> None:
    with drive(run, executor) as driver:
        said, _ = driver.communicate()
    assert driver.returncode == 0, said


def test_a_driver_that_is_killed_at_twenty_random_moments_does_what_it_would_have_done(tmp_path: Path) -> None:
    whole = run_to_end(tmp_path / "whole", FIRST, InlineExecutor(sleeping_trainer(0)))
    num_kills = 0
    finished: dict[int, str] = {}
    while kill_at_random(tmp_path / "run", "inline", 0.8):
        num_kills += 1
        assert status(tmp_path / "run").ended_by == "interrupted"
        history = History.of(tmp_path / "run", read_ledger(tmp_path / "run"))
        now = {trial.number: trial.state for trial in history.trials.values() if trial.state != "running"}
        assert finished.items() <= now.items()
        finished = now
        if num_kills == 20:
            break
    bring_to_end(tmp_path / "run", "inline")
    assert num_kills == 20
    history = History.of(tmp_path / "run", read_ledger(tmp_path / "run"))
    assert trials_of(history) == trials_of(whole)
    assert all({*of_trial} <= WELL for of_trial in ends_of(tmp_path / "run").values())


def test_with_ray_no_finished_trial_is_lost_or_repeated_by_a_driver_that_is_killed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for _ in range(3):
        kill_at_random(run, "ray", 6.0)
    bring_to_end(run, "ray")
    history = History.of(run, read_ledger(run))
    assert history.num_trained == NUM_TRIALS
    assert len({trial.hash for trial in history.searched}) == NUM_TRIALS
    for of_trial in ends_of(run).values():
        assert {*of_trial} <= WELL
        assert not {"Completed", "Stopped"} & {*of_trial[:-1]}
    records = [line.record for line in read_ledger(run)]
    num_begun = sum(isinstance(record, Progress) and record.epoch == 1 for record in records)
    num_kills = sum(isinstance(record, Resumed) for record in records)
    assert num_begun <= NUM_TRIALS + 2 * num_kills  # there are two workers


def test_two_drivers_on_one_run_are_one_too_many(tmp_path: Path) -> None:
    first = drive(tmp_path / "run", "inline")
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "begun\n"
        second = subprocess.run(
            [sys.executable, "-m", "nas", "resume", str(tmp_path / "run")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
    assert second.returncode == 1
    assert second.stderr.startswith(f"error: {tmp_path / 'run'} is in use by another driver\n  help: ")
    assert second.stdout == ""
    assert (tmp_path / "run" / LEDGER).read_bytes().count(b'"kind":"resumed"') == 0


def test_a_trial_that_kills_the_driver_fails_in_the_end_and_costs_no_other(tmp_path: Path) -> None:
    run = tmp_path / "run"
    codes: list[int] = []
    while 0 not in codes and len(codes) < 9:
        process = subprocess.run([sys.executable, "-m", "tests.nas.poisoned_driver", str(run)], cwd=ROOT, check=False)
        codes.append(process.returncode)
    assert codes == [-signal.SIGKILL] * MAX_LOSSES + [0]
    history = History.of(run, read_ledger(run))
    assert ends_of(run) == {0: ["Completed"], POISON: ["Failed"], 2: ["Completed"]}
    assert history.trials[POISON].state == FAILED
    assert history.trials[POISON].reason.startswith("the process that trained it was killed, or crashed, 5 times in a")
    assert history.ended_by == "trials"


def test_a_driver_that_ends_in_order_costs_a_trial_nothing(tmp_path: Path) -> None:
    """As by Ctrl-C, however often."""

    def interrupt(_: Job) -> None:
        raise KeyboardInterrupt

    for number in range(MAX_LOSSES + 1):
        ledger, brain = reopen(tmp_path) if number else begin(tmp_path, started(trials=1))
        with ledger, InlineExecutor(fake_trainer(interrupt)) as executor, pytest.raises(KeyboardInterrupt):
            run_trials(ledger, brain, executor)
    trial = History.of(tmp_path, read_ledger(tmp_path)).trials[0]
    assert (trial.state, trial.num_deaths) == (RUNNING, 0)


def test_drivers_that_die_where_a_trial_went_on_from_its_rung_died_at_one_place(tmp_path: Path) -> None:
    """The first of them had trained it up to the rung as well, the others began there."""
    history = History(tmp_path, Line(0.0, started()))
    trial = Proposed(0, {"width": 8}, "0" * 32, 100, 1000, 0, 4, until=1)
    for record in (trial, Progress(0, 1, 0.5, seconds=1.0), Paused(0, 1), Promoted(0, 4)):
        history.apply(Line(0.0, record))
    for number in range(MAX_LOSSES):
        history.apply(Line(0.0, Resumed({}, "inline", history.at_work)))
        assert history.trials[0].num_deaths == number + 1
    history.apply(Line(0.0, Progress(0, 2, 0.5, seconds=1.0)))
    history.apply(Line(0.0, Resumed({}, "inline", history.at_work)))
    assert history.trials[0].num_deaths == 1
