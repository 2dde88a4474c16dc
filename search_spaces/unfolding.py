"""The chain of a document: every part priced once for each state that it may begin in.

The state between two layers is the type of the value there, those shared decisions that later links depend on, and
inside of an open block the arguments that it was called with. A link with few ways to fill its holes is one layer,
whose options are these ways. One with many is opened: a block into the decisions about its arguments and the links of
its body, a choice into its alternatives, side by side, a step that decides at each repetition into these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod

from blocks.types import Type
from graphs.calls import merge_arguments
from graphs.document import Action, Call, Choice, Document, Sequential, Step, Template, hole_alternatives
from graphs.faults import FaultList
from graphs.inputs import document_scope, input_types
from graphs.text import Mapping, Scalar
from search_spaces.chains import Chain, Layer, Option, Taken, merge_layers, prune
from search_spaces.decisions import Alternative, Choose, Decision, every_way, plain
from search_spaces.links import Link, asks_for_input, links_inside, links_of
from search_spaces.pricing import MAX_EXPANSIONS, NOTHING, Frame, Prices, State, TooManyWays
from search_spaces.resolution import Resolution
from search_spaces.resolver import Resolver

MAX_SHARED = 20_000
FEW = 24  # ways to fill the holes of a link that is not opened


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to fill the holes of a link: decisions, their weight, and the steps that come of them."""

    taken: Taken
    mass: int
    steps: tuple[Step, ...]
    walk: Resolution


_Unfolded = tuple[list[Layer], list[State]]


def chain_of(document: Document, resolver: Resolver) -> Chain | str:
    """The chain of a document's legal points; or why it has none, in words."""
    links = links_of(document, resolver.once)
    if isinstance(links, str):
        return links
    if resolver.count_shared() > MAX_SHARED:
        return f"what the document shares can be decided in {resolver.count_shared():,} ways, more than {MAX_SHARED:,}"
    try:
        layers = prune(_Unfolding(document, resolver, links).run())
    except TooManyWays as error:
        return str(error)
    if not all(layer.options for layer in layers):
        return "no point of the space is a legal network"
    return Chain(tuple(merge_layers(layers)))


class _States:
    """The states after a layer, each once."""

    def __init__(self) -> None:
        self.found: list[State] = []
        self._places: dict[object, int] = {}

    def place(self, state: State) -> int:
        """The number of a state."""
        key = (state.type, state.shared, state.local)
        if key not in self._places:
            self._places[key] = len(self.found)
            self.found.append(state)
        return self._places[key]


