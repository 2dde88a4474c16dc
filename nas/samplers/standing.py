"""What has been tried, and how well it did: the best, and the non-dominated of several objectives."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from nas.history import COMPLETE
from nas.records import Decisions
from nas.samplers.sampler import Outcome


@dataclass(frozen=True)
class Tried:
    """A point that was trained. `values` as in `Outcome`; `fidelity` is how far: those that went as far compare."""

    trial: int
    decisions: Decisions
    values: tuple[float, ...]
    fidelity: tuple[bool, int]

    @property
    def merit(self) -> tuple[object, ...]:
        """Greater is better, by the first objective: whatever was trained further, then the value, then the elder."""
        return (*self.fidelity, self.values[0], -self.trial)


def tried(trial: int, decisions: Decisions, outcome: Outcome) -> Tried | None:
    """A trial that has ended; None where it has no values."""
    if outcome.values is None:
        return None
    is_complete = outcome.state == COMPLETE
    return Tried(trial, decisions, outcome.values, (is_complete, 0 if is_complete else outcome.epoch))


class Standing:
    """All that was tried, best first; of several objectives, the non-dominated first."""

    def __init__(self, num_objectives: int) -> None:
        self._num_objectives = num_objectives
        self._sorted: list[Tried] = []
        self._front: list[Tried] = []

    def add(self, one: Tried) -> None:
        insort(self._sorted, one, key=lambda other: _negative(other.merit))
        if self._num_objectives > 1 and not any(dominates(other, one) for other in self._front):
            self._front = [other for other in self._front if not dominates(one, other)] + [one]

    @property
    def front(self) -> list[Tried]:
        """The best, or the non-dominated, in the order of their trials' ends."""
        return self._front if self._num_objectives > 1 else self._sorted[:1]

    def best_first(self) -> list[Tried]:
        return self._sorted


def dominates(one: Tried, other: Tried) -> bool:
    """Whether one was trained further, or as far and is nowhere worse and somewhere better."""
    if one.fidelity != other.fidelity:
        return one.fidelity > other.fidelity
    pairs = list(zip(one.values, other.values, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _negative(merit: tuple[object, ...]) -> tuple[float, ...]:
    return tuple(-float(part) for part in merit)  # type: ignore[arg-type]
