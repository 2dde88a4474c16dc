"""Trials that are looked up in a table: nothing is trained, and the clock is simulated.

Any number of workers run side by side by that clock: what comes first by it is told first, and of two things at one
time that of the trial which was submitted first.
"""

from __future__ import annotations

import heapq

from nas.answers import Answers
from nas.trials import Event, Executor, Job, Progress, Stopped


class TabularExecutor(Executor):
    """Answers jobs from a table. `now` is the clock in seconds, which begins at 0 and stands still between events."""

    def __init__(self, answers: Answers, workers: int = 1) -> None:
        self._answers = answers
        self._workers = workers
        self._coming: list[tuple[float, int, Event]] = []
        self._num_coming = 0
        self._epochs: dict[int, int] = {}  # of the trials that run: the last that was told
        self._stopping: list[int] = []
        self.now = 0.0

    @property
    def capacity(self) -> int:
        return self._workers

    def submit(self, job: Job) -> None:
        assert len(self._epochs) < self._workers, "more jobs than capacity"
        row = self._answers.row(job.decisions)
        assert row is not None, "what is not in the table is not submitted"
        self._epochs[job.trial] = job.begin
        known = [epoch for epoch in self._answers.lookup.epochs if epoch <= job.last_epoch]
        begun = spent = self._answers.seconds(row, job.begin) if job.begin else 0.0
        for epoch in (epoch for epoch in known if epoch > job.begin):
            value, seconds = self._answers.value(row, epoch), self._answers.seconds(row, epoch)
            self._put(self.now + seconds - begun, Progress(job.trial, epoch, value, seconds=seconds - spent))
            spent = seconds
        assert job.last_epoch in known, "the table says nothing of the last epoch of this job"
        self._put(self.now + spent - begun, job.ending())

    def events(self, timeout_seconds: float) -> list[Event]:
        if self._stopping:
            trial = self._stopping.pop(0)
            self._coming = [one for one in self._coming if one[2].trial != trial]
            heapq.heapify(self._coming)
            return [Stopped(trial, self._epochs.pop(trial))]
        if not self._coming:
            return []
        self.now, _, event = heapq.heappop(self._coming)
        if isinstance(event, Progress):
            self._epochs[event.trial] = event.epoch
        else:
            del self._epochs[event.trial]
        return [event]

    def stop(self, trial: int) -> None:
        if trial in self._epochs and trial not in self._stopping:
            self._stopping.append(trial)

    def close(self) -> None:
        self._coming.clear()
        self._epochs.clear()
        self._stopping.clear()

    def _put(self, due: float, event: Event) -> None:
        self._num_coming += 1
        heapq.heappush(self._coming, (due, self._num_coming, event))
