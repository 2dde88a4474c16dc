"""What a search is for: figures of a trained network, each with the direction in which it is better.

accuracy   on the validation part, 0..1        higher is better
params     parameters                          lower
macs       multiply-adds of one image          lower
latency    seconds for one image, measured     lower
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Objective:
    """`sign` makes a figure one of which more is better."""

    name: str
    sign: int


ACCURACY = Objective("accuracy", 1)
LATENCY = Objective("latency", -1)
OBJECTIVES = (ACCURACY, Objective("params", -1), Objective("macs", -1), LATENCY)
BY_NAME: Mapping[str, Objective] = {objective.name: objective for objective in OBJECTIVES}


def oriented(names: Sequence[str], figures: Mapping[str, float | None]) -> tuple[float, ...] | None:
    """The figures of these objectives, in this order, each so that higher is better; None where one is not known."""
    values = [(BY_NAME[name].sign, figures.get(name)) for name in names]
    known = [sign * figure for sign, figure in values if figure is not None]
    return tuple(known) if len(known) == len(values) else None
