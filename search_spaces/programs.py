"""A document made ready to be walked many times: its calls, steps and blocks as plans, which are found once for all
walks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from blocks.primitive import Primitive
from graphs.arguments import Slot, names_in, slot_of
from graphs.assembly import Assembly
from graphs.calls import merge_arguments
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
from graphs.lexicon import Lexicon
from graphs.library import block_class
from graphs.ordering import step_names, step_order
from graphs.resolving import REPEAT
from graphs.text import Mapping as TreeMapping
from graphs.text import Scalar, Tree
from search_spaces.getters import Getter, Names, NotLegal, Traits, condition, getter, traits_of
from search_spaces.resolution import reads_before
from search_spaces.resolver import Resolver
from search_spaces.walkable import actions_of, all_steps


@dataclass(slots=True)
class CallPlan:
    """A call: what it gives, and what is called. `names` are those of all that it gives: first the arguments of all
    calls in the document, `defaults`, then `arguments`, as getters; then those that are open, with their holes and the
    getters of their alternatives. `nodes` are parameters that stand for steps, and the names of these. Calls of one
    `signature` give arguments of the same names to the same block."""

    key: str
    signature: int
    names: tuple[str, ...]
    defaults: tuple[str, ...]
    arguments: tuple[Getter, ...]
    open_arguments: tuple[tuple[str, Tree, tuple[Getter, ...]], ...]
    nodes: tuple[tuple[str, str], ...]
    template: TemplatePlan | None
    kind: type[Primitive] | None


@dataclass(slots=True)
class ChoicePlan:
    choice: Choice
    alternatives: tuple[tuple[str, ActionPlan], ...]


@dataclass(slots=True)
class ParallelPlan:
    branches: tuple[tuple[str, BodyPlan], ...]
    join: CallPlan


@dataclass(slots=True)
class StepPlan:
    """One step: `sources` are names, None for the step before. `again` is what it does after the first repetition, and
    `looks_back` says that this names the step before the one that it reads."""

    step: Step
    name: str
    named: bool
    sources: tuple[str, ...] | None
    when: Getter | None
    repeat: Getter | None
    repeat_is_open: bool
    action: ActionPlan
    again: ActionPlan
    is_open: bool
    looks_back: bool


@dataclass(slots=True)
class BodyPlan:
    """The steps of a body, and the order of their walk."""

    steps: list[StepPlan] = field(default_factory=list)
    order: list[int] = field(default_factory=list)


@dataclass(slots=True)
class TemplatePlan:
    """A block: its parameters with the traits of those that are nodes and the getters of the defaults of others, in the
    order of the text. `traits` are those of its input that its values read; `reached` are the blocks with defaults of
    the document that it leads to. Of one that `asks`, more of the types that it meets decides what it makes."""

    template: Template
    params: tuple[tuple[str, Traits | None, Getter | None], ...]
    where: tuple[Getter, ...]
    is_open: bool
    reached: tuple[str, ...]
    traits: Traits
    asks: bool
    body: BodyPlan
    constants: Names | None = None  # the defaults, where all are plain values and no parameter is a node


ActionPlan = CallPlan | ChoicePlan | ParallelPlan | BodyPlan


class Program:
    """One document."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.document = document
        self._resolver = resolver
        self._lexicon = Lexicon(document, Assembly(FaultList(), 0))
        self._templates: dict[int, TemplatePlan] = {}
        self._signatures: dict[tuple[object, ...], int] = {}
        self._defaults = {key.text: given for key, given in document.defaults}
        self.params = tuple((param.name.text, param.default, slot_of(param)) for param in document.params)
        self.defaults = {
            key.text: {
                name.text: getter(tree, self._slots(Call(key, given))[name.text])
                for name, tree in given
                if self._slots(Call(key, given))[name.text].kind != "node"
            }
            for key, given in document.defaults
        }
        self.traits = traits_of("in", _names_read(document.body))
        self.body = self._body(document.body)

    def _slots(self, call: Call) -> dict[str, Slot]:
        return self._lexicon.slots(call) or {}

    def _body(self, steps: tuple[Step, ...], plan: BodyPlan | None = None) -> BodyPlan:
        plan = plan or BodyPlan()
        names = step_names(steps, FaultList(), taken=())
        plan.order, _ = step_order(steps, names, self._lexicon.references, FaultList())
        plan.steps = [self._step(step, name) for step, name in zip(steps, names, strict=True)]
        return plan

    def _step(self, step: Step, name: str) -> StepPlan:
        again = self._action(step.action, None)
        repeat_is_open = hole_alternatives(step.repeat) is not None
        return StepPlan(
            step,
            name,
            step.name is not None,
            None if step.sources is None else tuple(one.text for one in step.sources if isinstance(one, Scalar)),
            None if step.when is None else condition(step.when),
            None if step.repeat is None or repeat_is_open else getter(step.repeat, REPEAT),
            repeat_is_open,
            again if step.first is None else self._action(step.action, step.first),
            again,
            self._resolver.is_open(step),
            reads_before(step.action),
        )

    def _action(self, action: Action, first: TreeMapping | None) -> ActionPlan:
        match action:
            case Call():
                return self._call(action, first)
            case Sequential(body=steps):
                return self._body(steps)
            case Parallel(branches=branches, join=join):
                bodies = tuple((name.text, self._body(steps)) for name, steps in branches)
                return ParallelPlan(bodies, self._call(Call(join, TreeMapping((), join.mark)), None))
            case Choice(alternatives=alternatives):
                return ChoicePlan(action, tuple((name.text, self._action(one, first)) for name, one in alternatives))
            case Share():
                raise AssertionError("a document with shared weights is not walked")

    def _call(self, call: Call, first: TreeMapping | None) -> CallPlan:
        slots = self._slots(call)
        template = self._lexicon.templates(call).get(call.key.text)
        plain: dict[str, Getter] = {}
        opened: list[tuple[str, Tree, tuple[Getter, ...]]] = []
        nodes: list[tuple[str, str]] = []
        for name, (_, tree) in merge_arguments(call.arguments, first).items():
            slot = slots[name]
            if slot.kind == "node":
                nodes.append((name, tree.text if isinstance(tree, Scalar) else ""))
            elif isinstance(tree, TreeMapping):
                opened.append((name, tree, tuple(getter(one, slot) for one in hole_alternatives(tree) or ())))
            else:
                plain[name] = getter(tree, slot)
        given = {*plain, *(name for name, _, _ in opened)}
        own = {} if call.key.mark.source.builtin else self.defaults.get(call.key.text, {})
        defaults = tuple(name for name in own if name not in given)
        names = (*defaults, *plain, *(name for name, _, _ in opened))
        signature = (call.key.text, id(template), names)
        return CallPlan(
            call.key.text,
            self._signatures.setdefault(signature, len(self._signatures)),
            names,
            defaults,
            tuple(plain.values()),
            tuple(opened),
            tuple(nodes),
            None if template is None else self._template(template),
            block_class(call.key.text) if template is None else None,
        )

    def _template(self, template: Template) -> TemplatePlan:
        known = self._templates.get(id(template))
        if known is None:
            read = _names_read(template.body, *template.where, *(param.default for param in template.params))
            params = []
            for param in template.params:
                default = None if param.default is None else getter(param.default, slot_of(param))
                traits = traits_of(param.name.text, read) if param.kind == "node" else None
                params.append((param.name.text, traits, default))
            is_open = self._resolver.with_holes.get(template.name.text) is template
            known = TemplatePlan(
                template,
                tuple(params),
                tuple(map(condition, template.where)),
                is_open,
                self._reached(template),
                traits_of("in", read),
                is_open or any(param.kind == "node" for param in template.params) or _asks_in_groups(template.body),
                BodyPlan(),
            )
            known.constants = _constants(template, known)
            self._templates[id(template)] = known
            self._body(template.body, known.body)
            calls = (call for step in known.body.steps for call in _calls(step.action, step.again))
            inner = [call.template for call in calls if call.template is not None]
            known.asks = known.asks or any(one.asks or one.traits.names for one in inner)
        return known

    def _reached(self, template: Template) -> tuple[str, ...]:
        if template.name.mark.source.builtin:
            return ()
        found: dict[str, None] = {}
        waiting, seen = [template.body], {template.name.text}
        while waiting:
            for call in calls_within(waiting.pop()):
                name = call.key.text
                if name in self._defaults:
                    found[name] = None
                inner = self.document.templates.get(name)
                if inner is not None and name not in seen:
                    seen.add(name)
                    waiting.append(inner.body)
        return tuple(found)


