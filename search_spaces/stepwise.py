"""Draws within bounds, for a space that is no chain: step by step.

A leg (`search_spaces.costing.Leg`) is one step of the net, or one repetition of a step that decides at each; how many
repetitions there are is drawn first. Each leg gets a random share of what is left of every bounded figure: the first
piece of a stick broken at random, so that all legs get the same on average. It is drawn, alternative by alternative in
proportion to their prior, until it fits; its share never shrinks between tries. After `TRIES` failures the leg before
it is drawn again, after further failures earlier ones. Alternatives that rarely fitted in earlier draws of a stream are
drawn less often (`search_spaces.adaptive_weights`). One draw in `ONE_UNGUIDED_IN` ignores shares and experience, so
that every point within the bounds can come out.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from random import Random

from search_spaces.adaptive_weights import Experience
from search_spaces.bounds import Bounds
from search_spaces.budgeted_chooser import BudgetedChooser
from search_spaces.choosers import LIMITS, OverLimits
from search_spaces.code_expressions import NotLegal
from search_spaces.costing import Costing, Leg, Run, Walked
from search_spaces.decisions import Decision
from search_spaces.type_walk import Read

ONE_UNGUIDED_IN = 20
TRIES = 24  # of one leg,
MAX_TRIES = 300  # and of all legs of one network


@dataclass(frozen=True, slots=True)
class Draw:
    """The decisions of one network, as positions of alternatives by address, and the walk that made them."""

    positions: dict[str, int]
    walked: Walked


def draw_plain(costing: Costing, bounds: Bounds, random: Random) -> Draw | None:
    """One of all points, uniform or in proportion to their prior; None where it is not legal or costs more than it may,
    which ends the draw."""
    taken: dict[str, int] = {}

    def choose(decision: Decision) -> int:
        position = taken.get(decision.address)
        if position is None:
            masses = costing.draw_weights(decision).cumulative_masses
            position = taken[decision.address] = bisect(masses, random.randrange(masses[-1]))
        return position

    try:
        return Draw(taken, costing.costs(choose, tuple(highs_of(bounds))))
    except (NotLegal, OverLimits):
        return None


def draw_within(costing: Costing, bounds: Bounds, random: Random, experience: Experience | None = None) -> Draw | None:
    """One network within bounds; None where the room was not enough for what was drawn first."""
    highs = highs_of(bounds)
    is_unguided = random.randrange(ONE_UNGUIDED_IN) == 0
    chooser = BudgetedChooser(costing, random, list(highs), is_guided=not is_unguided)
    chooser.experience = None if is_unguided else experience
    try:
        run = costing.begin(chooser)
        legs = run.legs()
    except NotLegal:
        return None
    counts, chooser.drawn = chooser.drawn, []
    values = _draw_legs(run, legs, chooser, highs, is_unguided=is_unguided)
    chooser.drawn = counts
    chooser.note(0, worked=values is not None)
    if values is None:
        return None
    for column, low in zip(bounds.columns, bounds.lows, strict=True):
        if chooser.spent[column] < low:
            return None
    return Draw(chooser.taken, Walked(tuple(chooser.spent), run.piece(legs, values)))


def _draw_legs(
    run: Run, legs: list[Leg], chooser: BudgetedChooser, highs: list[int], *, is_unguided: bool
) -> list[Read] | None:
    """The values of all legs; None where there was not enough room."""
    values: list[Read] = []
    marks: list[tuple[int, list[int]]] = []
    failures = [0] * len(legs)
    while len(values) < len(legs):
        mark, here = chooser.mark(), len(values)
        value = _draw_leg(run, legs, values, chooser, highs, is_unguided=is_unguided)
        if value is not None:
            values.append(value)
            marks.append(mark)
            continue
        failures[here] += 1
        back = here - failures[here]
        if back < 0 or chooser.tries > MAX_TRIES:
            return None
        chooser.reset(marks[back])
        del values[back:], marks[back:]
    return values


def _draw_leg(
    run: Run, legs: list[Leg], values: list[Read], chooser: BudgetedChooser, highs: list[int], *, is_unguided: bool
) -> Read | None:
    """The value of the leg after these; None where it never spent little enough."""
    mark, left = chooser.mark(), len(legs) - len(values)
    shares = [0.0] * len(highs)
    for _ in range(TRIES):
        shares = [max(share, _share(chooser.random, left)) for share in shares]
        chooser.limits = [
            high if is_unguided or high == limit else now + int(share * (high - now))
            for high, limit, now, share in zip(highs, LIMITS, chooser.spent, shares, strict=True)
        ]
        worked = False
        try:
            value = run.walk(legs[len(values)], legs, values)
            worked = True
            return value
        except (OverLimits, NotLegal):
            chooser.tries += 1
            chooser.reset(mark)
        finally:
            chooser.note(0, worked=worked)
    return None


def _share(random: Random, left: int) -> float:
    """What one of so many legs may take of the room: the first piece of a stick broken at random places."""
    return 1.0 if left == 1 else 1 - (1 - random.random()) ** (1 / (left - 1))


def highs_of(bounds: Bounds) -> list[int]:
    """What may be spent."""
    highs = list(LIMITS)
    for column, high in zip(bounds.columns, bounds.highs, strict=True):
        highs[column] = min(high, highs[column])
    return highs
