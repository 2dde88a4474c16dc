"""A document made ready to be walked many times: its calls, steps and blocks as plans, which are found once for all
walks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from blocks.extensions import is_extension
from blocks.primitive import Primitive
from graphs.arguments import Slot, names_in, slot_of, slots_of
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
from search_spaces.getters import Getter, Names, NotLegal, condition, getter
from search_spaces.resolver import Resolver
from search_spaces.walkable import actions_of, all_steps


@dataclass(slots=True)
class CallPlan:
    """A call: what it gives, and what is called. `arguments` are getters; of one that is open, the getters of its
    alternatives by its hole. `nodes` are parameters that stand for steps, and the names of these."""

    key: str
    arguments: tuple[tuple[str, Getter], ...]
    open_arguments: tuple[tuple[str, Tree, tuple[Getter, ...]], ...]
    nodes: tuple[tuple[str, str], ...]
    has_defaults: bool
    template: TemplatePlan | None
    kind: type[Primitive] | None
    idle: frozenset[str]  # arguments that cost nothing: numbers as a norm's `eps`


@dataclass(slots=True)
class ChoicePlan:
    choice: Choice
    alternatives: tuple[tuple[str, ActionPlan], ...]


@dataclass(slots=True)
class ParallelPlan:
    branches: tuple[tuple[str, BodyPlan], ...]
    join: str
    kind: type[Primitive]


@dataclass(slots=True)
class StepPlan:
    """One step: `sources` are names, None for the step before. `again` is what it does after the first repetition."""

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


@dataclass(slots=True)
class BodyPlan:
    """The steps of a body, and the order of their walk."""

    steps: list[StepPlan] = field(default_factory=list)
    order: list[int] = field(default_factory=list)


@dataclass(slots=True)
class TemplatePlan:
    """A block: its parameters but for nodes with the getters of their defaults, in the order of the text. `reached` are
    the blocks with defaults of the document that it leads to."""

    template: Template
    params: tuple[tuple[str, bool, Getter | None], ...]
    where: tuple[Getter, ...]
    is_open: bool
    reached: tuple[str, ...]
    body: BodyPlan
    idle: frozenset[str] = frozenset()
    constants: Names | None = None  # the defaults, where all are plain values and no parameter is a node


ActionPlan = CallPlan | ChoicePlan | ParallelPlan | BodyPlan


class Program:
    """One document."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.document = document
        self._resolver = resolver
        self._lexicon = Lexicon(document, Assembly(FaultList(), 0))
        self._templates: dict[int, TemplatePlan] = {}
        self._idle: dict[int, frozenset[str]] = {}
        self._defaults = {key.text: given for key, given in document.defaults}
        self.params = tuple((param.name.text, param.default, slot_of(param)) for param in document.params)
        self.defaults = {
            key.text: tuple(
                (name.text, getter(tree, self._slots(Call(key, given))[name.text]))
                for name, tree in given
                if self._slots(Call(key, given))[name.text].kind != "node"
            )
            for key, given in document.defaults
        }
        self.idle_defaults = {
            key.text: self._idle_of(Call(key, given), self._lexicon.templates(Call(key, given)).get(key.text))
            for key, given in document.defaults
        }
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
        )

    def _action(self, action: Action, first: TreeMapping | None) -> ActionPlan:
        match action:
            case Call():
                return self._call(action, first)
            case Sequential(body=steps):
                return self._body(steps)
            case Parallel(branches=branches, join=join):
                kind = block_class(join.text)
                assert kind is not None
                bodies = tuple((name.text, self._body(steps)) for name, steps in branches)
                return ParallelPlan(bodies, join.text, kind)
            case Choice(alternatives=alternatives):
                return ChoicePlan(action, tuple((name.text, self._action(one, first)) for name, one in alternatives))
            case Share():
                raise AssertionError("a document with shared weights is not walked")

    def _call(self, call: Call, first: TreeMapping | None) -> CallPlan:
        slots = self._slots(call)
        template = self._lexicon.templates(call).get(call.key.text)
        plain: list[tuple[str, Getter]] = []
        opened: list[tuple[str, Tree, tuple[Getter, ...]]] = []
        nodes: list[tuple[str, str]] = []
        for name, (_, tree) in merge_arguments(call.arguments, first).items():
            slot = slots[name]
            if slot.kind == "node":
                nodes.append((name, tree.text if isinstance(tree, Scalar) else ""))
            elif isinstance(tree, TreeMapping):
                opened.append((name, tree, tuple(getter(one, slot) for one in hole_alternatives(tree) or ())))
            else:
                plain.append((name, getter(tree, slot)))
        return CallPlan(
            call.key.text,
            tuple(plain),
            tuple(opened),
            tuple(nodes),
            call.key.text in self._defaults and not call.key.mark.source.builtin,
            None if template is None else self._template(template),
            block_class(call.key.text) if template is None else None,
            self._idle_of(call, template),
        )

    def _template(self, template: Template) -> TemplatePlan:
        known = self._templates.get(id(template))
        if known is None:
            params = []
            for param in template.params:
                default = None if param.default is None else getter(param.default, slot_of(param))
                params.append((param.name.text, param.kind == "node", default))
            known = TemplatePlan(
                template,
                tuple(params),
                tuple(map(condition, template.where)),
                self._resolver.with_holes.get(template.name.text) is template,
                self._reached(template),
                BodyPlan(),
            )
            known.idle = self._idle_params(template)
            known.constants = _constants(template, known)
            self._templates[id(template)] = known
            self._body(template.body, known.body)
        return known

    def _idle_of(self, call: Call, template: Template | None) -> frozenset[str]:
        """The arguments of a call that cost nothing. Of a shipped primitive these are all that take any number."""
        if template is not None:
            return self._idle_params(template)
        kind = block_class(call.key.text)
        if kind is None or is_extension(kind):
            return frozenset()
        return frozenset(name for name, slot in slots_of(kind).items() if slot.kind == "float")

    def _idle_params(self, template: Template) -> frozenset[str]:
        """The parameters of a block that it only hands on to where they cost nothing."""
        if id(template) not in self._idle:
            read: set[str] = set()
            for tree in (*template.where, *(param.default for param in template.params)):
                read |= _names_of(tree)
            for step in all_steps(template.body):
                for tree in (step.when, step.repeat):
                    read |= _names_of(tree)
                for action in actions_of(step.action):
                    if isinstance(action, Call):
                        inner = self._lexicon.templates(action).get(action.key.text)
                        idle = self._idle_of(action, inner)
                        for name, (_, tree) in merge_arguments(action.arguments, step.first).items():
                            is_handed_on = name in idle and isinstance(tree, Scalar)
                            read |= set() if is_handed_on else _names_of(tree)
            self._idle[id(template)] = frozenset(
                param.name.text for param in template.params if param.kind != "node" and param.name.text not in read
            )
        return self._idle[id(template)]

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
    for param, (name, is_node, default) in zip(template.params, plan.params, strict=True):
        if is_node or (param.default is not None and not _is_plain(param.default, param.words)):
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


def _names_of(tree: Tree | None) -> set[str]:
    """The names that a value may depend on, whichever alternative it takes."""
    if isinstance(tree, TreeMapping):
        return set[str]().union(*map(_names_of, hole_alternatives(tree) or ()))
    return set() if tree is None else set(names_in(tree))
