"""What comes out of a ledger while a run goes on: a display that follows it, and a study in an Optuna storage."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

import nas
from nas.cli.watching import watch
from nas.driver import run_trials
from nas.executors.inline import InlineExecutor
from nas.history import History
from nas.ledger import LEDGER, Follower, Ledger, RunError, read_ledger
from nas.optuna_storage import StorageError, export_to_optuna
from nas.records import Ended, Finalised, Reported, Unfinished
from nas.trials import Completed, Diverged, Progress
from tests.nas.conftest import Answer
from tests.nas.fakes import begin, fake_trainer, run_to_end, started
from tests.nas.processes import heed_ctrl_c
from tests.nas.tabulated import SPACE, rows_of, write_table
from tests.nas.test_driver import cut

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search that is over but for its end, with every outcome that needs no worker."""
    folder = tmp_path_factory.mktemp("runs") / "run"

    def ending(job: object) -> Diverged | None:
        return Diverged(1, "the loss became nan") if getattr(job, "trial", None) == 1 else None

    run_to_end(
        folder, started(trials=9, candidates=1, budget={"max_params": 250}), InlineExecutor(fake_trainer(ending))
    )
    return folder


def export(run: Path, url: str) -> tuple[int, int]:
    lines = read_ledger(run)
    done = export_to_optuna(History.of(run, lines), lines, url)
    return done.num_new, done.num_updated


