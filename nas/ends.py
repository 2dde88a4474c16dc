"""What is kept of every trial of a run: which network it was, and how it ended. Some forty bytes for each.

A run may have a hundred thousand trials. All else that is known of one is forgotten once nobody asks for it any more
(`nas.history`), and stands in the ledger.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from math import isnan, nan

NUM_DIGITS = 16  # of a hash; that two of a million networks have these in common has a chance of 3 in 100 million


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial stands, or ended: `state` as in `nas.states`, after `epoch` epochs.

    `values` has one figure per objective of the study, in its order, each so that higher is better, which is the
    negative of what is to be small; None where there are none that mean anything.
    """

    state: str
    values: tuple[float, ...] | None
    epoch: int


class Hashes:
    """A set of hashes in hexadecimal digits, each with a number. Of a hash its first `NUM_DIGITS` count."""

    def __init__(self) -> None:
        self._keys = array("Q")  # sorted
        self._numbers = array("Q")  # in the order of the keys

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, hash: object) -> bool:
        return self.number(str(hash)) is not None

    def number(self, hash: str) -> int | None:
        """The number of a hash; None where it is not there."""
        key = int(hash[:NUM_DIGITS], 16)
        at = bisect_left(self._keys, key)
        return self._numbers[at] if at < len(self._keys) and self._keys[at] == key else None

    def add(self, hash: str, number: int = 0) -> None:
        """One more hash, or another number for one that is there."""
        key = int(hash[:NUM_DIGITS], 16)
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            self._numbers[at] = number
        else:
            self._keys.insert(at, key)
            self._numbers.insert(at, number)


class Outcomes:
    """How trials ended, by their numbers, which are 0, 1, 2, ...; each has so many values, or none."""

    def __init__(self, num_values: int) -> None:
        self._num_values = num_values
        self._names: list[str] = []  # of states
        self._states = array("B")
        self._epochs = array("L")
        self._values = array("d")

    def put(self, trial: int, outcome: Outcome) -> None:
        """Notes how a trial ended."""
        if outcome.state not in self._names:
            self._names.append(outcome.state)
        missing = trial + 1 - len(self._states)
        if missing > 0:
            self._states.extend([0] * missing)
            self._epochs.extend([0] * missing)
            self._values.extend([nan] * (missing * self._num_values))
        self._states[trial] = self._names.index(outcome.state)
        self._epochs[trial] = outcome.epoch
        if outcome.values is not None:
            for place, value in enumerate(outcome.values, start=trial * self._num_values):
                self._values[place] = value

    def get(self, trial: int) -> Outcome:
        """How a trial ended that was noted."""
        first = trial * self._num_values
        values = tuple(self._values[first : first + self._num_values])
        return Outcome(
            self._names[self._states[trial]], None if any(map(isnan, values)) else values, self._epochs[trial]
        )
