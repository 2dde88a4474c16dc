"""What the network of a set of decisions costs, without the network: types and sums, block by block, each remembered.

The net is walked as an expansion walks it (`graphs.walking`), but of a value nothing is kept except its type, and of a
block on some types nothing but what it costs and gives. Whoever walks decides at the holes on the way, and may end the
walk as soon as it has cost too much: that is what draws within bounds need. `search_spaces.summing` is for points that
are decided: it expands, which tells the peak of memory and the hash as well and takes more documents, but takes
longer where parts are seldom met again. `Space` asks the one that is quicker first. Which documents are walked,
`search_spaces.walkable` says.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from random import Random

from blocks.primitive import Primitive
from blocks.types import Map, Type
from graphs.arguments import Argument
from graphs.assembly import MAX_NODES
from graphs.document import Document
from graphs.faults import FaultList
from graphs.inputs import document_scope, input_types
from search_spaces.bodies import Body, bind_input, named_value, node_value
from search_spaces.chains import Costs
from search_spaces.decisions import Decision
from search_spaces.getters import Names, NotLegal, bind_type
from search_spaces.programs import (
    ActionPlan,
    BodyPlan,
    CallPlan,
    ChoicePlan,
    ParallelPlan,
    StepPlan,
    TemplatePlan,
)
from search_spaces.purses import LIMITS, Overspent, Purse, Quote, Taken, Value, nothing_open
from search_spaces.quotes import Quotes, block_quote
from search_spaces.resolver import Resolver


@dataclass(frozen=True, slots=True)
class Part:
    """What is drawn at once: a step of the net, or one repetition of a step that decides at each, with the part whose
    value that reads where it is not the first."""

    step: int
    number: int | None
    source: int


class Costing(Quotes):
    """One document. Its decisions are those of `search_spaces.resolution`, at the same addresses."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        super().__init__(document, resolver)
        self.runs: list[Run] = []

    def begin(self, purse: Purse) -> Run:
        """A walk whose shared decisions are taken, and nothing else. Raises `NotLegal`."""
        return Run(self, purse)

    def costs(self, choose: Callable[[Decision], int], limits: Costs = LIMITS) -> Costs:
        """The costs of the network of a full set of decisions, as `search_spaces.purses` has them. Raises `NotLegal`,
        and `Overspent` as soon as they are over `limits`. A decision may come up again, and is to be the same then."""
        purse = Taken(choose, limits)
        run = self.begin(purse)
        parts, values = run.parts(), list[Value]()
        for part in parts:
            values.append(run.walk(part, parts, values))
        return purse.costs


def _settled(number: int) -> Callable[[Decision], int]:
    """Choices that are always the same: the first alternatives by 0, others by other numbers."""
    random = Random(number)

    def choose(decision: Decision) -> int:
        possible = [position for position, size in enumerate(decision.sizes) if size]
        return random.choice(possible) if number else possible[0]

    return choose


