"""What a link costs in a state: expanded alone, within the calls that are open around it, once; of a repeated step, its
first repetition and one of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from blocks.types import Type, num_bytes
from graphs.arguments import Missing, evaluate_expression
from graphs.costs import block_cost
from graphs.document import Call, Sequential, Step, Template
from graphs.expansion import Summaries, expand_part
from graphs.faults import FaultList
from graphs.graph import Graph
from graphs.inputs import document_scope
from graphs.text import Mapping, Scalar
from search_spaces.chains import SUMMED_METRICS, Costs, Taken
from search_spaces.links import Link
from search_spaces.resolution import Resolution

MAX_EXPANSIONS = 100_000

NOTHING: Costs = (0,) * len(SUMMED_METRICS)


class TooManyWays(Exception):
    """The layers would be too large."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is open around a link: a call whose arguments are decided, with its block, or a group. `depth` is how many
    local decisions there were outside of it."""

    action: Call | Sequential
    template: Template | None
    depth: int


@dataclass(frozen=True, slots=True)
class State:
    """Where a path stands. `walk` has resolved what is shared; `local` are the decisions that the frames depend on."""

    type: Type
    shared: Taken
    walk: Resolution
    frames: tuple[Frame, ...] = ()
    local: Taken = ()


@dataclass
class Prices:
    """What was expanded, remembered by place, decisions and type."""

    _known: dict[object, tuple[Costs, Type] | None] = field(default_factory=dict)

    def outcome(
        self, place: object, link: Link, taken: Taken, steps: tuple[Step, ...], walk: Resolution, state: State
    ) -> tuple[Costs, Type] | None:
        """What a link costs and gives on a type; None where it is not legal. A repeated step is one after the other."""
        times = _times(steps, state)
        if times is None:
            return self.expanded((place, taken, state.type), link, steps, state, walk)
        inside = tuple(item for item in taken if not item[0].endswith(f"{link.names[0]}.repeat"))
        once = replace(steps[0], repeat=Scalar(1, steps[0].mark))
        total = NOTHING
        for number in range(times):
            step = once if number == 0 else replace(once, first=None)
            key = (place, inside, state.type, number == 0 and once.first is not None)
            found = self.expanded(key, link, (step,), state, walk)
            if found is None:
                return None
            total = tuple(map(sum, zip(total, found[0], strict=True)))
            if found[1] == state.type and number > 0:  # so do all that follow
                rest = times - 1 - number
                return tuple(a + rest * b for a, b in zip(total, found[0], strict=True)), state.type
            state = replace(state, type=found[1])
        return total, state.type

    def expanded(
        self, key: object, link: Link, steps: tuple[Step, ...], state: State, walk: Resolution
    ) -> tuple[Costs, Type] | None:
        """What steps cost and give in a state; None where they are not legal. `key` is what that depends on."""
        if key not in self._known:
            if len(self._known) >= MAX_EXPANSIONS:
                raise TooManyWays(f"its parts differ in more than {MAX_EXPANSIONS:,} ways")
            self._known[key] = _expand(link, steps, state, walk)
        return self._known[key]


def _times(steps: tuple[Step, ...], state: State) -> int | None:
    """How often a link that is one repeated step is repeated; None where it is not, or does not say."""
    [step] = steps[:1]
    if len(steps) > 1 or step.when is not None or not isinstance(step.repeat, Scalar):
        return None
    times: object = step.repeat.value
    if not state.frames:
        faults = FaultList()
        try:
            times = evaluate_expression(step.repeat, document_scope(state.walk.source, faults), faults)
        except Missing:
            return None
    return times if isinstance(times, int) and not isinstance(times, bool) and 1 <= times <= MAX_EXPANSIONS else None


def _expand(link: Link, steps: tuple[Step, ...], state: State, walk: Resolution) -> tuple[Costs, Type] | None:
    """Steps alone, inside of the calls that are open around them, on one type."""
    mark = link.steps[0].mark
    templates = dict(walk.templates)
    source = link.source
    if state.frames:
        steps, source = tuple(_reading_input(step, source) for step in steps), "input"
    for frame in reversed(state.frames):
        if frame.template is None:
            steps = (Step(Sequential(frame.action.key, steps), mark),)
            continue
        where = frame.template.where if not steps else ()
        templates[frame.action.key.text] = replace(frame.template, body=steps, where=where)
        steps = (Step(frame.action, mark),)
    name = Scalar(source, mark)
    part = replace(
        walk.source,
        inputs=((name, Mapping((), mark)),),
        body=steps,
        templates=templates,
        outputs=(),
        requirements=(),
        where=(),
    )
    found = Summaries(part).part(steps, source, state.type)
    if found is not None:
        return (found.params, found.macs, found.activation_bytes), found.type
    graph = expand_part(part, state.type, FaultList())  # where weights are shared, or nothing is legal
    if graph is None:
        return None
    [value] = graph.outputs.values()
    return _costs(graph), graph.types[value]


def _reading_input(step: Step, source: str) -> Step:
    """A step that reads the input of its body where it read the step before that."""
    if step.sources is None:
        return step
    sources = tuple(
        Scalar("in", one.mark) if isinstance(one, Scalar) and one.text == source else one for one in step.sources
    )
    return replace(step, sources=sources)


def _costs(graph: Graph) -> Costs:
    params = macs = output_bytes = 0
    types = graph.types
    for node in graph.nodes:
        cost = block_cost(node.block, tuple([types[source] for source in node.sources]))
        params += cost.params if node.shares is None else 0
        macs += cost.macs
        output_bytes += num_bytes(node.type)
    return params, macs, output_bytes
