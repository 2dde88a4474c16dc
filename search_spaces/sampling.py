"""Points that keep a budget, uniform over all that do, and budgets that nothing keeps.

Points are drawn uniformly from all decisions of the space, and those that break the budget, or are no legal network,
are rejected: what is left is uniform over the feasible points. The share that was accepted is reported. Where many
are rejected and the space is a chain (`search_spaces.chains`), they are drawn from the chain instead, as uniformly
and almost without rejections. Where it is none, and so few draws keep the budget that it takes too long, a space of
few points is listed and drawn from, which is uniform as well; a larger one is drawn from decision by decision, as long
as the room lasts (`search_spaces.stepwise`), or, where that leads nowhere, by descent, and the result says that it is
not uniform. With a prior, read "in proportion to the prior" for uniform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from blocks.errors import BudgetError
from graphs.budget import Budget
from graphs.costs import NODE_FIGURES, Totals
from graphs.faults import DocumentError
from search_spaces.adaptive_weights import Experience
from search_spaces.bounds import UNBOUNDED, Bounds, bounds_of, extreme
from search_spaces.chains import SUMMED_METRICS
from search_spaces.points import Decisions, Drawn, Point, PointSource, legal_point
from search_spaces.stepwise import Draw, draw_plain, draw_within

MAX_REJECTED = 500
PATIENCE = 50  # rejections before the chain is made,
TIGHT = 0.1  # and the acceptance below which it is
NUM_STARTS = 4
MAX_ENUMERATED = 3_000
MAX_FAILED = 20  # draws decision by decision that lead nowhere, one after the other


@dataclass(frozen=True, slots=True)
class Sampled:
    """Points that keep a budget: `how` says how they were drawn, `acceptance` is the share of such draws that kept it,
    and `uniform` whether all that keep it were as likely."""

    points: tuple[Point, ...]
    acceptance: float
    uniform: bool
    how: str


class FeasibleDraws:
    """An endless stream of feasible points, with its acceptance so far. `uniform` is False once a point was drawn
    decision by decision, or found by descent."""

    def __init__(self, space: PointSource, budget: Budget, random: Random) -> None:
        self._space = space
        self._budget = budget
        self._random = random
        self._drawn = 0
        self._accepted = 0
        self._is_tight = False
        self._rarely = ""
        self._feasible: list[Point] | None = None
        self._from_chain: ChainDraws | None = None
        self._experience = Experience()
        self._bounds, self._is_whole = bounds_of(budget, space.requirements)
        self.uniform = True
        self.how = "drawn from all points"

    @property
    def acceptance(self) -> float:
        """The share of draws that kept the budget."""
        return self._accepted / self._drawn if self._drawn else 1.0

    def next(self) -> Point:
        """The next point. Raises `BudgetError` where nothing in the space keeps the budget."""
        if self._space.members is not None:
            return self._next_by_rejection() or self._next_of_few() or self._refuse()
        return (
            self._next_by_rejection()
            or self._next_from_chain()
            or self._next_of_few()
            or self._next_step_by_step()
            or self._next_by_descent()
        )

    @property
    def _is_worth_a_chain(self) -> bool:
        return self._drawn - self._accepted >= PATIENCE and self._accepted < TIGHT * self._drawn

    def _next_by_rejection(self) -> Point | None:
        patience = MAX_REJECTED
        while not self._is_tight and patience:
            if self._is_worth_a_chain and self._space.chain is not None:
                break
            self._drawn += 1
            point = self._draw_plain()
            if point is not None and self._budget.admits(point.costs):
                self._accepted += 1
                return point
            patience -= 1
        if not self._is_tight:
            self._is_tight = True
            kept = self._accepted or "none"
            self._rarely = f"{kept} of {self._drawn} draws from all points kept the budget, so then"
            self._drawn = self._accepted = 0  # acceptance is that of the draws to come
        return None

    def _draw_plain(self) -> Point | None:
        """One of all points of the space; None where it is not legal, or breaks the budget for sure."""
        if self._space.costing is None or not self._budget:
            return self._space.draw(self._random)
        draw = draw_plain(self._space.costing, self._bounds, self._random)
        return None if draw is None else self._point(draw)

    def _point(self, draw: Draw) -> Point | None:
        """The point of what was drawn; None where it is no legal network."""
        try:
            return self._space.decide(lambda decision: draw.positions[decision.address], draw.walked)
        except DocumentError:
            return None

    def _next_from_chain(self) -> Point | None:
        if self._space.chain is None:
            return None
        if self._from_chain is None:
            self._from_chain = ChainDraws(self._space, self._budget, self._random)
        for _ in range(MAX_REJECTED):
            drawn, decisions = self._from_chain.next()
            self._drawn += drawn
            point = legal_point(self._space, decisions)
            if point is not None and self._budget.admits(point.costs):  # peak_bytes does not add up along a chain
                self._accepted += 1
                self.how = f"{self._rarely} drawn from those that keep it, by sums over the stages"
                return point
        return None

    def _next_of_few(self) -> Point | None:
        feasible = self._list_feasible()
        if not feasible:
            return None
        self._drawn, self._accepted = self._drawn + 1, self._accepted + 1
        self.how = f"{self._rarely} drawn from a list of those that keep it"
        return self._random.choice(feasible)

    def _next_step_by_step(self) -> Point | None:
        if self._space.costing is None or self._is_few or not self._bounds.are_possible:
            return None
        self.uniform = False
        self.how = f"{self._rarely} drawn part by part as long as there is room, which is not uniform"
        for _ in range(MAX_FAILED):
            self._drawn += 1
            draw = draw_within(self._space.costing, self._bounds, self._random, self._experience)
            if draw is None:
                continue
            point = self._point(draw)
            if point is not None and (self._is_whole or self._budget.admits(point.costs)):
                self._accepted += 1
                return point
        return None

    def _next_by_descent(self) -> Point:
        self.uniform = False
        self.how = f"{self._rarely} found by descent, which is not uniform"
        point = descend(self._space, lambda costs: missed(self._budget, costs), self._random, enough=0.0)
        if point is None or missed(self._budget, point.costs) > 0:
            raise impossible(self._space, self._budget, point)
        self._drawn, self._accepted = self._drawn + 1, self._accepted + 1
        return point

    def _refuse(self) -> Point:
        nearest = min(self._space.points(), key=lambda point: missed(self._budget, point.costs), default=None)
        if nearest is None:
            message = f"none of the points that `{self._space.name}` is restricted to is a legal network"
            raise BudgetError(message, help="take others")
        raise impossible(self._space, self._budget, nearest)

    @property
    def _is_few(self) -> bool:
        """Whether all points may be gone through, as members may, however many they are."""
        if self._space.members is not None:
            return True
        return self._space.size() <= MAX_ENUMERATED and not self._space.has_prior

    def _list_feasible(self) -> list[Point]:
        """All points that keep the budget, in a space of few without a prior; none in any other."""
        if self._feasible is None:
            points = self._space.points() if self._is_few else ()
            self._feasible = [point for point in points if self._budget.admits(point.costs)]
        return self._feasible


class ChainDraws:
    """Decision sets that keep what adds up of a budget, drawn from a space's chain some at a time."""

    def __init__(self, space: PointSource, budget: Budget, random: Random) -> None:
        import numpy as np

        self._space = space
        self._budget = budget
        self._bounds, self.is_whole = bounds_of(budget, space.requirements)
        self._grid = space.grid(self._bounds)
        self._random = np.random.default_rng(random.getrandbits(64))
        self._waiting: list[Decisions] = []
        self._debt = 0.0
        self._share = 1.0
        self._batch = 16

    def next(self) -> tuple[int, Decisions]:
        """How many paths were drawn for it, and one decision set. Raises `BudgetError` where there is none."""
        if not self._waiting:
            self._batch = min(1_024, 4 * self._batch)
            drawn = self.draw(self._batch)
            self._waiting = list(reversed(drawn.decisions))
            self._share = drawn.acceptance
        self._debt += 1 / self._share
        whole = int(self._debt)
        self._debt -= whole
        return whole, self._waiting.pop()

    def draw(self, number: int) -> Drawn:
        """So many decision sets at once. Raises `BudgetError` where there are none."""
        from search_spaces.chain_draws import draw

        drawn = draw(self._grid, number, self._random) if self._bounds.are_possible else None
        if drawn is None:
            raise impossible_sums(self._space, self._bounds, self._budget, is_known=not self._grid.mass > 0)
        return drawn


