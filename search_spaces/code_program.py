"""Code generation: a document compiled to Python functions that walk it, each generated at its first call.

Why: a document is walked thousands of times with other decisions; generated functions are two to four times as fast as
an interpreter of its steps. Safety: only numbers, literals and generated names get into the source, never text of a
document.

A block of the language is a function from what it reads, and from its arguments, to what it gives; a block that leaves
something open takes the address of its call as well. A value is two variables: its type, and its number among what was
made. The functions call `search_spaces.type_walk.TypeWalk`, which makes decisions and adds up costs, as `w`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from graphs.document import Call, Document, Sequential, Step, hole_alternatives
from graphs.faults import FaultList
from graphs.ordering import step_names, step_order
from graphs.slots import slot_of
from graphs.text import Scalar, Tree
from search_spaces.code_calls import Function
from search_spaces.code_expressions import Code, Names, argument, condition, kind_of
from search_spaces.code_steps import StepCode
from search_spaces.code_values import Body, Place, Variables
from search_spaces.resolver import Resolver


class NetStep(NamedTuple):
    """A step of the net, as functions of values by name and of that of the step before. Of one that decides at each
    repetition: how often it does, and one repetition, which takes its number and the value of the one before it."""

    name: str
    walk: Function
    times: Function | None = None
    repetition: Function | None = None


class Program:
    """One document: its parameters, each with a function for every alternative; what it says of all calls of a block,
    as functions; and the steps of its net, with the order of their walk."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.document = document
        self._step_code = StepCode(document, resolver)
        self._calls = self._step_code.calls
        slots = {param.name.text: slot_of(param) for param in document.params}
        values = {name: Code(f"w.params[{at}]", kind_of(slot)) for at, (name, slot) in enumerate(slots.items())}
        self._reach = Names(values, slots, {})
        self.params = [
            [self._value(tree, param.name.text) for tree in hole_alternatives(param.default) or (param.default,)]
            for param in document.params
        ]
        self.defaults: list[Function] = []
        for key, given in document.defaults:
            self._calls.defaults[key.text] = self._defaults_of(Call(key, given))
        names = step_names(document.body, FaultList(), taken=())
        self.order, _ = step_order(document.body, names, self._calls.lexicon.references, FaultList())
        self._names = {step.name.text for step in document.body if step.name is not None}
        self._names.update(name.text for name, _ in document.inputs)
        self.steps = [self._step(step, name) for step, name in zip(document.body, names, strict=True)]

    def _value(self, tree: Tree | None, param: str) -> Function:
        writer = self._calls.begin("w")
        code = "refuse()" if tree is None else argument(tree, self._reach.slots[param], self._reach, writer)
        writer.add(f"return {code}")
        return self._calls.end(writer)

    def _defaults_of(self, call: Call) -> dict[str, str]:
        """The code of the arguments of all calls of a block."""
        found: dict[str, str] = {}
        slots = self._calls.lexicon.slots(call) or {}
        for name, tree in call.arguments:
            if slots[name.text].kind != "node":
                writer = self._calls.begin("w")
                writer.add(f"return {argument(tree, slots[name.text], self._reach, writer)}")
                found[name.text] = f"w.defaults[{len(self.defaults)}]"
                self.defaults.append(self._calls.end(writer))
        return found

    def _step(self, step: Step, name: str) -> NetStep:
        body, previous = self._begin(step)
        if not step.each:
            found = self._step_code.step(step, name, previous, body, looks_back=True)
            body.writer.add(f"return {found.all}")
            return NetStep(name, self._calls.end(body.writer))
        [source] = self._step_code.sources(step, previous, body)
        body.writer.add(f"return {source.all}")
        place = Place("", name)
        return NetStep(name, self._calls.end(body.writer), self._times(step, place), self._repetition(step, place))

    def _begin(self, step: Step, *parameters: str) -> tuple[Body, Variables]:
        """A function of a step of the net, and the value of the step before."""
        writer = self._calls.begin("w", "values", "previous", *parameters)
        words = {one.text for one in step.sources or () if isinstance(one, Scalar)} | self._calls.nodes_named(step)
        named: dict[str, Variables] = {}
        for name in sorted(words & self._names):
            named[name] = Variables.new(writer, 4)
            writer.add(f"{named[name].all} = values.get({name!r}) or refuse()")
        previous = Variables.new(writer, 4)
        if step.sources is None:
            writer.add(f"{previous.all} = previous or refuse()")
        source, scope = None, self._reach
        if len(self.document.inputs) == 1:
            writer.add("t0, v0 = w.source")
            source, scope = Variables("t0", "v0"), scope.inside("t0")
        return Body(writer, scope, source, named, Place(""), "w.given"), previous

    def _times(self, step: Step, place: Place) -> Function:
        """How often a step decides; not at all where it is not done."""
        body, _ = self._begin(replace(step, sources=(), action=Sequential(step.action.key, ()), first=None))
        if step.when is not None:
            body.writer.add(f"if not ({condition(step.when, body.scope, body.writer)}): return 0")
        body.writer.add(f"return {self._step_code.times(step, place, body)}")
        return self._calls.end(body.writer)

    def _repetition(self, step: Step, place: Place) -> Function:
        body, previous = self._begin(step, "number", "current")
        [source] = self._step_code.sources(step, previous, body)
        given = Variables.new(body.writer, 4)
        body.writer.add(f"{given.all} = ({source.all}) if current is None else current")
        body.writer.add(f"place = {place.code} + '.' + str(number)")
        body = body._replace(scope=body.scope.inside(source.type))
        found = self._step_code.once(step, "number", given, Place("place"), body)
        body.writer.add(f"return {found.value}, {given.value}")
        return self._calls.end(body.writer)
