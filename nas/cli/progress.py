"""A search as it goes on, in plain lines: one for every trial that ended."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TextIO

from graphs.quantities import format_quantity
from nas.cli.output import format_seconds
from nas.cli.shown import shown_accuracy
from nas.history import MAX_LOSSES, NUM_CONFIRMATION_SEEDS, History
from nas.lookup import WHOLE
from nas.objectives import ACCURACY
from nas.records import Ended, Exported, Finalised, Proposed, Record, Resumed, Started, Unfinished
from nas.states import COMPLETE, DIVERGED, FAILED, PAUSED, RUNNING, Trial
from nas.trials import Completed, Diverged, Failed, Lost, OutOfMemory, Paused, Progress

if TYPE_CHECKING:
    from nas.driver import Observer

WORDS = {COMPLETE: "complete", PAUSED: "paused", DIVERGED: "diverged", FAILED: "failed"}


@dataclass
class Lines:
    """Writes what people want to know of every record to a stream; most records are no news."""

    stream: TextIO

    def __call__(self, record: Record, history: History) -> None:
        text = describe(record, history)
        if text:
            print(text, file=self.stream, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None


class Watching(AbstractContextManager["Observer"]):
    """A display of a search on a stream: live where that is a terminal, else lines. Entered, it is the observer."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._display: AbstractContextManager[Observer] | None = None

    def __enter__(self) -> Observer:
        if self._stream.isatty():
            from nas.cli.live import Live

            self._display = Live(self._stream)
        else:
            self._display = Lines(self._stream)
        return self._display.__enter__()

    def __exit__(self, *error: object) -> None:
        assert self._display is not None
        self._display.__exit__(None, None, None)


def describe(record: Record, history: History) -> str:
    """What is worth a line about a record, after the history has taken it in; empty where nothing is."""
    match record:
        case Started():
            notes = (f"note: {note}" for note in record.notes)
            recipe = [f"recipe: {record.recipe}"] if record.study.table is None else []
            return "\n".join([f"run {history.run}", *_starts(record), *recipe, *notes])
        case Resumed():
            done = f"{_several(history.num_trained, 'trial')} done"
            return f"run {history.run}, resumed with the study and the space that it began with: {done}"
        case Failed():
            why = record.traceback.strip().rpartition("\n")[2]
            line = _trial_line(history.trials[record.trial], history)
            return "\n".join([line, f"    {why}", *_final_trainings_to_come(history)])
        case Paused() | Completed() | Diverged() | OutOfMemory():
            line = _trial_line(history.trials[record.trial], history)
            return "\n".join([line, *_final_trainings_to_come(history)])
        case Lost():
            trial = history.trials[record.trial]
            goes_on = "it goes on from its last rung" if trial.state == RUNNING else "it is not tried again"
            return f"trial {record.trial}: its worker or node is gone ({trial.num_losses} of {MAX_LOSSES}); {goes_on}"
        case Progress() if record.note:
            return f"trial {record.trial}: {record.note}"
        case Ended():
            rejected = (
                f", {_several(history.num_rejected, 'proposal')} refused untrained" if history.num_rejected else ""
            )
            done = "trained" if history.study.table is None else "looked up"
            ended = f"search ended ({record.by}): {_several(history.num_trained, 'network')} {done}{rejected}"
            return "\n".join([ended, *_only_candidate(history), *_final_trainings_to_come(history)])
        case Proposed(confirms=int(of)) if not _confirmations_before(record, history):
            candidates = history.candidates()
            length = _length(candidates * NUM_CONFIRMATION_SEEDS, history)
            how = longer_or_again(history)
            return f"training the best {len(candidates)} {how}, first of all trial {of}: {length}"
        case Finalised():
            done = f"{len(history.finals[record.trial])}/{history.study.final_seeds}"
            name = history.trials[record.trial].network
            whose = f" of {name}" if not record.weights and name else ""
            return (
                f"final training{whose} {done}: test accuracy {record.accuracy:.2%}, {format_seconds(record.seconds)}"
            )
        case Unfinished():
            return f"{history.trials[record.trial].network or f'trial {record.trial}'}: {record.reason}{_heir(history)}"
        case Exported():
            return f"bundle {history.run / record.bundle}"
        case _:
            return ""


