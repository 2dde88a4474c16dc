"""From a document with holes to one without, choice by choice.

All repetitions of a step share their decisions, unless it decides at each. A template with holes decides anew at each
call, unless it decides once. A parameter of the document is one decision however often it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
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
    hole_weights,
)
from graphs.faults import FaultList
from graphs.ordering import step_names
from graphs.resolving import BEFORE
from graphs.text import Mapping, Scalar, Tree
from search_spaces.conditions import OpenParams
from search_spaces.counts import Counts, count_of, is_zero
from search_spaces.decisions import (
    Alternative,
    Choose,
    Decision,
    Holes,
    plain,
    source_decisions,
    value_decision,
    value_decisions,
)


class Resolver:
    """Resolves the holes of one document. Stateless but for what it remembers of the document's holes by address.

    Raises `DocumentError` where the document's `where` can't be kept.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._with_holes = self._find_templates_with_holes()
        self._once = self._find_deciding_once()
        self._params = OpenParams(document)
        self._sizes = Counts(self._with_holes, weighted=False)
        self._masses = Counts(self._with_holes, weighted=True)
        self._known: dict[str, Decision] = {}
        self._trees: dict[str, tuple[Tree, ...]] = {}

    @property
    def has_prior(self) -> bool:
        """Whether some points weigh more than others."""
        return self.mass() != self.count()

    def resolve(self, choose: Choose) -> Document:
        """The document with every hole filled by what `choose` picks, in the order of the text."""
        return self.shared(choose).document()

    def count(self) -> int:
        """The number of points: of different sets of decisions that matter."""
        return self._total(self._sizes, weighted=False)

    def mass(self) -> int:
        """The sum of the prior weights of all points."""
        return self._total(self._masses, weighted=True)

    def decisions(self) -> Iterator[Decision]:
        """All decisions that any point may have, those of every alternative, in the order of the text."""
        yield from map(self._params.outlook, self._params.names)
        for name in self._once:
            yield from self._decisions_of_body(self._with_holes[name].body, f"blocks.{name}.")
        yield from self._decisions_of_body(self._document.body, "")

    def choice_decision(self, address: str, choice: Choice) -> Decision:
        """The decision between the alternatives of a choice of steps."""
        if address not in self._known:
            names = tuple(name.text for name, _ in choice.alternatives)
            sizes, masses = self._sizes.alternatives(choice), self._masses.alternatives(choice)
            self._known[address] = Decision(address, "step", names, sizes, masses, choice.weights)
        return self._known[address]

    def repeat_decision(self, address: str, step: Step) -> Decision:
        """The decision of how often a step is repeated."""
        place = f"{address}.repeat"
        if place not in self._known:
            assert step.repeat is not None
            repeats = tuple(map(plain, hole_alternatives(step.repeat) or ()))
            sizes, masses = self._sizes.repeats(step), self._masses.repeats(step)
            self._known[place] = Decision(place, "repeat", repeats, sizes, masses, hole_weights(step.repeat))
        return self._known[place]

    def value_decision(self, address: str, hole: Tree) -> Decision:
        """The decision of a hole where a value stands."""
        if address not in self._known:
            self._known[address] = value_decision(address, hole)
        return self._known[address]

    def alternatives(self, address: str, hole: Tree) -> tuple[Tree, ...]:
        """What may stand at a hole."""
        if address not in self._trees:
            self._trees[address] = hole_alternatives(hole) or ()
        return self._trees[address]

    @property
    def once(self) -> tuple[str, ...]:
        """The blocks that decide once and that the net may call."""
        return self._once

    def within(self, domains: AbstractMapping[str, tuple[int, ...]]) -> dict[str, Alternative] | None:
        """The first full set of decisions whose alternatives are among these, where any are given; None where `where`
        leaves none."""
        picked: dict[str, int] = {}
        if not self._pick_params(0, domains, picked):
            return None
        taken: dict[str, Alternative] = {}

        def choose(decision: Decision) -> int:
            name = decision.address.removeprefix("params.")
            position = picked[name] if decision.address != name else domains.get(decision.address, (0,))[0]
            taken[decision.address] = decision.alternatives[position]
            return position

        self.resolve(choose)
        return taken

    def _pick_params(self, number: int, domains: AbstractMapping[str, tuple[int, ...]], picked: dict[str, int]) -> bool:
        """Whether the parameters from this one on can be decided; they are in `picked` then."""
        if number == len(self._params.names):
            return True
        name = self._params.names[number]
        decision = self._params.decision(name, picked)
        for position in domains.get(decision.address, range(len(decision.sizes))):
            if decision.sizes[position]:
                picked[name] = position
                if self._pick_params(number + 1, domains, picked):
                    return True
        picked.pop(name, None)
        return False

    def opened(self) -> tuple[Document, Holes]:
        """The document with a block of its own for every call of one with holes, and whose decision each hole is."""
        holes, params = Holes(), []
        for param in self._document.params:
            if hole_alternatives(param.default):
                assert isinstance(param.default, Mapping)
                hole = holes.keep(self._params.outlook(param.name.text), replace(param.default))
                param = replace(param, default=hole)
            params.append(param)
        document = replace(self._document, params=tuple(params))
        walk = Resolution(document, self._with_holes, _never, self, holes)
        for name in self._once:
            walk.decide_once(self._with_holes[name])
        return walk.document(), holes

    def shared(self, choose: Choose) -> Resolution:
        """A walk that has decided what many places share: parameters, and blocks that decide once."""
        picked: dict[str, int] = {}
        params = []
        for param in self._document.params:
            name = param.name.text
            if name in self._params.names:
                picked[name] = choose(self._params.decision(name, picked))
                param = replace(param, default=(hole_alternatives(param.default) or ())[picked[name]])
            params.append(param)
        walk = Resolution(replace(self._document, params=tuple(params)), self._with_holes, choose, self)
        for name in self._once:
            walk.decide_once(self._with_holes[name])
        return walk

    @property
    def with_holes(self) -> AbstractMapping[str, Template]:
        """The blocks that leave something open, by name."""
        return self._with_holes

    def count_step(self, step: Step) -> int:
        """The number of ways to fill the holes of a step of the document."""
        return self._sizes.step(step)

    def count_action(self, action: Action) -> int:
        """The number of ways to fill the holes of an action."""
        return self._sizes.action(action)

    def count_shared(self) -> int:
        """The number of ways to decide what the whole document shares."""
        return self._shared(self._sizes, weighted=False)

    def _total(self, counts: Counts, *, weighted: bool) -> int:
        return self._shared(counts, weighted=weighted) * counts.body(self._document.body)

    def _shared(self, counts: Counts, *, weighted: bool) -> int:
        found = self._params.count(weighted=weighted)
        for name in self._once:
            found *= counts.body(self._with_holes[name].body)
        return found

    def _decisions_of_body(self, body: tuple[Step, ...], prefix: str) -> Iterator[Decision]:
        for step, name in zip(body, step_names(body, FaultList(), taken=()), strict=True):
            address = f"{prefix}{name}"
            yield from source_decisions(step.sources, address)
            if hole_alternatives(step.repeat):
                yield self.repeat_decision(address, step)
            for place in _places(step, address):
                yield from self._decisions_of_action(step.action, place)
            yield from value_decisions(step.first, f"{address}.first")

    def _decisions_of_action(self, action: Action, address: str) -> Iterator[Decision]:
        match action:
            case Call(key=key, arguments=arguments):
                yield from value_decisions(arguments, address)
                template = self._with_holes.get(key.text)
                if template is not None and not template.once:
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

    def _find_deciding_once(self) -> tuple[str, ...]:
        """The blocks that decide once and that the net may call, also by way of others, in the order of the text."""
        reached: set[str] = set()
        waiting = [self._document.body]
        while waiting:
            for call in calls_within(waiting.pop()):
                template = self._with_holes.get(call.key.text)
                if template is not None and call.key.text not in reached:
                    reached.add(call.key.text)
                    waiting.append(template.body)
        return tuple(name for name, template in self._with_holes.items() if template.once and name in reached)


