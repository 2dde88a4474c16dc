"""A trainer without networks: what it does in each epoch is written in the job's architecture, one word per epoch.

ok       an accuracy of epoch / 10
long     the same after a minute, in many short sleeps
diverge  ends as `Diverged`
raise    raises ValueError("no such epoch"), which the trainer turns into `Failed`
leak     raises it out of the trainer, which breaks the trainer's own promise
die      the worker process kills itself
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Iterator

from nas.trials import Completed, Diverged, Event, Executor, Failed, Job, Progress


def run(job: Job) -> Iterator[Event]:
    """Follows the script of a job; the last word holds for all epochs after it. `die` only in the first attempt."""
    words = job.architecture.split()
    for epoch in range(1, job.epochs + 1):
        word = words[min(epoch, len(words)) - 1]
        if word == "diverge":
            yield Diverged(job.trial, "the loss is nan")
            return
        if word == "raise":
            try:
                raise ValueError("no such epoch")
            except ValueError:
                yield Failed(job.trial, traceback.format_exc())
            return
        if word == "leak":
            raise ValueError("no such epoch")
        if word == "die" and job.attempt == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "long":
            for _ in range(600):
                time.sleep(0.1)
        yield Progress(job.trial, epoch, epoch / 10, {"pid": float(os.getpid())}, 0.0)
    yield Completed(job.trial)


def ended(event: Event) -> bool:
    return not isinstance(event, Progress)


def drive(executor: Executor, jobs: list[Job], stop_after: dict[int, int] | None = None) -> dict[int, list[Event]]:
    """Hands in the jobs as places get free, stops a trial after the epoch given, and returns each trial's events."""
    waiting, running = list(jobs), 0
    events = {job.trial: list[Event]() for job in jobs}
    deadline = time.monotonic() + 90
    while (waiting or running) and time.monotonic() < deadline:
        while waiting and running < executor.capacity:
            executor.submit(waiting.pop(0))
            running += 1
        for event in executor.events(0.5):
            events[event.trial].append(event)
            running -= ended(event)
            if isinstance(event, Progress) and (stop_after or {}).get(event.trial) == event.epoch:
                executor.stop(event.trial)
    assert not waiting
    assert not running, f"still running after 90 s: {events}"
    return events
