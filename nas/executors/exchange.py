"""Where two threads meet: the driver's, which hands in jobs and reads events, and that of a scheduler that runs them.

Free of Ray. Both sides block on one condition variable, so nobody polls. Does not start or end either thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from nas.trials import Event, Job, Progress, Stopped

# How long the scheduler holds still for a driver that is busy with the events it has just read. The next job mostly
# comes out of that; without it the scheduler goes on to wait for its workers and sees the job a poll (0.1 s) later.
PATIENCE_SECONDS = 0.05


class Exchange:
    """The jobs on their way in, the events on their way out, and who is asked to stop."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: dict[int, Job] = {}
        self._stopping: set[int] = set()
        self._events: deque[Event] = deque()
        self._driver_listens = False
        self._closed = False
        self._fault: BaseException | None = None

    def __deepcopy__(self, memo: object) -> Exchange:
        """There is one of these for two threads: whoever copies a part of the scheduler means the same one."""
        return self

    def __reduce__(self) -> tuple[type[Exchange], tuple[()]]:
        """Ray Tune pickles its parts to restore them in another process, which nobody does here: an empty one."""
        return Exchange, ()

    # The driver's side.

    def submit(self, job: Job) -> None:
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()

    def num_unfinished(self) -> int:
        with self._changed:
            return len(self._waiting) + len(self._running)

    def stop(self, trial: int) -> None:
        """A job that nobody has taken yet ends at once, after epoch 0."""
        with self._changed:
            for job in [job for job in self._waiting if job.trial == trial]:
                self._waiting.remove(job)
                self._events.append(Stopped(trial, 0))
            if trial in self._running:
                self._stopping.add(trial)

    def events(self, timeout_seconds: float) -> list[Event]:
        """The events so far, in order. Raises: what `fail` was given, once they are all read."""
        with self._changed:
            self._driver_listens = not self._events
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._events or self._fault, timeout_seconds)
            self._driver_listens = False
            if self._fault is not None and not self._events:
                raise self._fault
            events = list(self._events)
            self._events.clear()
            return events

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # The scheduler's side.

    @property
    def closed(self) -> bool:
        return self._closed

    def take(self) -> Job | None:
        """The next job to run; None where there is none now, or never more because of `close`.

        Waits: for as long as nothing runs (the scheduler has nothing else to do), otherwise only for a driver that
        is at work on its events.
        """
        with self._changed:
            if self._running:
                self._changed.wait_for(lambda: self._waiting or self._closed or self._driver_listens, PATIENCE_SECONDS)
            else:
                self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed or not self._waiting:
                return None
            job = self._waiting.popleft()
            self._running[job.trial] = job
            return job

    def put_back(self, job: Job) -> None:
        """A job that was taken, and has not begun, is the next to be taken again."""
        with self._changed:
            del self._running[job.trial]
            if job.trial in self._stopping:
                self._stopping.discard(job.trial)
                self._events.append(Stopped(job.trial, 0))
            else:
                self._waiting.appendleft(job)
            self._changed.notify_all()

    def put(self, trial: int, events: Sequence[Event]) -> bool:
        """Passes events of a running trial on; a stop that is asked for takes effect. Whether the trial goes on."""
        with self._changed:
            if trial not in self._running:  # it has ended already, and no job ends twice
                return False
            self._events.extend(events)
            last = events[-1]
            goes_on = isinstance(last, Progress)
            if isinstance(last, Progress) and trial in self._stopping:
                self._events.append(Stopped(trial, last.epoch))
                goes_on = False
            if not goes_on:
                del self._running[trial]
                self._stopping.discard(trial)
            self._changed.notify_all()
            return goes_on

    def fail(self, error: BaseException) -> None:
        """The scheduler is at its end; the driver gets this error from `events`."""
        with self._changed:
            self._fault = error
            self._changed.notify_all()
