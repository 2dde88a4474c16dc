"""What the network of a set of decisions costs, without the network.

The net is walked on types alone (`search_spaces.type_walk`), leg by leg. What was made on the way is kept, so that the
hash of the network and its peak of memory can be told afterwards. `search_spaces.summing` is for points that are
decided and few: it expands, which takes more documents, but takes longer where parts are seldom met again. `Space` asks
the one that is quicker first. Which documents are walked, `search_spaces.walkable` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random

from blocks.types import Type
from graphs.arguments import Argument, Scope, names_in
from graphs.assembly import MAX_NODES, MAX_STEPS
from graphs.canonical import hash_of
from graphs.document import Document, hole_alternatives
from graphs.faults import FaultList
from graphs.inputs import input_types
from search_spaces.chains import Costs
from search_spaces.choosers import LIMITS, SIZE, Chooser, FixedChooser
from search_spaces.code_calls import Function
from search_spaces.code_expressions import NotLegal
from search_spaces.code_program import Program
from search_spaces.decisions import Decision
from search_spaces.draw_weights import DrawWeights, draw_weights_of
from search_spaces.pieces import Piece
from search_spaces.resolver import Resolver
from search_spaces.type_walk import Lacking, Read, TypeWalk


@dataclass(frozen=True, slots=True)
class Leg:
    """What is walked at once: a step of the net, or one repetition of a step that decides at each, with the leg whose
    value that reads where it is not the first."""

    step: int
    number: int | None
    source: int


@dataclass(frozen=True)
class Walked:
    """A network that was walked: its costs, as `search_spaces.choosers` has them, and what was made."""

    costs: Costs
    piece: Piece | None

    @cached_property
    def hash(self) -> str | None:
        """The canonical hash; None where that is for the graph to say."""
        if self.piece is None or self.piece.label.canonical_code is None:
            return None
        return hash_of(self.piece.inputs, self.piece.label.canonical_code)

    @property
    def is_small(self) -> bool:
        """Whether there are surely no more nodes and steps than there may be."""
        size, piece = self.costs[SIZE], self.piece
        return size <= MAX_NODES or (size <= MAX_STEPS and piece is not None and piece.num_nodes <= MAX_NODES)

    @property
    def peak_bytes(self) -> int | None:
        """The peak of memory; None where that is for the graph to say."""
        return None if self.hash is None or self.piece is None else self.piece.peaks[0]


class Costing:
    """One document. Its decisions are those of `search_spaces.resolution`, at the same addresses. `least_costs` is what
    draws within bounds remember: by place, about what the alternatives of a choice cost at least there, as far as that
    was asked for."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.program = Program(document, resolver)
        self.resolver = resolver
        self.least_costs: dict[object, dict[int, Costs]] = {}
        self._draw_weights: dict[str, DrawWeights] = {}
        self._settled: list[TypeWalk] = []
        self._inputs: dict[tuple[Argument, ...], dict[str, Type] | None] = {}
        self._input_params = _params_of_inputs(document)

    def draw_weights(self, decision: Decision) -> DrawWeights:
        """The weights of a decision's alternatives."""
        found = self._draw_weights.get(decision.address)
        if found is None or found.decision is not decision:  # where a `where` ties it, its weights depend on others
            found = self._draw_weights[decision.address] = draw_weights_of(decision)
        return found

    def begin(self, chooser: Chooser) -> Run:
        """A walk whose shared decisions are taken, and nothing else. Raises `NotLegal`."""
        return Run(self, chooser)

    def costs(self, choose: Callable[[Decision], int], limits: Costs = LIMITS) -> Walked:
        """The costs of the network of a full set of decisions. Raises `NotLegal`, and `OverLimits` as soon as they are
        over `limits`. A decision may come up again, and is to be the same then."""
        chooser = FixedChooser(choose, limits)
        run = self.begin(chooser)
        legs, values = run.legs(), list[Read]()
        for leg in legs:
            values.append(run.walk(leg, legs, values))
        return Walked(tuple(chooser.spent), run.piece(legs, values))

    def settled(self, number: int) -> TypeWalk:
        """A walk with shared decisions that are always the same for a number."""
        while len(self._settled) <= number:
            self._settled.append(self.begin(FixedChooser(_choices(len(self._settled)), LIMITS)).state)
        return self._settled[number]

    def inputs(self, params: list[Argument]) -> dict[str, Type]:
        """The inputs of the document by name, where it has these parameters. Raises `NotLegal`."""
        key = tuple([params[at] for at in self._input_params])
        if key not in self._inputs:
            self._inputs[key] = _input_types(self.program.document, params)
        found = self._inputs[key]
        if found is None:
            raise NotLegal
        return found


