"""Samplers side by side: the same search over many seeds, each looked up in a table, and how they stand after so many
networks. Nothing is written but what is returned.

The seeds run in several processes, which begin as copies of this one, so that they share the space and the table.
"""

from __future__ import annotations

import signal
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from multiprocessing import active_children, get_context
from os import cpu_count
from pathlib import Path
from statistics import median
from typing import Any

from blocks.errors import FixpointError
from nas.answers import Answers, BestRow
from nas.brain import Brain
from nas.contradictions import refuse_contradictions
from nas.driver import run_trials
from nas.executors.tabular import TabularExecutor
from nas.history import History
from nas.ledger import NullLedger
from nas.opening import Opening, open_study
from nas.records import Record
from nas.samplers import make_sampler
from nas.study import Study, StudyError
from nas.trials import Completed, Progress
from search_spaces import Space

COUNTS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
TOLERANCE = 1e-9

Task = tuple[str, int]


@dataclass(frozen=True)
class Trace:
    """One search: after `spent[i]` whole trainings the best became one of `seen[i]`, with `reported[i]` reported.

    A training in part is a part of one, by its seconds. The search came to `cost` in all.
    """

    sampler: str
    seed: int
    spent: tuple[float, ...]
    seen: tuple[float, ...]
    reported: tuple[float, ...]
    cost: float

    def best(self, cost: float) -> tuple[float, float] | None:
        """What was seen and what is reported of the best after so many whole trainings; None before the first."""
        index = bisect_right(self.spent, cost + TOLERANCE) - 1
        return (self.seen[index], self.reported[index]) if index >= 0 else None


@dataclass(frozen=True)
class Standing:
    """A sampler after so many networks: medians over the seeds, and the share of them that are `at_optimum`.

    `regret` is how much worse what was seen is than the best row within the budget.
    """

    sampler: str
    trials: int
    seen: float
    regret: float
    reported: float
    at_optimum: float
    seeds: int


@dataclass(frozen=True)
class Comparison:
    """All searches that came to their end; fewer than were asked for where it was `interrupted`.

    `notes` is what was remarked of the table.
    """

    study: Study
    space: str
    best: BestRow
    samplers: tuple[str, ...]
    traces: tuple[Trace, ...]
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        count = len(self.traces)
        searches = f"{count} search{'es' * (count != 1)}{', interrupted' if self.interrupted else ''}"
        return f"<Comparison {self.space}: {' and '.join(self.samplers)}, {searches}>"

    @property
    def is_of_whole_trainings(self) -> bool:
        """Whether the table has one column for what is seen."""
        return self.study.table is None or len(self.study.table.epochs) == 1

    def of(self, sampler: str) -> list[Trace]:
        """The searches of a sampler, in the order of their seeds."""
        return [trace for trace in self.traces if trace.sampler == sampler]

    def standing(self, sampler: str, num_trials: int) -> Standing | None:
        """How a sampler stands after so many networks; None where no search of it has come to its end."""
        bests = [best for trace in self.of(sampler) if (best := trace.best(num_trials)) is not None]
        if not bests:
            return None
        sign = self.study.table.sign if self.study.table else 1
        regrets = [sign * (self.best.seen - seen) for seen, _ in bests]
        return Standing(
            sampler=sampler,
            trials=num_trials,
            seen=median(seen for seen, _ in bests),
            regret=median(regrets),
            reported=median(reported for _, reported in bests),
            at_optimum=sum(regret <= TOLERANCE for regret in regrets) / len(bests),
            seeds=len(bests),
        )

    def standings(self, counts: Sequence[int] | None = None) -> list[Standing]:
        """How all samplers stand after the cost of so many trainings; by default 10, 20, 50, ... up to where all have
        come."""
        if counts is None:
            counts = self._counts()
        found = (self.standing(sampler, count) for sampler in self.samplers for count in counts)
        return [standing for standing in found if standing is not None]

    def _counts(self) -> list[int]:
        most = int(min((trace.cost for trace in self.traces), default=0) + TOLERANCE)
        if self.study.max_trials is not None and self.is_of_whole_trainings:
            most = self.study.max_trials  # also where a space was exhausted before
        return [*(count for count in COUNTS if count < most), most]

    def as_dict(self) -> dict[str, Any]:
        """The object of `--json`."""
        return {
            "space": self.space,
            "budget": self.study.budget.as_dict(),
            "table": self.study.as_dict()["table"],
            "best": {"key": list(self.best.key), "seen": self.best.seen, "reported": self.best.reported},
            "interrupted": self.interrupted,
            "notes": list(self.notes),
            "samplers": [
                {
                    "sampler": sampler,
                    "seeds": len(self.of(sampler)),
                    "after": [
                        {
                            "trials": one.trials,
                            "seen": one.seen,
                            "regret": one.regret,
                            "reported": one.reported,
                            "at_optimum": one.at_optimum,
                        }
                        for one in self.standings()
                        if one.sampler == sampler
                    ],
                }
                for sampler in self.samplers
            ],
        }


