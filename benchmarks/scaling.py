"""Trials per second of a whole search with 1, 2, 4 and 8 workers, and what a trial costs beside its training.

    python -m benchmarks.scaling [--rounds 3] [--seconds 1.0] [--trials 12]

The evaluator sleeps: a trial is three epochs that take `--seconds` together and no processor, so that any number of
workers fits on this machine, and what is lost is lost by the driver, the ledger and Ray. Everything else is real: the
brain with its proposals, one durable line for each event, the Ray executor with its workers. Measured are the
`--trials` for each worker that follow when every worker has ended one, so that starting processes is left out.
Efficiency is the rate with N workers over N times the rate with one, of the same round. Overhead is the time of a
worker, per trial, in which nothing slept; the time that the driver's process computes says what of it a busy machine
is not to blame for. `--inline` adds the inline executor.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import search_spaces
from benchmarks.rounds import in_rounds, spread, versions
from nas.brain import Brain
from nas.driver import run_trials
from nas.executors.inline import InlineExecutor
from nas.executors.ray import RayExecutor
from nas.history import History
from nas.ledger import Ledger
from nas.recipe import Recipe
from nas.records import Record, Started
from nas.samplers import make_sampler
from nas.study import Study
from nas.trials import Completed, Event, Job, Progress

EPOCHS = 3
COUNTS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Measurement:
    """`rate` is trials per second; `overhead_seconds` of a worker, `cpu_seconds` of the driver's process, per trial."""

    rate: float
    overhead_seconds: float
    cpu_seconds: float


class EnoughError(Exception):
    """All that is measured has been."""


def sleeping(seconds: float) -> Callable[[Job], Iterator[Event]]:
    """An evaluator whose trials take this time, and whose accuracies are of no consequence."""

    def train(job: Job) -> Iterator[Event]:
        for epoch in range(job.begin + 1, job.last_epoch + 1):
            time.sleep(seconds / EPOCHS)
            yield Progress(job.trial, epoch, 0.5, {"worker": float(os.getpid())}, seconds / EPOCHS)
        yield job.ending()

    return train


def measure(num_workers: int, seconds: float, trials_per_worker: int) -> Measurement:
    """A search in `nasbench201`; 0 workers are the inline executor."""
    lanes = max(1, num_workers)
    study = Study.of(
        {"space": "nasbench201", "sampler": "evolution", "fidelity": "full"} | {"trials": 100_000, "candidates": 1}
    )
    space = search_spaces.load("nasbench201")
    recipe = Recipe(epochs=EPOCHS, final_epochs=EPOCHS)
    workers: set[float] = set()
    ends: list[float] = []
    used: list[float] = []

    def note(record: Record, history: History) -> None:
        if isinstance(record, Completed):
            workers.add(history.trials[record.trial].curve[-1].metrics["worker"])
            if len(workers) == lanes:
                ends.append(time.perf_counter())
                used.append(time.process_time())
            if len(ends) > lanes * trials_per_worker:
                raise EnoughError

    with tempfile.TemporaryDirectory() as folder, suppress(EnoughError):
        run = Path(folder)
        first = Started("run", study, space.name, space.text(), "none", 0, "", recipe, {})
        executor = RayExecutor(sleeping(seconds), capacity=num_workers) if num_workers else None
        with executor or InlineExecutor(sleeping(seconds)) as working, Ledger.create(run) as ledger:
            history = History(run, ledger.append(first))
            sampler = make_sampler(study.sampler, space, study.budget, 0)
            run_trials(ledger, Brain(space, study.budget, sampler, history), working, note)
    num_measured = len(ends) - 1
    rate = num_measured / (ends[-1] - ends[0])
    return Measurement(rate, lanes / rate - seconds, (used[-1] - used[0]) / num_measured)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="that a trial takes")
    parser.add_argument("--trials", type=int, default=12, help="trials of a worker")
    parser.add_argument("--inline", action="store_true", help="the inline executor, too")
    parser.add_argument("--subject", type=int, help="one measurement, in this process, as a line of JSON")
    options = parser.parse_args()
    if options.subject is not None:
        print(json.dumps(asdict(measure(options.subject, options.seconds, options.trials))))
        return
    counts = (*COUNTS, 0) if options.inline else COUNTS
    arguments = ["--seconds", options.seconds, "--trials", options.trials]
    printed = in_rounds("scaling", counts, options.rounds, arguments)
    found = {count: [Measurement(**one) for one in rounds] for count, rounds in printed.items()}
    print(versions("ray", "fixpoint-nas"))
    print(
        "| workers | trials per second | efficiency, same round | overhead per trial, ms | computed by the driver, ms |"
    )
    print("|---|---|---|---|---|")
    for count, measurements in found.items():
        name = str(count) if count else "inline"
        lanes = max(1, count)
        efficiency = [one.rate / lanes / base.rate for one, base in zip(measurements, found[1], strict=True)]
        overhead = [1000 * one.overhead_seconds for one in measurements]
        computed = [1000 * one.cpu_seconds for one in measurements]
        cells = [spread(column) for column in ([one.rate for one in measurements], efficiency, overhead, computed)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
