"""The contract of samplers.

A sampler is asked for a point, and told of everything that became of the points; what it answers is a function of its
seed and of what it was told, so that a run that is resumed goes on as if nothing had been. To be asked changes nothing:
a ledger tells of what was tried, and not of what was proposed and taken back. A sampler is told of proposals in the
order in which they were made, each before the next is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Mapping

from nas.ends import Outcome
from nas.records import Decisions


class Sampler(ABC):
    """Chooses points. `known` holds the hashes of all networks that were accepted so far, or can't be tried."""

    @abstractmethod
    def propose(self, number: int, known: Container[str]) -> Decisions | None:
        """Decisions for the proposal of this number, from 0; None where no new point is found."""

    def withdrawn(self, decisions: Decisions) -> None:  # noqa: B027
        """The last proposal is only one of several draws and is taken back.

        If it is chosen after all, `accepted` follows as for a point that the sampler never proposed.
        """

    def accepted(self, trial: int, decisions: Decisions) -> None:  # noqa: B027 (random search learns nothing)
        """The point became this trial, maybe by other decisions that are the same network."""

    def rejected(self, decisions: Decisions, violations: Mapping[str, float]) -> None:  # noqa: B027
        """The point is over a bound, or can't be tried; it is not trained."""

    def duplicated(self, decisions: Decisions, outcome: Outcome | None) -> None:  # noqa: B027
        """The point's network is that of an earlier trial, which ended so, or is still running."""

    def paused(self, trial: int, outcome: Outcome) -> None:  # noqa: B027
        """The trial was trained so far. It may go on, and is then told of again; `ended` comes in any case."""

    def ended(self, trial: int, outcome: Outcome) -> None:  # noqa: B027
        """The trial is over."""
