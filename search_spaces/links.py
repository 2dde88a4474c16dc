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
    """The links of a document, as many as there are; or why it has none, in words.

    `once` are the blocks with holes that decide once.
    """
    if len(document.inputs) != 1:
        return "the document has several inputs"
    if document.training_outputs:
        return "the document has outputs for training alone"
    body = document.body
    names = step_names(body, FaultList(), taken=())
    reads = [_reads(document, position, needs) for position, needs in enumerate(_needs(document, names))]
    ends = [names.index(source.text) if source.text in names else INPUT for _, source in document.outputs]
    starts = [0]
    for cut in range(1, len(body)):
        after = all(min(wanted, default=cut) >= cut - 1 for wanted in [*reads[cut:], set(ends)])
        if after and all(max(wanted, default=0) < cut for wanted in reads[:cut]):
            starts.append(cut)
    depends = _dependences(document)
    everywhere = {name for _, given in document.defaults for name in _names_of(given)}
    found = []
    for start, stop in zip(starts, [*starts[1:], len(body)], strict=True):
        steps = body[start:stop]
        read = everywhere.union(*(_names_of(tree) for step in steps for tree in _trees(step.action, step)))
        shares = frozenset[str]().union(*(depends.get(name, frozenset()) for name in read))
        source = names[start - 1] if start else document.inputs[0][0].text
        found.append(Link(steps, tuple(names[start:stop]), source, shares | _once_within(steps, document, once)))
    return tuple(found)


def _needs(document: Document, names: list[str]) -> list[list[int]]:
    lexicon = Lexicon(document, Assembly(FaultList(), 0))

    def references(call: Call) -> list[str]:
        return lexicon.references(call)

    needs = step_needs(document.body, names, references)
    for position, step in enumerate(document.body):
        named = [name for call in _direct_calls(step.action) for name in references(call)]
        needs[position] += [names.index(name) for name in named if name in names]
    return needs


def _reads(document: Document, position: int, needs: list[int]) -> set[int]:
    """The positions that a step reads. One that asks for the size of the document's input reads the input."""
    step, wanted = document.body[position], set(needs)
    if step.sources is None and position == 0:
        wanted.add(INPUT)
    inputs = {document.inputs[0][0].text, "in"}
    if any(name.text in inputs for name in source_names(step.sources or ())):
        wanted.add(INPUT)
    trees = [step.when, step.repeat, step.first, *(call.arguments for call in _direct_calls(step.action))]
    if any(name.startswith("in.") for tree in trees for name in _names_of(tree)):
        wanted.add(INPUT)
    return wanted


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
