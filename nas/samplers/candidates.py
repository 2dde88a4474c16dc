"""What the Gaussian process chooses from: points around the best, and fresh draws, as vectors first."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from nas.records import Decisions
from nas.samplers.edits import complete_point
from nas.samplers.encoding import Encoding
from search_spaces.decisions import Alternative

if TYPE_CHECKING:
    from search_spaces import Point, Space

MAX_ONE_EDITS = 600  # of all that there are around the parents
NUM_TWO_EDITS = 200

Edit = tuple[str, Alternative]


class Candidates:
    """Points one edit from the parents, some that are two edits away, and fresh ones.

    `vectors` are (candidates, columns). Where an edit brings decisions that the parent doesn't have, the vector is
    without them, until `point` draws them.
    """

    def __init__(
        self, encoding: Encoding, parents: Sequence[Decisions], fresh: Sequence[Point], random: Random
    ) -> None:
        self._parents = parents
        self._fresh = fresh
        ones = [encoding.edits(parent) for parent in parents]
        self._edits: list[tuple[int, tuple[Edit, ...]]] = [
            (at, (edit,)) for at, edits in enumerate(ones) for edit in edits
        ]
        if len(self._edits) > MAX_ONE_EDITS:
            self._edits = random.sample(self._edits, MAX_ONE_EDITS)
        for number in range(NUM_TWO_EDITS if parents else 0):
            at = number % len(parents)
            if ones[at]:
                one, other = random.choice(ones[at]), random.choice(ones[at])
                if one[0] != other[0]:
                    self._edits.append((at, (one, other)))
        edited = encoding.encode_all(parents)[[at for at, _ in self._edits]]
        for vector, (_, edits) in zip(edited, self._edits, strict=True):
            encoding.change(vector, edits)
        self.vectors = np.concatenate([edited, encoding.encode_all([point.decisions for point in fresh])])

    def is_drawn(self, at: int) -> bool:
        """Whether a candidate is a fresh draw."""
        return at >= len(self._edits)

    def decisions(self, at: int) -> Decisions:
        """The decisions of a candidate as far as they are known: those that its vector has."""
        if self.is_drawn(at):
            return self._fresh[at - len(self._edits)].decisions
        parent, edits = self._edits[at]
        return {**self._parents[parent], **dict(edits)}

    def point(self, at: int, space: Space, random: Random) -> Point | None:
        """The point of a candidate; None where it is no legal network."""
        if self.is_drawn(at):
            return self._fresh[at - len(self._edits)]
        return complete_point(space, self.decisions(at), random)
