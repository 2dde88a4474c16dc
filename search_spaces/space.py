"""A space: a document with holes, and the points that fill them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from random import Random
from typing import TYPE_CHECKING, TypeVar

from graphs.budget import Budget
from graphs.costs import Totals
from graphs.document import Document
from graphs.emission import document_text
from graphs.faults import DocumentError, FaultList, Mark, nearest
from graphs.graph import Graph
from graphs.loading import graph_of
from graphs.quantities import format_count
from graphs.requirements import Requirement, read_requirements
from search_spaces.agenda import PointKey
from search_spaces.bounds import Bounds
from search_spaces.chains import Chain
from search_spaces.choosers import OverLimits
from search_spaces.code_expressions import NotLegal
from search_spaces.costing import Costing, Walked
from search_spaces.counting import Count, count_points
from search_spaces.decisions import Choose, Decision, Holes, choose_exactly, every_way
from search_spaces.departure import NotInSpaceError
from search_spaces.domains import Narrowed
from search_spaces.linting import Report, lint
from search_spaces.listing import MAX_LISTED, list_points
from search_spaces.locating import Allowance, locate
from search_spaces.moves import crossover, mutants, mutate, neighbours
from search_spaces.points import DecisionError, Decisions, Drawn, Facts, Members, Point, position_of
from search_spaces.resolver import Resolver
from search_spaces.sampling import FeasibleDraws, Sampled, draw_decisions
from search_spaces.spelling import Spelling, read_spelling
from search_spaces.summing import Summing
from search_spaces.unfolding import chain_of
from search_spaces.walkable import not_walked_because

if TYPE_CHECKING:
    from search_spaces.chain_draws import Grid


Known = TypeVar("Known")
Budgeted = Budget | Mapping[str, int | float | str | None]  # or its bounds, as in {"max_params": "4k"}

MAX_REMEMBERED = 2_000  # points whose costs and hash are remembered, of a space that is too large to be listed,
MAX_WALKS = 64  # what was made on those walked last, of which hash and peak may be asked soon,
MAX_GRAPHS = 16  # and graphs


class Space:
    """All networks that a document with holes stands for. A document without holes is a space of one point.

    Wherever a method takes a budget, it takes its bounds as well: `space.sample(3, {"max_params": "4k"})`.

    With `members` its points are these and no others (`only`): draws are uniform over them, moves lead from one to
    another, and whatever else could be decided is no legal network.
    """

    def __init__(self, document: Document, members: Members | None = None) -> None:
        self.document = document
        self.members = members
        self._resolver = Resolver(document)
        self._grids: dict[Bounds, Grid] = {}
        self._lists: dict[Budget, tuple[Point, ...] | None] = {}
        self._facts: dict[PointKey, Facts] = {}
        self._walks: dict[PointKey, Walked] = {}
        self._graphs: dict[PointKey, Graph] = {}

    def __repr__(self) -> str:
        count = len(self.decisions)
        return f"<Space {self.name}: {format_count(self.size())} points, {count} decision{'s' * (count != 1)}>"

    @property
    def name(self) -> str:
        return self.document.name

    def only(self, members: Members) -> Space:
        """The same space with some of its points, as those that a table knows."""
        return Space(self.document, members)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions that any point may have, in the order of the text."""
        return tuple(self._resolver.decisions())

    def decision(self, address: str) -> Decision:
        """The decision at an address. Raises `DecisionError` with the nearest one."""
        found = self._by_address.get(address)
        if found is None:
            raise DecisionError(f"the space has no decision `{address}`", help=nearest(address, self._by_address))
        return found

    @cached_property
    def _by_address(self) -> dict[str, Decision]:
        return {decision.address: decision for decision in self.decisions}

    def marks(self, address: str) -> tuple[Mark, ...]:
        """Where in the document the decision at an address stands; the places of both, where two have one."""
        return self._opened[1].marks(address)

    def size(self) -> int:
        """The number of points, exact: of sets of decisions that differ where it matters.

        Two points may still be the same network, and a point may be no legal one.
        """
        return self._resolver.count() if self.members is None else len(self.members)

    @cached_property
    def has_prior(self) -> bool:
        """Whether some points are drawn more often than others."""
        return self._resolver.has_prior

    @cached_property
    def requirements(self) -> list[Requirement]:
        """What the document requires of its networks: those that don't keep it are not legal."""
        return read_requirements(self.document, FaultList())

    @property
    def chain(self) -> Chain | None:
        """The space as a chain of stages whose costs add up; None where it is none."""
        return self._chain if self.members is None and isinstance(self._chain, Chain) else None

    @property
    def no_chain_because(self) -> str:
        """Why the space is no chain, in words; nothing where it is one."""
        return self._chain if isinstance(self._chain, str) else ""

    @cached_property
    def _chain(self) -> Chain | str:
        return chain_of(self.document, self._resolver)

    @property
    def costing(self) -> Costing | None:
        """What decisions cost, without their networks; None where only these can say, or some points alone count."""
        return self._costing if self.members is None else None

    @cached_property
    def _costing(self) -> Costing | None:
        return None if not_walked_because(self.document, self._resolver) else Costing(self.document, self._resolver)

    def grid(self, bounds: Bounds) -> Grid:
        """What draws from the space's chain need, made once for all draws within the same bounds."""
        from search_spaces.chain_draws import Grid

        assert self.chain is not None
        if bounds not in self._grids:
            self._grids = {bounds: Grid(self.chain, bounds)}
        return self._grids[bounds]

    def count(self, budget: Budgeted | None = None) -> Count:
        """How many legal points keep a budget, exact where that is possible."""
        return count_points(self, Budget.read(budget))

    def list_points(self, budget: Budgeted | None = None) -> tuple[Point, ...] | None:
        """All legal points that keep a budget, in order, where there are at most 20,000 and a way to list them; None
        where there are more, or no way. The last answer is remembered."""
        bounds = Budget.read(budget)
        if bounds not in self._lists:
            self._lists = {bounds: list_points(self, bounds)}
        return self._lists[bounds]

    def draw_decisions(self, number: int, budget: Budgeted | None = None, seed: int = 0) -> Drawn:
        """So many decision sets that keep a budget, without their networks where the space is a chain: as `sample`
        draws them, and some thousand times as fast.

        Raises `BudgetError` where nothing in the space keeps the budget.
        """
        return draw_decisions(self, number, Budget.read(budget), Random(seed))

    def key(self, decisions: Mapping[str, object]) -> tuple[str, ...]:
        """How a point spells the key of its row in a table, a text for each column: by `key` of the document.

        `decisions` are those that matter for the point. Raises `DecisionError` where the document has no `key`.
        """
        return self._spelling.key(decisions)

    @cached_property
    def has_unique_keys(self) -> bool:
        """Whether it is certain that no two points spell one key. Raises `DecisionError` as `key` does."""
        return self._spelling.is_unique

    def decode(self, key: tuple[str, ...]) -> Decisions:
        """The decisions of the point that spells a key. Raises `DecisionError` where none does."""
        for found in self.decodings(key):
            return found
        raise DecisionError(f"no point of `{self.name}` has the key {', '.join(key)}")

    def decodings(self, key: tuple[str, ...]) -> Iterator[Decisions]:
        """The decisions of all points that spell a key; where that is not `has_unique_keys`, one may come again."""
        spelling = self._spelling
        for found in spelling.decode(key):
            if spelling.is_whole and not self.document.where:
                yield found
                continue
            rest = {one.address: one.alternatives[0] for one in self.decisions if one.address not in found}
            try:
                active = self.active({**rest, **found})
            except DecisionError:
                continue
            if spelling.key(active) == key:
                yield active

    @cached_property
    def _spelling(self) -> Spelling:
        spelling = read_spelling(self.document, self.decisions, FaultList())
        if spelling is None:
            help = 'say it in the document of the space, as in key: "{layer1.op}-{layer2.op}"'
            raise DecisionError(f"the space `{self.name}` does not say how its decisions spell a key", help=help)
        return spelling

    def text(self) -> str:
        """The document of the space as YAML."""
        return document_text(self.document)

    def point(self, decisions: Mapping[str, object]) -> Point:
        """The point of a set of decisions; decisions that don't matter for it are ignored.

        Its costs and its hash are remembered; its graph is made when it is asked for. Raises `DecisionError` where one
        is missing, unknown or no alternative, and `DocumentError` where the decisions lead to no legal network.
        """
        return self.decide(self._choose_as(decisions))

    def materialize(self, decisions: Mapping[str, object]) -> Graph:
        """The network of a set of decisions. Raises as `point` does."""
        return self.point(decisions).graph

    def _choose_as(self, decisions: Mapping[str, object]) -> Choose:
        """Choices as these decisions say."""
        for address in decisions:
            self.decision(address)

        def choose(decision: Decision) -> int:
            if decision.address not in decisions:
                shown = ", ".join(map(str, decision.alternatives))
                raise DecisionError(f"there is no decision for `{decision.address}`", help=f"one of {shown}")
            return position_of(decision, decisions[decision.address])

        return choose

    def locate(self, graph: Graph, allowance: Allowance | None = None) -> Decisions:
        """The decisions whose network has the structure of a graph: `materialize` gives one of the same hash.

        Names, addresses and the order of nodes mean nothing, so the graph may be written in any way. Where several
        points are that network, it is the first that is found. Raises `NotInSpaceError`, which says where it leaves
        the space.
        """
        return self.find(graph, allowance)[0]

    def find(self, graph: Graph, allowance: Allowance | None = None) -> tuple[Decisions, tuple[str, ...]]:
        """As `locate`, and the addresses of the decisions on which the network does not depend, as those of steps that
        are not done: any alternative of theirs leads to it."""
        graph = graph.as_shipped
        found: list[Decisions] = []

        def accept(narrowed: Narrowed) -> bool:
            decisions = self._resolver.first_within(narrowed)
            found[:] = [decisions] if decisions is not None else []
            return decisions is not None

        left = locate(*self._opened, graph, accept, allowance)
        try:
            made = self.materialize(found[0])
        except DecisionError:
            message = f"the network is none of the points that `{self.name}` is restricted to"
            raise NotInSpaceError(message, help="look for it in the whole space") from None
        assert made.hash == graph.hash, "what was found is another network"
        return found[0], tuple(
            one.address
            for one in map(self.decision, found[0])
            if len(one.alternatives) == len(left.get(one.address, one.alternatives))
        )

    @cached_property
    def _opened(self) -> tuple[Document, Holes]:
        return self._resolver.opened()

    def active(self, decisions: Mapping[str, object]) -> Decisions:
        """Those of a full set of decisions that matter for its network."""
        return self._resolver.ask(self._choose_as(decisions))[1]

    def points(self) -> Iterator[Point]:
        """All legal points, in the order of their decisions, or of the members."""
        if self.members is not None:
            yield from filter(None, map(self._member, range(len(self.members))))
            return
        for point in every_way(self._try):
            if point is not None:
                yield point

    def draw(self, random: Random) -> Point | None:
        """A point, uniform over all of them, or in proportion to their prior; None where it is no legal network."""
        if self.members is not None:
            return self._member(random.randrange(len(self.members))) if len(self.members) else None
        return self._try(lambda decision: choose_exactly(decision.masses, random))

    def draws(self, budget: Budgeted | None = None, seed: int = 0) -> FeasibleDraws:
        """An endless stream of points that keep a budget."""
        return FeasibleDraws(self, Budget.read(budget), Random(seed))

    def sample(self, num_points: int, budget: Budgeted | None = None, seed: int = 0) -> Sampled:
        """Points that keep a budget, the same for the same seed; a point may be drawn more than once.

        Raises `BudgetError` where nothing in the space keeps the budget; ValueError for fewer than 0 points.
        """
        if num_points < 0:
            raise ValueError(f"`num_points` is 0 or more, got {num_points}")
        draws = self.draws(budget, seed)
        points = tuple(draws.next() for _ in range(num_points))
        return Sampled(points, draws.acceptance, draws.uniform, draws.how)

    def neighbours(self, decisions: Decisions, budget: Budgeted | None = None, seed: int = 0) -> Iterator[Point]:
        """Every legal point that keeps a budget and is one decision away; what a change makes matter is drawn."""
        return neighbours(self, decisions, Budget.read(budget), Random(seed))

    def mutate(
        self, decisions: Decisions, random: Random, num_changes: int = 1, budget: Budgeted | None = None
    ) -> Point:
        """A legal point that keeps a budget and is `num_changes` decisions away. Raises `BudgetError` without one."""
        return mutate(self, decisions, Budget.read(budget), random, num_changes)

    def mutants(
        self,
        decisions: Decisions,
        random: Random,
        num_points: int,
        num_changes: int = 1,
        budget: Budgeted | None = None,
    ) -> list[Point]:
        """`num_points` different points, each `num_changes` decisions away; fewer where no more are found."""
        return mutants(self, decisions, Budget.read(budget), random, num_points, num_changes)

    def crossover(self, one: Decisions, other: Decisions, random: Random, budget: Budgeted | None = None) -> Point:
        """A legal point that keeps a budget, its decisions those of two points. Raises `BudgetError` without one."""
        return crossover(self, one, other, Budget.read(budget), random)

    def lint(self, budget: Budgeted | None = None, num_samples: int | None = None, seed: int = 0) -> Report:
        """What is odd about the space, on 400 samples of a chain, else 50. Raises `BudgetError` where nothing in it
        keeps the budget."""
        return lint(self, Budget.read(budget), num_samples, Random(seed))

    def refuse_impossible(self, budget: Budgeted, seed: int = 0) -> None:
        """Raise `BudgetError`, naming the smallest network of the space, where nothing in it keeps the budget.

        Exact where the space is a chain or has few points; another is searched by descent from several starts.
        """
        if bounds := Budget.read(budget):
            self.draws(bounds, seed).next()

    def _try(self, choose: Choose) -> Point | None:
        try:
            return self.decide(choose)
        except (DecisionError, DocumentError):
            return None

    def _member(self, number: int) -> Point | None:
        assert self.members is not None
        try:
            return self.point(self.members[number])
        except (DecisionError, DocumentError):
            return None

    def decide(self, choose: Choose, walked: Walked | None = None) -> Point:
        """The point that a series of choices leads to; `walked` is what is known of it. Raises `DocumentError` where it
        is no legal network, `DecisionError` where it is none of the members."""
        key, taken = self._resolver.ask(choose)
        if self.members is not None and taken not in self.members:
            raise DecisionError(f"the point is none of those that `{self.name}` is restricted to", help="take another")
        facts = self._facts.get(key)
        if facts is None:
            facts = self._find_facts(key, taken, walked)
            _remember(self._facts, self._most_remembered, key, facts)
        return Point(taken, facts)

    @cached_property
    def _most_remembered(self) -> int:
        """A search comes back to its latest points (benchmarks/search_overhead.md); many searches on a space that can
        be listed, one after the other, come back to all."""
        size = self.size()
        return size if size <= MAX_LISTED else MAX_REMEMBERED

    def _find_facts(self, key: PointKey, taken: Decisions, walked: Walked | None) -> Facts:
        """What is to be known of a point: from remembered parts where these are few, by walking where they are many,
        and from the graph where neither can say. Raises `DocumentError` where it is no legal network."""
        make = partial(self._graph, key)
        if not self._summing.is_small and not self.requirements:
            walked = walked or self._walk(key, taken)
            if walked is not None and walked.is_small:
                _remember(self._walks, MAX_WALKS, key, walked)
                params, macs, activation_bytes, _ = walked.costs
                totals = Totals(params, macs, activation_bytes, partial(self._peak_bytes, key))
                return Facts(totals, make, partial(self._walked, key))
        found = self._summing.part(key)
        if found is None or not all(wanted.is_kept(found.totals) for wanted in self.requirements):
            return Facts(make().costs().totals, make, None)
        return Facts(found.totals, make, None, found.hash)

    def _walk(self, key: PointKey, taken: Decisions) -> Walked | None:
        """A point without its network; None where that is to say why it is not legal, or can't be told otherwise."""
        if self._costing is None:
            return None
        positions = dict(zip(taken, key.answers, strict=True))
        try:
            return self._costing.costs(lambda decision: positions[decision.address])
        except (NotLegal, OverLimits):
            return None

    def _walked(self, key: PointKey) -> Walked:
        """The walk of a point that was walked before."""
        if key not in self._walks:
            answers = key.answers
            _, taken = self._resolver.ask(lambda _: next(answers))
            walked = self._walk(key, taken)
            assert walked is not None
            _remember(self._walks, MAX_WALKS, key, walked)
        return self._walks[key]

    def _peak_bytes(self, key: PointKey) -> int:
        found = self._walked(key).peak_bytes
        return self._graph(key).costs().peak_bytes if found is None else found

    @cached_property
    def _summing(self) -> Summing:
        return Summing(self.document, self._resolver)

    def _graph(self, key: PointKey) -> Graph:
        """The network of a point."""
        if key not in self._graphs:
            answers = key.answers
            graph = graph_of(self._resolver.resolve(lambda _: next(answers)))
            _remember(self._graphs, MAX_GRAPHS, key, graph)
        return self._graphs[key]


def _remember(known: dict[PointKey, Known], most: int, key: PointKey, value: Known) -> None:
    """One more, without the oldest where there are too many."""
    if len(known) >= most:
        del known[next(iter(known))]
    known[key] = value
