"""Early stopping: asynchronous successive halving over epochs (Li et al. 2020, arXiv 1810.05934), stopping only.

A trial that comes to a rung goes on if its value is among the best `1 / eta` of all values seen there so far. Nothing
waits: the first trials pass because there is nothing to compare them with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rungs:
    """The epochs at which trials are compared, rising; the end of the training is not one of them."""

    epochs: tuple[int, ...]
    eta: int = 3

    @classmethod
    def of(cls, num_epochs: int, eta: int = 3, num_rungs: int = 2) -> Rungs:
        """`num_epochs / eta`, `/ eta^2`, ...: rungs below the second epoch are left out."""
        rungs = {round(num_epochs / eta**power) for power in range(1, num_rungs + 1)}
        return cls(tuple(sorted(rung for rung in rungs if 2 <= rung < num_epochs)), eta)


@dataclass
class Halving:
    """The values seen at each rung. State is a function of the calls of `observe`; the last call of a trial counts."""

    rungs: Rungs
    _seen: dict[int, dict[int, float]] = field(default_factory=dict)

    def observe(self, trial: int, epoch: int, value: float) -> bool:
        """Whether this trial is to end here."""
        if epoch not in self.rungs.epochs:
            return False
        seen = self._seen.setdefault(epoch, {})
        seen[trial] = value if math.isfinite(value) else -math.inf
        if len(seen) < self.rungs.eta:
            return False
        num_kept = max(1, len(seen) // self.rungs.eta)
        threshold = sorted(seen.values(), reverse=True)[num_kept - 1]
        return seen[trial] < threshold
