"""What a run amounts to, for people and programs: the object that `search`, `resume` and `status` answer with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from graphs.costs import flops_of
from graphs.quantities import format_quantity
from nas import finishing
from nas.evidence import permutation_p_value, verdict
from nas.fronts import share
from nas.history import History
from nas.ledger import LEDGER, RunError
from nas.lookup import Lookup
from nas.manifest import damage_of
from nas.objectives import ACCURACY, BY_NAME, LATENCY
from nas.screening import ScreeningReport, screening_report
from nas.states import DIVERGED, FAILED, REJECTED, Trial, called

SPREAD = ("fastest", "slowest", "clock")
MARGIN = 1.1  # so that the ends of a front count (Ishibuchi et al. 2018, How to Specify a Reference Point)
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
    """A trained network. `value` is its validation accuracy after the `epochs` of the search that it was trained for,
    `confirmed` that of its longer trainings.

    `latency` is in seconds for one image, where it was measured; `latency_spread` has the fastest and the slowest round
    of that, and what the clock shows for nothing (`nas.latency`). `network` is the name of a hand-designed one,
    `narrows` that of the one which it is a narrower form of.
    """

    trial: int
    hash: str
    value: float
    epochs: int
    params: int
    macs: int
    decisions: dict[str, Any] = field(repr=False)
    network: str = ""
    narrows: str = ""
    confirmed: float | None = None
    latency: float | None = None
    latency_spread: Mapping[str, float] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """What it is known by beside its hash, if anything."""
        return called(self.network, self.narrows)

    def as_dict(self) -> dict[str, Any]:
        return {
            "trial": self.trial,
            "network": self.network or None,
            "narrows": self.narrows or None,
            "hash": self.hash,
            "value": self.value,
            "epochs": self.epochs,
            "params": self.params,
            "macs": self.macs,
            "latency": self.latency,
            **{f"latency_{name}": self.latency_spread.get(name) for name in SPREAD},
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
class Rival:
    """A hand-designed network that the search began with, and how the winner compares with it.

    `test` is None where it was not trained again as the winner was. `verdict` is `better`, `worse` or `no evidence`
    (`nas.evidence`) of the winner's test accuracies, or `not trained again`; `chance` is how probable such a lead, or a
    greater one, is of networks that are equally good. `reason` says why its final training came to no end, if it did.
    """

    network: str
    candidate: Candidate
    test: TestScore | None
    verdict: str
    chance: float | None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        test = self.test.as_dict() if self.test else None
        told = {"test": test, "verdict": self.verdict, "chance": self.chance, "reason": self.reason or None}
        return {**self.candidate.as_dict(), **told}


@dataclass(frozen=True)
class Front:
    """The networks that no other dominates, that is, equals or beats in all `objectives` and beats in at least one; the
    most accurate first.

    `hypervolume` is the share, 0..1, that they dominate of the box between `reference` and `ideal`: an accuracy from 0
    to 1, a value of a table from the worst to the best that it has; parameters, MACs and latency from what the budget
    allows, or a tenth more than a complete trial has where it allows everything, to 0.
    """

    objectives: tuple[str, ...]
    members: tuple[Candidate, ...]
    hypervolume: float
    reference: dict[str, float]
    ideal: dict[str, float]

    def __repr__(self) -> str:
        count = len(self.members)
        networks = f"{count} network{'s' * (count != 1)} by {' and '.join(self.objectives)}"
        return f"<Front: {networks}, hypervolume {self.hypervolume:.4g}>"


@dataclass(frozen=True)
class Result:
    """A run at some moment.

    `ended_by` is that of `nas.records.Ended` once the bundle stands or there is nothing to make one of; before that
    `running`, or `interrupted` where no driver is at work. `best` is the winner so far, `candidates` are the most
    accurate of the search, best first; `front` is None for a single objective, and `screening` without one. Of a run
    that looks trials up, values are those of its table, `reported` is the winner's, and `lookup` names the columns;
    `notes` is what was remarked before the first trial. `bundle` is None also where what was exported is not whole any
    more, and `damage` then says what is wrong with it. `failure` is set where a search ended without a network: what
    became of most of its trials, and what to change. `unfinished` has why the final training of a network came to no
    end, by its trial; one that was to win has another in its place.
    """

    run: Path
    ended_by: str
    trials: dict[str, int]
    best: Candidate | None
    candidates: tuple[Candidate, ...]
    test: TestScore | None
    bundle: Path | None
    seconds: float
    front: Front | None = None
    rivals: tuple[Rival, ...] = ()
    screening: ScreeningReport | None = None
    reported: float | None = None
    lookup: Lookup | None = None
    notes: tuple[str, ...] = ()
    damage: str = ""
    failure: str = ""
    unfinished: Mapping[int, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        words = [self.ended_by if self.is_open else f"ended by {self.ended_by}"]
        if self.best is None:
            words.append("no network yet" if self.is_open else "no network")
        else:
            params = format_quantity(self.best.params)
            words.append(f"best trial {self.best.trial} with {self.best.value:.4g} and {params} params")
        if self.test is not None:
            words.append(f"test {self.test.mean:.4g}")
        return f"<Result {self.run}: {', '.join(words)}>"

    @property
    def is_open(self) -> bool:
        """Whether there is more to come, now or when the run is resumed."""
        return self.ended_by in (RUNNING, INTERRUPTED)

    def as_dict(self) -> dict[str, Any]:
        """The object of `--json`."""
        return {
            "run": str(self.run),
            "ended_by": self.ended_by,
            "trials": self.trials,
            "best": self.best.as_dict() if self.best else None,
            "bundle": str(self.bundle) if self.bundle else None,
            "damage": self.damage or None,
            "failure": self.failure or None,
            "unfinished": [{"trial": trial, "reason": reason} for trial, reason in self.unfinished.items()],
            "front": [candidate.as_dict() for candidate in self.front.members] if self.front else [],
            "hypervolume": self.front.hypervolume if self.front else None,
            "reference": self.front.reference if self.front else None,
            "ideal": self.front.ideal if self.front else None,
            "candidates": [candidate.as_dict() for candidate in self.candidates],
            "test": self.test.as_dict() if self.test else None,
            "rivals": [rival.as_dict() for rival in self.rivals],
            "screening": self.screening.as_dict() if self.screening else None,
            "reported": self.reported,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }


def summarize(history: History, *, driver_is_alive: bool) -> Result:
    """The result of a run as far as its ledger goes."""
    winner = history.winner()
    scores = history.scores(winner.number) if winner else ()
    bundle = history.run / history.exported.bundle if history.exported else None
    damage = damage_of(bundle) if bundle else ""
    return Result(
        run=history.run,
        ended_by=_ended_by(history, driver_is_alive),
        trials=history.counts(),
        best=_candidate(history, winner) if winner else None,
        candidates=tuple(_candidate(history, trial) for trial in history.ranking()[: max(5, history.study.candidates)]),
        test=TestScore(scores) if scores else None,
        bundle=None if damage else bundle,
        seconds=round(history.active_seconds, 3),
        front=_front(history) if len(history.study.objectives) > 1 else None,
        rivals=tuple(_rival(history, trial, scores) for trial in history.rivals()),
        screening=screening_report(history),
        reported=history.reported.value if history.reported else None,
        lookup=history.study.table,
        notes=tuple(history.started.notes),
        damage=damage,
        failure=_failure(history) if history.ended_by is not None and winner is None else "",
        unfinished=dict(history.unfinished),
    )


def _failure(history: History) -> str:
    """What became of most trials of a search in which none was completed, or of its final trainings, and what to
    change; empty where none was trained at all."""
    recipe = history.started.recipe
    if history.unfinished:
        return _final_failure(history)
    reasons = {trial.state: trial.reason for trial in history.searched if trial.reason}
    counts = Counter({state: history.count(state) for state in (DIVERGED, FAILED, REJECTED) if state in reasons})
    if not counts:
        return ""
    [(state, count)] = counts.most_common(1)
    why = reasons[state].strip().rpartition("\n")[2]
    words, change = {
        DIVERGED: ("diverged", f"lower the `learning_rate` of the `recipe`, which is {recipe.learning_rate:g}"),
        FAILED: ("failed", f"correct what is told there; {history.run / LEDGER} has the whole of it"),
        REJECTED: ("ran out of memory", f"lower the `batch_size` of the `recipe`, which is {recipe.batch_size}"),
    }[state]
    return f"{count} of {sum(counts.values())} trials {words}, such as by: {why}; {change}"


def _final_failure(history: History) -> str:
    """The same where trials were completed, and no final training was."""
    number = len(history.unfinished)
    trial, why = next(reversed(history.unfinished.items()))
    tried = f"{number} candidates were trained for the last time, and none to the end, trial {trial} for one"
    change = f"correct what is told there; {history.run / LEDGER} has the whole of it"
    if why.startswith(finishing.DIVERGED):
        rate = history.started.recipe.learning_rate
        change = f"begin a new run with a lower `learning_rate` than {rate:g}"
    return f"{tried if number > 1 else f'no network is left after trial {trial}'}: {why}; {change}"


def no_network(result: Result) -> RunError:
    """What is said of a run that has ended without a network, where one is asked for."""
    done = "no final training came to its end" if result.unfinished else "no network was trained to the end"
    return RunError(f"{done}, so there is nothing to export", help=result.failure)


def _rival(history: History, trial: Trial, ours: tuple[float, ...]) -> Rival:
    theirs = history.scores(trial.number)
    return Rival(
        network=trial.network,
        candidate=_candidate(history, trial),
        test=TestScore(theirs) if theirs else None,
        verdict=verdict(ours, theirs),
        chance=round(permutation_p_value(ours, theirs), 6) if ours and theirs else None,
        reason=history.unfinished.get(trial.number, ""),
    )


def _front(history: History) -> Front:
    objectives, members = history.study.objectives, history.front()
    corners = [_extent(history, name) for name in objectives]
    reference, ideal = zip(*corners, strict=True)
    volume = share([history.values(trial) or () for trial in members], reference, ideal)
    candidates = tuple(_candidate(history, trial) for trial in members)
    lows, highs = (
        {name: _sign(history, name) * corner + 0.0 for name, corner in zip(objectives, one, strict=True)}
        for one in (reference, ideal)
    )
    return Front(objectives, candidates, round(volume, 6), lows, highs)


def _extent(history: History, objective: str) -> tuple[float, float]:
    """The worst that counts of an objective, and the best there could be, so that higher is better."""
    if objective == ACCURACY.name:
        return history.started.extremes
    budget = history.study.budget.as_dict()
    bounds = [budget[bound] for bound in (f"max_{objective}",) if bound in budget]
    if objective == "macs" and "max_flops" in budget:
        bounds.append(budget["max_flops"] // flops_of(1))
    return -(min(bounds) if bounds else MARGIN * history.greatest[objective]), 0.0


def _sign(history: History, objective: str) -> int:
    """What makes a figure as people have it of one of which more is better."""
    if objective == ACCURACY.name:
        return history.study.table.sign if history.study.table else 1
    return BY_NAME[objective].sign


def is_over(history: History) -> bool:
    """Whether nothing is left to do in this run."""
    told = history.reported if history.study.table is not None else history.exported
    return history.ended_by is not None and (told is not None or history.winner() is None)


def resume_command(run: Path) -> str:
    return f"nas resume {run}"


def _ended_by(history: History, driver_is_alive: bool) -> str:
    if history.ended_by is not None and is_over(history):
        return history.ended_by
    return RUNNING if driver_is_alive else INTERRUPTED


def _candidate(history: History, trial: Trial) -> Candidate:
    assert trial.value is not None
    metrics = trial.curve[0].metrics
    return Candidate(
        trial=trial.number,
        hash=trial.hash,
        value=trial.value * (history.study.table.sign if history.study.table else 1),
        epochs=trial.epoch,
        params=trial.params,
        macs=trial.macs,
        decisions=dict(trial.decisions),
        network=trial.network,
        narrows=trial.narrows,
        confirmed=history.confirmed_value(trial.number),
        latency=trial.figures[LATENCY.name],
        latency_spread={name: metrics[key] for name in SPREAD if (key := f"latency_{name}") in metrics},
    )
