"""Points of a space that keep a budget.

Draws are uniform over the points of the space, and those that break the budget, or are no legal network, are
rejected: what is left is uniform over the feasible points. The share that was accepted is reported. Where the budget is
so tight that no draw of many keeps it, a space of few points is listed and drawn from, which is uniform as well; in a
larger one points are found by descent, and the result says that they are not uniform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from blocks.errors import BudgetError
from graphs.budget import Budget
from graphs.costs import Costs
from graphs.faults import DocumentError
from graphs.graph import Graph
from search_spaces.points import DecisionError, Decisions, Point, PointSource

MAX_REJECTED = 500
NUM_STARTS = 4
MAX_ENUMERATED = 3_000


@dataclass(frozen=True, slots=True)
class Sampled:
    """Points that keep a budget: `acceptance` is the share of draws that did, `uniform` whether none is by descent."""

    points: tuple[Point, ...]
    acceptance: float
    uniform: bool


class FeasibleDraws:
    """An endless stream of feasible points, with its acceptance so far."""

    def __init__(self, space: PointSource, budget: Budget, random: Random) -> None:
        self._space = space
        self._budget = budget
        self._random = random
        self._drawn = 0
        self._accepted = 0
        self._is_tight = False
        self._feasible: list[Point] | None = None
        self.uniform = True

    @property
    def acceptance(self) -> float:
        """The share of draws that kept the budget."""
        return self._accepted / self._drawn if self._drawn else 1.0

    def next(self) -> Point:
        """The next point. Raises `BudgetError` where nothing in the space keeps the budget."""
        for _ in range(0 if self._is_tight else MAX_REJECTED):
            self._drawn += 1
            point = self._space.draw(self._random)
            if point is not None and self._budget.admits(point.graph.costs()):
                self._accepted += 1
                return point
        self._is_tight = True
        if feasible := self._list_feasible():
            return self._random.choice(feasible)
        self.uniform = False
        point = descend(self._space, lambda costs: missed(self._budget, costs), self._random, enough=0.0)
        if point is None or missed(self._budget, point.graph.costs()) > 0:
            raise impossible(self._space, self._budget, point)
        return point

    def _list_feasible(self) -> list[Point]:
        """All points that keep the budget, in a space of few; none in a larger one."""
        if self._feasible is None:
            points = self._space.points() if self._space.size() <= MAX_ENUMERATED else ()
            self._feasible = [point for point in points if self._budget.admits(point.graph.costs())]
        return self._feasible


def missed(budget: Budget, costs: Costs) -> float:
    """By how much a budget is broken: the sum of all violations, 0 where it is kept."""
    return sum(max(0.0, miss) for miss in budget.violations(costs).values())


def descend(
    space: PointSource, loss: Callable[[Costs], float], random: Random, enough: float = float("-inf")
) -> Point | None:
    """The point of least loss that enumeration or repeated descent finds; the first that is at most `enough`.

    A space of few points is enumerated. Descent changes one decision at a time to its best alternative, until nothing
    improves, from several starts. None where no legal network was found.
    """
    best: Point | None = None
    least = float("inf")
    for point in space.points() if space.size() <= MAX_ENUMERATED else _descents(space, loss, random):
        value = loss(point.graph.costs())
        if value < least:
            best, least = point, value
        if least <= enough:
            break
    return best


def impossible(space: PointSource, budget: Budget, nearest: Point | None) -> BudgetError:
    """The error of a budget that nothing keeps, with the smallest network and what dominates it.

    Raises `DocumentError` where no network of the space is legal: the faults of its first point.
    """
    if nearest is None:
        space.materialize({decision.address: decision.alternatives[0] for decision in space.decisions})
        return BudgetError(f"no legal network of the space `{space.name}` was found", help="open fewer alternatives")
    costs = nearest.graph.costs()
    broken = [name for name, miss in budget.violations(costs).items() if miss > 0]
    metric = broken[0].partition("_")[2]
    figures = ", ".join(f"{getattr(costs, name):,} {name}" for name in dict.fromkeys((metric, "params", "macs")))
    figure = "macs" if metric == "flops" else metric if metric in ("params", "macs") else "output_bytes"
    largest = max(costs.nodes, key=lambda node: getattr(node, figure))
    extreme, remedy = "smallest", "raise the budget, or open smaller alternatives there"
    if broken[0].startswith("min"):
        extreme, remedy = "largest", "lower the bound, or open larger alternatives"
    return BudgetError(
        f"nothing in the space `{space.name}` keeps {budget}: its {extreme} network has {figures}",
        help=f"in it `{largest.address}` counts {getattr(largest, figure):,} of them; {remedy}",
    )


def _descents(space: PointSource, loss: Callable[[Costs], float], random: Random) -> Iterator[Point]:
    for _ in range(NUM_STARTS):
        point = next((point for _ in range(100) if (point := space.draw(random)) is not None), None)
        if point is not None:
            yield _descent(space, point, loss)


def _descent(space: PointSource, point: Point, loss: Callable[[Costs], float]) -> Point:
    """One decision at a time to its best alternative, over and over, until a round changes nothing.

    Decisions that an alternative newly makes matter are tried at their first alternative.
    """
    first: Decisions = {decision.address: decision.alternatives[0] for decision in space.decisions}
    least, improved = loss(point.graph.costs()), True
    while improved:
        improved = False
        for decision in space.decisions:
            if decision.address not in point.decisions:
                continue
            for alternative in decision.alternatives:
                if alternative == point.decisions[decision.address]:
                    continue
                trial = {**first, **point.decisions, decision.address: alternative}
                graph = _legal(space, trial)
                if graph is not None and loss(graph.costs()) < least:
                    least, improved = loss(graph.costs()), True
                    point = Point(space.active(trial), graph)
    return point


def _legal(space: PointSource, decisions: Decisions) -> Graph | None:
    try:
        return space.materialize(decisions)
    except (DecisionError, DocumentError):
        return None
