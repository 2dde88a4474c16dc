"""The state of a run, folded from the lines of its ledger. Free of torch and of samplers: `status` needs no more.

The same fold serves the living driver and a resumed one, so that what is known after a crash is what was known before.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from statistics import fmean

from nas.fronts import front, knee
from nas.ledger import Line
from nas.objectives import ACCURACY, LATENCY, oriented
from nas.records import (
    Decisions,
    Duplicate,
    Ended,
    Exported,
    Finalised,
    Promoted,
    Proposed,
    Record,
    Rejected,
    Reported,
    Resumed,
    Started,
    Unfinished,
)
from nas.study import KNEE, Study
from nas.trials import Completed, Diverged, Failed, Lost, OutOfMemory, Paused, Progress, Stopped
from search_spaces.decisions import Alternative

RUNNING = "running"
PAUSED = "paused"
COMPLETE = "complete"
STOPPED = "stopped"
DIVERGED = "diverged"
FAILED = "failed"
REJECTED = "rejected"
DUPLICATE = "duplicate"
TRAINED = (PAUSED, COMPLETE, STOPPED, DIVERGED, FAILED)
MAX_LOSSES = 5


class Taken:
    """What the trials of a run took so far: of each decision the alternatives, in the order in which they came."""

    def __init__(self) -> None:
        self._alternatives: dict[str, list[Alternative]] = {}
        self._places: dict[str, dict[tuple[type, Alternative], int]] = {}

    def places(self, decisions: Decisions) -> Sequence[int]:
        """Where the alternatives of these stand; new ones come last. A byte for each, while they are few."""
        found = []
        for address, value in decisions.items():
            places = self._places.setdefault(address, {})
            place = places.setdefault((type(value), value), len(places))  # 1, 1.0 and True are equal as keys of a dict
            known = self._alternatives.setdefault(address, [])
            if place == len(known):
                known.append(value)
            found.append(place)
        return bytes(found) if max(found, default=0) < 256 else array("L", found)

    def at(self, addresses: Sequence[str], places: Sequence[int]) -> dict[str, Alternative]:
        """The decisions whose alternatives stand there."""
        return {address: self._alternatives[address][place] for address, place in zip(addresses, places, strict=True)}


@dataclass(slots=True)
class Trial:
    """A network that is or was trained. `curve` is that of the last attempt; `confirms` as in `Proposed`.

    `epochs` is the length of the whole training; so far it goes to epoch `until`. `network` is the name of the
    hand-designed network that it is, where the run began with it as one, `narrows` that of the one which it is a
    narrower form of. Its decisions are kept as what they decide, one object for all trials that decide the same, and as
    places in what the run has `taken`: a run holds many.
    """

    number: int
    taken: Taken = field(repr=False, compare=False)
    addresses: tuple[str, ...]
    places: Sequence[int]
    hash: str
    params: int
    macs: int
    seed: int
    epochs: int
    until: int
    confirms: int | None
    state: str = RUNNING
    curve: list[Progress] = field(default_factory=list)
    num_memory_failures: int = 0
    num_losses: int = 0
    reason: str = ""
    network: str = ""
    narrows: str = ""
    arm: str = ""
    score: float | None = None

    @property
    def decisions(self) -> dict[str, Alternative]:
        """Which point of the space it is."""
        return self.taken.at(self.addresses, self.places)

    @property
    def called(self) -> str:
        """What it is known by beside its hash, if anything."""
        return called(self.network, self.narrows)

    @property
    def is_over(self) -> bool:
        """Whether it will not be trained any further."""
        return self.state not in (RUNNING, PAUSED)

    @property
    def epoch(self) -> int:
        """The last epoch that is known; a table may have no others between."""
        return self.curve[-1].epoch if self.curve else 0

    @property
    def value(self) -> float | None:
        """The validation accuracy after the last epoch that was trained."""
        return self.curve[-1].value if self.curve else None

    @property
    def figures(self) -> Mapping[str, float | None]:
        """What is known of each objective: the accuracy after the last epoch, the latency as it was measured."""
        latency = self.curve[0].metrics.get(LATENCY.name) if self.curve else None
        return {"accuracy": self.value, "params": self.params, "macs": self.macs, LATENCY.name: latency}

    @property
    def seconds(self) -> float:
        """The time spent in epochs of the last attempt."""
        return sum(epoch.seconds for epoch in self.curve)

    @property
    def merit(self) -> tuple[float, float, int, int, int]:
        """What candidates are ordered by, the best lowest: accuracy, then validation loss, MACs, parameters, age."""
        last = self.curve[-1]
        loss = last.metrics.get("validation_loss", inf)
        return (-last.value, loss, self.macs, self.params, self.number)


class History:
    """What a ledger says. `apply` is the only way to change it."""

    def __init__(self, run: Path, first: Line) -> None:
        assert isinstance(first.record, Started)
        self.run = run
        self.started: Started = first.record
        self.trials: dict[int, Trial] = {}
        self.running: dict[int, Trial] = {}
        self.by_hash: dict[str, int] = {}
        self.num_rejected = 0
        self.num_duplicates = 0
        self.ended_by: str | None = None
        self.finals: dict[int, dict[int, Finalised]] = {}  # by trial and seed
        self.unfinished: dict[int, str] = {}  # by trial: why its final training came to no end
        self._starts = {_key(start.decisions): start for start in self.started.starts}
        self._addresses: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._taken = Taken()
        self.exported: Exported | None = None
        self.reported: Reported | None = None
        self.active_seconds = 0.0
        self.best: Trial | None = None  # of the complete trials of the search: the first of the `ranking`
        self._last_at = first.at
        self._num_in = dict.fromkeys(
            (COMPLETE, PAUSED, STOPPED, DIVERGED, FAILED, REJECTED, RUNNING), 0
        )  # of the search

    @classmethod
    def of(cls, run: Path, lines: Iterable[Line]) -> History:
        """The state after all these lines."""
        rest = iter(lines)
        history = cls(run, next(rest))
        for line in rest:
            history.apply(line)
        return history

    def apply(self, line: Line) -> None:
        """Takes one more line."""
        if not isinstance(line.record, Resumed):
            self.active_seconds += max(0.0, line.at - self._last_at)
        self._last_at = line.at
        record = line.record
        match record:
            case Proposed():
                self._propose(record)
            case Rejected():
                self.num_rejected += 1
            case Duplicate():
                self.num_duplicates += 1
            case Progress():
                curve = self.trials[record.trial].curve
                while curve and curve[-1].epoch >= record.epoch:
                    curve.pop()
                curve.append(record)
            case Promoted():
                trial = self.trials[record.trial]
                trial.until = record.until
                self._move(trial, RUNNING)
            case Paused() | Completed() | Stopped() | Diverged() | Failed() | OutOfMemory() | Lost():
                self._end(self.trials[record.trial], record)
            case Ended():
                self.ended_by = record.by
            case Finalised():
                self.finals.setdefault(record.trial, {})[record.seed] = record
            case Unfinished():
                self.unfinished[record.trial] = record.reason
            case Reported():
                self.reported = record
            case Exported():
                self.exported = record
            case _:
                pass

    def _propose(self, record: Proposed) -> None:
        addresses = tuple(record.decisions)
        start = self._starts.get(_key(record.decisions))
        self.trials[record.trial] = self.running[record.trial] = Trial(
            number=record.trial,
            taken=self._taken,
            addresses=self._addresses.setdefault(addresses, addresses),
            places=self._taken.places(record.decisions),
            hash=record.hash,
            params=record.params,
            macs=record.macs,
            seed=record.seed,
            epochs=record.epochs,
            until=record.until or record.epochs,
            confirms=record.confirms,
            arm=record.arm,
            score=record.score,
            network=start.name if start else "",
            narrows=start.narrows if start else "",
        )
        if record.confirms is None:
            self.by_hash[record.hash] = record.trial
            self._num_in[RUNNING] += 1

    def _move(self, trial: Trial, state: str) -> None:
        if trial.confirms is None:
            self._num_in[trial.state] -= 1
            self._num_in[state] += 1
        trial.state = state
        if state == RUNNING:
            self.running[trial.number] = trial
        else:
            self.running.pop(trial.number, None)

    def _end(self, trial: Trial, record: Record) -> None:
        state = RUNNING
        match record:
            case Paused():
                state = PAUSED
            case Completed():
                state = COMPLETE
                if trial.confirms is None and trial.curve and (self.best is None or trial.merit < self.best.merit):
                    self.best = trial
            case Stopped():
                state = STOPPED
            case Diverged():
                state, trial.reason = DIVERGED, record.reason
            case Failed():
                state, trial.reason = FAILED, record.traceback
            case OutOfMemory():
                trial.num_memory_failures += 1
                trial.reason = record.message
                if trial.num_memory_failures > 1:
                    state = REJECTED
            case Lost():
                trial.num_losses += 1
                trial.reason = record.reason
                if trial.num_losses >= MAX_LOSSES:
                    state = FAILED
            case _:
                raise AssertionError(record)
        self._move(trial, state)

    @property
    def study(self) -> Study:
        """What was asked for."""
        return self.started.study

    def values(self, trial: Trial) -> tuple[float, ...] | None:
        """What a trial has of each objective, each figure so that higher is better; None where one is not known."""
        return oriented(self.study.objectives, trial.figures)

    @property
    def searched(self) -> list[Trial]:
        """The trials of the search itself, in order."""
        return [trial for trial in self.trials.values() if trial.confirms is None]

    @property
    def num_trained(self) -> int:
        """How many trials count towards the number that was asked for."""
        return sum(self._num_in[state] for state in TRAINED)

    @property
    def num_running(self) -> int:
        """How many trials of the search run, or wait for a worker."""
        return self._num_in[RUNNING]

    @property
    def num_complete(self) -> int:
        """How many trials of the search were trained to the end."""
        return self._num_in[COMPLETE]

    def counts(self) -> dict[str, int]:
        """How many proposals are in which state; states without any are left out."""
        counts = {**self._num_in, DUPLICATE: self.num_duplicates, RUNNING: self._num_in[RUNNING]}
        counts[REJECTED] += self.num_rejected
        return {state: count for state, count in counts.items() if count}

    def ranking(self) -> list[Trial]:
        """The complete trials of the search, best first."""
        return sorted((trial for trial in self.searched if trial.state == COMPLETE), key=lambda trial: trial.merit)

    def front(self) -> list[Trial]:
        """The complete trials that no other is better than in every objective, the most accurate first."""
        valued = [(trial, values) for trial in self.ranking() if (values := self.values(trial)) is not None]
        return [valued[index][0] for index in front([values for _, values in valued])]

    def candidates(self) -> list[Trial]:
        """Which trials are trained longer to find the winner: the most accurate, of several objectives on the front.

        Where another objective than accuracy is preferred, it is the best of the front in that, and no other.
        """
        prefer = self.study.prefer or ACCURACY.name
        most = self.study.candidates
        if len(self.study.objectives) == 1:
            return self.ranking()[:most]
        members = self.front()
        if prefer == ACCURACY.name or not members:
            return members[:most]
        points = [self.values(trial) or () for trial in members]
        index = self.study.objectives.index(prefer) if prefer != KNEE else None
        best = knee(points) if index is None else max(range(len(points)), key=lambda one: points[one][index])
        return [members[best]]

    def rivals(self) -> list[Trial]:
        """The complete trials of hand-designed networks that are not the winner, the best first."""
        winner = self.winner()
        return [trial for trial in self.ranking() if trial.network and winner and trial.number != winner.number]

    def scores(self, trial: int) -> tuple[float, ...]:
        """The test accuracies of a trial's final trainings, in the order of the seeds."""
        return tuple(final.accuracy for _, final in sorted(self.finals.get(trial, {}).items()))

    def confirmations(self, trial: int) -> list[Trial]:
        """The longer trainings of a candidate that are complete."""
        return [again for again in self.trials.values() if again.confirms == trial and again.state == COMPLETE]

    def confirmed_value(self, trial: int) -> float | None:
        """The mean validation accuracy of a candidate's longer trainings."""
        values = [again.curve[-1].value for again in self.confirmations(trial)]
        return fmean(values) if values else None

    def winner(self) -> Trial | None:
        """The candidate with the best longer trainings on validation; before there are any, the best of the search."""
        ranking = self.candidates()
        confirmed = [trial for trial in ranking if self.confirmations(trial.number)]
        if not confirmed:
            return ranking[0] if ranking else None

        def merit(trial: Trial) -> tuple[float, float, int]:
            runs = [again.merit for again in self.confirmations(trial.number)]
            return (fmean(run[0] for run in runs), fmean(run[1] for run in runs), ranking.index(trial))

        return min(confirmed, key=merit)


def called(network: str, narrows: str) -> str:
    """A hand-designed network by its name, a narrower form of one by that."""
    return network or (f"{narrows}, narrowed" if narrows else "")


def _key(decisions: Decisions) -> frozenset[tuple[str, Alternative]]:
    return frozenset(decisions.items())
