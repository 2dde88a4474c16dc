"""A driver in a process of its own that one of its trials kills, whenever it is trained: begins a run, or goes on.

python -m tests.nas.poisoned_driver RUN
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from nas.driver import run_trials
from nas.executors import InlineExecutor
from nas.ledger import LEDGER
from nas.trials import Job
from tests.nas.fakes import begin, fake_trainer, reopen, started

POISON = 1


def ending(job: Job) -> None:
    if job.trial == POISON:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run = Path(sys.argv[1])
    ledger, brain = reopen(run) if (run / LEDGER).exists() else begin(run, started(trials=3, candidates=1))
    with ledger, InlineExecutor(fake_trainer(ending)) as executor:
        run_trials(ledger, brain, executor)