def draw_decisions(space: PointSource, number: int, budget: Budget, random: Random) -> Drawn:
    """So many decision sets that keep a budget; from the chain alone where the space is one and the budget adds up."""
    if space.chain is not None:
        draws = ChainDraws(space, budget, random)
        if draws.is_whole:
            return draws.draw(number)
    stream = FeasibleDraws(space, budget, random)
    found = tuple(stream.next().decisions for _ in range(number))
    return Drawn(found, round(number / stream.acceptance), number)


def missed(budget: Budget, costs: Totals) -> float:
    """By how much a budget is broken: the sum of all violations, 0 where it is kept."""
    return sum(max(0.0, miss) for miss in budget.violations(costs).values())


def descend(
    space: PointSource, loss: Callable[[Totals], float], random: Random, enough: float = float("-inf")
) -> Point | None:
    """The point of least loss that enumeration or repeated descent finds; the first that is at most `enough`.

    A space of few points is enumerated. Descent changes one decision at a time to its best alternative, until nothing
    improves, from several starts. None where no legal network was found.
    """
    best: Point | None = None
    least = float("inf")
    for point in space.points() if space.size() <= MAX_ENUMERATED else _descents(space, loss, random):
        value = loss(point.costs)
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
        space.point({decision.address: decision.alternatives[0] for decision in space.decisions})
        return BudgetError(f"no legal network of the space `{space.name}` was found", help="open fewer alternatives")
    costs = nearest.graph.costs()
    broken = [name for name, miss in budget.violations(costs).items() if miss > 0]
    metric = broken[0].partition("_")[2]
    figures = ", ".join(f"{getattr(costs, name):,} {name}" for name in dict.fromkeys((metric, "params", "macs")))
    size, remedy, place = "smallest", "raise the budget, or open smaller alternatives", " there"
    if broken[0].startswith("min"):
        size, remedy, place = "largest", "lower the bound, or open larger alternatives", ""
    figure = NODE_FIGURES.get(metric)
    if figure is not None:
        largest = max(costs.nodes, key=lambda node: getattr(node, figure))
        remedy = f"in it `{largest.address}` counts {getattr(largest, figure):,} of them; {remedy}{place}"
    return BudgetError(
        f"nothing in the space `{space.name}` keeps {budget}: its {size} network has {figures}", help=remedy
    )


