"""What points come to, without their graphs: link by link (`search_spaces.links`), each priced once for all points that
decide alike in it and read the same type.

A point comes to nothing here where something is at fault, or where a graph is needed to know: a document with outputs
for training alone, with several outputs or inputs, with shared weights, or beyond the limits of a network.
"""

from __future__ import annotations

from dataclasses import replace

from blocks.types import Type
from graphs.assembly import MAX_NODES, MAX_STEPS
from graphs.document import Action, Choice, Document, Parallel, Sequential, Share, Step
from graphs.expansion import Summaries
from graphs.faults import FaultList
from graphs.inputs import document_scope, input_types
from graphs.parts import Part, in_series
from graphs.requirements import MAX_MACS, MAX_PARAMS
from search_spaces.agenda import Answers, Asked
from search_spaces.links import Link, links_of
from search_spaces.resolution import Resolution
from search_spaces.resolver import Resolver

MAX_REMEMBERED = 50_000
MAX_SUMMARIES = 500  # parts made by one walk, which keeps what it has seen


class Summing:
    """The parts of the points of one document."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self._document = document
        self._resolver = resolver
        bodies = (document.body, *(template.body for template in document.templates.values()))
        found = links_of(document, resolver.once)
        plain = isinstance(found, tuple) and len(document.outputs) <= 1 and not any(map(_shares_weights, bodies))
        self._links = _placed(document, found, resolver.shares) if plain and isinstance(found, tuple) else None
        self._parts: dict[object, Part] = {}
        self._inputs: dict[tuple[Answers, ...], Type | None] = {}
        self._open: tuple[tuple[Answers, ...], Resolution, Summaries, int] | None = None

    def part(self, asked: Asked) -> tuple[Type, Part] | None:
        """The type of a point's input, and what its network comes to; None where that is not known."""
        if self._links is None:
            return None
        source = self._input(asked)
        if source is None:
            return None
        parts, type = [], source
        for number, (link, first, last, shares) in enumerate(self._links):
            own = asked.steps[first:last]
            key = (number, own, tuple([asked.shared[place] for place in shares]), type)
            part = self._parts.get(key)
            if part is None:
                part = self._made(asked, link, own, type)
                if part is None:
                    return None
                if len(self._parts) >= MAX_REMEMBERED:
                    del self._parts[next(iter(self._parts))]
                self._parts[key] = part
            parts.append(part)
            type = part.type
        whole = in_series(source, parts)
        within = whole.params <= MAX_PARAMS and whole.macs <= MAX_MACS
        return (source, whole) if within and whole.num_nodes <= MAX_NODES and whole.num_steps <= MAX_STEPS else None

    def _input(self, asked: Asked) -> Type | None:
        """The type of the input."""
        if asked.shared not in self._inputs:
            if len(self._inputs) >= MAX_REMEMBERED:
                self._inputs.clear()
            walk, _ = self._summaries(asked)
            faults = FaultList()
            [type] = input_types(walk.source, document_scope(walk.source, faults), faults)
            self._inputs[asked.shared] = None if faults.faults else type
        return self._inputs[asked.shared]

    def _made(self, asked: Asked, link: Link, own: tuple[Answers, ...], type: Type) -> Part | None:
        """What a link comes to."""
        walk, summaries = self._summaries(asked)
        answers = (answer for answers in own for answer in answers)
        fork = walk.fork(lambda _: next(answers))
        steps = fork.steps(link.steps, link.names)
        summaries.learn(fork.templates, fork.origins)
        return summaries.part(steps, link.source, type)

    def _summaries(self, asked: Asked) -> tuple[Resolution, Summaries]:
        """The walk that has decided what is shared, and what prices steps after it."""
        if self._open is None or self._open[0] != asked.shared or self._open[3] >= MAX_SUMMARIES:
            answers = (answer for answers in asked.shared for answer in answers)
            walk = self._resolver.shared(lambda _: next(answers), remembers=True)
            source = walk.source
            templates = {**source.templates, **walk.templates}
            summaries = Summaries(replace(source, body=(), templates=templates))
            self._open = (asked.shared, walk, summaries, 0)
        shared, walk, summaries, number = self._open
        self._open = (shared, walk, summaries, number + 1)
        return walk, summaries


def _placed(
    document: Document, links: tuple[Link, ...], shares: tuple[str, ...]
) -> list[tuple[Link, int, int, tuple[int, ...]]]:
    """Links with the places of their steps, and those of what they share."""
    found, first = [], 0
    for link in links:
        places = tuple(place for place, name in enumerate(shares) if name in link.shares)
        found.append((link, first, first + len(link.steps), places))
        first += len(link.steps)
    assert first == len(document.body)
    return found


def _shares_weights(body: tuple[Step, ...]) -> bool:
    """Whether a step of a body has the weights of another."""
    return any(_action_shares(step.action) for step in body)


def _action_shares(action: Action) -> bool:
    match action:
        case Share():
            return True
        case Sequential(body=body):
            return _shares_weights(body)
        case Parallel(branches=branches):
            return any(_shares_weights(body) for _, body in branches)
        case Choice(alternatives=alternatives):
            return any(_action_shares(inner) for _, inner in alternatives)
        case _:
            return False
