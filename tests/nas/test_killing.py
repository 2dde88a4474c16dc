"""A real search on real images, killed for real, and the whole way to a bundle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nas import resume, status
from nas.checkpoints import CHECKPOINTS
from nas.history import History
from nas.ledger import LEDGER, read_ledger
from nas.states import Trial
from nas.trials import Progress
from tests.nas.fakes import SPACE_TEXT, trials_of
from tests.nas.processes import heed_ctrl_c

pytestmark = pytest.mark.slow

SEARCH = """
import sys
import search_spaces
from nas import search
from nas.recipe import Recipe
from nas.results import SearchInterrupted
recipe = Recipe(epochs=4, final_epochs=5)
try:
    search(space=search_spaces.parse(open(sys.argv[1]).read()), budget={"max_params": 400}, data="digits", trials=6,
           starts=0, recipe=recipe, run=sys.argv[2], candidates=2, final_seeds=2, first_rung=1)
except SearchInterrupted as interrupted:
    sys.exit(interrupted.command)
"""


def begin(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    (folder / "space.yaml").write_text(SPACE_TEXT)
    command = [sys.executable, "-c", SEARCH, str(folder / "space.yaml"), str(folder / "run")]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c)
    return process, folder / "run"


def wait_for_lines(run: Path, num_lines: int, process: subprocess.Popen[str]) -> None:
    for _ in range(2400):
        if (run / LEDGER).exists() and (run / LEDGER).read_bytes().count(b"\n") >= num_lines:
            return
        assert process.poll() is None, "the search ended before it could be killed"
        time.sleep(0.025)
    raise AssertionError("the search wrote too little")


def values_of(trial: Trial) -> list[float]:
    return [epoch.value for epoch in trial.curve]


@pytest.mark.parametrize("num_lines", [1, 9, 23])
def test_a_search_that_is_killed_is_resumed_and_nothing_is_lost_or_repeated(tmp_path: Path, num_lines: int) -> None:
    process, run = begin(tmp_path)
    wait_for_lines(run, num_lines, process)
    process.kill()
    process.communicate()
    killed = History.of(run, read_ledger(run))
    assert status(run).ended_by == "interrupted"
    ended = [trial for trial in killed.trials.values() if trial.state not in ("running", "paused")]
    finished = {trial.number: (trial.hash, trial.state, trial.value) for trial in ended}
    paused = {trial.number: values_of(trial) for trial in killed.trials.values() if trial.state == "paused"}

    result = resume(run)
    history = History.of(run, read_ledger(run))
    assert result.ended_by == "trials"
    assert sum(result.trials.get(state, 0) for state in ("complete", "stopped", "diverged", "failed")) == 6
    for number, before in finished.items():
        after = history.trials[number]
        assert (after.hash, after.state, after.value) == before
    for number, before_pause in paused.items():
        assert values_of(history.trials[number])[: len(before_pause)] == before_pause
    assert len({trial.hash for trial in history.searched}) == 6
    assert result.bundle is not None
    assert (result.bundle / "model.onnx").is_file()
    assert result.best is not None
    assert result.best.params <= 400
    assert result.test is not None
    assert len(result.test.accuracies) == 2


@pytest.mark.timeout(400)
def test_a_killed_search_whose_checkpoints_are_damaged_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    process, whole = begin(tmp_path / "whole")
    process.communicate()
    assert not (whole / CHECKPOINTS).exists() or not list((whole / CHECKPOINTS).iterdir())

    process, run = begin(tmp_path / "killed")
    wait_for_lines(run, 20, process)
    process.kill()
    process.communicate()
    damaged = list((run / CHECKPOINTS).iterdir())
    assert damaged
    for number, path in enumerate(damaged):
        content = path.read_bytes()
        spoilt = bytes([content[-9] ^ 1])
        path.write_bytes(content[: len(content) // 2] if number % 2 else content[:-9] + spoilt + content[-8:])
    resume(run)
    histories = [History.of(folder, read_ledger(folder)) for folder in (whole, run)]
    assert trials_of(histories[1]) == trials_of(histories[0])
    notes = [line.record.note for line in read_ledger(run) if isinstance(line.record, Progress) and line.record.note]
    assert notes
    assert all("is damaged" in note for note in notes)


def test_ctrl_c_ends_with_the_command_that_resumes(tmp_path: Path) -> None:
    process, run = begin(tmp_path)
    wait_for_lines(run, 4, process)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert stderr.strip() == f"nas resume {run}"
    assert process.returncode == 1
    assert read_ledger(run)