def impossible_sums(space: PointSource, bounds: Bounds, budget: Budget, *, is_known: bool) -> BudgetError:
    """The error of bounds that no path through a space's chain keeps: the smallest or the largest network is exact.

    `is_known`: there is none; otherwise there may be some, which very many draws did not meet.
    """
    assert space.chain is not None
    ends: list[str] = []
    for column, low, high in zip(bounds.columns, bounds.lows, bounds.highs, strict=True):
        for largest, bound in ((False, high), (True, low)):
            figure, path = extreme(space.chain, column, largest=largest)
            decisions = {address: chosen for option in path for address, chosen in option.taken}
            if figure < bound if largest else figure > bound:
                return impossible(space, budget, space.point(decisions))
            if bound not in (0, UNBOUNDED):
                others = (
                    f"{sum(o.costs[at] for o in path):,} {SUMMED_METRICS[at]}" for at in bounds.columns if at != column
                )
                word = "largest" if largest else "smallest"
                ends.append(f"the {word} in {SUMMED_METRICS[column]}, {figure:,}, has {' and '.join(others)}")
    message = f"nothing in the space `{space.name}` keeps {budget} at once"
    if not is_known:
        message = f"nothing was found in the space `{space.name}` that keeps {budget} at once"
    return BudgetError(message, help=f"of its networks {'; '.join(ends)}")


def _descents(space: PointSource, loss: Callable[[Totals], float], random: Random) -> Iterator[Point]:
    first = legal_point(space, {decision.address: decision.alternatives[0] for decision in space.decisions})
    if first is not None:
        yield _descent(space, first, loss)
    for _ in range(NUM_STARTS if first is None or space.costing is None else 0):
        point = next((point for _ in range(100) if (point := space.draw(random)) is not None), None)
        if point is not None:
            yield _descent(space, point, loss)


def _descent(space: PointSource, point: Point, loss: Callable[[Totals], float]) -> Point:
    """One decision at a time to its best alternative, over and over, until a round changes nothing.

    Decisions that an alternative newly makes matter are tried at their first alternative.
    """
    first: Decisions = {decision.address: decision.alternatives[0] for decision in space.decisions}
    least, improved = loss(point.costs), True
    while improved:
        improved = False
        for decision in space.decisions:
            if decision.address not in point.decisions:
                continue
            for alternative in decision.alternatives:
                if alternative == point.decisions[decision.address]:
                    continue
                trial = {**first, **point.decisions, decision.address: alternative}
                other = legal_point(space, trial)
                if other is not None and loss(other.costs) < least:
                    least, improved = loss(other.costs), True
                    point = other
    return point