def _starts(record: Started) -> list[str]:
    """The hand-designed networks that a search begins with; nothing of one that was not to, or of a table."""
    if record.study.table is not None or not record.study.starts:
        return []
    whole = ", ".join(start.name for start in record.starts if start.name)
    narrowed = ", ".join(start.narrows for start in record.starts if not start.name)
    named = [*filter(None, (whole, narrowed and f"narrowed: {narrowed}"))]
    return [f"starts: {len(record.starts)}, {'; '.join(named)}" if named else "starts: no hand-designed network fits"]


def _trial_line(trial: Trial, history: History) -> str:
    state = WORDS.get(trial.state, "out of memory, tried again alone")
    value = f"{shown_accuracy(trial.value, history.study.table):>7}" if trial.value is not None else "      -"
    size = f"{format_quantity(trial.params):>6} params  {format_quantity(trial.macs):>6} MACs"
    how = f"{state}, {_several(trial.epoch, 'epoch')}, {format_seconds(trial.seconds)}"
    lookup = history.study.table
    if lookup is not None:
        how = state if lookup.epochs == (WHOLE,) else f"{state}, {_several(trial.epoch, 'epoch')}"
    if trial.confirms is not None:
        return f"trial {trial.confirms} again  {value}  {size}  {how}"
    most = history.study.max_trials
    place = f"{history.num_trained:>{len(str(most))}}/{most}" if most is not None else f"{history.num_trained:>4}"
    named = f", {trial.called}" if trial.called else ""
    return f"{place}  trial {trial.number:<4} {value}  {size}  {how}{named}{best_so_far(history)}"


def best_so_far(history: History) -> str:
    """`; best 98.06% (trial 7)`, or nothing where no trial is complete."""
    best = history.leader()
    if best is None or best.value is None:
        return ""
    return f"; best {shown_accuracy(best.value, history.study.table)} (trial {best.number})"


def _heir(history: History) -> str:
    """Who wins in place of a network whose final training came to no end; nothing where it was not to win."""
    winner = history.winner()
    if winner is None:
        return "; no candidate is left"
    return "" if history.finals.get(winner.number) else f"; trial {winner.number} takes its place"


def final_trainings(history: History) -> tuple[int, int]:
    """How many are done, and how many there are to be: of the winner and of those that it is compared with, each over
    the seeds. Networks of which one came to no end don't count."""
    done = sum(len(finals) for trial, finals in history.finals.items() if trial not in history.unfinished)
    rivals = history.rivals()[: history.study.rivals]
    return done, history.study.final_seeds * (1 + sum(rival.number not in history.unfinished for rival in rivals))


def _only_candidate(history: History) -> list[str]:
    """Why no candidates are trained longer to be compared, where there is only one."""
    candidates = history.candidates()
    if history.study.table is not None or len(candidates) != 1:
        return []
    prefer = history.study.prefer
    by = f"preferred by {prefer}" if prefer not in (None, ACCURACY.name) else "the only candidate"
    return [f"trial {candidates[0].number} is {by}: none is trained {longer_or_again(history)} to be compared"]


def longer_or_again(history: History) -> str:
    """How the best are trained to be compared."""
    recipe = history.started.recipe
    return "longer" if recipe.final_epochs > recipe.epochs else "again"


def _final_trainings_to_come(history: History) -> list[str]:
    """How long the final trainings will take, where nothing else is left to be trained."""
    if history.ended_by is None or history.running or history.study.table is not None:
        return []
    candidates, winner = history.candidates(), history.winner()
    again = sum(trial.confirms is not None for trial in history.trials.values())
    wanted = NUM_CONFIRMATION_SEEDS * len(candidates) if len(candidates) > 1 else 0
    if again < wanted or winner is None:
        return []
    trials = [winner, *history.rivals()[: history.study.rivals]] * history.study.final_seeds
    return [f"final training of trial {winner.number}: {_length(trials, history)}"]


def _length(trials: list[Trial], history: History) -> str:
    """`8 trainings of 60 epochs, about 40.0 s of training`: each epoch as long as the trial's were in the search."""
    epochs = history.started.recipe.final_epochs
    seconds = sum(epochs * trial.seconds / len(trial.curve) for trial in trials)
    number = f"{_several(len(trials), 'training')} of {_several(epochs, 'epoch')}"
    return f"{number}, about {format_seconds(seconds)} of training"


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _confirmations_before(record: Proposed, history: History) -> bool:
    return any(trial.confirms is not None and trial.number < record.trial for trial in history.trials.values())
