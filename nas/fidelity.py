"""How far trials are trained, as data: the rungs of asynchronous successive halving and of Hyperband.

    rung       an epoch at which trials pause and are compared
    bracket    rungs, rising; from the last of them a trial goes on to the end of the training

Free of torch, and of what becomes of trials: see `nas.halving`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

METHODS = ("full", "asha", "hyperband")
FIRST_RUNG = 0.04  # of all epochs
MIN_STEPS_BEFORE_RUNG = 22  # by then the first ten batches have less than 30 % of a running mean (0.9 ** 12)


@dataclass(frozen=True)
class Fidelity:
    """One of `METHODS`: `full` trains every trial to the end, `asha` and `hyperband` as far as it is worth it.

    Of the trials that come to a rung, the best `1 / eta` go on to the next. Unless given, the first rung is after about
    `FIRST_RUNG` of the epochs, and not before epoch `earliest`. Where a table says how good trials are after the epochs
    that are `known`, and after no others, the rungs are these.
    """

    method: str = "asha"
    eta: int = 3
    first_rung: int | None = None
    earliest: int = 1
    known: tuple[int, ...] | None = None

    def rungs(self, num_epochs: int) -> tuple[int, ...]:
        """The epochs at which trials pause, rising; the last is not one of them."""
        if self.method == "full":
            return ()
        return self.saves(num_epochs)

    def saves(self, num_epochs: int) -> tuple[int, ...]:
        """The epochs at which a checkpoint is written: where the rungs are, or would be if nothing paused."""
        rungs: set[int] = set()
        if self.known is not None:
            return tuple(epoch for epoch in self.known if (self.first_rung or 1) <= epoch < num_epochs)
        if self.first_rung is not None:
            epoch = self.first_rung
            while epoch < num_epochs:
                rungs.add(epoch)
                epoch *= self.eta
        else:
            num_rungs = round(math.log(1 / FIRST_RUNG, self.eta))
            rungs = {max(1, round(num_epochs / self.eta**power)) for power in range(1, num_rungs + 1)}
        earliest = 1 if self.first_rung is not None else self.earliest
        return tuple(sorted(rung for rung in rungs if earliest <= rung < num_epochs))

    def brackets(self, num_epochs: int) -> tuple[tuple[int, ...], ...]:
        """The rungs of each bracket, the one that begins lowest first; a bracket without any trains to the end."""
        rungs = self.rungs(num_epochs)
        if self.method != "hyperband":
            return (rungs,)
        return tuple(rungs[start:] for start in range(len(rungs) + 1))

    def shares(self, num_epochs: int) -> tuple[float, ...]:
        """The share of all trials that each bracket gets: Hyperband's numbers (arXiv 1603.06560, algorithm 1)."""
        num_rungs = [len(rungs) for rungs in self.brackets(num_epochs)]
        numbers = [(max(num_rungs) + 1) / (num + 1) * self.eta**num for num in num_rungs]
        return tuple(number / sum(numbers) for number in numbers)


def earliest_rung(num_images: int, batch_size: int) -> int:
    """The first epoch after `MIN_STEPS_BEFORE_RUNG` steps: before, a norm's means are those of a network that was
    hardly trained."""
    return math.ceil(MIN_STEPS_BEFORE_RUNG / max(1, round(num_images / batch_size)))
