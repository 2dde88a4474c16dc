"""The trial contract: what an executor is given, what it answers, and the abstract executor itself.

Pure data, free of torch. A job names everything that a worker needs but the images and the recipe, which an executor is
given once when it is made. Units: `seconds` is the wall time of one epoch in the worker.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Job:
    """One training: `architecture` is the text of an exact document, `attempt` counts the runs before this one.

    `epochs` is the length of the whole training, which sets the learning-rate schedule. This job trains epochs
    `begin + 1` to `until` (None: to the end). It resumes from the checkpoint of epoch `begin`, or starts from scratch
    if `begin` is 0. A checkpoint is written at each epoch in `saves`, before that epoch is reported.

    `alone` promises that no other job runs beside it: the one before it ran out of memory. `decisions` are those of the
    point that it is; where nothing is trained, it is known by them, and has no text.
    """

    trial: int
    architecture: str
    seed: int
    epochs: int
    attempt: int = 0
    alone: bool = False
    begin: int = 0
    until: int | None = None
    saves: tuple[int, ...] = ()
    decisions: Mapping[str, object] = field(default_factory=dict)

    @property
    def last_epoch(self) -> int:
        """The epoch that this job ends with."""
        return self.epochs if self.until is None else self.until

    def ending(self) -> Completed | Paused:
        """What a job amounts to that has come to its last epoch."""
        if self.last_epoch < self.epochs:
            return Paused(self.trial, self.last_epoch)
        return Completed(self.trial)


_NO_METRICS: Mapping[str, float] = {}  # one for all that have none: a run holds many


@dataclass(frozen=True, slots=True)
class Progress:
    """One epoch is done. `epoch` counts from 1; `value` is the validation accuracy in 0..1.

    An epoch that was reported before is reported again where the training had to go back; `note` says why.
    """

    trial: int
    epoch: int
    value: float
    metrics: Mapping[str, float] = field(default_factory=lambda: _NO_METRICS)
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Paused:
    """The job came to its last epoch, which is not the last of the training: it may be gone on with."""

    trial: int
    epoch: int


@dataclass(frozen=True)
class Completed:
    """All epochs are done; the last `Progress` holds the value."""

    trial: int


@dataclass(frozen=True)
class Stopped:
    """The trial ends after this epoch: a call of `stop` took effect, or it is paused and will not be gone on with."""

    trial: int
    epoch: int


@dataclass(frozen=True)
class Diverged:
    """The loss or the value is not finite."""

    trial: int
    reason: str


@dataclass(frozen=True)
class OutOfMemory:
    """The worker ran out of memory, its own or the device's."""

    trial: int
    message: str


@dataclass(frozen=True)
class Failed:
    """Any other exception in the trial."""

    trial: int
    traceback: str


@dataclass(frozen=True)
class Lost:
    """The worker or its node is gone; the driver hands the trial in again."""

    trial: int
    reason: str


ENDS = (Completed, Stopped, Diverged, Failed, OutOfMemory, Lost)  # of a trial, as far as it isn't tried again
Event = Progress | Paused | Completed | Stopped | Diverged | OutOfMemory | Failed | Lost


# Trains one job, an epoch each time that it is asked for the next event.
Train = Callable[[Job], Iterator[Event]]


class Executor(ABC):
    """Runs jobs and reports events; knows nothing of the search.

    For each submitted job the events are any number of `Progress` and then exactly one of the others; after that the
    job no longer counts against `capacity`, and the same trial may be submitted again with another `attempt`. One
    thread uses an executor.
    """

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many jobs may be submitted and not ended."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Take a job. Precondition: fewer than `capacity` jobs are submitted and not ended."""

    @abstractmethod
    def events(self, timeout_seconds: float) -> list[Event]:
        """The events since the last call, in order; waits until there is one or the time is over."""

    @abstractmethod
    def stop(self, trial: int) -> None:
        """End this trial after the epoch it is in. A trial that has ended already is left alone."""

    @abstractmethod
    def close(self) -> None:
        """End everything and leave no process behind. May be called more than once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