@dataclass
class _Unfolding:
    """One document."""

    document: Document
    resolver: Resolver
    links: tuple[Link, ...]
    _prices: Prices = field(default_factory=Prices)
    _ways: dict[object, list[_Way]] = field(default_factory=dict)

    def run(self) -> list[Layer]:
        layer, states = self._shared_layer()
        layers = [layer]
        for number, link in enumerate(self.links):
            more, states = self._link(link, "", states)
            layers += more
            states = _merge_ends(layers, states, partial(_without, self.links[number + 1 :]))
        return layers

    def _shared_layer(self) -> tuple[Layer, list[State]]:
        """What the whole document shares is decided first."""
        options: list[Option] = []
        states = _States()
        types: dict[Taken, Type | None] = {}

        def decide(choose: Choose) -> tuple[_Recorder, Resolution]:
            recorder = _Recorder(choose)
            return recorder, self.resolver.begin(recorder.choose)

        for recorder, walk in every_way(decide):
            params = tuple(item for item in recorder.taken if item[0].startswith("params."))
            if params not in types:
                types[params] = _input_type(walk.source)
            type = types[params]
            if type is not None:
                taken = tuple(recorder.taken)
                end = states.place(State(type, _relevant(taken, self.links), walk))
                options.append(Option(0, end, NOTHING, prod(recorder.weights), taken))
        return Layer((), tuple(options)), states.found

    # links, opened or not

    def _links(self, links: tuple[Link, ...], prefix: str, states: list[State]) -> _Unfolded:
        layers: list[Layer] = []
        for link in links:
            more, states = self._link(link, prefix, states)
            layers += more
        return layers, states

    def _link(self, link: Link, prefix: str, states: list[State]) -> _Unfolded:
        step, address = link.steps[0], f"{prefix}{link.names[0]}"
        reads_one = step.sources is None or (len(step.sources) == 1 and isinstance(step.sources[0], Scalar))
        if len(link.steps) == 1 and reads_one and step.when is None and self.resolver.count_step(step) > FEW:
            opened = self._opened(step, link, address, states)
            if opened is not None:
                return opened
        return self._flat(link, prefix, states)

    def _opened(self, step: Step, link: Link, address: str, states: list[State]) -> _Unfolded | None:
        if step.each:
            return self._repetitions(step, link, address, states)
        return self._action(step.action, link, address, states) if step.repeat is None else None

    def _action(self, action: Action, link: Link, address: str, states: list[State]) -> _Unfolded | None:
        """The layers of what a step does once; None where it is not to be opened."""
        match action:
            case Call(key=key, arguments=arguments):
                template = self.resolver.with_holes.get(key.text)
                if template is None or template.once or asks_for_input(arguments):
                    return None
                if any(param.kind == "node" for param in template.params):
                    return None
                return self._block(action, template, link, address, states)
            case Sequential(body=body):
                return self._inside(body, action, None, link, address, states)
            case Choice():
                return self._alternatives(action, link, address, states)
            case _:
                return None

    def _block(self, call: Call, template: Template, link: Link, address: str, states: list[State]) -> _Unfolded | None:
        """A call: its arguments are decided, then its body."""
        options: list[Option] = []
        called = _States()
        for start, state in enumerate(states):

            def fill(choose: Choose, state: State = state) -> tuple[_Recorder, Mapping]:
                recorder = _Recorder(choose)
                return recorder, state.walk.fork(recorder.choose).arguments(call.arguments, address)

            for recorder, arguments in every_way(fill):
                taken = tuple(recorder.taken)
                frame = Frame(Call(call.key, arguments), template, len(state.local))
                inside = replace(state, frames=(*state.frames, frame), local=(*state.local, *taken))
                key = (address, inside.local, _relevant(state.shared, [link]), state.type)
                if template.where and self._prices.expanded(key, link, (), inside, inside.walk) is None:
                    continue
                options.append(Option(start, called.place(inside), NOTHING, prod(recorder.weights), taken))
        found = self._inside(template.body, Call(call.key, call.arguments), template, link, address, called.found)
        return ([Layer(link.names, tuple(options)), *found[0]], found[1])

    def _inside(
        self,
        body: tuple[Step, ...],
        action: Call | Sequential,
        template: Template | None,
        link: Link,
        address: str,
        states: list[State],
    ) -> _Unfolded:
        """The links of a body, in states whose last frame it is; a group has its frame yet to come."""
        if template is None:
            states = [replace(state, frames=(*state.frames, Frame(action, None, len(state.local)))) for state in states]
        layers, ends = self._links(links_inside(self.document, body, link), f"{address}.", states)
        layers = layers or [_passing(len(states))]
        return layers, _merge_ends(layers, ends, _close_frame)

    def _alternatives(self, choice: Choice, link: Link, address: str, states: list[State]) -> _Unfolded:
        """A choice: which alternative, then the layers of all of them side by side."""
        decision = self.resolver.offers.choice_decision(address, choice)
        number = len(states)
        options = [
            Option(start, place * number + start, NOTHING, weight, ((address, name.text),))
            for place, ((name, _), weight) in enumerate(zip(choice.alternatives, decision.weights, strict=True))
            for start in range(number)
        ]
        branches: list[_Unfolded] = []
        for name, action in choice.alternatives:
            inner = f"{address}.{name.text}"
            found = None
            step = Step(action, choice.key.mark)
            if self.resolver.count_action(action) > FEW:
                found = self._action(action, link, inner, states)
            branches.append(found or self._flat(replace(link, steps=(step,), names=(inner,)), "", states))
        layers, ends = _side_by_side([(number, *branch) for branch in branches])
        layers.insert(0, Layer(link.names, tuple(options)))
        return layers, _merge_ends(layers, ends)

    def _repetitions(self, step: Step, link: Link, address: str, states: list[State]) -> _Unfolded | None:
        """A step that decides at each repetition: how often, then one repetition after the other."""
        if step.first is not None and _decides_in_first(step.action, step.first):
            return None
        trees = hole_alternatives(step.repeat)
        counts = [plain(tree) for tree in trees or ((step.repeat,) if step.repeat is not None else ())]
        if not all(isinstance(count, int) for count in counts):
            return None
        decision = self.resolver.offers.repeat_decision(address, step) if trees else None
        weights = decision.weights if decision else (1,)
        options: list[Option] = []
        counted = _States()
        for start, state in enumerate(states):
            for count, weight in zip(counts, weights, strict=True):
                taken: Taken = ((f"{address}.repeat", count),) if decision else ()
                local = (*state.local, (f"{address}.repeat", count))
                options.append(Option(start, counted.place(replace(state, local=local)), NOTHING, weight, taken))
        layers, states = [Layer(link.names, tuple(options))], counted.found
        for number in range(max(count for count in counts if isinstance(count, int))):
            more, states = self._repetition(number, step, link, address, states)
            layers += more
        return layers, _merge_ends(layers, states, lambda end: replace(end, local=end.local[:-1]))

    def _repetition(self, number: int, step: Step, link: Link, address: str, states: list[State]) -> _Unfolded:
        """One repetition, for those paths that have it; the others pass."""
        having = [state for state in states if _count_of(state) > number]
        passing = [state for state in states if _count_of(state) <= number]
        action = _merged(step.action, step.first) if number == 0 and step.first is not None else step.action
        inner = f"{address}.{number}"
        found = None
        single = Step(action, step.mark)
        if self.resolver.count_action(action) > FEW:
            found = self._action(action, link, inner, having)
        found = found or self._flat(replace(link, steps=(single,), names=(inner,)), "", having)
        branches = [(len(having), *found), (len(passing), [_passing(len(passing))], passing)]
        layers, ends = _side_by_side(branches)
        places = {id(state): position for position, state in enumerate(states)}
        starts = [places[id(state)] for state in (*having, *passing)]
        options = tuple(replace(option, start=starts[option.start]) for option in layers[0].options)
        layers[0] = replace(layers[0], options=options)
        return layers, _merge_ends(layers, ends)

    # one layer

    def _flat(self, link: Link, prefix: str, starts: list[State]) -> _Unfolded:
        """One layer of all ways to fill the holes of a link."""
        options: list[Option] = []
        ends = _States()
        for position, state in enumerate(starts):
            own = _relevant(state.shared, [link])
            for way in self._ways_of(link, prefix, own, state.walk):
                place = (prefix, link.names, own, state.local)
                found = self._prices.outcome(place, link, way.taken, way.steps, way.walk, state)
                if found is not None:
                    end = ends.place(replace(state, type=found[1]))
                    options.append(Option(position, end, found[0], way.mass, way.taken))
        return [Layer(link.names, tuple(options))], ends.found

    def _ways_of(self, link: Link, prefix: str, own: Taken, walk: Resolution) -> list[_Way]:
        """All ways to fill the holes of a link."""
        key = (prefix, link.names, own)
        if key not in self._ways:
            names = tuple(f"{prefix}{name}" for name in link.names)

            def fill(choose: Choose) -> _Way:
                recorder = _Recorder(choose)
                fork = walk.fork(recorder.choose)
                steps = fork.steps(link.steps, names)
                return _Way(tuple(recorder.taken), prod(recorder.weights), steps, fork)

            found: list[_Way] = []
            for way in every_way(fill):
                if len(found) >= MAX_EXPANSIONS:
                    raise TooManyWays(f"`{names[0]}` alone can be decided in more than {MAX_EXPANSIONS:,} ways")
                found.append(way)
            self._ways[key] = found
        return self._ways[key]


