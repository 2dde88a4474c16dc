"""Holes and decisions: a document with holes becomes one without, choice by choice.

A decision's address is where its hole stands: `stage1.block` for a choice of steps, `stage1.width` for an argument of
`stage1`, `stage1.repeat` for its depth, `params.activation` for a parameter of the document, which is one decision
however often it is used. Holes of an alternative stand under its name: `stage1.block.residual.expansion`. All
repetitions of a step share their decisions. A template with holes decides anew at each call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from graphs.document import (
    Action,
    Call,
    Choice,
    Document,
    Parallel,
    Sequential,
    Share,
    Step,
    Template,
    calls_within,
    hole_alternatives,
)
from graphs.faults import FaultList
from graphs.ordering import step_names
from graphs.text import Mapping, Scalar, Sequence, Tree

Alternative = bool | int | float | str | tuple["Alternative", ...] | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One hole. `sizes` is the number of points under each alternative, so that a draw weighted by them is uniform."""

    address: str
    kind: Literal["value", "step", "repeat"]
    alternatives: tuple[Alternative, ...]
    sizes: tuple[int, ...]


Choose = Callable[[Decision], int]


class Resolver:
    """Resolves the holes of one document. Stateless but for what it remembers of the document's templates."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._with_holes = self._find_templates_with_holes()
        self._counts: dict[int, int] = {}

    def resolve(self, choose: Choose) -> Document:
        """The document with every hole filled by what `choose` picks, in the order of the text."""
        return _Resolution(self._document, self._with_holes, choose, self).document()

    def count(self) -> int:
        """The number of points: of different sets of decisions that matter."""
        params = prod(len(holes) for param in self._document.params if (holes := hole_alternatives(param.default)))
        return params * self.count_body(self._document.body)

    def decisions(self) -> Iterator[Decision]:
        """All decisions that any point may have, those of every alternative, in the order of the text."""
        for param in self._document.params:
            if holes := hole_alternatives(param.default):
                yield _value_decision(f"params.{param.name.text}", holes, "value")
        yield from self._decisions_of_body(self._document.body, "")

    def count_body(self, body: tuple[Step, ...]) -> int:
        """The number of ways to fill the holes of a body."""
        return prod(self.count_step(step) for step in body)

    def count_step(self, step: Step) -> int:
        """The number of ways to fill the holes of a step, its repetition included."""
        key = id(step)
        if key not in self._counts:
            repeats = hole_alternatives(step.repeat)
            inner = self.count_action(step.action) * _count_values(step.first)
            if repeats is None:
                self._counts[key] = inner if not _is_zero(step.repeat) else 1
            else:
                zeros = sum(_is_zero(repeat) for repeat in repeats)
                self._counts[key] = (len(repeats) - zeros) * inner + zeros
        return self._counts[key]

    def count_action(self, action: Action) -> int:
        """The number of ways to fill the holes of an action."""
        match action:
            case Call(key=key, arguments=arguments):
                template = self._with_holes.get(key.text)
                return _count_values(arguments) * (self.count_body(template.body) if template else 1)
            case Sequential(body=body):
                return self.count_body(body)
            case Parallel(branches=branches):
                return prod(self.count_body(body) for _, body in branches)
            case Share():
                return 1
            case Choice(alternatives=alternatives):
                return sum(self.count_action(alternative) for _, alternative in alternatives)

    def choice_decision(self, address: str, choice: Choice) -> Decision:
        """The decision between the alternatives of a choice of steps."""
        names = tuple(name.text for name, _ in choice.alternatives)
        return Decision(address, "step", names, tuple(self.count_action(action) for _, action in choice.alternatives))

    def repeat_decision(self, address: str, step: Step, repeats: tuple[Tree, ...]) -> Decision:
        """The decision of how often a step is repeated."""
        inner = self.count_action(step.action) * _count_values(step.first)
        sizes = tuple(1 if _is_zero(repeat) else inner for repeat in repeats)
        return Decision(f"{address}.repeat", "repeat", tuple(map(plain, repeats)), sizes)

    def _decisions_of_body(self, body: tuple[Step, ...], prefix: str) -> Iterator[Decision]:
        for step, name in zip(body, step_names(body, FaultList(), taken=()), strict=True):
            address = f"{prefix}{name}"
            if repeats := hole_alternatives(step.repeat):
                yield self.repeat_decision(address, step, repeats)
            yield from self._decisions_of_action(step.action, address)
            yield from _value_decisions(step.first, f"{address}.first")

    def _decisions_of_action(self, action: Action, address: str) -> Iterator[Decision]:
        match action:
            case Call(key=key, arguments=arguments):
                yield from _value_decisions(arguments, address)
                if template := self._with_holes.get(key.text):
                    yield from self._decisions_of_body(template.body, f"{address}.")
            case Sequential(body=body):
                yield from self._decisions_of_body(body, f"{address}.")
            case Parallel(branches=branches):
                for name, body in branches:
                    yield from self._decisions_of_body(body, f"{address}.{name.text}.")
            case Share():
                pass
            case Choice(alternatives=alternatives):
                yield self.choice_decision(address, action)
                for name, alternative in alternatives:
                    yield from self._decisions_of_action(alternative, f"{address}.{name.text}")

    def _find_templates_with_holes(self) -> dict[str, Template]:
        templates = self._document.templates
        found: dict[str, Template] = {}
        grown = True
        while grown:
            grown = False
            for name, template in templates.items():
                if name not in found and any(_has_hole(step, found) for step in template.body):
                    found[name] = template
                    grown = True
        return found


class _Resolution:
    """One walk over a document."""

    def __init__(self, document: Document, with_holes: dict[str, Template], choose: Choose, resolver: Resolver) -> None:
        self._source = document
        self._with_holes = with_holes
        self._choose = choose
        self._resolver = resolver
        self._templates: dict[str, Template] = {}

    def document(self) -> Document:
        params = []
        for param in self._source.params:
            holes = hole_alternatives(param.default)
            if holes:
                picked = holes[self._choose(_value_decision(f"params.{param.name.text}", holes, "value"))]
                param = replace(param, default=picked)
            params.append(param)
        body = self._body(self._source.body, "")
        return replace(self._source, params=tuple(params), body=body, templates=self._templates)

    def _body(self, body: tuple[Step, ...], prefix: str) -> tuple[Step, ...]:
        names = step_names(body, FaultList(), taken=())
        return tuple(self._step(step, f"{prefix}{name}") for step, name in zip(body, names, strict=True))

    def _step(self, step: Step, address: str) -> Step:
        repeat = step.repeat
        if repeats := hole_alternatives(repeat):
            repeat = repeats[self._choose(self._resolver.repeat_decision(address, step, repeats))]
        if _is_zero(repeat):  # nothing inside matters: the step is its input
            return replace(step, repeat=repeat, action=Sequential(Scalar("sequential", step.mark), ()), first=None)
        action = self._action(step.action, address)
        first = self._values(step.first, f"{address}.first") if step.first is not None else None
        return replace(step, repeat=repeat, action=action, first=first)

    def _action(self, action: Action, address: str) -> Action:
        match action:
            case Call(key=key, arguments=arguments):
                filled = Call(key, self._values(arguments, address))
                template = self._with_holes.get(key.text)
                if template is not None:
                    return replace(filled, key=Scalar(self._specialized(template, address), key.mark))
                self._keep(key.text)
                return filled
            case Sequential(body=body):
                return replace(action, body=self._body(body, f"{address}."))
            case Parallel(branches=branches):
                bodies = ((name, self._body(body, f"{address}.{name.text}.")) for name, body in branches)
                return replace(action, branches=tuple(bodies))
            case Share():
                return action
            case Choice(key=key, alternatives=alternatives):
                name, picked = alternatives[self._choose(self._resolver.choice_decision(address, action))]
                chosen = self._action(picked, f"{address}.{name.text}")
                return replace(chosen, key=Scalar("sequential", key.mark)) if isinstance(chosen, Sequential) else chosen

    def _values(self, arguments: Mapping, address: str) -> Mapping:
        if not any(isinstance(tree, Mapping) for _, tree in arguments):
            return arguments
        entries = []
        for name, tree in arguments:
            if holes := hole_alternatives(tree):
                tree = holes[self._choose(_value_decision(f"{address}.{name.text}", holes, "value"))]
            entries.append((name, tree))
        return replace(arguments, entries=tuple(entries))

    def _specialized(self, template: Template, address: str) -> str:
        """The name of a template of its own for this call; calls that decide alike share one."""
        body = self._body(template.body, f"{address}.")
        name, number = template.name.text, 1
        while True:
            known = self._templates.get(name)
            if known is not None and known.body == body:
                return name
            if known is None and (number == 1 or name not in self._source.templates):
                break
            number += 1
            name = f"{template.name.text}_{number}"
        self._templates[name] = replace(template, name=Scalar(name, template.name.mark), body=body)
        return name

    def _keep(self, name: str) -> None:
        """Take a template without holes over, and what it calls."""
        template = self._source.templates.get(name)
        if template is None or name in self._templates:
            return
        self._templates[name] = template
        for call in calls_within(template.body):
            self._keep(call.key.text)


def plain(tree: Tree) -> Alternative:
    """An alternative as JSON."""
    if isinstance(tree, Scalar):
        return tree.value
    return tuple(plain(item) for item in tree.items) if isinstance(tree, Sequence) else None


def _value_decision(address: str, holes: tuple[Tree, ...], kind: Literal["value", "repeat"]) -> Decision:
    return Decision(address, kind, tuple(map(plain, holes)), (1,) * len(holes))


def _value_decisions(arguments: Mapping | None, address: str) -> Iterator[Decision]:
    for name, tree in arguments.entries if arguments else ():
        if holes := hole_alternatives(tree):
            yield _value_decision(f"{address}.{name.text}", holes, "value")


def _count_values(arguments: Mapping | None) -> int:
    return prod(
        len(holes) for _, tree in (arguments.entries if arguments else ()) if (holes := hole_alternatives(tree))
    )


def _is_zero(repeat: Tree | None) -> bool:
    return isinstance(repeat, Scalar) and repeat.value == 0 and repeat.value is not False


def _has_hole(step: Step, templates: dict[str, Template]) -> bool:
    return (
        bool(hole_alternatives(step.repeat))
        or _values_have_hole(step.first)
        or _action_has_hole(step.action, templates)
    )


def _values_have_hole(arguments: Mapping | None) -> bool:
    """Also where a hole has one alternative: it has to be filled as any other."""
    return any(hole_alternatives(tree) for _, tree in (arguments.entries if arguments else ()))


def _action_has_hole(action: Action, templates: dict[str, Template]) -> bool:
    match action:
        case Call(key=key, arguments=arguments):
            return key.text in templates or _values_have_hole(arguments)
        case Sequential(body=body):
            return any(_has_hole(step, templates) for step in body)
        case Parallel(branches=branches):
            return any(_has_hole(step, templates) for _, body in branches for step in body)
        case Share():
            return False
        case Choice():
            return True
