"""Trials in the driver's own thread: nothing to start, nothing to clean up, the same order every time."""

from __future__ import annotations

from collections.abc import Iterator

from nas.trials import Event, Executor, Job, Progress, Stopped, Train


class InlineExecutor(Executor):
    """One job at a time; each call of `events` trains one epoch of it, however long that takes."""

    def __init__(self, trainer: Train) -> None:
        self._trainer = trainer
        self._job: Job | None = None
        self._steps: Iterator[Event] = iter(())
        self._epoch = 0
        self._stopping = False

    @property
    def capacity(self) -> int:
        return 1

    def submit(self, job: Job) -> None:
        assert self._job is None, "more jobs than capacity"
        self._job = job
        self._steps = self._trainer(job)
        self._epoch = 0
        self._stopping = False

    def events(self, timeout_seconds: float) -> list[Event]:
        if self._job is None:
            return []
        if self._stopping:
            stopped = Stopped(self._job.trial, self._epoch)
            self.close()
            return [stopped]
        event = next(self._steps)
        if isinstance(event, Progress):
            self._epoch = event.epoch
            return [event]
        self.close()
        return [event]

    def stop(self, trial: int) -> None:
        if self._job is not None and self._job.trial == trial:
            self._stopping = True

    def close(self) -> None:
        self._job = None
        self._steps = iter(())
