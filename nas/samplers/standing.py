"""Trials that were trained, as samplers compare them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nas.ends import Outcome
from nas.fronts import dominates
from nas.records import Decisions
from nas.states import COMPLETE, PAUSED, STOPPED

Reached = tuple[bool, int]  # whether to the end, or else after how many epochs
IN_FULL: Reached = (True, 0)
Merit = tuple[bool, int, float, int]


@dataclass(frozen=True, slots=True)
class Tried:
    """A point that was trained. `values` as in `Outcome`; `fidelity` says how far, greater is farther."""

    trial: int
    decisions: Decisions
    values: tuple[float, ...]
    fidelity: Reached

    @property
    def merit(self) -> Merit:
        """By the first objective, greater is better: how far it was trained, then the value, then age."""
        return (*self.fidelity, self.values[0], -self.trial)


def tried(trial: int, decisions: Decisions, outcome: Outcome) -> Tried | None:
    """A trial that has ended or is paused; None where it has no values, or none that count."""
    if outcome.values is None or outcome.state not in (COMPLETE, PAUSED, STOPPED):
        return None
    fidelity = IN_FULL if outcome.state == COMPLETE else (False, outcome.epoch)
    return Tried(trial, decisions, outcome.values, fidelity)


def _stands_above(one: Tried, other: Tried) -> bool:
    """Whether one was trained farther than the other; or as far, and dominates it."""
    if one.fidelity != other.fidelity:
        return one.fidelity > other.fidelity
    return dominates(one.values, other.values)


def updated_front(front: Iterable[Tried], one: Tried) -> list[Tried]:
    """The front after one more trial, or after a trial of the front that was trained further: `one` is added unless a
    member dominates it, and the members that it dominates are removed."""
    front = [other for other in front if other.trial != one.trial]
    if any(_stands_above(other, one) for other in front):
        return front
    return [*(other for other in front if not _stands_above(one, other)), one]