def _merge_ends(layers: list[Layer], ends: list[State], convert: Callable[[State], State] | None = None) -> list[State]:
    """Convert the end states, merge equal ones, and renumber the last layer's options in place; the merged states."""
    states = _States()
    place = [states.place(end if convert is None else convert(end)) for end in ends]
    options = tuple(replace(option, end=place[option.end]) for option in layers[-1].options)
    layers[-1] = replace(layers[-1], options=options)
    return states.found


@dataclass
class _Recorder:
    """Chooses as another does, and remembers what and with which weight."""

    inner: Choose
    taken: list[tuple[str, Alternative]] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)

    def choose(self, decision: Decision) -> int:
        position = self.inner(decision)
        self.taken.append((decision.address, decision.alternatives[position]))
        self.weights.append(decision.weights[position])
        return position


def _side_by_side(branches: list[tuple[int, list[Layer], list[State]]]) -> _Unfolded:
    """The layers of several ways to go on, each from so many states of its own, as layers of the same length."""
    length = max(len(layers) for _, layers, _ in branches)
    merged: list[Layer] = []
    for level in range(length):
        options: list[Option] = []
        start = end = 0
        for number, layers, ends in branches:
            layer = layers[level] if level < len(layers) else _passing(len(ends))
            options += [replace(one, start=one.start + start, end=one.end + end) for one in layer.options]
            start += number if level == 0 else _num_ends(layers, level - 1, ends)
            end += _num_ends(layers, level, ends)
        names = next((layers[level].names for _, layers, _ in branches if level < len(layers)), ())
        merged.append(Layer(names, tuple(options)))
    return merged, [end for _, _, ends in branches for end in ends]


