"""Choosers make the decisions of a walk, add up what it costs, and end it at a limit.

What a walk costs is parameters, MACs and bytes of activations, as in `chains.SUMMED_METRICS`, and at index `SIZE` a
size: at least the number of its nodes and that of its steps, which a document is limited in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from blocks.types import Type
from graphs.assembly import MAX_NODES, MAX_STEPS
from graphs.requirements import MAX_MACS, MAX_PARAMS
from search_spaces.bounds import UNBOUNDED
from search_spaces.chains import Costs
from search_spaces.code_expressions import NotLegal
from search_spaces.decisions import Decision

SIZE = 3  # its index among the costs
NO_COSTS: Costs = (0, 0, 0, 0)
LIMITS: Costs = (MAX_PARAMS, MAX_MACS, UNBOUNDED, 4 * MAX_STEPS)  # what is more than that is no legal network
BLOCK_SIZE = 2  # a node, and the step that makes it

Value = tuple[Type, int]  # its type, and its number among what was made (see `pieces.Wire`)


class OverLimits(Exception):
    """What was walked costs more than it may."""


class Alternatives(Protocol):
    """The alternatives of a choice on the way, by their positions. `place` is all that their costs depend on but for
    shared decisions, the sizes of what is read rounded down to powers of two; None where that is much."""

    @property
    def place(self) -> object: ...

    @property
    def likeness(self) -> tuple[object, int]:
        """What is alike on maps of all sizes, and the pixels of what is read: costs go with them."""

    def rounded(self, chooser: Chooser, number: int) -> Alternatives:
        """The same on what has these sizes and with other shared decisions, always the same for a number, with a
        chooser of its own."""

    def __call__(self, position: int) -> Value:
        """Walk one of them."""


class Chooser(Protocol):
    """Makes decisions, and adds up what the walk costs: `spent`, as it goes. Each part may raise `NotLegal` or
    `OverLimits`."""

    spent: list[int]
    limits: list[int]

    def choose(self, decision: Decision) -> int:
        """The position of an alternative; the same one whenever the decision comes up again."""

    def alternative(self, decision: Decision, walk: Alternatives) -> Value:
        """Choose one of some alternatives, and walk it."""

    def times(self, decision: Decision, once: Callable[[int], bool]) -> int:
        """Choose how often to repeat something, and add up what that costs; `once` does it, takes the number of the
        repetition, and says whether all that follow would cost and give the same."""


class FixedChooser:
    """A chooser of decisions that are made already: it chooses as they say, and adds up."""

    def __init__(self, choose: Callable[[Decision], int], limits: Costs) -> None:
        self.choose = choose
        self.limits = list(limits)
        self.spent = list(NO_COSTS)

    def alternative(self, decision: Decision, walk: Alternatives) -> Value:
        return walk(self.choose(decision))

    def times(self, decision: Decision, once: Callable[[int], bool]) -> int:
        count = decision.alternatives[self.choose(decision)]
        if not isinstance(count, int) or count > MAX_NODES:
            raise NotLegal
        for number in range(count):
            before = list(self.spent)
            if once(number):
                rest = count - 1 - number
                self.spent[:] = [now + rest * (now - then) for then, now in zip(before, self.spent, strict=True)]
                if any(now > limit for now, limit in zip(self.spent, self.limits, strict=True)):
                    raise OverLimits
                break
        return count
