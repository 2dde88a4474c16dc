"""A driver in a process of its own, for tests that kill it: begins a run, or goes on with it, to its last trial.

    python -m tests.nas.killed_driver RUN inline|ray

Its trainings are arithmetic with some sleep in every epoch. Prints `begun` when the main loop is about to run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from nas.driver import run_trials
from nas.executors import InlineExecutor
from nas.ledger import LEDGER
from nas.trials import Event, Executor, Job
from tests.nas.fakes import begin, fake_trainer, reopen, started

NUM_TRIALS = 30
FIRST = started(trials=NUM_TRIALS, candidates=1, seed=5)


def sleeping_trainer(seconds: float) -> Callable[[Job], Iterator[Event]]:
    def train(job: Job) -> Iterator[Event]:
        for event in fake_trainer()(job):
            time.sleep(seconds)
            yield event

    return train


def make(name: str) -> Executor:
    if name == "inline":
        return InlineExecutor(sleeping_trainer(0.08))
    from nas.executors.ray import RayExecutor

    return RayExecutor(sleeping_trainer(0.08), capacity=2)


if __name__ == "__main__":
    run = Path(sys.argv[1])
    has_begun = (run / LEDGER).exists() and b"\n" in (run / LEDGER).read_bytes()
    first = replace(FIRST, study=FIRST.study.changed(executor=sys.argv[2]))
    ledger, brain = reopen(run) if has_begun else begin(run, first)
    with ledger, make(sys.argv[2]) as executor:
        print("begun", flush=True)
        run_trials(ledger, brain, executor)
