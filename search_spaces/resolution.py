"""From a document with holes to one without, choice by choice.

All repetitions of a step share their decisions, unless it decides at each. A template with holes decides anew at each
call, unless it decides once. A parameter of the document is one decision however often it is used.
"""

from __future__ import annotations

from dataclasses import replace

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
    calls_of,
    calls_within,
    hole_alternatives,
)
from graphs.faults import FaultList
from graphs.ordering import step_names
from graphs.resolving import BEFORE
from graphs.text import Mapping, Scalar, Tree
from search_spaces.agenda import Agendas, Answers, ask
from search_spaces.counts import count_of, is_zero
from search_spaces.decisions import Choose, Decision, Holes, source_decisions
from search_spaces.offers import Offers

MAX_FILLINGS = 20_000


class Fillings:
    """Blocks with their holes filled, by what was decided in them. They have names that no document can give."""

    def __init__(self, agendas: Agendas) -> None:
        self.agendas = agendas
        self._known: dict[tuple[str, Answers], tuple[Template, dict[str, Template], dict[str, str]]] = {}
        self._number = 0

    def get(self, key: tuple[str, Answers]) -> tuple[Template, dict[str, Template], dict[str, str]] | None:
        """A block that was filled so before, the blocks that it calls, and the names of those that they come of."""
        return self._known.get(key)

    def keep(
        self,
        key: tuple[str, Answers],
        template: Template,
        body: tuple[Step, ...],
        inside: dict[str, Template],
        origins: dict[str, str],
    ) -> None:
        """A block with a body without holes."""
        if len(self._known) >= MAX_FILLINGS:
            self._known.clear()
        self._number += 1
        name = Scalar(f"{template.name.text}#{self._number}", template.name.mark)
        self._known[key] = (replace(template, name=name, body=body), inside, origins)