def without_table() -> StudyError:
    """The error of a comparison of trainings."""
    help = "give a table of results, or search with one seed"
    return StudyError.at("table", "samplers are compared on a `table`, where nothing is trained", help=help)


def compare(
    study: Study,
    samplers: Sequence[str],
    num_seeds: int,
    *,
    space: Space | None = None,
    processes: int | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Searches with each of these samplers, or the study's alone, and each seed from that of the study on.

    So many `processes` run at a time. After every search `on_done` is told how many have come to their end, and of how
    many. Ctrl-C ends it with those.

    Raises: StudyError, TableError, BudgetError, DecisionError; FixpointError where a process is killed.
    """
    if study.table is None:
        raise without_table()
    if len(study.objectives) > 1:
        message = f"samplers are compared by one objective, not by {', '.join(study.objectives)}"
        raise StudyError.at("objectives", message, help="leave `objectives` out, or search with one seed")
    names = tuple(dict.fromkeys(samplers)) or (study.sampler,)
    for name in names:
        refuse_contradictions(study.changed(sampler=name), ["sampler"])
    opening = open_study(study, space)
    assert opening.answers is not None
    best = opening.answers.best(study.budget)
    assert best is not None, "a table without any is not opened"
    tasks = [(sampler, study.seed + index) for index in range(num_seeds) for sampler in names]
    traces: list[Trace] = []
    interrupted = False
    try:
        with _workers(opening, min(processes or cpu_count() or 1, len(tasks))) as run_all:
            for trace in run_all(tasks):
                traces.append(trace)
                if on_done:
                    on_done(len(traces), len(tasks))
    except KeyboardInterrupt:
        interrupted = True
    order = {task: position for position, task in enumerate(tasks)}
    traces.sort(key=lambda trace: order[trace.sampler, trace.seed])
    return Comparison(study, opening.space.name, best, names, tuple(traces), interrupted, opening.notes)


def search_once(opening: Opening, sampler: str, seed: int) -> Trace:
    """One search of a study that looks its trials up, without a folder."""
    answers, study = opening.answers, opening.study.changed(sampler=sampler, seed=seed)
    assert answers is not None
    executor = TabularExecutor(answers, study.workers or 1)
    journal = NullLedger(lambda: executor.now)
    history = History(Path(), journal.append(replace(opening, study=study).started("")))
    proposer = make_sampler(sampler, opening.space, study.budget, seed, num_trials=study.max_trials)
    notes = _Notes(answers)
    brain = Brain(opening.space, study.budget, proposer, history, answers=answers)
    run_trials(journal, brain, executor, notes)
    improvements = tuple(notes.spent), tuple(notes.seen), tuple(notes.reported)
    return Trace(sampler, seed, *improvements, notes.cost)


class _Notes:
    """The observer of a search: when the best became better."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._best = -inf
        self._is_in_parts = len(answers.lookup.epochs) > 1
        self.cost = 0.0
        self.spent: list[float] = []
        self.seen: list[float] = []
        self.reported: list[float] = []

    def __call__(self, record: Record, history: History) -> None:
        if isinstance(record, Progress) and self._is_in_parts:
            self.cost += record.seconds / self._answers.mean_seconds
        if not isinstance(record, Completed):
            return
        self.cost += not self._is_in_parts
        trial = history.trials[record.trial]
        if trial.value is not None and trial.value > self._best:
            row = self._answers.row(trial.decisions)
            assert row is not None
            self._best = trial.value
            self.spent.append(self.cost)
            self.seen.append(self._answers.lookup.sign * trial.value)
            self.reported.append(self._answers.reported(row))


_OPENING: list[Opening] = []  # of a worker process


def _begin(opening: Opening) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    _OPENING[:] = [opening]


def _run(task: Task) -> Trace:
    return search_once(_OPENING[0], *task)


@contextmanager
def _workers(opening: Opening, processes: int) -> Iterator[Callable[[Sequence[Task]], Iterator[Trace]]]:
    """What runs tasks, in the order in which they come to their end."""
    if processes == 1:
        yield lambda tasks: (search_once(opening, *task) for task in tasks)
        return
    before = active_children()
    pool = ProcessPoolExecutor(processes, get_context("fork"), _begin, (opening,))

    def run_all(tasks: Sequence[Task]) -> Iterator[Trace]:
        with warnings.catch_warnings():
            # A copy of a process of several threads may hang on what another thread held. None here is at work.
            warnings.simplefilter("ignore", DeprecationWarning)
            searches = [pool.submit(_run, task) for task in tasks]
        return (search.result() for search in as_completed(searches))

    try:
        yield run_all
    except BrokenProcessPool:
        message = "a process of the comparison was killed, maybe because the memory was full"
        help = "compare with fewer at a time, from Python: nas.compare(..., processes=1)"
        raise FixpointError(message, help=help) from None
    except BaseException:
        for worker in active_children():
            if worker not in before:
                worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