def _constants(template: Template, plan: TemplatePlan) -> Names | None:
    found: Names = {}
    for param, (name, traits, default) in zip(template.params, plan.params, strict=True):
        if traits is not None or (param.default is not None and not _is_plain(param.default, param.words)):
            return None
        if default is not None:
            try:
                value = default({})
            except NotLegal:
                return None
            if value is not None:
                found[name] = value
    return found


def _is_plain(tree: Tree, words: tuple[str, ...]) -> bool:
    return isinstance(tree, Scalar) and (not isinstance(tree.value, str) or tree.value in words)


def _asks_in_groups(body: tuple[Step, ...]) -> bool:
    """Whether values inside of the groups of a body read traits: of what the group reads."""
    for step in body:
        for action in actions_of(step.action):
            bodies = [action.body] if isinstance(action, Sequential) else []
            if isinstance(action, Parallel):
                bodies = [branch for _, branch in action.branches]
            if any("." in name for inner in bodies for name in _names_read(inner)):
                return True
    return False


def _calls(*actions: ActionPlan) -> Iterator[CallPlan]:
    for action in actions:
        match action:
            case CallPlan():
                yield action
            case ChoicePlan(alternatives=alternatives):
                yield from _calls(*(inner for _, inner in alternatives))
            case ParallelPlan(branches=branches):
                yield from _calls(*(body for _, body in branches))
            case BodyPlan(steps=steps):
                yield from _calls(*(inner for step in steps for inner in (step.action, step.again)))


def _names_read(body: tuple[Step, ...], *trees: Tree | None) -> frozenset[str]:
    """The names that the values of a body and some others may depend on, those of groups in it included."""
    found = set[str]().union(*map(_names_of, trees))
    for step in all_steps(body):
        found |= _names_of(step.when) | _names_of(step.repeat) | _names_of(step.first)
        for action in actions_of(step.action):
            if isinstance(action, Call):
                found |= _names_of(action.arguments)
    return frozenset(found)


def _names_of(tree: Tree | None) -> set[str]:
    """The names that a value may depend on, whichever alternative it takes."""
    if isinstance(tree, TreeMapping):
        parts = hole_alternatives(tree) or [value for _, value in tree]
        return set[str]().union(*map(_names_of, parts))
    return set() if tree is None else set(names_in(tree))