class Resolution:
    """One walk over a document whose parameters are decided."""

    def __init__(
        self,
        document: Document,
        with_holes: dict[str, Template],
        choose: Choose,
        resolver: Resolver,
        holes: Holes | None = None,
    ) -> None:
        self._source = document
        self._holes = holes
        self._with_holes = with_holes
        self._choose = choose
        self._resolver = resolver
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
        walk = Resolution(self._source, self._with_holes, choose, self._resolver)
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
        return replace(self._source, body=body, templates=self._templates, defaults=self.defaults)

    def _body(self, body: tuple[Step, ...], prefix: str) -> tuple[Step, ...]:
        names = step_names(body, FaultList(), taken=())
        return tuple(self._step(step, f"{prefix}{name}") for step, name in zip(body, names, strict=True))

    def _step(self, step: Step, address: str) -> Step:
        sources = self._sources(step, address)
        repeat = step.repeat
        if repeat is not None and hole_alternatives(repeat):
            repeat = self._fill(self._resolver.repeat_decision(address, step), repeat)
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
            places = _places(step, address)
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
                    decision = self._resolver.choice_decision(address, action)
                    return self._holes.keep(decision, replace(action, alternatives=opened))
                name, picked = alternatives[self._choose(self._resolver.choice_decision(address, action))]
                chosen = self._action(picked, f"{address}.{name.text}")
                return replace(chosen, key=Scalar("sequential", key.mark)) if isinstance(chosen, Sequential) else chosen

    def _values(self, arguments: Mapping, address: str) -> Mapping:
        if not any(isinstance(tree, Mapping) for _, tree in arguments):
            return arguments
        entries = []
        for name, tree in arguments:
            if isinstance(tree, Mapping) and self._resolver.alternatives(f"{address}.{name.text}", tree):
                tree = self._fill(self._resolver.value_decision(f"{address}.{name.text}", tree), tree)
            entries.append((name, tree))
        return replace(arguments, entries=tuple(entries))

    def _fill(self, decision: Decision, hole: Tree) -> Tree:
        """The alternative of a hole; or the hole, where all stay open."""
        if self._holes is not None:
            assert isinstance(hole, Mapping)
            return self._holes.keep(decision, replace(hole))
        return self._resolver.alternatives(decision.address, hole)[self._choose(decision)]

    def _specialized(self, template: Template, address: str) -> str:
        """The name of a template of its own for this call; calls that decide alike share one."""
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

    def _keep(self, name: str) -> None:
        """Take a template without holes over, and what it calls."""
        template = self._source.templates.get(name)
        if template is None or name in self._templates:
            return
        self._templates[name] = template
        for call in calls_within(template.body):
            self._keep(call.key.text)


def _name(source: Tree) -> Scalar | Mapping:
    assert isinstance(source, Scalar | Mapping)
    return source


def reads_before(action: Action) -> bool:
    """Whether what a step does names the step before the one that it reads."""
    given = (call.arguments for call in calls_of(action))
    return any(isinstance(tree, Scalar) and tree.value == BEFORE for arguments in given for _, tree in arguments)


def _never(decision: Decision) -> int:
    raise AssertionError(f"{decision.address} stays open")


def _places(step: Step, address: str) -> tuple[str, ...]:
    """Where the decisions of what a step does stand: at its address, or once for each repetition."""
    if not step.each:
        return (address,)
    counts = [count_of(repeat) for repeat in hole_alternatives(step.repeat) or (step.repeat,)]
    return tuple(f"{address}.{number}" for number in range(max(counts)))


def _has_hole(step: Step, templates: dict[str, Template]) -> bool:
    return (
        step.each
        or bool(hole_alternatives(step.repeat))
        or any(isinstance(source, Mapping) for source in step.sources or ())
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
