"""Code of steps, in the order in which an expansion does them (`graphs.walking`)."""

from __future__ import annotations

from dataclasses import replace

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
    hole_alternatives,
)
from graphs.faults import FaultList
from graphs.ordering import step_names, step_order
from graphs.resolving import REPEAT
from graphs.text import Mapping, Scalar
from search_spaces.choosers import SIZE
from search_spaces.code_calls import CallCode
from search_spaces.code_expressions import argument, condition
from search_spaces.code_values import Body, Place, Variables, after, named, refused, together
from search_spaces.resolver import Resolver


class StepCode:
    """Generates the code of the steps of one document."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.calls = CallCode(document, resolver, self._template)
        self._resolver = resolver

    def _template(self, template: Template, body: Body) -> Variables:
        return self._alternatives(template, body) if template.alternatives else self._body(template.body, body)

    def _alternatives(self, template: Template, body: Body) -> Variables:
        """The first step whose condition holds; what the block reads where none does."""
        assert body.source is not None
        writer, found = body.writer, Variables.new(body.writer)
        steps = list(zip(template.body, step_names(template.body, FaultList(), taken=()), strict=True))
        writer.add(f"w.spent[{SIZE}] += {1 + len(steps)}")
        with writer.under("for _ in (0,):"):  # a block to break out of at the first that holds
            for at, (step, name) in enumerate(steps):
                holds = "True" if step.when is None else condition(step.when, body.scope, writer)
                with writer.under(f"if {holds}:"):
                    value = self.step(replace(step, when=None), name, body.source, body, looks_back=False)
                    writer.add(f"{found.value} = {value.value}")
                    for other, elsewhere in steps[at + 1 :]:
                        self._skip(other, elsewhere, body)
                    writer.add("break")
                self._skip(step, name, body)
            writer.add(f"{found.value} = {body.source.value}")
        return found

    def _body(self, steps: tuple[Step, ...], body: Body) -> Variables:
        """The value of some steps."""
        names = step_names(steps, FaultList(), taken=())
        order, _ = step_order(steps, names, self.calls.lexicon.references, FaultList())
        looks_back = any(map(self.calls.looks_back, steps))
        body.writer.add(f"w.spent[{SIZE}] += {1 + len(steps)}")  # one where it is repeated
        done: dict[int, Variables] = {}
        for position in order:
            step, previous = steps[position], done.get(position - 1) if position else body.source
            done[position] = self.step(step, names[position], previous, body, looks_back=looks_back)
            if step.name is not None:
                body.named[step.name.text] = done[position]
        return (done[len(steps) - 1] if steps else body.source) or refused(body.writer)

    def step(self, step: Step, name: str, previous: Variables | None, body: Body, *, looks_back: bool) -> Variables:
        """The value of a step, which reads `previous` where it does not say what. Where some step `looks_back`, what it
        read is known of the value as well."""
        writer, sources = body.writer, self.sources(step, previous, body)
        place = None if body.place is None else body.place.of(name)
        if step.when is None:
            return self._outcome(step, sources, place, body)
        size = 4 if looks_back else 2
        found = Variables.new(writer, size)
        with writer.under(f"if {condition(step.when, body.scope, writer)}:"):
            value = self._outcome(step, sources, place, body)
            writer.add(f"{', '.join(found[:size])} = {', '.join(value[:size])}")
        with writer.under("else:"):
            self._skip(step, name, body)
            writer.add(f"{', '.join(found[:size])} = {', '.join(sources[0][:size])}")
        return found

    def sources(self, step: Step, previous: Variables | None, body: Body) -> tuple[Variables, ...]:
        """What a step reads."""
        if step.sources is None:
            return (previous or refused(body.writer),)
        return tuple([named(one.text, body) for one in step.sources if isinstance(one, Scalar)])

    def _skip(self, step: Step, name: str, body: Body) -> None:
        """Decide what a step leaves open that is not done."""
        if body.place is not None and self._resolver.is_open(step):
            body.writer.add(f"w.skip({body.writer.keep('step', step)}, {body.place.of(name).code})")

    def _outcome(self, step: Step, sources: tuple[Variables, ...], place: Place | None, body: Body) -> Variables:
        """The value of a step that is done."""
        writer = body.writer
        if step.repeat is None:
            found = self._action(step.action, step.first, sources, place, body)
            return after(sources[0], found) if len(sources) == 1 else Variables(found.type, found.at)
        [source] = sources
        if step.each:
            body = body._replace(scope=body.scope.inside(source.type))
        elif hole_alternatives(step.repeat):
            return self._open_repeat(step, source, place, body)
        found, number = Variables.new(writer, 4), writer.fresh("i")
        writer.add(f"{found.all} = {source.all}")
        with writer.under(f"for {number} in range({self.times(step, place, body)}):"):
            writer.add("w.go_on()")
            if step.each:
                assert place is not None
                inner = writer.fresh("a")
                writer.add(f"{inner} = {place.code} + '.' + str({number})")
                place = Place(inner)
            value = self.once(step, number, found, place, body)
            writer.add(f"{found.all} = {value.value}, {found.value}")
        return found

    def _open_repeat(self, step: Step, source: Variables, place: Place | None, body: Body) -> Variables:
        assert place is not None
        writer = body.writer
        once, number, given = writer.fresh("once"), writer.fresh("i"), Variables.new(writer, 4)
        with writer.under(f"def {once}({number}, {given.all}):"):
            writer.add(f"return {self.once(step, number, given, place, body).value}")
        found, looks_back = Variables.new(writer, 4), self.calls.looks_back(step)
        what = f"{place.code}, {writer.keep('step', step)}, {once}"
        writer.add(f"{found.all} = w.repeat({what}, ({source.all}), {looks_back})")
        return found

    def once(self, step: Step, number: str, given: Variables, place: Place | None, body: Body) -> Variables:
        """One repetition of a step, the first of which may be given other arguments."""
        if step.first is None:
            return self._action(step.action, None, (given,), place, body)
        writer, found = body.writer, Variables.new(body.writer)
        for line, first in ((f"if {number} == 0:", step.first), ("else:", None)):
            with writer.under(line):
                value = self._action(step.action, first, (given,), place, body)
                writer.add(f"{found.value} = {value.value}")
        return found

    def times(self, step: Step, place: Place | None, body: Body) -> str:
        """How often a step is repeated that decides at each, or that says how often."""
        if hole_alternatives(step.repeat):
            assert place is not None
            return f"w.count({place.code}, {body.writer.keep('step', step)})"
        return "1" if step.repeat is None else f"w.times({argument(step.repeat, REPEAT, body.scope, body.writer)})"

    def _action(
        self, action: Action, first: Mapping | None, sources: tuple[Variables, ...], place: Place | None, body: Body
    ) -> Variables:
        """The value of what a step does."""
        match action:
            case Call():
                return self.calls.call(action, first, sources, place, body)
            case Sequential(body=steps):
                return self._group(steps, sources[0], place, body)
            case Parallel(branches=branches, join=join):
                ends = [
                    self._group(steps, sources[0], place.of(name.text) if place else None, body)
                    for name, steps in branches
                ]
                return self.calls.call(Call(join, Mapping((), join.mark)), None, tuple(ends), place, body)
            case Choice():
                assert place is not None
                return self._choice(action, first, sources, place, body)
            case Share():
                raise AssertionError("a document with shared weights is not walked")

    def _group(self, steps: tuple[Step, ...], source: Variables, place: Place | None, body: Body) -> Variables:
        scope = body.scope.inside(source.type)
        return self._body(steps, Body(body.writer, scope, source, {}, place, body.given))

    def _choice(
        self, choice: Choice, first: Mapping | None, sources: tuple[Variables, ...], place: Place, body: Body
    ) -> Variables:
        """One of some alternatives, as a function of its number and of what it reads, which may be something else."""
        writer, inner, here = body.writer, body, "None"
        name, number, inside = writer.fresh("choice"), writer.fresh("i"), writer.fresh("t")
        if body.source is not None:
            here = body.source.type
            inner = body._replace(scope=body.scope.inside(inside), source=body.source._replace(type=inside))
        read = [Variables(*Variables.new(writer)[:2], one.before, one.before_at) for one in sources]
        parameters = ", ".join([one.value for one in read])
        with writer.under(f"def {name}(w, {number}, {inside}, {parameters}):"):
            for at, (alternative, action) in enumerate(choice.alternatives):
                with writer.under(f"if {number} == {at}:"):
                    value = self._action(action, first, tuple(read), place.of(alternative.text), inner)
                    writer.add(f"return {value.value}")
        gives_nodes = any(isinstance(one, Call) and self.calls.takes_nodes(one) for _, one in choice.alternatives)
        is_alike = body.place != Place("") and not gives_nodes  # wherever the choice stands
        found, kept = Variables.new(writer), writer.keep("choice", choice)
        types, places = together(one.type for one in sources), together(one.at for one in sources)
        key = f"({kept!r}, {body.given})" if is_alike else "None"
        writer.add(f"{found.value} = w.choice({place.code}, {kept}, {name}, {here}, {types}, {places}, {key})")
        return found