class Run:
    """One walk over the net of a document, part by part."""

    def __init__(self, costing: Costing, purse: Purse) -> None:
        self._costing = costing
        self._offers = costing.resolver.offers
        self._purse = purse
        self._resolution = costing.resolver.shared(purse.choose)
        source = self._resolution.source
        scope = document_scope(source, FaultList())
        self._params: Names = dict(scope.values)
        self._defaults: dict[str, tuple[tuple[str, Argument], ...]] = {}
        self._keys: dict[int, object] = {}
        self._inputs: dict[str, Value] = {}
        for (name, _), type in zip(source.inputs, input_types(source, scope, FaultList()), strict=True):
            if type is None:
                raise NotLegal
            self._inputs[name.text] = Value(type)
        self._source = next(iter(self._inputs.values())) if len(self._inputs) == 1 else None
        self._net = costing.program.body

    def parts(self) -> list[Part]:
        """The parts of the net in the order of their walk; how often a step decides is decided with it."""
        found: list[Part] = []
        for position in self._net.order:
            plan = self._net.steps[position]
            count = 0
            if plan.step.each and (plan.when is None or plan.when(self._names()) is True):
                count = self._count(plan, plan.name, self._names())
            if count:
                found += [Part(position, number, len(found) + number - 1) for number in range(count)]
            else:
                found.append(Part(position, None, -1))
        return found

    def walk(self, part: Part, parts: list[Part], values: list[Value]) -> Value:
        """The value of a part, from those of the parts before it."""
        self._purse.pay((0, 0, 0, 2))  # its step, and the repetition
        plan = self._net.steps[part.step]
        body = Body(self._names(), self._source, "", dict(self._inputs))
        previous = self._source
        for done, value in zip(parts, values, strict=False):
            given = self._net.steps[done.step]
            if given.named:
                body.values[given.name] = value
            if done.step == part.step - 1:
                previous = value
        if part.number is None:
            return self._step(plan, previous, body)
        [source] = self._sources(plan, previous, body)
        bind_type(body.names, "in", source.type)  # as of the group of all repetitions
        given_value = values[part.source] if part.number else source
        return self._repetition(plan, part.number, given_value, plan.name, body)

    def other(self, purse: Purse, number: int) -> Run:
        """A walk with shared decisions that are always the same for a number, for another purse."""
        runs = self._costing.runs
        while len(runs) <= number:
            runs.append(self._costing.begin(Taken(_settled(len(runs)), LIMITS)))
        run = copy(runs[number])
        run._purse = purse
        return run

    def _names(self) -> Names:
        names = dict(self._params)
        if self._source is not None:
            bind_type(names, "in", self._source.type)
        return names

    def _count(self, plan: StepPlan, address: str, names: Names) -> int:
        count: object
        if plan.repeat_is_open:
            decision = self._offers.repeat_decision(address, plan.step)
            count = decision.alternatives[self._purse.choose(decision)]
        else:
            count = 1 if plan.repeat is None else plan.repeat(names)
        if not isinstance(count, int) or not 0 <= count <= MAX_NODES:
            raise NotLegal
        return count

    # steps

    def _steps(self, plan: BodyPlan, body: Body) -> Value:
        steps = plan.steps
        self._purse.pay((0, 0, 0, 1 + len(steps)))  # one where it is repeated
        done: dict[int, Value] = {}
        for position in plan.order:
            step = steps[position]
            value = self._step(step, done.get(position - 1) if position else body.source, body)
            done[position] = value
            if step.named:
                body.values[step.name] = value
        last = done[len(steps) - 1] if steps else body.source
        if last is None:
            raise NotLegal
        return last

    def _step(self, plan: StepPlan, previous: Value | None, body: Body) -> Value:
        sources = self._sources(plan, previous, body)
        if plan.when is not None and plan.when(body.names) is not True:
            self._skip(plan, f"{body.address}{plan.name}")
            return sources[0]
        before = sources[0].type if len(sources) == 1 else None
        if plan.repeat is None and not plan.repeat_is_open:
            address = f"{body.address}{plan.name}" if plan.is_open else ""
            return Value(self.action(plan.action, sources, address, body).type, before)
        [value] = sources
        address = f"{body.address}{plan.name}"
        if plan.step.each:
            outer = body.source
            bind_type(body.names, "in", value.type)
            for number in range(self._count(plan, address, body.names)):
                value = self._repetition(plan, number, value, address, body)
            bind_input(body.names, outer)
            return value
        return self._repeated(plan, value, address, body)

    def _repetition(self, plan: StepPlan, number: int, value: Value, address: str, body: Body) -> Value:
        action = plan.action if number == 0 else plan.again
        return Value(self.action(action, (value,), f"{address}.{number}", body).type, value.type)

    def _repeated(self, plan: StepPlan, value: Value, address: str, body: Body) -> Value:
        values = [value]

        def once(number: int) -> bool:
            before = values[number].type
            action = plan.action if number == 0 else plan.again
            values.append(Value(self.action(action, (values[number],), address, body).type, before))
            return number > 0 and values[-1].type == before

        if plan.repeat_is_open:
            count = self._purse.times(self._offers.repeat_decision(address, plan.step), once)
            return values[min(count, len(values) - 1)]
        for number in range(self._count(plan, address, body.names)):
            once(number)
        return values[-1]

    def _skip(self, plan: StepPlan, address: str) -> None:
        """Decide what a step leaves open that is not done."""
        if plan.is_open:
            self._resolution.fork(self._purse.choose).steps((plan.step,), (address,))

    def _sources(self, plan: StepPlan, previous: Value | None, body: Body) -> tuple[Value, ...]:
        if plan.sources is None:
            if previous is None:
                raise NotLegal
            return (previous,)
        return tuple([named_value(name, body) for name in plan.sources])

    # actions

    def action(self, plan: ActionPlan, sources: tuple[Value, ...], address: str, body: Body) -> Value:
        """The value of what a step does."""
        if isinstance(plan, CallPlan):
            return self._call(plan, sources, address, body)
        if isinstance(plan, BodyPlan):
            return self._group(plan, sources[0], f"{address}.", body)
        if isinstance(plan, ParallelPlan):
            branches = plan.branches
            ends = tuple([self._group(inner, sources[0], f"{address}.{name}.", body) for name, inner in branches])
            return self._primitive(plan.join, plan.kind, (), ends)
        return self._purse.alternative(
            self._offers.choice_decision(address, plan.choice), _Open(self, plan, sources, address, body)
        )

    def _group(self, plan: BodyPlan, source: Value, address: str, body: Body) -> Value:
        bind_type(body.names, "in", source.type)
        try:
            return self._steps(plan, Body(body.names, source, address, {}))
        finally:
            bind_input(body.names, body.source)

    def _call(self, plan: CallPlan, sources: tuple[Value, ...], address: str, body: Body) -> Value:
        values = dict(self._defaults_for(plan.key)) if plan.has_defaults else {}
        names = body.names
        for name, get in plan.arguments:
            values[name] = get(names)
        for name, hole, getters in plan.open_arguments:
            decision = self._offers.value_decision(f"{address}.{name}", hole)
            values[name] = getters[self._purse.choose(decision)](names)
        idle = plan.idle
        if plan.kind is not None:
            return self._primitive(plan.key, plan.kind, tuple(values.items()), sources, idle)
        template = plan.template
        if template is None or len(sources) != 1:
            raise NotLegal
        [source] = sources
        nodes = {name: Value(node_value(word, source, body).type) for name, word in plan.nodes}
        if template.is_open:
            return self._inside(template, values, nodes, source, address)
        counted = tuple([item for item in values.items() if item[0] not in idle]) if idle else tuple(values.items())
        key = (id(template), counted, source.type, tuple(nodes.values()), self._defaults_of(template))
        purse = self._purse
        room = purse.room()
        quote = self._costing.quote(key, room, lambda: self._quote(template, values, nodes, source, room))
        purse.pay(quote.costs)
        assert quote.type is not None
        return Value(quote.type)

    def _quote(
        self, template: TemplatePlan, values: dict[str, Argument], nodes: dict[str, Value], source: Value, room: Costs
    ) -> Quote:
        outer, purse = self._purse, Taken(nothing_open, room)
        self._purse = purse
        try:
            type = self._inside(template, values, nodes, source, "").type
            return Quote(purse.costs, type)
        except Overspent:
            return Quote(purse.costs, None)
        finally:
            self._purse = outer

    def _inside(
        self,
        template: TemplatePlan,
        values: dict[str, Argument],
        nodes: dict[str, Value],
        source: Value,
        address: str,
    ) -> Value:
        """The value of a template, its parameters bound as `graphs.binding` does it."""
        names: Names = {}
        if template.constants is not None:
            names.update(template.constants)
            names.update(values)  # type: ignore[arg-type]
        bind_type(names, "in", source.type)
        for name, is_node, default in () if template.constants is not None else template.params:
            if is_node:
                bind_type(names, name, nodes[name].type)
                continue
            value = values.get(name)
            if value is None and default is not None:
                try:
                    value = default(names)
                except NotLegal:
                    continue
            if value is not None:
                names[name] = value
        for where in template.where:
            if where(names) is not True:
                raise NotLegal
        body = Body(names, Value(source.type), f"{address}.", dict(nodes))
        if not template.template.alternatives:
            return self._steps(template.body, body)
        self._purse.pay((0, 0, 0, 1 + len(template.body.steps)))
        taken: Value | None = None
        for step in template.body.steps:
            if taken is None and (step.when is None or step.when(names) is True):
                taken = self._step(step, body.source, body)
            else:
                self._skip(step, f"{address}.{step.name}")
        return taken or Value(source.type)

    def _primitive(
        self,
        key: str,
        kind: type[Primitive],
        values: tuple[tuple[str, Argument], ...],
        sources: tuple[Value, ...],
        idle: frozenset[str] = frozenset(),
    ) -> Value:
        types = tuple([source.type for source in sources])
        counted = tuple([item for item in values if item[0] not in idle]) if idle else values
        purse = self._purse
        quote = self._costing.quote((key, counted, types), LIMITS, lambda: block_quote(kind, values, types))
        purse.pay(quote.costs)
        assert quote.type is not None
        return Value(quote.type)

    # what the document says of all calls

    def _defaults_for(self, key: str) -> tuple[tuple[str, Argument], ...]:
        """The arguments of all calls of a block, evaluated once a walk."""
        found = self._defaults.get(key)
        if found is None:
            found = tuple([(name, get(self._params)) for name, get in self._costing.program.defaults.get(key, ())])
            self._defaults[key] = found
        return found

    def _defaults_of(self, template: TemplatePlan) -> object:
        """Those of all calls that a block leads to: its costs depend on them."""
        if not template.reached:
            return None
        key = id(template)
        if key not in self._keys:
            idle = self._costing.program.idle_defaults
            self._keys[key] = tuple(
                tuple([item for item in self._defaults_for(name) if item[0] not in idle[name]])
                for name in template.reached
            )
        return self._keys[key]


