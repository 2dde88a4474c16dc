"""A space as a chain: layers of options, whose costs add up along every path.

The state between two layers is the type of the value there, and those shared decisions that later links depend on. A
layer has, for every state, all legal ways to fill the holes of one link, each with its costs and the state that it
leads to. So a path through all layers is a legal point, its costs are the sums, and the paths can be counted and
drawn without a graph. `peak_bytes` does not add up: it is for the graph to say.

What a link costs is found by expanding it alone, once for every state; of a repeated step, its first repetition and
one of the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

from blocks.types import Type, num_bytes
from graphs.arguments import Missing, evaluate_expression
from graphs.costs import block_cost
from graphs.document import Document, Step
from graphs.expansion import expand_part
from graphs.faults import FaultList
from graphs.graph import Graph
from graphs.inputs import document_scope, input_types
from graphs.text import Mapping, Scalar
from search_spaces.decisions import Alternative, Choose, Decision, every_way
from search_spaces.links import Link, links_of
from search_spaces.resolution import Resolution, Resolver

METRICS = ("params", "macs", "activation_bytes")
MAX_SHARED = 20_000
MAX_EXPANSIONS = 100_000

Taken = tuple[tuple[str, Alternative], ...]
Costs = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One way from a state to a state of the next layer: its costs in the order of `METRICS`, its prior weight."""

    start: int
    end: int
    costs: Costs
    mass: int
    taken: Taken


