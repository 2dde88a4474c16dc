"""What points come to, without their graphs: link by link (`search_spaces.links`), each expanded once for all points
that decide alike in it and read the same type, and remembered as a part (`graphs.parts`), its hash and peak included.

A point comes to nothing here where something is at fault, or where a graph is needed to know: a document with outputs
for training alone, with several outputs or inputs, with shared weights, or beyond the limits of a network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from blocks.types import Type
from graphs.assembly import MAX_NODES, MAX_STEPS
from graphs.canonical import hash_of
from graphs.costs import Totals
from graphs.document import Document, hole_alternatives
from graphs.expansion import Summaries
from graphs.faults import FaultList
from graphs.inputs import document_scope, input_types
from graphs.parts import Part, in_series
from graphs.requirements import MAX_MACS, MAX_PARAMS
from graphs.text import Scalar
from search_spaces.agenda import Answers, PointKey
from search_spaces.links import Link, links_of
from search_spaces.resolution import Resolution
from search_spaces.resolver import Resolver

MAX_REMEMBERED = 50_000
MAX_LARGE = 2_000  # parts that may be whole networks, each of which is seldom met again
MAX_SUMMARIES = 500  # parts made by one walk, which keeps what it has seen


_Key = tuple[
    int, tuple[Answers, ...], tuple[Answers, ...], Type
]  # a link, its answers, those that it shares, its input


@dataclass(frozen=True, slots=True)
class Whole:
    """A network as one part, which reads this type."""

    source: Type
    part: Part

    @property
    def totals(self) -> Totals:
        """What a budget may bound."""
        return self.part.totals

    @property
    def hash(self) -> str | None:
        """The canonical hash; None where that is for the graph to say."""
        return None if self.part.canonical_code is None else hash_of((self.source,), self.part.canonical_code)


class Summing:
    """The parts of the points of one document."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self._document = document
        self._resolver = resolver
        found = links_of(document, resolver.once)
        plain = isinstance(found, tuple) and len(document.outputs) <= 1
        self._links = _placed(document, found, resolver.shared_names) if plain and isinstance(found, tuple) else None
        self._parts: dict[object, Part] = {}
        self._inputs: dict[tuple[Answers, ...], Type | None] = {}
        self._open: tuple[tuple[Answers, ...], Resolution, Summaries, int] | None = None

    def part(self, point: PointKey) -> Whole | None:
        """What the network of a point comes to; None where that is not known."""
        if self._links is None:
            return None
        source = self._input(point)
        if source is None:
            return None
        parts, type = [], source
        for number, (link, first, last, shares) in enumerate(self._links):
            own = point.steps[first:last]
            key = (number, own, tuple([point.shared[place] for place in shares]), type)
            part = self._parts.get(key)
            if part is None:
                part = self._repeated(point, link, key) or self._made(point, link, own, type)
                if part is None:
                    return None
                self._remember(key, part)
            parts.append(part)
            type = part.type
        whole = in_series(source, parts)
        if whole.params > MAX_PARAMS or whole.macs > MAX_MACS:
            return None
        return Whole(source, whole) if whole.num_nodes <= MAX_NODES and whole.num_steps <= MAX_STEPS else None

    @cached_property
    def is_small(self) -> bool:
        """Whether the parts of all points are few enough to be remembered."""
        ways = sum(self._resolver.count_step(step) for step in self._document.body)
        return self._links is not None and ways * self._resolver.count_shared() <= MAX_REMEMBERED

    def _input(self, point: PointKey) -> Type | None:
        """The type of the input."""
        if point.shared not in self._inputs:
            if len(self._inputs) >= MAX_LARGE:
                self._inputs.clear()
            walk, _ = self._summaries(point)
            faults = FaultList()
            [type] = input_types(walk.source, document_scope(walk.source, faults), faults)
            self._inputs[point.shared] = None if faults.faults else type
        return self._inputs[point.shared]

    def _repeated(self, point: PointKey, link: Link, key: _Key) -> Part | None:
        """What a repeated step comes to: its first repetition, and the others, each priced once however often it is
        repeated; None where it is not one, or can't be priced so."""
        number, own, shares, source = key
        step, [answers, *more] = link.steps[0], own
        plain = step.sources is None or (len(step.sources) == 1 and isinstance(step.sources[0], Scalar))
        if more or step.repeat is None or step.each or step.when is not None or not plain:
            return None
        trees = hole_alternatives(step.repeat)
        tree, inside = (trees[answers[0]], answers[1:]) if trees else (step.repeat, answers)
        times = tree.value if isinstance(tree, Scalar) else None
        if not isinstance(times, int) or isinstance(times, bool) or not 0 < times <= MAX_NODES:
            return None
        parts: list[Part] = []
        type = source
        while len(parts) < times:
            is_first = not parts and step.first is not None
            short = (number, (inside,), shares, type, is_first)
            part = self._parts.get(short)
            if part is None:
                part = self._made(point, link, own, type, once=True, is_first=is_first)
                if part is None:
                    return None
                self._remember(short, part)
            parts += [part] * (times - len(parts) if part.type == type and not is_first else 1)
            type = part.type
        return in_series(source, parts)

    def _made(
        self,
        point: PointKey,
        link: Link,
        own: tuple[Answers, ...],
        type: Type,
        *,
        once: bool = False,
        is_first: bool = False,
    ) -> Part | None:
        """What a link comes to, or one repetition of it."""
        walk, summaries = self._summaries(point)
        answers = (answer for answers in own for answer in answers)
        fork = walk.fork(lambda _: next(answers))
        steps = fork.steps(link.steps, link.names)
        if once:
            [step] = steps
            steps = (replace(step, repeat=Scalar(1, step.mark), first=step.first if is_first else None),)
        summaries.learn(fork.templates, fork.origins)
        return summaries.part(steps, link.source, type)

    def _remember(self, key: object, part: Part) -> None:
        if len(self._parts) >= (MAX_REMEMBERED if self.is_small else MAX_LARGE):
            del self._parts[next(iter(self._parts))]
        self._parts[key] = part

    def _summaries(self, point: PointKey) -> tuple[Resolution, Summaries]:
        """The walk that has decided what is shared, and what prices steps after it."""
        if self._open is None or self._open[0] != point.shared or self._open[3] >= MAX_SUMMARIES:
            answers = (answer for answers in point.shared for answer in answers)
            walk = self._resolver.begin(lambda _: next(answers), remembers=True)
            source = walk.source
            templates = {**source.templates, **walk.templates}
            summaries = Summaries(replace(source, body=(), templates=templates))
            self._open = (point.shared, walk, summaries, 0)
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