@dataclass(slots=True)
class _Open:
    """The alternatives of a choice on the way: see `purses.Alternatives`."""

    run: Run
    plan: ChoicePlan
    sources: tuple[Value, ...]
    address: str
    body: Body

    def __call__(self, position: int) -> Value:
        name, picked = self.plan.alternatives[position]
        return self.run.action(picked, self.sources, f"{self.address}.{name}", self.body)

    @property
    def place(self) -> object:
        plan, body = self.plan, self.body
        if not body.address or any(isinstance(one, CallPlan) and one.nodes for _, one in plan.alternatives):
            return None
        names = tuple([item for item in body.names.items() if not item[0].startswith("in.")])
        return id(plan), names, tuple([_floor_of(size) for source in self.sources for size in source.type.shape])

    def rounded(self, purse: Purse, number: int) -> _Open:
        sources = tuple([Value(_rounded(source.type)) for source in self.sources])
        names = dict(self.body.names)
        if self.body.source is not None:
            bind_type(names, "in", _rounded(self.body.source.type))
        body = replace(self.body, names=names, source=sources[0], values={})
        return _Open(self.run.other(purse, number), self.plan, sources, self.address, body)


def _floor_of(size: int) -> int:
    """The greatest power of two that is no more."""
    return 1 << (size.bit_length() - 1)


def _rounded(type: Type) -> Type:
    channels, *sizes = map(_floor_of, type.shape)
    if isinstance(type, Map):
        return replace(type, channels=channels, height=sizes[0], width=sizes[1])
    return replace(type, features=channels)
