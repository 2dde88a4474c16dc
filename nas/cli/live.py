"""A search as it goes on, on a terminal: bars for the whole and for each running trial, lines for news."""

from __future__ import annotations

from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from nas import trials
from nas.cli.progress import best_so_far, describe, final_trainings
from nas.cli.shown import shown_accuracy
from nas.history import NUM_CONFIRMATION_SEEDS, History
from nas.lookup import Lookup
from nas.records import Record
from nas.states import RUNNING, Trial

SPEED_WINDOW_SECONDS = 900.0


class Live:
    """The observer of a search that draws on a terminal until it is left."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream, highlight=False, markup=False, emoji=False),
            transient=True,
            speed_estimate_period=SPEED_WINDOW_SECONDS,
        )
        self._whole: TaskID | None = None
        self._running: dict[int, TaskID] = {}
        self._best: int | None = None

    def __call__(self, record: Record, history: History) -> None:
        self._draw_whole(history)
        self._draw_trials(history)
        if self._is_news(record, history) and (text := describe(record, history)):
            self._progress.console.print(text, soft_wrap=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def _is_news(self, record: Record, history: History) -> bool:
        match record:
            case trials.Completed():
                leader = history.leader()
                best = leader.number if leader else None
                better, self._best = best != self._best, best
                return better or history.trials[record.trial].confirms is not None
            case trials.Paused():
                return False
            case _:
                return True

    def _draw_whole(self, history: History) -> None:
        study = history.study
        wanted: int | None
        if history.ended_by is None:
            what, done, wanted = "search", history.num_trained, study.max_trials
        else:
            again = [trial for trial in history.trials.values() if trial.confirms is not None]
            open_ = sum(trial.state == RUNNING for trial in again)
            wanted_again = NUM_CONFIRMATION_SEEDS * len(history.candidates())
            if again and (open_ or len(again) < wanted_again):
                what, done, wanted = "best, longer", len(again) - open_, wanted_again
            else:
                what, (done, wanted) = "final training", final_trainings(history)
        text = f"{what}{best_so_far(history)}"
        if self._whole is None:
            self._whole = self._progress.add_task(text, total=wanted, completed=done)
        self._progress.update(self._whole, description=text, total=wanted, completed=done)

    def _draw_trials(self, history: History) -> None:
        for number in self._running.keys() - history.running.keys():
            self._progress.remove_task(self._running.pop(number))
        for number, trial in history.running.items():
            if number not in self._running:
                self._running[number] = self._progress.add_task("", total=trial.epochs)
            self._progress.update(
                self._running[number], description=_label(trial, history.study.table), completed=trial.epoch
            )


def _label(trial: Trial, lookup: Lookup | None) -> str:
    value = f"  {shown_accuracy(trial.value, lookup)}" if trial.value is not None else ""
    return f"  trial {trial.number}{value}"
