"""Every trial of a run, read from its ledger one after the other; of those that were told nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from nas.history import History
from nas.ledger import Follower, Line
from nas.objectives import LATENCY
from nas.records import Proposed
from nas.states import Trial
from nas.trials import ENDS


@dataclass(frozen=True)
class TrialRecord:
    """A trial as it ended, or as it stands.

    `state` is `complete`, `stopped` at a rung, `diverged`, `failed`, `rejected` for want of memory, `running` or
    `paused`. `values` is what was seen after each epoch that is known, `value` the last of it: the accuracy on the
    validation part, or what the table has. `epochs` is the length of the whole training, `seconds` the time spent in
    its epochs, `latency` seconds for one image where it was measured. `network` and `narrows` are the hand-designed
    network that it is, or is a narrower form of. `confirms` is the trial whose network was trained longer here, after
    the search. `reason` says why it came to no end.
    """

    number: int
    state: str
    hash: str
    params: int
    macs: int
    value: float | None
    seconds: float
    epochs: int
    seed: int
    network: str
    narrows: str
    confirms: int | None
    latency: float | None
    reason: str
    decisions: dict[str, Any] = field(repr=False)
    values: dict[int, float] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON data but for the numbers of epochs: a row of a data frame."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def read_trials(run: Path) -> Iterator[TrialRecord]:
    """See `nas.read_trials`."""
    lines = Follower(run).read()
    return _trials(History(run, next(lines)), lines)


def _trials(history: History, lines: Iterator[Line]) -> Iterator[TrialRecord]:
    unfinished: dict[int, Trial] = {}
    for line in lines:
        history.apply(line)
        record = line.record
        if isinstance(record, Proposed):
            unfinished[record.trial] = history.trials[record.trial]
        elif isinstance(record, ENDS) and unfinished[record.trial].is_over:
            yield _record_of(unfinished.pop(record.trial), history)
    for trial in unfinished.values():
        yield _record_of(trial, history)


def _record_of(trial: Trial, history: History) -> TrialRecord:
    sign = history.study.table.sign if history.study.table else 1
    return TrialRecord(
        number=trial.number,
        state=trial.state,
        hash=trial.hash,
        params=trial.params,
        macs=trial.macs,
        value=None if trial.value is None else sign * trial.value,
        seconds=trial.seconds,
        epochs=trial.epochs,
        seed=trial.seed,
        network=trial.network,
        narrows=trial.narrows,
        confirms=trial.confirms,
        latency=trial.figures[LATENCY.name],
        reason=trial.reason,
        decisions=dict(trial.decisions),
        values={one.epoch: sign * one.value for one in trial.curve},
    )
