"""What a trial costs beside its training: both executors, and Ray Tune as it comes, in one run.

    python -m benchmarks.executor_overhead [--rounds 3] [--trials 40]

A trial here does nothing: it reports one epoch and ends, so all of its time is overhead. Each measurement has a process
of its own; the rounds go through all of them in turn, so that a load which comes and goes meets each. Units: the time
of a trial is the wall time from the end of the first two trials to the end of the last, per trial in between (two run
at a time), which leaves out starting Ray and its first two workers; that is `start`, up to the first end.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from benchmarks.rounds import in_rounds, spread, versions
from nas.trials import Completed, Event, Executor, Job, Progress

WORKERS = 2


@dataclass(frozen=True)
class Measurement:
    """Seconds. `close_seconds` is 0 where there is nothing to close."""

    trial_seconds: float
    start_seconds: float
    close_seconds: float


def nothing(job: Job) -> Iterator[Event]:
    for epoch in range(1, job.epochs + 1):
        yield Progress(job.trial, epoch, 0.5, {"train_loss": 1.0, "validation_loss": 1.0}, 0.0)
    yield Completed(job.trial)


def measure_executor(executor: Executor, began: float, num_trials: int, num_epochs: int) -> Measurement:
    ends: list[float] = []
    submitted = running = 0
    while len(ends) < num_trials:
        while running < executor.capacity and submitted < num_trials:
            executor.submit(Job(submitted, "name: net\n" * 40, seed=0, epochs=num_epochs))
            submitted, running = submitted + 1, running + 1
        for event in executor.events(1.0):
            if isinstance(event, Completed):
                ends.append(perf_counter())
                running -= 1
    closing = perf_counter()
    executor.close()
    return summary(began, ends, perf_counter() - closing)


def measure_inline(num_trials: int) -> Measurement:
    from nas.executors import InlineExecutor

    began = perf_counter()
    return measure_executor(InlineExecutor(nothing), began, num_trials, 1)


def measure_ray(num_trials: int, num_epochs: int = 1) -> Measurement:
    from nas.executors.ray import RayExecutor

    began = perf_counter()
    return measure_executor(RayExecutor(nothing, capacity=WORKERS), began, num_trials, num_epochs)


def measure_stock(num_trials: int, *, reuse_actors: bool) -> Measurement:
    """Ray Tune with its defaults, but the two settings that the comparison is about, and no console output."""
    import ray
    from ray import tune

    ends: list[float] = []

    class Clock(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            ends.append(perf_counter())

    def trainable(_config: dict[str, Any]) -> None:
        tune.report({"value": 0.5, "train_loss": 1.0, "validation_loss": 1.0})

    began = perf_counter()
    ray.init("local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        tune.Tuner(
            trainable,
            param_space={"number": tune.randint(0, 1_000_000)},
            tune_config=tune.TuneConfig(
                num_samples=num_trials, max_concurrent_trials=WORKERS, reuse_actors=reuse_actors
            ),
            run_config=tune.RunConfig(storage_path=folder, callbacks=[Clock()], verbose=0),
        ).fit()
        closing = perf_counter()
        ray.shutdown()
        return summary(began, ends, perf_counter() - closing)


def summary(began: float, ends: list[float], close_seconds: float) -> Measurement:
    settled = ends[WORKERS - 1 :]
    return Measurement((settled[-1] - settled[0]) / (len(settled) - 1), ends[0] - began, close_seconds)


SUBJECTS = {
    "inline": lambda trials: measure_inline(trials),
    "ray": lambda trials: measure_ray(trials),
    "ray, 20 epochs": lambda trials: measure_ray(trials, 20),
    "Ray Tune, reuse_actors=True": lambda trials: measure_stock(trials, reuse_actors=True),
    "Ray Tune, default": lambda trials: measure_stock(max(8, trials // 4), reuse_actors=False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--subject", choices=SUBJECTS, help="one measurement, in this process, as a line of JSON")
    options = parser.parse_args()
    if options.subject:
        print(json.dumps(asdict(SUBJECTS[options.subject](options.trials))))
        return
    printed = in_rounds("executor_overhead", SUBJECTS, options.rounds, ["--trials", options.trials])
    found = {subject: [Measurement(**one) for one in rounds] for subject, rounds in printed.items()}
    print(versions("ray", "fixpoint-nas"))
    print("| executor | ms per trial | times `ray`, same round | s to the first end | s to close |")
    print("|---|---|---|---|---|")
    for subject, measurements in found.items():
        cells = [
            spread([1000 * each.trial_seconds for each in measurements]),
            spread([a.trial_seconds / b.trial_seconds for a, b in zip(measurements, found["ray"], strict=True)]),
            spread([each.start_seconds for each in measurements]),
            spread([each.close_seconds for each in measurements]),
        ]
        print(f"| {subject} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
