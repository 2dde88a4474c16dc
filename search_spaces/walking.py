"""A walk over the steps of a document that makes no network, only what it costs.

Steps are walked as an expansion walks them (`graphs.walking`), but of a value nothing is kept except its type, and
which of what was made it is. Whoever walks decides at the holes on the way and pays for what is made, and may end the
walk as soon as it has cost too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy

from blocks.types import Type
from graphs.arguments import Argument
from graphs.assembly import MAX_NODES
from search_spaces.bodies import Body, inner_names, named_value, node_value
from search_spaces.chains import Costs
from search_spaces.getters import NO_TRAITS, Names, NotLegal, TraitValues
from search_spaces.opening import OpenChoice
from search_spaces.programs import ActionPlan, BodyPlan, CallPlan, ParallelPlan, StepPlan, TemplatePlan
from search_spaces.purses import BLOCK_SIZE, LIMITS, Overspent, Purse, Taken, Value, nothing_open
from search_spaces.quotes import Key, Quotes
from search_spaces.recipes import NO_TYPE, Block, Piece, Quote, Recipe, Wire
from search_spaces.resolution import Resolution


class Walker:
    """Walks steps of a document whose shared decisions are taken. `wires` is what was made so far, of so many inputs.

    A blind one knows no types, and what it makes is a recipe.
    """

    def __init__(
        self,
        quotes: Quotes,
        resolution: Resolution,
        params: Names,
        num_inputs: int,
        purse: Purse,
        settled: Callable[[int], Walker],
    ) -> None:
        self.purse = purse
        self.wires: list[Wire] = []
        self._quotes = quotes
        self._offers = quotes.resolver.offers
        self._resolution = resolution
        self._params = params
        self._first = num_inputs
        self._is_blind = False
        self._settled = settled
        self._defaults: dict[tuple[str, tuple[str, ...]], tuple[Argument, ...]] = {}
        self._reached: dict[int, object] = {}

    def other(self, purse: Purse) -> Walker:
        """One that has taken the same decisions and pays from another purse."""
        walker = copy(self)
        walker.purse, walker.wires = purse, []
        return walker

    def settled(self, purse: Purse, number: int) -> Walker:
        """One whose shared decisions are always the same for a number."""
        return self._settled(number).other(purse)

    # steps

    def steps(self, plan: BodyPlan, body: Body) -> Value:
        """The value of a body."""
        steps = plan.steps
        self.purse.pay((0, 0, 0, 1 + len(steps)))  # one where it is repeated
        done: dict[int, Value] = {}
        for position in plan.order:
            step = steps[position]
            value = self.step(step, done.get(position - 1) if position else body.source, body)
            done[position] = value
            if step.named:
                body.values[step.name] = value
        last = done[len(steps) - 1] if steps else body.source
        if last is None:
            raise NotLegal
        return last

    def step(self, plan: StepPlan, previous: Value | None, body: Body) -> Value:
        """The value of a step, which reads `previous` where it does not say what."""
        sources = self.sources(plan, previous, body)
        if plan.when is not None and plan.when(body.names) is not True:
            self._skip(plan, f"{body.address}{plan.name}")
            return sources[0]
        if plan.repeat is None and not plan.repeat_is_open:
            address = f"{body.address}{plan.name}" if plan.is_open else ""
            value = self.action(plan.action, sources, address, body)
            return _after(sources[0], value) if len(sources) == 1 else Value(value.type, value.at)
        [source] = sources
        address = f"{body.address}{plan.name}"
        if plan.step.each:
            outer, value = body.source, source
            body.bind_input(value)
            for number in range(self.count(plan, address, body.names)):
                value = self.repetition(plan, number, value, address, body)
            body.bind_input(outer)
            return value
        return self._repeated(plan, source, address, body)

    def repetition(self, plan: StepPlan, number: int, value: Value, address: str, body: Body) -> Value:
        """The value of one repetition of a step that decides at each."""
        action = plan.action if number == 0 else plan.again
        return _after(value, self.action(action, (value,), f"{address}.{number}", body))

    def count(self, plan: StepPlan, address: str, names: Names) -> int:
        """How often a step is repeated, decided where that is open."""
        count: object
        if plan.repeat_is_open:
            decision = self._offers.repeat_decision(address, plan.step)
            count = decision.alternatives[self.purse.choose(decision)]
        else:
            count = 1 if plan.repeat is None else plan.repeat(names)
        if not isinstance(count, int) or not 0 <= count <= MAX_NODES:
            raise NotLegal
        return count

    def sources(self, plan: StepPlan, previous: Value | None, body: Body) -> tuple[Value, ...]:
        """What a step reads."""
        if plan.sources is None:
            if previous is None:
                raise NotLegal
            return (previous,)
        return tuple([named_value(name, body) for name in plan.sources])

    def _repeated(self, plan: StepPlan, source: Value, address: str, body: Body) -> Value:
        values, marks, wires = [source], [len(self.wires)], self.wires

        def once(number: int) -> bool:
            given = values[number]
            action = plan.action if number == 0 else plan.again
            value = _after(given, self.action(action, (given,), address, body))
            values.append(value)
            marks.append(len(wires))
            return number > 0 and value.type == given.type and not (plan.looks_back and given.before != given.type)

        if not plan.repeat_is_open:
            for number in range(self.count(plan, address, body.names)):
                once(number)
            return values[-1]
        count = self.purse.times(self._offers.repeat_decision(address, plan.step), once)
        made = min(count, len(values) - 1)
        del wires[marks[made] :]
        value = values[made]
        for _ in range(count - made):
            value = self._once_more(range(marks[made - 1], marks[made]), values[made - 1], values[made], value)
        return value

    def _once_more(self, made: range, source: Value, end: Value, last: Value) -> Value:
        """Make anew the wires that led from `source` to `end`, from the last of such values on."""
        first, wires = self._first, self.wires
        places = {source.before_at: last.before_at, source.at: last.at}
        for place in made:
            what, sources, type = wires[place]
            wires.append(Wire(what, tuple([places.get(one, one) for one in sources]), type))
            places[first + place] = first + len(wires) - 1
        return Value(end.type, places.get(end.at, end.at), last.type, last.at)

    def _skip(self, plan: StepPlan, address: str) -> None:
        """Decide what a step leaves open that is not done."""
        if plan.is_open:
            self._resolution.fork(self.purse.choose).steps((plan.step,), (address,))

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
            return self._make(self._quotes.block(plan.join, ()), ends)
        decision = self._offers.choice_decision(address, plan.choice)
        return self.purse.alternative(decision, OpenChoice(self, plan, sources, address, body))

    def _group(self, plan: BodyPlan, source: Value, address: str, body: Body) -> Value:
        body.bind_input(source)
        try:
            return self.steps(plan, Body(body.names, body.traits, source, address, {}))
        finally:
            body.bind_input(body.source)

    def _call(self, plan: CallPlan, sources: tuple[Value, ...], address: str, body: Body) -> Value:
        names = body.names
        given = [get(names) for get in plan.arguments]
        if plan.defaults:
            given = [*self._defaults_for(plan.key, plan.defaults), *given]
        for name, hole, getters in plan.open_arguments:
            decision = self._offers.value_decision(f"{address}.{name}", hole)
            given.append(getters[self.purse.choose(decision)](names))
        values = tuple(given)
        template = plan.template
        if template is None:
            return self._make(self._quotes.block(plan, values), sources)
        if len(sources) != 1:
            raise NotLegal
        [source] = sources
        if template.is_open:
            nodes = {name: node_value(word, source, body) for name, word in plan.nodes}
            return self._inside(template, dict(zip(plan.names, values, strict=True)), nodes, source, address)
        defaults = self._defaults_within(template) if template.reached else None
        if not template.asks:
            traits = template.traits.of(source.type) if template.traits.names else ()
            key: Key = (plan.signature, values, (defaults, traits))
            recipe = self._quotes.recipe(key, lambda: self._recipe(plan, values, traits))
            return self._follow(recipe, source)
        nodes = {name: node_value(word, source, body) for name, word in plan.nodes}
        read = (source, *nodes.values())
        types = tuple([value.type for value in read])
        room = self.purse.room()
        key = (plan.signature, values, (defaults, types))
        quote = self._quotes.piece(key, room, lambda: self._quote(plan, values, types, room))
        self.purse.pay(quote.costs)
        assert quote.type is not None
        assert quote.piece is not None
        [end] = quote.piece.ends
        if end < len(read):
            return Value(quote.type, read[end].at)
        return self._wire(quote.piece, tuple([value.at for value in read]), quote.type)

    def _make(self, block: Block, sources: tuple[Value, ...]) -> Value:
        places = tuple([source.at for source in sources])
        if self._is_blind:
            self.purse.pay((0, 0, 0, BLOCK_SIZE))
            return self._wire(block, places, NO_TYPE)
        quote = self._quotes.on(block, tuple([source.type for source in sources]))
        self.purse.pay(quote.costs)
        assert quote.type is not None
        return self._wire(block, places, quote.type)

    def _follow(self, recipe: Recipe, source: Value) -> Value:
        if self._is_blind:
            self.purse.pay((0, 0, 0, recipe.size))
            places = [source.at]
            for what, sources, _ in recipe.wires:
                places.append(self._wire(what, tuple([places[one] for one in sources]), NO_TYPE).at)
            return Value(NO_TYPE, places[recipe.end])
        quote = self._quotes.on(recipe, (source.type,))
        self.purse.pay(quote.costs)
        assert quote.type is not None
        return self._wire(recipe, (source.at,), quote.type) if recipe.end else Value(quote.type, source.at)

    def _wire(self, what: Block | Recipe | Piece, sources: tuple[int, ...], type: Type) -> Value:
        self.wires.append(Wire(what, sources, type))
        return Value(type, self._first + len(self.wires) - 1)

    # templates

    def _recipe(self, plan: CallPlan, values: tuple[Argument, ...], traits: TraitValues) -> Recipe:
        purse = Taken(nothing_open, LIMITS)
        try:
            value, wires = self._alone(plan, values, (NO_TYPE,), purse, traits)
        except Overspent:
            raise NotLegal from None
        return Recipe(wires, value.at, purse.costs[3])

    def _quote(self, plan: CallPlan, values: tuple[Argument, ...], types: tuple[Type, ...], room: Costs) -> Quote:
        purse = Taken(nothing_open, room)
        try:
            value, wires = self._alone(plan, values, types, purse)
        except Overspent:
            return Quote(purse.costs, None)
        return Quote(purse.costs, value.type, Piece(types, wires, (value.at,)))

    def _alone(
        self,
        plan: CallPlan,
        values: tuple[Argument, ...],
        types: tuple[Type, ...],
        purse: Purse,
        traits: TraitValues | None = None,
    ) -> tuple[Value, tuple[Wire, ...]]:
        """The value of a call by itself on these types, and what it made; with nothing but the traits that it asks for,
        blind."""
        assert plan.template is not None
        outer = self.purse, self.wires, self._first, self._is_blind
        self.purse, self.wires, self._first, self._is_blind = purse, [], len(types), traits is not None
        try:
            source, *nodes = (Value(type, at) for at, type in enumerate(types))
            given = {name: node for (name, _), node in zip(plan.nodes, nodes, strict=True)}
            arguments = dict(zip(plan.names, values, strict=True))
            value = self._inside(plan.template, arguments, given, source, "", traits)
            return value, tuple(self.wires)
        finally:
            self.purse, self.wires, self._first, self._is_blind = outer

    def _inside(
        self,
        template: TemplatePlan,
        values: Mapping[str, Argument],
        nodes: dict[str, Value],
        source: Value,
        address: str,
        known: TraitValues | None = None,
    ) -> Value:
        """The value of a template. `known` are the traits of what it reads, where nothing else is known of that."""
        names = inner_names(template, values, {name: node.type for name, node in nodes.items()}, source.type, known)
        traits_read = template.traits if known is None else NO_TRAITS
        body = Body(names, traits_read, Value(source.type, source.at), f"{address}.", dict(nodes))
        if not template.template.alternatives:
            return self.steps(template.body, body)
        self.purse.pay((0, 0, 0, 1 + len(template.body.steps)))
        taken: Value | None = None
        for step in template.body.steps:
            if taken is None and (step.when is None or step.when(names) is True):
                taken = self.step(step, body.source, body)
            else:
                self._skip(step, f"{address}.{step.name}")
        return taken or Value(source.type, source.at)

    # what the document says of all calls

    def _defaults_for(self, key: str, names: tuple[str, ...]) -> tuple[Argument, ...]:
        """These arguments of all calls of a block, evaluated once a walk."""
        found = self._defaults.get((key, names))
        if found is None:
            getters = self._quotes.program.defaults[key]
            found = self._defaults[key, names] = tuple([getters[name](self._params) for name in names])
        return found

    def _defaults_within(self, template: TemplatePlan) -> object:
        """Those of all calls that a block leads to: what it makes depends on them."""
        if not template.reached:
            return None
        key = id(template)
        if key not in self._reached:
            defaults = self._quotes.program.defaults
            self._reached[key] = tuple([self._defaults_for(name, tuple(defaults[name])) for name in template.reached])
        return self._reached[key]


def _after(source: Value, value: Value) -> Value:
    """The value of a step that read one."""
    return Value(value.type, value.at, source.type, source.at)
