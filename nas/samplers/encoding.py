"""Points as vectors: what a model of accuracies learns from.

A decision whose alternatives are rising numbers is one column, its rank; any other is a column for each alternative.
Two points differ in a decision by a squared distance of 1, or, where it has ranks, by twice the square of the part of
all ranks that is between them. A decision that a point doesn't have lies in the middle of its alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search_spaces.decisions import Alternative, are_ascending

if TYPE_CHECKING:
    from search_spaces import Decision, Space

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

MAX_OWN_LENGTHS = 64  # decisions up to which each has its own length; from there on, those of one name share theirs


class Encoding:
    """The vectors of one space: `num_columns` long. `groups` says of each column which length it shares."""

    def __init__(self, space: Space) -> None:
        self._columns = {}
        groups: list[int] = []
        names: dict[str, int] = {}
        open_decisions = [decision for decision in space.decisions if len(decision.alternatives) > 1]
        for decision in open_decisions:
            name = decision.address
            if len(open_decisions) > MAX_OWN_LENGTHS:
                name = name.rpartition(".")[2]
            columns = _Columns(decision, len(groups))
            self._columns[decision.address] = columns
            groups += [names.setdefault(name, len(names))] * columns.values.shape[1]
        self.groups: Integers = np.array(groups, np.int64)
        self.num_columns = len(groups)
        self.num_groups = len(names)

    def edits(self, decisions: Mapping[str, Alternative]) -> list[tuple[str, Alternative]]:
        """All ways to decide one of these decisions differently."""
        return [
            (address, other)
            for address, value in decisions.items()
            if address in self._columns
            for other in self._columns[address].possible
            if other != value
        ]

    def encode_all(self, points: Sequence[Mapping[str, Alternative]]) -> Doubles:
        """The vectors of points: (points, num_columns)."""
        vectors = np.zeros((len(points), self.num_columns))
        for vector, decisions in zip(vectors, points, strict=True):
            self.change(vector, decisions.items())
        return vectors

    def change(self, vector: Doubles, changes: Iterable[tuple[str, Alternative]]) -> None:
        """Makes a vector that of a point with other decisions, where these bring no new ones and end none."""
        for address, value in changes:
            columns = self._columns.get(address)
            if columns is not None:
                vector[columns.place] = columns.values[columns.index[type(value), value]]


class _Columns:
    """The place of one decision in a vector, and what each alternative is there."""

    def __init__(self, decision: Decision, first: int) -> None:
        alternatives = decision.alternatives
        num = len(alternatives)
        if is_ordered(alternatives):
            self.values = np.linspace(-(0.5**0.5), 0.5**0.5, num)[:, None]
        else:
            self.values = 0.5**0.5 * np.eye(num)
        self.place = slice(first, first + self.values.shape[1])
        self.possible = [value for value, size in zip(alternatives, decision.sizes, strict=True) if size]
        # 1, 1.0 and True are equal as keys of a dict.
        self.index = {(type(value), value): index for index, value in enumerate(alternatives)}


def is_ordered(alternatives: tuple[Alternative, ...]) -> bool:
    """Whether alternatives are more than two numbers in ascending order."""
    return len(alternatives) > 2 and are_ascending(alternatives)
