"""What draws need to know of a decision, found once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from search_spaces.decisions import Decision, rise


@dataclass(frozen=True, slots=True)
class Table:
    """Of a decision: `possible` are the weights of its alternatives, 0 where a `where` leaves none; `heaped` are these
    added up, where they differ; `masses` the masses of its alternatives added up; `ascends` says that the alternatives
    are numbers from the least to the greatest, and `counts` are those of how often something is repeated."""

    decision: Decision
    number: int
    possible: tuple[int, ...]
    heaped: tuple[int, ...] | None
    masses: tuple[int, ...]
    ascends: bool
    counts: tuple[int, ...]


def table_of(decision: Decision) -> Table:
    """What is to be known of a decision."""
    weights = tuple([weight if size else 0 for weight, size in zip(decision.weights, decision.sizes, strict=True)])
    counts = tuple([one for one in decision.alternatives if isinstance(one, int)])
    assert decision.kind != "repeat" or len(counts) == len(weights), "a repetition that is an expression is not walked"
    heaped = None if set(weights) == {1} else tuple(accumulate(weights))
    return Table(
        decision, len(weights), weights, heaped, tuple(accumulate(decision.masses)), rise(decision.alternatives), counts
    )
