"""Hand-designed networks that are too large for a budget, made narrower and shallower until they keep it.

Widths shrink by one factor and depths by its square, about as EfficientNet scales both (Tan & Le 2019, arXiv
1905.11946, section 3.3: 1.1 and 1.2 to the same power). What a width is can't be seen in every space: here it is a
decision between whole numbers, where the network has `SMALLEST_WIDTH` or more. Free of torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces.points import legal_point

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Decision, Decisions, Point, Space

SMALLEST_WIDTH = 8  # a kernel, a stride or an expansion is hardly ever so large
LEAST_EXPONENT = -6.0  # of 2: beyond that it has little of the network that it was
NUM_HALVINGS = 6


def narrowed(space: Space, decisions: Decisions, budget: Budget) -> Point | None:
    """The widest form of a network, scaled as a whole, that is not too large for the budget; None where there is none,
    or where it is too small."""
    found: Point | None = None
    low, high = LEAST_EXPONENT, 0.0
    for _ in range(NUM_HALVINGS):
        middle = (low + high) / 2
        point = legal_point(space, scaled(space, decisions, 2**middle))
        if point is not None and excess(budget, point) <= 0:
            found, low = point, middle
        else:
            high = middle
    return found if found is not None and budget.admits(found.costs) else None


def excess(budget: Budget, point: Point) -> float:
    """By how much a network is too large, relative to the bound that it misses most; above 0 where it is."""
    missed = budget.violations(point.costs)
    return max((by for bound, by in missed.items() if bound.startswith("max")), default=0.0)


def scaled(space: Space, decisions: Decisions, factor: float) -> Decisions:
    """The decisions with each width the next that there is below `factor` of it, and each depth below its square."""
    changed = dict(decisions)
    for address, chosen in decisions.items():
        decision = space.decision(address)
        numbers = _whole_numbers(decision)
        if not isinstance(chosen, int) or not numbers:
            continue
        if decision.kind == "repeat":
            if not any(other.startswith(f"{address.removesuffix('repeat')}0.") for other in decisions):
                changed[address] = _at_most(numbers, max(1, round(chosen * factor**2)))
        elif chosen >= SMALLEST_WIDTH:
            changed[address] = _at_most([number for number in numbers if number > 0], chosen * factor)
    return changed


def _whole_numbers(decision: Decision) -> list[int]:
    """The alternatives, where all of them are such."""
    numbers = [one for one in decision.alternatives if isinstance(one, int) and not isinstance(one, bool)]
    return numbers if len(numbers) == len(decision.alternatives) else []


def _at_most(numbers: list[int], limit: float) -> int:
    """The largest number up to the limit, or the smallest of all."""
    return max((number for number in numbers if number <= limit), default=min(numbers))
