"""Weights for draws of one decision, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from search_spaces.decisions import Decision, are_ascending


@dataclass(frozen=True, slots=True)
class DrawWeights:
    """The weights of a decision's alternatives, 0 where a `where` leaves none; their cumulative sums, None where all
    weights are 1; the cumulative sums of the alternatives' masses. `is_ascending`: the alternatives are numbers, from
    the least to the greatest. `counts` are the alternatives of a number of repetitions."""

    decision: Decision
    weights: tuple[int, ...]
    cumulative_weights: tuple[int, ...] | None
    cumulative_masses: tuple[int, ...]
    is_ascending: bool
    counts: tuple[int, ...]


def draw_weights_of(decision: Decision) -> DrawWeights:
    """The weights of a decision's alternatives."""
    weights = tuple([weight if size else 0 for weight, size in zip(decision.weights, decision.sizes, strict=True)])
    counts = tuple([one for one in decision.alternatives if isinstance(one, int)])
    assert decision.kind != "repeat" or len(counts) == len(weights), "a repetition that is an expression is not walked"
    cumulative = None if set(weights) == {1} else tuple(accumulate(weights))
    cumulative_masses = tuple(accumulate(decision.masses))
    return DrawWeights(decision, weights, cumulative, cumulative_masses, are_ascending(decision.alternatives), counts)
