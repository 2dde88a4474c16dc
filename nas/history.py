"""The state of a run, folded from the lines of its ledger. Free of torch and of samplers: `status` needs no more.

The same fold serves the living driver and a resumed one, so that what is known after a crash is what was known before.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from nas.ends import Hashes, Outcome, Outcomes
from nas.fronts import front, knee
from nas.ledger import Line
from nas.objectives import ACCURACY, oriented
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
from nas.states import (
    COMPLETE,
    DIVERGED,
    DUPLICATE,
    FAILED,
    PAUSED,
    REJECTED,
    RUNNING,
    STOPPED,
    TRAINED,
    Screened,
    Trial,
)
from nas.study import KNEE, Study
from nas.trials import Completed, Diverged, Failed, Lost, OutOfMemory, Paused, Progress, Stopped
from search_spaces.decisions import Alternative

MAX_LOSSES = 5
NUM_CONFIRMATION_SEEDS = 2  # on which each candidate is trained longer
MAX_RANKED = 20
MAX_OVER = 100  # trials that are forgotten at once


class History:
    """What a ledger says. `apply` is the only way to change it.

    Of the trials of the search that are over it remembers those of the `ranking` and of the `front`, and the
    hand-designed networks; of the others no more than `nas.ends`. Those that ended since the last was proposed are
    remembered in any case. `all_trials` has them all.
    """

    def __init__(self, run: Path, first: Line) -> None:
        assert isinstance(first.record, Started)
        self.run = run
        self.started: Started = first.record
        self.trials: dict[int, Trial] = {}  # that are remembered
        self.running: dict[int, Trial] = {}
        self.by_hash = Hashes()  # the trials of the search
        self.num_trials = 0  # those that are forgotten, too
        self.num_rejected = 0
        self.num_duplicates = 0
        self.ended_by: str | None = None
        self.finals: dict[int, dict[int, Finalised]] = {}  # by trial and seed
        self.unfinished: dict[int, str] = {}  # by trial: why its final training came to no end
        self._starts = {_key(start.decisions): start for start in self.started.starts}
        self.greatest = dict.fromkeys(self.study.objectives, 0.0)  # figures of the complete trials of the search
        self._screened: list[Screened] = []  # trials that are forgotten
        self._outcomes = Outcomes(len(self.study.objectives))
        self._room = MAX_OVER
        self.exported: Exported | None = None
        self.reported: Reported | None = None
        self.active_seconds = 0.0
        self.best: Trial | None = None  # of the complete trials of the search: the first of the `ranking`
        self._last_at = first.at
        self._executor = self.study.executor  # of the latest driver
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
                self.trials[record.trial].reached = record.epoch
            case Promoted():
                trial = self.trials[record.trial]
                trial.until, trial.reached = record.until, 0  # where a new driver would begin it again
                self._move(trial, RUNNING)
            case Paused() | Completed() | Stopped() | Diverged() | Failed() | OutOfMemory() | Lost():
                self._end(self.trials[record.trial], record)
            case Resumed():
                self._take_over(record)
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

    def _take_over(self, record: Resumed) -> None:
        self._executor = record.executor or self._executor
        if record.suspect is not None:
            trial = self.trials[record.suspect]
            trial.num_deaths = trial.num_deaths + 1 if trial.reached == trial.died_after else 1
            trial.died_after = trial.reached
        for trial in self.running.values():
            trial.reached = 0

    def _propose(self, record: Proposed) -> None:
        if len(self.trials) >= self._room:
            self._forget()
        self.num_trials += 1
        start = self._starts.get(_key(record.decisions))
        self.trials[record.trial] = self.running[record.trial] = Trial(
            number=record.trial,
            decisions=record.decisions,
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
            self.by_hash.add(record.hash, record.trial)
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
                if trial.confirms is None and trial.curve:
                    self._note_complete(trial)
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

    def _note_complete(self, trial: Trial) -> None:
        if self.best is None or trial.merit < self.best.merit:
            self.best = trial
        for name in self.greatest:
            self.greatest[name] = max(self.greatest[name], trial.figures[name] or 0.0)

    def _forget(self) -> None:
        """Forgets the trials of the search that are over, but those which somebody may still ask for."""
        kept = {trial.number for trial in [*self.ranking(), *self.front()]}
        for trial in self.searched:
            if trial.is_over and not trial.called and trial.number not in kept:
                self._outcomes.put(trial.number, self.outcome(trial.number))
                self._screened += [] if trial.screened is None else [trial.screened]
                del self.trials[trial.number]
        self._room = len(self.trials) + MAX_OVER

    def outcome(self, number: int) -> Outcome:
        """How a trial stands, or ended, whether it is remembered or not."""
        trial = self.trials.get(number)
        return self._outcomes.get(number) if trial is None else Outcome(trial.state, self.values(trial), trial.epoch)

    @property
    def study(self) -> Study:
        """What was asked for."""
        return self.started.study

    def values(self, trial: Trial) -> tuple[float, ...] | None:
        """What a trial has of each objective, each figure so that higher is better; None where one is not known."""
        return oriented(self.study.objectives, trial.figures)

    @property
    def searched(self) -> list[Trial]:
        """The trials of the search itself that are remembered, in order."""
        return [trial for trial in self.trials.values() if trial.confirms is None]

    @property
    def screened(self) -> list[Screened]:
        """All trials of the search that a report on its screening is made of."""
        return self._screened + [one for trial in self.searched if (one := trial.screened) is not None]

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

    @property
    def at_work(self) -> int | None:
        """The trial that the latest driver trained itself when its last line was written; None where it trained none.

        One that ran out of memory before comes first, then the eldest (`nas.brain.Brain.next_job`).
        """
        if self._executor != "inline" or self.study.table is not None or not self.running:
            return None
        return min(self.running.values(), key=lambda trial: (not trial.num_memory_failures, trial.number)).number

    def count(self, state: str) -> int:
        """How many trials of the search, each of which was begun, are in a state."""
        return self._num_in[state]

    def counts(self) -> dict[str, int]:
        """How many proposals are in which state; states without any are left out."""
        counts = {**self._num_in, DUPLICATE: self.num_duplicates}
        counts[REJECTED] += self.num_rejected
        return {state: count for state, count in counts.items() if count}

    def ranking(self) -> list[Trial]:
        """The best of the complete trials of the search, best first: as many as anybody wants to see."""
        return self._complete()[: max(MAX_RANKED, self.study.candidates)]

    def _complete(self) -> list[Trial]:
        """The complete trials of the search that are remembered, best first."""
        return sorted((trial for trial in self.searched if trial.state == COMPLETE), key=lambda trial: trial.merit)

    def front(self) -> list[Trial]:
        """The complete trials that no other dominates, that is, equals or beats in every objective and beats in at
        least one; the most accurate first."""
        valued = [(trial, values) for trial in self._complete() if (values := self.values(trial)) is not None]
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
        return members[:most] if prefer == ACCURACY.name else self._preferred(members)

    def _preferred(self, members: list[Trial]) -> list[Trial]:
        """Of members of the front the one that the study prefers; none of none."""
        prefer = self.study.prefer or ACCURACY.name
        if not members:
            return []
        points = [self.values(trial) or () for trial in members]
        index = self.study.objectives.index(prefer) if prefer != KNEE else None
        best = knee(points) if index is None else max(range(len(points)), key=lambda one: points[one][index])
        return [members[best]]

    def leader(self) -> Trial | None:
        """The first of the `candidates`: what would win if the search ended now and nothing were trained longer."""
        return self.best if len(self.study.objectives) == 1 else next(iter(self.candidates()), None)

    def rivals(self) -> list[Trial]:
        """The hand-designed networks that are not the winner: those trained the farthest first, of these the best.

        One that was stopped at a rung is among them: what few epochs make of it says little of what all would.
        """
        winner = self.winner()
        began = [one for one in self.searched if one.network and one.state in (COMPLETE, STOPPED) and one.curve]
        others = [one for one in began if winner and one.number != winner.number]
        return sorted(others, key=lambda one: (-one.epoch, one.merit))

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
        """The candidate with the best longer trainings on validation; before there are any, the best of the search.

        One whose final training came to no end is none any more. After the last of them the next of the front wins,
        then of the ranking; None where there is no network left.
        """
        ranking = self._left(self.candidates())
        confirmed = [trial for trial in ranking if self.confirmations(trial.number)]
        if not confirmed:
            if not ranking and self.unfinished:
                members = self._left(self.front()) if len(self.study.objectives) > 1 else []
                ranking = self._preferred(members) or self._left(self.ranking())
            return ranking[0] if ranking else None

        def merit(trial: Trial) -> tuple[float, float, int]:
            runs = [again.merit for again in self.confirmations(trial.number)]
            return (fmean(run[0] for run in runs), fmean(run[1] for run in runs), ranking.index(trial))

        return min(confirmed, key=merit)

    def _left(self, trials: list[Trial]) -> list[Trial]:
        """Those of the trials whose final training has not come to grief."""
        return [trial for trial in trials if trial.number not in self.unfinished]


def all_trials(run: Path, lines: Iterable[Line]) -> dict[int, Trial]:
    """Every trial after these lines, by its number."""
    rest = iter(lines)
    history = History(run, next(rest))
    trials: dict[int, Trial] = {}
    for line in rest:
        history.apply(line)
        if isinstance(line.record, Proposed):
            trials[line.record.trial] = history.trials[line.record.trial]
    return trials


def _key(decisions: Decisions) -> frozenset[tuple[str, Alternative]]:
    return frozenset(decisions.items())
