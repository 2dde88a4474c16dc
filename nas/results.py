"""What a run amounts to, for people and programs: the object that `search`, `resume` and `status` answer with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from nas.history import History, Trial

RUNNING = "running"
INTERRUPTED = "interrupted"


class SearchInterrupted(KeyboardInterrupt):
    """Ctrl-C during a search: everything that was finished stands in `run`, and `command` goes on from there."""

    def __init__(self, run: Path) -> None:
        super().__init__(f"interrupted; go on with: {resume_command(run)}")
        self.run = run
        self.command = resume_command(run)


@dataclass(frozen=True)
class Candidate:
    """A trained network. `value` is its validation accuracy in the search, `confirmed` that of its longer trainings."""

    trial: int
    hash: str
    value: float
    params: int
    macs: int
    decisions: dict[str, Any]
    confirmed: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "trial": self.trial,
            "hash": self.hash,
            "value": self.value,
            "params": self.params,
            "macs": self.macs,
            "confirmed": self.confirmed,
            "decisions": self.decisions,
        }


@dataclass(frozen=True)
class TestScore:
    """The winner's accuracy on the test part, one figure per seed of the final training; `std` is the sample's."""

    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return fmean(self.accuracies)

    @property
    def std(self) -> float:
        return stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std, "accuracies": list(self.accuracies)}


@dataclass(frozen=True)
class Result:
    """A run at some moment.

    `ended_by` is `trials`, `time`, `space exhausted` or `failures` once the bundle stands or there is nothing to make
    one of; before that `running`, or `interrupted` where no driver is at work. `best` is the winner so far,
    `candidates` are the best of the search, best first.
    """

    run: Path
    ended_by: str
    trials: dict[str, int]
    best: Candidate | None
    candidates: tuple[Candidate, ...]
    test: TestScore | None
    bundle: Path | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The object of `--json`."""
        return {
            "run": str(self.run),
            "ended_by": self.ended_by,
            "trials": self.trials,
            "best": self.best.as_dict() if self.best else None,
            "bundle": str(self.bundle) if self.bundle else None,
            "candidates": [candidate.as_dict() for candidate in self.candidates],
            "test": self.test.as_dict() if self.test else None,
            "seconds": self.seconds,
        }


def summarize(history: History, *, driver_is_alive: bool) -> Result:
    """The result of a run as far as its ledger goes."""
    winner = history.winner()
    scores = tuple(final.accuracy for _, final in sorted(history.finals.items()))
    return Result(
        run=history.run,
        ended_by=_ended_by(history, driver_is_alive),
        trials=history.counts(),
        best=_candidate(history, winner) if winner else None,
        candidates=tuple(_candidate(history, trial) for trial in history.ranking()[: max(5, history.study.candidates)]),
        test=TestScore(scores) if scores else None,
        bundle=history.run / history.exported.bundle if history.exported else None,
        seconds=round(history.active_seconds, 3),
    )


def is_over(history: History) -> bool:
    """Whether nothing is left to do in this run."""
    return history.ended_by is not None and (history.exported is not None or not history.ranking())


def resume_command(run: Path) -> str:
    return f"nas resume {run}"


def _ended_by(history: History, driver_is_alive: bool) -> str:
    if history.ended_by is not None and is_over(history):
        return history.ended_by
    return RUNNING if driver_is_alive else INTERRUPTED


def _candidate(history: History, trial: Trial) -> Candidate:
    assert trial.value is not None
    return Candidate(
        trial=trial.number,
        hash=trial.hash,
        value=trial.value,
        params=trial.params,
        macs=trial.macs,
        decisions=dict(trial.decisions),
        confirmed=history.confirmed_value(trial.number),
    )
