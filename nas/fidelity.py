"""How far trials are trained, as data: the rungs of asynchronous successive halving and of Hyperband. Free of torch.

rung       an epoch at which trials pause and are compared
bracket    rungs, rising; from the last of them a trial goes on to the end of the training
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FIRST_RUNG = 0.04  # of all epochs


class Fidelity(BaseModel):
    """`full` trains every trial to the end, `asha` and `hyperband` as far as it is worth it: see `nas.halving`.

    Of the trials that come to a rung, the best `1 / eta` go on to the next. The first rung is after about
    `FIRST_RUNG` of the epochs unless given, and at least after one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["full", "asha", "hyperband"] = "asha"
    eta: Annotated[int, Field(ge=2, strict=True)] = 3
    first_rung: Annotated[int | None, Field(ge=1, strict=True)] = None

    def rungs(self, num_epochs: int) -> tuple[int, ...]:
        """`num_epochs` over powers of `eta`, or `first_rung` times powers of `eta`; rising, below `num_epochs`."""
        if self.method == "full":
            return ()
        return spaced_rungs(num_epochs, self.eta, self.first_rung)

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


def spaced_rungs(num_epochs: int, eta: int = 3, first_rung: int | None = None) -> tuple[int, ...]:
    """Epochs spaced by powers of `eta`, rising: up from the first rung, or down from the end of the training."""
    rungs: set[int] = set()
    if first_rung is not None:
        epoch = first_rung
        while epoch < num_epochs:
            rungs.add(epoch)
            epoch *= eta
    else:
        num_rungs = round(math.log(1 / FIRST_RUNG, eta))
        rungs = {max(1, round(num_epochs / eta**power)) for power in range(1, num_rungs + 1)} - {num_epochs}
    return tuple(sorted(rungs))