class Resolution:
    """One walk over a document whose parameters are decided. `fillings` has blocks that were filled in other walks."""

    def __init__(
        self,
        document: Document,
        with_holes: dict[str, Template],
        choose: Choose,
        offers: Offers,
        holes: Holes | None = None,
        fillings: Fillings | None = None,
    ) -> None:
        self._source = document
        self._holes = holes
        self._fillings = fillings
        self._with_holes = with_holes
        self._choose = choose
        self._offers = offers
        self._templates: dict[str, Template] = {}
        self._origins: dict[str, str] = {}  # of templates that have another name: the one they were made of

    @property
    def source(self) -> Document:
        """The document, its parameters decided."""
        return self._source

    @property
    def templates(self) -> dict[str, Template]:
        """The blocks that what is resolved so far calls."""
        return self._templates

    @property
    def origins(self) -> dict[str, str]:
        """Of blocks that have another name than in the document: that one."""
        return self._origins

    @property
    def defaults(self) -> tuple[tuple[Scalar, Mapping], ...]:
        """The document's defaults for the blocks that what is resolved so far calls, under the names that they have."""
        found: list[tuple[Scalar, Mapping]] = []
        for key, given in self._source.defaults:
            if key.text in self._source.templates:
                names = (name for name in self._templates if self._origins.get(name, name) == key.text)
                found += [(Scalar(name, key.mark), given) for name in names]
            else:
                found.append((key, given))
        return tuple(found)

    def fork(self, choose: Choose) -> Resolution:
        """The same walk, going on by other choices."""
        walk = Resolution(self._source, self._with_holes, choose, self._offers, fillings=self._fillings)
        walk._templates, walk._origins = dict(self._templates), dict(self._origins)
        return walk

    def steps(self, steps: tuple[Step, ...], names: tuple[str, ...]) -> tuple[Step, ...]:
        """Some steps of the net, which have these names there, with their holes filled."""
        return tuple(self._step(step, name) for step, name in zip(steps, names, strict=True))

    def arguments(self, arguments: Mapping, address: str) -> Mapping:
        """The arguments of a call that stands at this address, with their holes filled."""
        return self._values(arguments, address)

    def decide_once(self, template: Template) -> None:
        """Fill the holes of a block for all its calls."""
        name = template.name.text
        self._templates[name] = replace(template, body=self._body(template.body, f"blocks.{name}."), once=False)

    def document(self) -> Document:
        """The document of what is decided."""
        body = self._body(self._source.body, "")
        return replace(self._source, body=body, templates=self._templates, defaults=self.defaults, key=None)

    def _body(self, body: tuple[Step, ...], prefix: str) -> tuple[Step, ...]:
        names = step_names(body, FaultList(), taken=())
        return tuple(self._step(step, f"{prefix}{name}") for step, name in zip(body, names, strict=True))

    def _step(self, step: Step, address: str) -> Step:
        sources = self._sources(step, address)
        repeat = step.repeat
        if repeat is not None and hole_alternatives(repeat):
            repeat = self._fill(self._offers.repeat_decision(address, step), repeat)
        if is_zero(repeat):  # nothing inside matters: the step is its input
            nothing = Sequential(Scalar("sequential", step.mark), ())
            return replace(step, sources=sources, repeat=repeat, action=nothing, first=None)
        if step.each:
            return self._each(replace(step, sources=sources, repeat=repeat), address)
        action = self._action(step.action, address)
        first = self._values(step.first, f"{address}.first") if step.first is not None else None
        return replace(step, sources=sources, repeat=repeat, action=action, first=first)

    def _each(self, step: Step, address: str) -> Step:
        """A step that decides at each repetition, as steps one after the other; open, as so many as there may be."""
        if self._holes is not None:
            places = places_of(step, address)
            body = tuple(Step(self._action(step.action, place), step.mark) for place in places)
            first = self._values(step.first, f"{address}.first") if step.first is not None else None
            return replace(step, action=Sequential(step.action.key, body), first=first)
        actions = [self._action(step.action, f"{address}.{number}") for number in range(count_of(step.repeat))]
        first = self._values(step.first, f"{address}.first") if step.first is not None else None
        if isinstance(actions[0], Call) and first is not None:
            merged = tuple(merge_arguments(actions[0].arguments, first).values())
            actions[0] = replace(actions[0], arguments=replace(first, entries=merged))
        names = (Scalar(f"step{number}", step.mark) for number in range(len(actions)))
        body = tuple(Step(action, step.mark, name) for action, name in zip(actions, names, strict=True))
        sequential = Sequential(Scalar("sequential", step.mark), body)
        return replace(step, action=sequential, repeat=None, first=None, each=False)

    def _sources(self, step: Step, address: str) -> tuple[Scalar | Mapping, ...] | None:
        decisions = source_decisions(step.sources, address)
        return step.sources and tuple(
            _name(self._fill(next(decisions), source)) if isinstance(source, Mapping) else source
            for source in step.sources
        )

    def _action(self, action: Action, address: str) -> Action:
        match action:
            case Call(key=key, arguments=arguments):
                filled = Call(key, self._values(arguments, address))
                template = self._with_holes.get(key.text)
                if template is None:
                    self._keep(key.text)
                elif not template.once:
                    return replace(filled, key=Scalar(self._specialized(template, address), key.mark))
                return filled
            case Sequential(body=body):
                return replace(action, body=self._body(body, f"{address}."))
            case Parallel(branches=branches):
                bodies = ((name, self._body(body, f"{address}.{name.text}.")) for name, body in branches)
                return replace(action, branches=tuple(bodies))
            case Share():
                return action
            case Choice(key=key, alternatives=alternatives):
                if self._holes is not None:
                    opened = tuple(
                        (name, self._action(inner, f"{address}.{name.text}")) for name, inner in alternatives
                    )
                    decision = self._offers.choice_decision(address, action)
                    return self._holes.keep(decision, replace(action, alternatives=opened))
                name, picked = alternatives[self._choose(self._offers.choice_decision(address, action))]
                chosen = self._action(picked, f"{address}.{name.text}")
                return replace(chosen, key=Scalar("sequential", key.mark)) if isinstance(chosen, Sequential) else chosen

    def _values(self, arguments: Mapping, address: str) -> Mapping:
        if not any(isinstance(tree, Mapping) for _, tree in arguments):
            return arguments
        entries = []
        for name, tree in arguments:
            if isinstance(tree, Mapping) and self._offers.alternatives(f"{address}.{name.text}", tree):
                tree = self._fill(self._offers.value_decision(f"{address}.{name.text}", tree), tree)
            entries.append((name, tree))
        return replace(arguments, entries=tuple(entries))

    def _fill(self, decision: Decision, hole: Tree) -> Tree:
        """The alternative of a hole; or the hole, where all stay open."""
        if self._holes is not None:
            assert isinstance(hole, Mapping)
            return self._holes.keep(decision, replace(hole))
        return self._offers.alternatives(decision.address, hole)[self._choose(decision)]

    def _specialized(self, template: Template, address: str) -> str:
        """The name of a template of its own for this call; calls that decide alike share one."""
        if self._fillings is not None:
            return self._filled(template, address, self._fillings)
        body = self._body(template.body, f"{address}.")
        name, number = template.name.text, 1
        while True:
            known = self._templates.get(name)
            if known is not None and known.body == body and self._holes is None:
                return name
            if known is None and (number == 1 or name not in self._source.templates):
                break
            number += 1
            name = f"{template.name.text}_{number}"
        self._templates[name] = replace(template, name=Scalar(name, template.name.mark), body=body)
        self._origins[name] = template.name.text
        return name

    def _filled(self, template: Template, address: str, fillings: Fillings) -> str:
        """The name of a template that was filled like this before, if it was."""
        answers: list[int] = []
        ask(fillings.agendas.template(template, address), self._choose, answers)
        key = (template.name.text, tuple(answers))
        known = fillings.get(key)
        if known is None:
            given = iter(answers)
            inner = Resolution(
                self._source, self._with_holes, lambda _: next(given), self._offers, fillings=self._fillings
            )
            body = inner._body(template.body, f"{address}.")
            fillings.keep(key, template, body, inner._templates, inner._origins)
            known = fillings.get(key)
            assert known is not None
        filled, inside, origins = known
        self._templates.update(inside)
        self._origins.update(origins)
        self._templates[filled.name.text] = filled
        self._origins[filled.name.text] = template.name.text
        return filled.name.text

    def _keep(self, name: str) -> None:
        """Take a template without holes over, and what it calls."""
        template = self._source.templates.get(name)
        if template is None or name in self._templates:
            return
        self._templates[name] = template
        for call in calls_within(template.body):
            self._keep(call.key.text)


def places_of(step: Step, address: str) -> tuple[str, ...]:
    """Where the decisions of what a step does stand: at its address, or once for each repetition."""
    if not step.each:
        return (address,)
    counts = [count_of(repeat) for repeat in hole_alternatives(step.repeat) or (step.repeat,)]
    return tuple(f"{address}.{number}" for number in range(max(counts)))


def reads_before(action: Action) -> bool:
    """Whether what a step does names the step before the one that it reads."""
    given = (call.arguments for call in calls_of(action))
    return any(isinstance(tree, Scalar) and tree.value == BEFORE for arguments in given for _, tree in arguments)


def _name(source: Tree) -> Scalar | Mapping:
    assert isinstance(source, Scalar | Mapping)
    return source