def _num_ends(layers: list[Layer], level: int, ends: list[State]) -> int:
    if level >= len(layers) - 1:
        return len(ends)
    return 1 + max((option.end for option in layers[level].options), default=-1)


def _passing(number: int) -> Layer:
    """A layer that leaves every state as it is."""
    return Layer((), tuple(Option(state, state, NOTHING, 1, ()) for state in range(number)))


def _without(links: tuple[Link, ...], state: State) -> State:
    """A state before these links, the last of all: without the shared decisions that none of them depends on."""
    return replace(state, shared=_relevant(state.shared, links))


def _close_frame(state: State) -> State:
    """A state behind the block that is open last."""
    return replace(state, frames=state.frames[:-1], local=state.local[: state.frames[-1].depth])


def _count_of(state: State) -> int:
    """How often the step is repeated that is open last."""
    count = state.local[-1][1]
    assert isinstance(count, int)
    return count


def _merged(action: Action, first: Mapping) -> Action:
    """What a step does in its first repetition."""
    match action:
        case Call(arguments=arguments):
            merged = tuple(merge_arguments(arguments, first).values())
            return replace(action, arguments=replace(first, entries=merged))
        case Choice(alternatives=alternatives):
            return replace(action, alternatives=tuple((name, _merged(one, first)) for name, one in alternatives))
        case _:
            return action


def _decides_in_first(action: Action, first: Mapping) -> bool:
    """Whether `first` leaves something open, or says what is open without it."""
    match action:
        case Call(arguments=arguments):
            named = [tree for name, tree in arguments if first.get(name.text) is not None]
            return any(hole_alternatives(tree) for tree in (*named, *(tree for _, tree in first)))
        case Choice(alternatives=alternatives):
            return any(_decides_in_first(one, first) for _, one in alternatives)
        case _:
            return any(hole_alternatives(tree) for _, tree in first)


def _relevant(taken: Taken, links: Iterable[Link]) -> Taken:
    """The shared decisions on which any of these links depends."""
    shares = frozenset[str]().union(*(link.shares for link in links))
    return tuple(item for item in taken if ".".join(item[0].split(".")[:2]) in shares)


def _input_type(document: Document) -> Type | None:
    faults = FaultList()
    [type] = input_types(document, document_scope(document, faults), faults)
    return type