@dataclass(frozen=True, slots=True)
class Layer:
    """The options between two states; `names` are the steps that they decide about."""

    names: tuple[str, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Layers, each beginning in the states that the one before ends in; the first and the last have one state."""

    layers: tuple[Layer, ...]

    def num_starts(self, layer: int) -> int:
        """The number of states that a layer begins in; of the number of layers, of those that all end in."""
        if layer == 0 or layer == len(self.layers):
            return 1
        return 1 + max(option.end for option in self.layers[layer - 1].options)


def only_with(chain: Chain, item: tuple[str, Alternative]) -> Chain | None:
    """The paths of a chain that take this alternative of a decision; None where there are none."""
    layers = []
    for layer in chain.layers:
        if any(address == item[0] for option in layer.options for address, _ in option.taken):
            layer = replace(layer, options=tuple(option for option in layer.options if item in option.taken))
        layers.append(layer)
    legal = _legal(_reached(layers))
    return Chain(tuple(legal)) if all(layer.options for layer in legal) else None


class TooManyWays(Exception):
    """The layers would be too large."""


def chain_of(document: Document, resolver: Resolver) -> Chain | str:
    """The chain of a document's legal points; or why it has none, in words."""
    links = links_of(document, resolver.once)
    if isinstance(links, str):
        return links
    if resolver.count_shared() > MAX_SHARED:
        return f"what the document shares can be decided in {resolver.count_shared():,} ways, more than {MAX_SHARED:,}"
    try:
        layers = _Layers(document, resolver, links).build()
    except TooManyWays as error:
        return str(error)
    layers = _legal(layers)
    if not all(layer.options for layer in layers):
        return "no point of the space is a legal network"
    return Chain(tuple(_folded(layers)))


@dataclass(frozen=True, slots=True)
class _State:
    """A type, and what is shared: `walk` has resolved it, `shared` are the decisions that later links depend on."""

    type: Type
    shared: Taken
    walk: Resolution


_Way = tuple[Taken, int, tuple[Step, ...], Resolution]


@dataclass
class _Layers:
    """The layers under construction. What was expanded is remembered by link, shared decisions, way and type."""

    document: Document
    resolver: Resolver
    links: tuple[Link, ...]
    _known: dict[object, tuple[Costs, Type] | None] = field(default_factory=dict)
    _ways: dict[object, list[_Way]] = field(default_factory=dict)

    def build(self) -> list[Layer]:
        layer, states = self._shared_layer()
        layers = [layer]
        for number, link in enumerate(self.links):
            layer, states = self._layer(number, link, states)
            layers.append(layer)
        return layers

    def _shared_layer(self) -> tuple[Layer, list[_State]]:
        """What the whole document shares is decided first."""
        options: list[Option] = []
        states: list[_State] = []
        places: dict[object, int] = {}
        types: dict[Taken, Type | None] = {}
        for taken, mass, walk in every_way(self._decide_shared):
            params = tuple(item for item in taken if item[0].startswith("params."))
            if params not in types:
                types[params] = _input_type(walk.source)
            type = types[params]
            if type is None:
                continue
            state = _State(type, _relevant(taken, self.links), walk)
            options.append(Option(0, _place(state, states, places), (0,) * len(METRICS), mass, taken))
        return Layer((), tuple(options)), states

    def _decide_shared(self, choose: Choose) -> tuple[Taken, int, Resolution]:
        trail = _Trail(choose)
        walk = self.resolver.shared(trail.choose)
        return tuple(trail.taken), prod(trail.weights), walk

    def _layer(self, number: int, link: Link, starts: list[_State]) -> tuple[Layer, list[_State]]:
        options: list[Option] = []
        ends: list[_State] = []
        places: dict[object, int] = {}
        for position, state in enumerate(starts):
            own = _relevant(state.shared, [link])
            rest = _relevant(state.shared, self.links[number + 1 :])
            for taken, mass, steps, walk in self._ways_of(number, link, own, state.walk):
                found = self._outcome((number, own), link, taken, steps, walk, state.type)
                if found is not None:
                    costs, type = found
                    end = _State(type, rest, state.walk)
                    options.append(Option(position, _place(end, ends, places), costs, mass, taken))
        return Layer(link.names, tuple(options)), ends

    def _ways_of(self, number: int, link: Link, own: Taken, walk: Resolution) -> list[_Way]:
        """All ways to fill the holes of a link: decisions, weight, and the steps that come of them."""
        if (number, own) not in self._ways:

            def fill(choose: Choose) -> _Way:
                trail = _Trail(choose)
                fork = walk.fork(trail.choose)
                steps = fork.steps(link.steps, link.names)
                return tuple(trail.taken), prod(trail.weights), steps, fork

            found: list[_Way] = []
            for way in every_way(fill):
                if len(found) >= MAX_EXPANSIONS:
                    raise TooManyWays(f"`{link.names[0]}` alone can be decided in more than {MAX_EXPANSIONS:,} ways")
                found.append(way)
            self._ways[number, own] = found
        return self._ways[number, own]

    def _outcome(
        self, place: object, link: Link, taken: Taken, steps: tuple[Step, ...], walk: Resolution, type: Type
    ) -> tuple[Costs, Type] | None:
        """What a link costs and gives on a type; None where it is not legal. A repeated step is one after the other."""
        times = _times(steps, walk.source)
        if times is None:
            return self._expanded((place, taken, type), link, steps, walk, type)
        inside = tuple(item for item in taken if item[0] != f"{link.names[0]}.repeat")
        once = replace(steps[0], repeat=Scalar(1, steps[0].mark))
        total: Costs = (0,) * len(METRICS)
        for number in range(times):
            step = once if number == 0 else replace(once, first=None)
            found = self._expanded((place, inside, type, number == 0), link, (step,), walk, type)
            if found is None:
                return None
            total = tuple(map(sum, zip(total, found[0], strict=True)))
            if found[1] == type and number > 0:  # so do all that follow
                return tuple(a + (times - 1 - number) * b for a, b in zip(total, found[0], strict=True)), type
            type = found[1]
        return total, type

    def _expanded(
        self, key: object, link: Link, steps: tuple[Step, ...], walk: Resolution, type: Type
    ) -> tuple[Costs, Type] | None:
        if key not in self._known:
            if len(self._known) >= MAX_EXPANSIONS:
                raise TooManyWays(f"its parts differ in more than {MAX_EXPANSIONS:,} ways")
            self._known[key] = _expand(link, steps, walk, type)
        return self._known[key]


@dataclass
class _Trail:
    """Chooses as another does, and remembers what and with which weight."""

    inner: Choose
    taken: list[tuple[str, Alternative]] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)

    def choose(self, decision: Decision) -> int:
        position = self.inner(decision)
        self.taken.append((decision.address, decision.alternatives[position]))
        self.weights.append(decision.weights[position])
        return position


