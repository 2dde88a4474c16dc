"""The net of a document as a chain of links: groups of steps, each of which reads nothing but the result of the one
before. What a link costs depends on its own decisions, on the type that it reads, and on what the whole document
shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphs.arguments import names_in
from graphs.assembly import Assembly
from graphs.document import (
    Action,
    Call,
    Choice,
    Document,
    Parallel,
    Sequential,
    Step,
    calls_within,
    hole_alternatives,
    source_names,
)
from graphs.faults import FaultList
from graphs.lexicon import Lexicon
from graphs.ordering import step_names, step_needs
from graphs.text import Mapping, Tree

INPUT = -1


@dataclass(frozen=True, slots=True)
class Link:
    """Some steps of the net with their names there, and the name of what they read. `shares` are the open parameters,
    and the blocks that decide once, on which they depend."""

    steps: tuple[Step, ...]
    names: tuple[str, ...]
    source: str
    shares: frozenset[str]


def links_of(document: Document, once: tuple[str, ...]) -> tuple[Link, ...] | str:
    """The links of a document's net, as many as there are; or why it has none, in words.

    `once` are the blocks with holes that decide once.
    """
    if len(document.inputs) != 1:
        return "the document has several inputs"
    if document.training_outputs:
        return "the document has outputs for training alone"
    names = step_names(document.body, FaultList(), taken=())
    ends = {names.index(source.text) if source.text in names else INPUT for _, source in document.outputs}
    depends = _dependences(document)
    everywhere = {name for _, given in document.defaults for name in _names_of(given)}

    def shares(steps: tuple[Step, ...]) -> frozenset[str]:
        read = everywhere.union(*(_names_of(tree) for step in steps for tree in _trees(step.action, step)))
        found = frozenset[str]().union(*(depends.get(name, frozenset()) for name in read))
        return found | _once_within(steps, document, once)

    source = document.inputs[0][0].text
    parts = _parts(document, document.body, names, source, ends)
    return tuple(Link(steps, own, before, shares(steps)) for steps, own, before in parts)


def links_inside(document: Document, body: tuple[Step, ...], around: Link) -> tuple[Link, ...]:
    """The links of a body inside of a link of the document's, as many as there are."""
    names = step_names(body, FaultList(), taken=())
    parts = _parts(document, body, names, "in", set(), inside=True)
    return tuple(Link(steps, own, before, around.shares) for steps, own, before in parts)


def asks_for_input(tree: Tree | None) -> bool:
    """Whether a value depends on the input of the body that it stands in."""
    return any(name.startswith("in.") for name in _names_of(tree))


def _parts(
    document: Document, body: tuple[Step, ...], names: list[str], source: str, ends: set[int], *, inside: bool = False
) -> Iterator[tuple[tuple[Step, ...], tuple[str, ...], str]]:
    """Steps of one link, their names, and the name of what they read."""
    reads = _reads(document, body, names, source, inside=inside)
    starts = [0]
    for cut in range(1, len(body)):
        after = all(min(wanted, default=cut) >= cut - 1 for wanted in [*reads[cut:], ends])
        if after and all(max(wanted, default=0) < cut for wanted in reads[:cut]):
            starts.append(cut)
    for start, stop in zip(starts, [*starts[1:], len(body)], strict=True):
        if body:
            yield body[start:stop], tuple(names[start:stop]), names[start - 1] if start else source


def _reads(
    document: Document, body: tuple[Step, ...], names: list[str], source: str, *, inside: bool
) -> list[set[int]]:
    """The positions that each step reads. One that asks for the size of the body's input reads the input; so does,
    inside of a block, one that names a step in an argument."""
    lexicon = Lexicon(document, Assembly(FaultList(), 0))
    found = []
    for position, (step, needs) in enumerate(zip(body, step_needs(body, names, lexicon.references), strict=True)):
        wanted = set(needs)
        calls = list(_direct_calls(step.action))
        named = [name for call in calls for name in lexicon.references(call)]
        wanted |= {names.index(name) for name in named if name in names}
        inputs = {source, "in"}
        reads_input = any(name.text in inputs for name in (*source_names(step.sources or ()),)) or inputs & set(named)
        values = [step.when, step.repeat, step.first, *(call.arguments for call in calls)]
        if (
            reads_input
            or (inside and named)
            or any(map(asks_for_input, values))
            or (position == 0 and not step.sources)
        ):
            wanted.add(INPUT)
        found.append(wanted)
    return found


def _direct_calls(action: Action) -> Iterator[Call]:
    """The calls of a step that are not inside of a group, where `in` and names are other ones."""
    match action:
        case Call():
            yield action
        case Choice(alternatives=alternatives):
            for _, alternative in alternatives:
                yield from _direct_calls(alternative)
        case _:
            pass


def _trees(action: Action, step: Step | None = None) -> Iterator[Tree | None]:
    """All values that what a step does depends on, those inside of it included."""
    if step is not None:
        yield from (step.when, step.repeat, step.first)
    match action:
        case Call(arguments=arguments):
            yield arguments
        case Sequential(body=body):
            for inner in body:
                yield from _trees(inner.action, inner)
        case Parallel(branches=branches):
            for _, body in branches:
                for inner in body:
                    yield from _trees(inner.action, inner)
        case Choice(alternatives=alternatives):
            for _, alternative in alternatives:
                yield from _trees(alternative)
        case _:
            pass


def _names_of(tree: Tree | None) -> set[str]:
    """The names that a value may depend on, whichever alternative it takes."""
    if tree is None:
        return set()
    if isinstance(tree, Mapping):
        holes = hole_alternatives(tree)
        parts = holes if holes is not None else [value for _, value in tree]
        return set[str]().union(*map(_names_of, parts))
    return set(names_in(tree))


def _dependences(document: Document) -> dict[str, frozenset[str]]:
    """The open parameters that each parameter depends on, itself included."""
    found: dict[str, frozenset[str]] = {}
    for param in document.params:
        own = frozenset([f"params.{param.name.text}"] if hole_alternatives(param.default) else [])
        found[param.name.text] = own.union(*(found.get(name, frozenset()) for name in _names_of(param.default)))
    return found


def _once_within(steps: tuple[Step, ...], document: Document, once: tuple[str, ...]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = [steps]
    while waiting:
        for call in calls_within(waiting.pop()):
            template = document.templates.get(call.key.text)
            if template is not None and call.key.text not in reached:
                reached.add(call.key.text)
                waiting.append(template.body)
    return frozenset(f"blocks.{name}" for name in once if name in reached)
