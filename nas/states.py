"""The states of a trial, and a trial as the ledger tells of it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from nas.objectives import LATENCY
from nas.records import Decisions
from nas.trials import Progress

RUNNING = "running"
PAUSED = "paused"
COMPLETE = "complete"
STOPPED = "stopped"
DIVERGED = "diverged"
FAILED = "failed"
REJECTED = "rejected"
DUPLICATE = "duplicate"
TRAINED = (PAUSED, COMPLETE, STOPPED, DIVERGED, FAILED)


@dataclass(slots=True)
class Trial:
    """A network that is or was trained. `curve` is that of the last attempt; `confirms` as in `Proposed`.

    `epochs` is the length of the whole training; so far it goes to epoch `until`. `network` is the name of the
    hand-designed network that it is, where the run began with it as one, `narrows` that of the one which it is a
    narrower form of. Since the latest driver began or promoted it, it `reached` an epoch; the last `num_deaths` drivers
    that died while they trained it did so in a row after epoch `died_after` of theirs.
    """

    number: int
    decisions: Decisions
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
    num_deaths: int = 0
    died_after: int = 0
    reached: int = 0
    reason: str = ""
    network: str = ""
    narrows: str = ""
    arm: str = ""
    score: float | None = None

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

    @property
    def screened(self) -> Screened | None:
        """What a report on the screening is made of; None where this trial is not part of it."""
        is_worst = self.state in (DIVERGED, FAILED, REJECTED)
        if not self.arm or not (self.curve or is_worst):
            return None
        epochs, values = array("L", [one.epoch for one in self.curve]), array("d", [one.value for one in self.curve])
        return Screened(self.arm, self.score, self.state == RUNNING, is_worst, epochs, values)


@dataclass(frozen=True, slots=True)
class Screened:
    """A trial of one arm of a screening (`nas.screening`): what the proxy said of it, and its value after each epoch
    that is known, rising; a table may have no others between. One that came to nothing (diverged, failed, or without
    room in memory) counts as the worst: a network that is never right."""

    arm: str
    score: float | None
    is_running: bool
    is_worst: bool
    epochs: Sequence[int]
    values: Sequence[float]

    def value(self, epoch: int) -> float | None:
        """Its value after an epoch; None where it is not known."""
        if self.is_worst:
            return 0.0
        return self.values[self.epochs.index(epoch)] if epoch in self.epochs else None


def called(network: str, narrows: str) -> str:
    """A hand-designed network by its name, a narrower form of one by that."""
    return network or (f"{narrows}, narrowed" if narrows else "")
