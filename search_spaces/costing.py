"""What the network of a set of decisions costs, without the network.

The net is walked on types alone (`search_spaces.walking`), leg by leg. What was made on the way is kept, so that the
hash of the network and its peak of memory can be told afterwards. `search_spaces.summing` is for points that are
decided and few: it expands, which takes more documents, but takes longer where parts are seldom met again. `Space` asks
the one that is quicker first. Which documents are walked, `search_spaces.walkable` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random

from graphs.canonical import hash_of
from graphs.document import Document
from graphs.faults import FaultList
from graphs.inputs import document_scope, input_types
from search_spaces.bodies import Body
from search_spaces.chains import Costs
from search_spaces.decisions import Decision
from search_spaces.getters import Names, NotLegal
from search_spaces.purses import LIMITS, Purse, Taken, Value
from search_spaces.quotes import Quotes
from search_spaces.recipes import Piece
from search_spaces.resolver import Resolver
from search_spaces.walking import Walker


@dataclass(frozen=True, slots=True)
class Leg:
    """What is walked at once: a step of the net, or one repetition of a step that decides at each, with the leg whose
    value that reads where it is not the first."""

    step: int
    number: int | None
    source: int


@dataclass(frozen=True)
class Walked:
    """A network that was walked: its costs, as `search_spaces.purses` has them, and what was made."""

    costs: Costs
    piece: Piece | None

    @cached_property
    def hash(self) -> str | None:
        """The canonical hash; None where that is for the graph to say."""
        if self.piece is None or self.piece.label.trail is None:
            return None
        return hash_of(self.piece.inputs, self.piece.label.trail)

    @property
    def peak_bytes(self) -> int | None:
        """The peak of memory; None where that is for the graph to say."""
        return None if self.hash is None or self.piece is None else self.piece.peaks[0]


class Costing:
    """One document. Its decisions are those of `search_spaces.resolution`, at the same addresses."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.quotes = Quotes(document, resolver)
        self._settled: list[Walker] = []

    def begin(self, purse: Purse) -> Run:
        """A walk whose shared decisions are taken, and nothing else. Raises `NotLegal`."""
        return Run(self, purse)

    def costs(self, choose: Callable[[Decision], int], limits: Costs = LIMITS) -> Walked:
        """The costs of the network of a full set of decisions. Raises `NotLegal`, and `Overspent` as soon as they are
        over `limits`. A decision may come up again, and is to be the same then."""
        purse = Taken(choose, limits)
        run = self.begin(purse)
        legs, values = run.legs(), list[Value]()
        for leg in legs:
            values.append(run.walk(leg, legs, values))
        return Walked(purse.costs, run.piece(legs, values))

    def settled(self, number: int) -> Walker:
        """A walk with shared decisions that are always the same for a number."""
        while len(self._settled) <= number:
            self._settled.append(self.begin(Taken(_choices(len(self._settled)), LIMITS)).walker)
        return self._settled[number]


class Run:
    """One walk over the net of a document, leg by leg."""

    def __init__(self, costing: Costing, purse: Purse) -> None:
        quotes = costing.quotes
        resolution = quotes.resolver.shared(purse.choose)
        source = resolution.source
        scope = document_scope(source, FaultList())
        self._params: Names = dict(scope.values)
        self._inputs: dict[str, Value] = {}
        for (name, _), type in zip(source.inputs, input_types(source, scope, FaultList()), strict=True):
            if type is None:
                raise NotLegal
            self._inputs[name.text] = Value(type, len(self._inputs))
        self._source = next(iter(self._inputs.values())) if len(self._inputs) == 1 else None
        self._outputs = tuple([one.text for _, one in source.outputs])
        self._net, self._traits = quotes.program.body, quotes.program.traits
        self._ends: list[int] = []  # of each leg that was walked, how much was made by then
        self.walker = Walker(quotes, resolution, self._params, len(self._inputs), purse, costing.settled)

    def legs(self) -> list[Leg]:
        """The legs of the net in the order of their walk; how often a step decides is decided with it."""
        found: list[Leg] = []
        for position in self._net.order:
            plan = self._net.steps[position]
            count = 0
            if plan.step.each:
                names = self._body().names
                if plan.when is None or plan.when(names) is True:
                    count = self.walker.count(plan, plan.name, names)
            if count:
                found += [Leg(position, number, len(found) + number - 1) for number in range(count)]
            else:
                found.append(Leg(position, None, -1))
        return found

    def walk(self, leg: Leg, legs: list[Leg], values: list[Value]) -> Value:
        """The value of a leg, from those of the legs before it. What was made after these is forgotten."""
        walker = self.walker
        del self._ends[len(values) :], walker.wires[self._ends[-1] if values else 0 :]
        walker.purse.pay((0, 0, 0, 2))  # its step, and the repetition
        plan = self._net.steps[leg.step]
        body = self._body()
        previous = self._source
        for done, value in zip(legs, values, strict=False):
            given = self._net.steps[done.step]
            if given.named:
                body.values[given.name] = value
            if done.step == leg.step - 1:
                previous = value
        if leg.number is None:
            found = walker.step(plan, previous, body)
        else:
            [source] = walker.sources(plan, previous, body)
            body.bind_input(source)  # as of the group of all repetitions
            found = walker.repetition(plan, leg.number, values[leg.source] if leg.number else source, plan.name, body)
        self._ends.append(len(walker.wires))
        return found

    def piece(self, legs: list[Leg], values: list[Value]) -> Piece | None:
        """All that was made; None where the document has several inputs."""
        if self._source is None:
            return None
        named = dict(self._inputs)
        for leg, value in zip(legs, values, strict=True):
            named[self._net.steps[leg.step].name] = value
        names = self._outputs or tuple([step.name for step in self._net.steps[-1:]])
        ends = tuple([named[name].at for name in names])
        return Piece((self._source.type,), tuple(self.walker.wires), ends or (0,))

    def _body(self) -> Body:
        body = Body(dict(self._params), self._traits, self._source, "", dict(self._inputs))
        body.bind_input(self._source)
        return body


def _choices(number: int) -> Callable[[Decision], int]:
    """Choices that are always the same: the first alternatives by 0, others by other numbers."""
    random = Random(number)

    def choose(decision: Decision) -> int:
        possible = [position for position, size in enumerate(decision.sizes) if size]
        return random.choice(possible) if number else possible[0]

    return choose