class Run:
    """One walk over the net of a document, leg by leg."""

    def __init__(self, costing: Costing, chooser: Chooser) -> None:
        self._program = costing.program
        self.state = state = TypeWalk(costing.resolver, chooser, costing.settled)
        for param, functions in zip(self._program.document.params, self._program.params, strict=True):
            position = 0
            if len(functions) > 1 or hole_alternatives(param.default):
                decision = costing.resolver.param_decision(param.name.text, state.picked)
                position = state.picked[param.name.text] = chooser.choose(decision)
            state.params.append(_found(functions[position], state))
        state.defaults = [_found(function, state) for function in self._program.defaults]
        state.given = tuple(state.params)
        if None in state.given:
            state.params = Lacking(state.params)
        if None in state.defaults:
            state.defaults = Lacking(state.defaults)
        inputs = costing.inputs(list(state.given))
        self._inputs: dict[str, Read] = {name: (type, at, None, 0) for at, (name, type) in enumerate(inputs.items())}
        self._source = next(iter(self._inputs.values())) if len(self._inputs) == 1 else None
        if self._source is not None:
            state.source = self._source[:2]
        state.next = len(self._inputs)
        self._ends: list[int] = []  # of each leg that was walked, how much was made by then

    def legs(self) -> list[Leg]:
        """The legs of the net in the order of their walk; how often a step decides is decided with it."""
        found: list[Leg] = []
        for position in self._program.order:
            count = self._program.steps[position].times
            number = 0 if count is None else count(self.state, {}, None)
            if number:
                found += [Leg(position, at, len(found) + at - 1) for at in range(number)]
            else:
                found.append(Leg(position, None, -1))
        return found

    def walk(self, leg: Leg, legs: list[Leg], values: list[Read]) -> Read:
        """The value of a leg, from those of the legs before it. What was made after these is forgotten."""
        state = self.state
        state.use(state.chooser)
        del self._ends[len(values) :], state.wires[self._ends[-1] if values else 0 :]
        state.next = len(self._inputs) + len(state.wires)
        state.spent[SIZE] += 2  # its step, and the repetition
        step = self._program.steps[leg.step]
        known, previous = dict(self._inputs), self._source
        for done, value in zip(legs, values, strict=False):
            known[self._program.steps[done.step].name] = value
            if done.step == leg.step - 1:
                previous = value
        found: Read
        if leg.number is None or step.repetition is None:
            found = step.walk(state, known, previous)
        else:
            found = step.repetition(state, known, previous, leg.number, values[leg.source] if leg.number else None)
        self._ends.append(len(state.wires))
        return found

    def piece(self, legs: list[Leg], values: list[Read]) -> Piece | None:
        """All that was made; None where the document has several inputs."""
        if self._source is None:
            return None
        named = dict(self._inputs)
        for leg, value in zip(legs, values, strict=True):
            named[self._program.steps[leg.step].name] = value
        outputs = [one.text for _, one in self._program.document.outputs]
        names = outputs or [step.name for step in self._program.steps[-1:]]
        ends = tuple([named[name][1] for name in names])
        return Piece((self._source[0],), tuple(self.state.wires), ends or (0,))


def _found(function: Function, state: TypeWalk) -> Argument:
    """What a function gives; None where that is nothing legal."""
    try:
        found: Argument = function(state)
    except NotLegal:
        return None
    return found


def _params_of_inputs(document: Document) -> list[int]:
    """The parameters that the inputs of a document depend on."""
    read = set[str]().union(*(names_in(tree) for _, spec in document.inputs for _, tree in spec))
    return [at for at, param in enumerate(document.params) if param.name.text in read]


def _input_types(document: Document, params: list[Argument]) -> dict[str, Type] | None:
    scope, found = Scope(), {}
    for param, value in zip(document.params, params, strict=True):
        scope.bind(param.name.text, value)
    for (name, _), type in zip(document.inputs, input_types(document, scope, FaultList()), strict=True):
        if type is None:
            return None
        found[name.text] = type
    return found


def _choices(number: int) -> Callable[[Decision], int]:
    """Choices that are always the same: the first alternatives by 0, others by other numbers."""
    random = Random(number)

    def choose(decision: Decision) -> int:
        possible = [position for position, size in enumerate(decision.sizes) if size]
        return random.choice(possible) if number else possible[0]

    return choose