def test_a_study_of_optuna_holds_what_the_ledger_does(run: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    history = History.of(run, read_ledger(run))
    num_new, _ = export(run, url)
    study = optuna.load_study(study_name="fake", storage=url)
    assert num_new == len(study.trials) >= len(history.searched)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.metric_names == ["accuracy"]
    there = {trial.user_attrs["trial"]: trial for trial in study.trials if "trial" in trial.user_attrs}
    assert there.keys() == {trial.number for trial in history.searched}
    for trial in history.searched:
        frozen = there[trial.number]
        assert frozen.params == dict(trial.decisions)
        assert frozen.intermediate_values == {epoch.epoch: epoch.value for epoch in trial.curve}
        assert (frozen.user_attrs["hash"], frozen.user_attrs["params"]) == (trial.hash, trial.params)
        assert frozen.constraints == {"max_params": pytest.approx(trial.params / 250 - 1)}
        assert frozen.datetime_start is not None
        assert frozen.datetime_complete is not None
        expected = {"complete": TrialState.COMPLETE, "failed": TrialState.FAIL}.get(trial.state, TrialState.PRUNED)
        assert frozen.state == expected
        assert frozen.values == ([trial.value] if trial.state == "complete" else None)
    best = history.ranking()[0]
    assert study.best_trial.value == best.value
    assert there[1].user_attrs["reason"] == "the loss became nan"


@pytest.mark.parametrize("minimize", [False, True])
def test_a_study_of_a_table_has_the_name_the_direction_and_the_values_of_its_column(
    minimize: bool, tmp_path: Path
) -> None:
    table = write_table(tmp_path)
    rows = {row["arch"]: float(row["val9"]) for row in rows_of(table)}
    lookup = {"file": str(table), "key": "arch", "seen": "1=val1,9=val9", "minimize": minimize}
    nas.search(
        space=SPACE, table=lookup, run=tmp_path / "run", sampler="random", trials=5, objectives=["macs", "accuracy"]
    )
    url = f"sqlite:///{tmp_path}/runs.db"
    export(tmp_path / "run", url)
    study = optuna.load_study(study_name="run", storage=url)
    assert study.metric_names == ["macs", "val9"]
    least, most = optuna.study.StudyDirection.MINIMIZE, optuna.study.StudyDirection.MAXIMIZE
    assert study.directions == [least, least if minimize else most]
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert complete
    for trial in complete:
        [key] = SPACE.key(trial.params)
        assert trial.values[1] == trial.intermediate_values[9] == rows[key]


def test_a_later_export_brings_up_to_date_what_was_running(run: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    lines = read_ledger(run)
    [at] = [number for number, line in enumerate(lines) if line.record == Completed(0)]
    early = cut(run, tmp_path / "early", at)
    assert export(early, url) == (1, 0)
    assert [trial.state for trial in optuna.load_study(study_name="fake", storage=url).trials] == [TrialState.RUNNING]
    num_new, num_updated = export(run, url)
    assert num_updated == 1
    study = optuna.load_study(study_name="fake", storage=url)
    assert len(study.trials) == 1 + num_new
    assert study.trials[0].state == TrialState.COMPLETE
    assert len(study.trials[0].intermediate_values) == 9
    assert export(run, url) == (0, 0)


def test_a_trial_is_complete_there_when_it_was_and_not_when_its_network_was_trained_again(
    run: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    copy = cut(run, tmp_path / "copy", len(read_ledger(run)))
    [at] = [line.at for line in read_ledger(run) if line.record == Completed(0)]
    ledger, _ = Ledger.open(copy, list)
    with ledger:
        ledger.clock = lambda: at + 3600
        for record in (Finalised(0, 1, 0.9, 0.1, 1.0, "final/0"), Unfinished(0, "it diverged"), Reported(0, 0.9)):
            ledger.append(record)
    export(copy, url)
    [trial] = [
        one for one in optuna.load_study(study_name="fake", storage=url).trials if one.user_attrs.get("trial") == 0
    ]
    assert trial.datetime_complete is not None
    assert trial.datetime_complete.timestamp() == pytest.approx(at, abs=1e-3)


def test_a_study_of_another_run_of_this_name_is_left_alone(run: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    export(run, url)
    ledger, _ = begin(tmp_path / "other", started(trials=2))
    ledger.close()
    with pytest.raises(StorageError, match="holds another study `fake`"):
        export(tmp_path / "other", url)


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////no/such/folder/x.db", "nosql://x", "mysql+nodriver://host/x"], ids=str
)
def test_a_storage_that_does_not_work_is_told_in_one_sentence(run: Path, url: str) -> None:
    with pytest.raises(StorageError, match="can't be used: ") as caught:
        export(run, url)
    assert len(str(caught.value).splitlines()) == 2


def test_the_command_says_how_many_trials_were_written(run: Path, tmp_path: Path, nas: Callable[..., Answer]) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    code, out, err = nas("status", run, "--optuna", url)
    assert (code, err) == (0, "")
    assert f"optuna        study fake of {url}: " in out
    code, out, err = nas("status", run, "--optuna", "nonsense")
    assert (code, out) == (1, "")
    assert err.startswith("error: the Optuna storage nonsense can't be used: ")


def test_a_follower_reads_every_line_once_and_no_half_line(run: Path, tmp_path: Path) -> None:
    whole = (run / LEDGER).read_bytes()
    lines = read_ledger(run)
    first = whole.index(b"\n") + 1
    path = tmp_path / LEDGER
    path.write_bytes(whole[: first + 20])
    follower = Follower(tmp_path)
    assert list(follower.read()) == lines[:1]
    assert list(follower.read()) == []
    path.write_bytes(whole)
    assert list(follower.read()) == lines[1:]
    assert list(follower.read()) == []
    path.write_bytes(whole + b"{}\n")
    with pytest.raises(RunError, match=f"line {len(lines) + 1} of .* is damaged"):
        list(follower.read())


def test_watching_tells_every_trial_that_ends_and_ends_with_the_driver(tmp_path: Path) -> None:
    """The driver is another thread here, which waits in the middle until the watcher has told of its first trials."""
    ledger, brain = begin(tmp_path / "run", started(trials=5, candidates=1))
    told = io.StringIO()
    watching = threading.Thread(target=watch, args=(tmp_path / "run", told))

    def wait(record: object, history: History) -> None:
        if isinstance(record, Progress) and (record.trial, record.epoch) == (2, 1):
            watching.start()
            while "trial 1 " not in told.getvalue():
                assert watching.is_alive() or "trial 1 " in told.getvalue()

    with ledger, InlineExecutor(fake_trainer()) as executor:
        run_trials(ledger, brain, executor, wait)
        assert isinstance(read_ledger(tmp_path / "run")[-1].record, Ended)
    watching.join(20)
    assert not watching.is_alive()
    lines = told.getvalue().splitlines()
    assert lines[0] == f"run {tmp_path / 'run'}"
    assert lines[1].startswith("starts: ")
    assert lines[2].startswith("recipe: ")
    assert [line.split()[2] for line in lines[3:8]] == ["0", "1", "2", "3", "4"]
    assert lines[8].startswith("search ended (trials): 5 networks trained")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal")
def test_watching_on_a_terminal_ends_cleanly_with_ctrl_c(run: Path, tmp_path: Path) -> None:
    copy = cut(run, tmp_path / "copy", 12)
    own, other = pty.openpty()
    ledger, _ = Ledger.open(copy, list)
    with ledger:
        watcher = subprocess.Popen(
            [sys.executable, "-m", "nas", "status", str(copy), "--watch"],
            cwd=ROOT,
            stdout=other,
            stderr=subprocess.PIPE,
            preexec_fn=heed_ctrl_c,
        )
        os.close(other)
        seen = b""
        while b"networks are trained" not in seen:
            seen += os.read(own, 4096)
        watcher.send_signal(signal.SIGINT)
        _, complaint = watcher.communicate(timeout=60)
    os.close(own)
    assert watcher.returncode == 130
    assert complaint == b""


def test_of_documents_the_ledger_has_the_space_alone_and_once(run: Path) -> None:
    """A network is its decisions and its hash."""
    first, *rest = (run / LEDGER).read_text().splitlines()
    assert "global_avg_pool" in first
    assert not any("global_avg_pool" in line for line in rest)
    [proposed] = [line for line in rest if '"kind":"proposed"' in line and '"trial":0,' in line]
    assert history_of(run).trials[0].hash in proposed


def history_of(run: Path) -> History:
    return History.of(run, read_ledger(run))