def _relevant(taken: Taken, links: Iterable[Link]) -> Taken:
    """The shared decisions on which any of these links depends."""
    shares = frozenset[str]().union(*(link.shares for link in links))
    return tuple(item for item in taken if ".".join(item[0].split(".")[:2]) in shares)


def _place(state: _State, states: list[_State], places: dict[object, int]) -> int:
    key = (state.type, state.shared)
    if key not in places:
        places[key] = len(states)
        states.append(state)
    return places[key]


def _input_type(document: Document) -> Type | None:
    faults = FaultList()
    [type] = input_types(document, document_scope(document, faults), faults)
    return type


def _times(steps: tuple[Step, ...], document: Document) -> int | None:
    """How often a link that is one repeated step is repeated; None where it is not, or does not say."""
    [step] = steps[:1]
    if len(steps) > 1 or step.when is not None or not isinstance(step.repeat, Scalar):
        return None
    faults = FaultList()
    try:
        times = evaluate_expression(step.repeat, document_scope(document, faults), faults)
    except Missing:
        return None
    return times if isinstance(times, int) and not isinstance(times, bool) and 1 <= times <= MAX_EXPANSIONS else None


def _expand(link: Link, steps: tuple[Step, ...], walk: Resolution, type: Type) -> tuple[Costs, Type] | None:
    name = Scalar(link.source, steps[0].mark)
    part = replace(
        walk.source,
        inputs=((name, Mapping((), name.mark)),),
        body=steps,
        templates=walk.templates,
        outputs=(),
        requirements=(),
        where=(),
    )
    graph = expand_part(part, type, FaultList())
    if graph is None:
        return None
    [value] = graph.outputs.values()
    return _costs(graph), graph.types[value]


def _costs(graph: Graph) -> Costs:
    params = macs = output_bytes = 0
    types = graph.types
    for node in graph.nodes:
        cost = block_cost(node.block, tuple([types[source] for source in node.sources]))
        params += cost.params if node.shares is None else 0
        macs += cost.macs
        output_bytes += num_bytes(node.type)
    return params, macs, output_bytes


def _legal(layers: list[Layer]) -> list[Layer]:
    """Without the options from which no way leads to the end, and with states numbered anew; all ends are one."""
    kept: list[Layer] = []
    alive: dict[int, int] | None = None  # states of the layer behind that lead to the end, and their new numbers
    for layer in reversed(layers):
        options = [
            option if alive is None else replace(option, end=alive[option.end])
            for option in layer.options
            if alive is None or option.end in alive
        ]
        if alive is None:
            options = [replace(option, end=0) for option in options]
        alive = {start: number for number, start in enumerate(sorted({option.start for option in options}))}
        kept.append(Layer(layer.names, tuple(replace(option, start=alive[option.start]) for option in options)))
    return kept[::-1]


def _reached(layers: list[Layer]) -> list[Layer]:
    """Without the options whose state no way leads to."""
    found, states = [], {0}
    for layer in layers:
        options = tuple(option for option in layer.options if option.start in states)
        found.append(replace(layer, options=options))
        states = {option.end for option in options}
    return found


def _folded(layers: list[Layer]) -> list[Layer]:
    """With the layers that leave nothing open taken into the one before, and a first one that does into the next."""
    found = layers[:1]
    for layer in layers[1:]:
        found.append(layer)
        if len({option.start for option in layer.options}) == len(layer.options):
            found[-2:] = [_joined(*found[-2:])]
    if len(found) > 1 and len(found[0].options) == 1:
        found[:2] = [_joined(*found[:2])]
    return found


def _joined(first: Layer, second: Layer) -> Layer:
    """Two layers as one, one of which has one option for each state."""
    following: dict[int, list[Option]] = {}
    for option in second.options:
        following.setdefault(option.start, []).append(option)
    options = (
        Option(
            one.start,
            other.end,
            tuple(map(sum, zip(one.costs, other.costs, strict=True))),
            one.mass * other.mass,
            (*one.taken, *other.taken),
        )
        for one in first.options
        for other in following[one.end]
    )
    return Layer((*first.names, *second.names), tuple(options))
