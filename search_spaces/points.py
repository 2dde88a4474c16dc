"""Points: what the rest of this floor needs to know of a space, and what comes out of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Protocol

from blocks.errors import FixpointError
from graphs.costs import Totals
from graphs.faults import DocumentError
from graphs.graph import Graph
from graphs.quantities import format_quantity
from graphs.requirements import Requirement
from search_spaces.bounds import Bounds
from search_spaces.chains import Chain
from search_spaces.costing import Costing, Walked
from search_spaces.decisions import Alternative, Choose, Decision

if TYPE_CHECKING:
    from search_spaces.chain_draws import Grid

Decisions = dict[str, Alternative]


class DecisionError(FixpointError):
    """Decisions that are no point of the space."""


class Members(Protocol):
    """Some points of a space, by their decisions."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Decisions:
        """One of them. Raises `DecisionError` where this number turns out to be none."""

    def __contains__(self, decisions: object) -> bool:
        """Whether a point with these decisions is one; they are those that matter for it."""


class Summed(Protocol):
    """What a network comes to, without its graph."""

    @property
    def hash(self) -> str | None:
        """The canonical hash; None where that is for the graph to say."""


class Facts:
    """What is known of the network of some decisions. `make` makes it; `sum` says what it comes to without it, where
    that can be said."""

    __slots__ = ("_hash", "_sum", "costs", "make")

    def __init__(
        self,
        costs: Totals,
        make: Callable[[], Graph],
        sum: Callable[[], Summed | None] | None,
        hash: str | None = None,
    ) -> None:
        self.costs = costs
        self.make = make
        self._sum = sum
        self._hash = hash

    @property
    def hash(self) -> str:
        """The canonical hash of the network."""
        if self._hash is None:
            found = self._sum() if self._sum else None
            self._sum = None
            self._hash = (found and found.hash) or self.make().hash
        return self._hash


@dataclass(frozen=True)
class Point:
    """A legal network of a space: `decisions` are those that matter for it, in the order of the text.

    Its hash and its costs are remembered by the space; the graph is made when it is asked for, and kept by the point.
    """

    decisions: Decisions
    facts: Facts = field(compare=False)

    def __repr__(self) -> str:
        costs, count = self.costs, len(self.decisions)
        size = f"{format_quantity(costs.params)} params, {format_quantity(costs.macs)} MACs"
        return f"<Point: {size}, {count} decision{'s' * (count != 1)}>"

    @property
    def hash(self) -> str:
        """The canonical hash of the network."""
        return self.facts.hash

    @property
    def costs(self) -> Totals:
        """What a budget may bound of the network."""
        return self.facts.costs

    @cached_property
    def graph(self) -> Graph:
        """The network."""
        return self.facts.make()


@dataclass(frozen=True, slots=True)
class Drawn:
    """Decision sets that keep a budget, and of how many draws they are."""

    decisions: tuple[Decisions, ...]
    num_drawn: int
    num_accepted: int

    @property
    def acceptance(self) -> float:
        """The share of draws that kept the budget."""
        return self.num_accepted / self.num_drawn if self.num_drawn else 1.0


def parse_decisions(text: str) -> Decisions:
    """A set of decisions from JSON, as `json.dumps(point.decisions)` writes it. Raises `DecisionError`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DecisionError(f"decisions are JSON: {error}", help='as in {"stage1.width": 16}') from None
    if not isinstance(data, dict):
        raise DecisionError("decisions are a JSON object of addresses and alternatives", help='{"stage1.width": 16}')
    return {address: tuple(value) if isinstance(value, list) else value for address, value in data.items()}


def position_of(decision: Decision, value: object) -> int:
    """Which alternative of a decision a value is. Raises `DecisionError` where it is none, or one that no point has."""
    wanted = tuple(value) if isinstance(value, list) else value
    for position, alternative in enumerate(decision.alternatives):
        if alternative == wanted and isinstance(alternative, bool) == isinstance(wanted, bool):
            if not decision.sizes[position]:
                help = "change it, or a parameter before it"
                raise DecisionError(f"with `{value}` for `{decision.address}` nothing keeps `where`", help=help)
            return position
    help = f"one of {', '.join(map(str, decision.alternatives))}"
    raise DecisionError(f"`{value}` is no alternative of `{decision.address}`", help=help)


class PointSource(Protocol):
    """A space as `search_spaces.sampling` sees it; `search_spaces.space.Space` says what each part does."""

    @property
    def name(self) -> str: ...

    @property
    def decisions(self) -> tuple[Decision, ...]: ...

    @property
    def has_prior(self) -> bool: ...

    @property
    def chain(self) -> Chain | None: ...

    @property
    def costing(self) -> Costing | None: ...

    @property
    def members(self) -> Members | None: ...

    def grid(self, bounds: Bounds) -> Grid: ...

    @property
    def requirements(self) -> list[Requirement]: ...

    def decision(self, address: str) -> Decision: ...

    def size(self) -> int: ...

    def point(self, decisions: Mapping[str, object]) -> Point: ...

    def active(self, decisions: Mapping[str, object]) -> Decisions: ...

    def points(self) -> Iterator[Point]: ...

    def decide(self, choose: Choose, walked: Walked | None = None) -> Point: ...

    def draw(self, random: Random) -> Point | None: ...


def legal_point(space: PointSource, decisions: Decisions) -> Point | None:
    """The point of these decisions; None where they are no point of the space, or no legal network."""
    try:
        return space.point(decisions)
    except (DecisionError, DocumentError):
        return None
