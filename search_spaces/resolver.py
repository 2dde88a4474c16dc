"""The holes of one document: which decisions there are, how many points, and the walks that fill them."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import replace
from functools import cached_property

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
from graphs.text import Mapping
from search_spaces.agenda import Agenda, Agendas, Answers, PointKey, ask
from search_spaces.conditions import OpenParams
from search_spaces.counts import Counts
from search_spaces.decisions import Alternative, Choose, Decision, Holes, source_decisions, value_decisions
from search_spaces.offers import Offers
from search_spaces.resolution import Fillings, Resolution, places_of

MAX_GIVEN = 10_000  # answers to one agenda that are kept to be shared


class Resolver:
    """Resolves the holes of one document. Caches only; results do not depend on earlier calls.

    Raises `DocumentError` where the document's `where` can't be kept.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._with_holes = self._find_templates_with_holes()
        self._once = self._find_deciding_once()
        self._params = OpenParams(document)
        self._offers = Offers(self._with_holes)
        self._agendas = Agendas(self._offers, self._with_holes)
        self._fillings = Fillings(self._agendas)
        self._given: dict[Answers, Answers] = {}

    @property
    def has_prior(self) -> bool:
        """Whether some points weigh more than others."""
        return self.mass() != self.count()

    def resolve(self, choose: Choose) -> Document:
        """The document with every hole filled by what `choose` picks, in the order of the text."""
        return self.begin(choose).document()

    def ask(self, choose: Choose) -> tuple[PointKey, dict[str, Alternative]]:
        """The answers of `choose` to all that matters, in the order of the text; and the decisions that they are."""
        taken: dict[str, Alternative] = {}

        def note(decision: Decision) -> int:
            position = choose(decision)
            taken[decision.address] = decision.alternatives[position]
            return position

        picked: dict[str, int] = {}
        for name in self._params.names:
            picked[name] = note(self._params.decision(name, picked))
        shared: list[Answers] = [(position,) for position in picked.values()]
        shared += [self._answers(agenda, note) for agenda in self._agendas_once]
        steps = tuple([self._answers(agenda, note) for agenda in self._agendas_of_steps])
        return PointKey(tuple(shared), steps), taken

    def ask_step(self, step: Step, address: str, choose: Choose) -> None:
        """Ask for all that a step leaves open which stands at an address."""
        ask(self._agendas.step(step, address), choose, [])

    def _answers(self, agenda: Agenda, choose: Choose) -> Answers:
        """The answers to one agenda; equal ones are one object, as most points have most of theirs in common."""
        answers: list[int] = []
        ask(agenda, choose, answers)
        given = tuple(answers)
        if len(self._given) >= MAX_GIVEN:
            self._given.clear()
        return self._given.setdefault(given, given)

    @cached_property
    def _agendas_once(self) -> list[Agenda]:
        return [self._agendas.body(self._with_holes[name].body, f"blocks.{name}.") for name in self._once]

    @cached_property
    def _agendas_of_steps(self) -> list[Agenda]:
        body = self._document.body
        names = step_names(body, FaultList(), taken=())
        return [self._agendas.step(step, name) for step, name in zip(body, names, strict=True)]

    @property
    def shared_names(self) -> tuple[str, ...]:
        """What the whole document shares, in the order of `PointKey.shared`."""
        return (*(f"params.{name}" for name in self._params.names), *(f"blocks.{name}" for name in self._once))

    def count(self) -> int:
        """The number of points: of different sets of decisions that matter."""
        return self._total(self._offers.sizes, weighted=False)

    def mass(self) -> int:
        """The sum of the prior weights of all points."""
        return self._total(self._offers.masses, weighted=True)

    def decisions(self) -> Iterator[Decision]:
        """All decisions that any point may have, those of every alternative, in the order of the text."""
        yield from map(self._params.outlook, self._params.names)
        for name in self._once:
            yield from self._decisions_of_body(self._with_holes[name].body, f"blocks.{name}.")
        yield from self._decisions_of_body(self._document.body, "")

    def param_decision(self, name: str, picked: AbstractMapping[str, int]) -> Decision:
        """The decision of a parameter, after those before it took the positions in `picked`."""
        return self._params.decision(name, picked)

    @property
    def offers(self) -> Offers:
        """The decisions of the document's holes."""
        return self._offers

    @property
    def once(self) -> tuple[str, ...]:
        """The blocks that decide once and that the net may call."""
        return self._once

    def first_within(self, domains: AbstractMapping[str, tuple[int, ...]]) -> dict[str, Alternative] | None:
        """The first full set of decisions whose alternatives are among these, where any are given; None where `where`
        leaves none."""
        picked: dict[str, int] = {}
        if not self._pick_params(0, domains, picked):
            return None
        shared = {f"params.{name}": position for name, position in picked.items()}
        taken: dict[str, Alternative] = {}

        def choose(decision: Decision) -> int:
            position = shared.get(decision.address)
            if position is None:
                position = domains.get(decision.address, (0,))[0]
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
        walk = Resolution(document, self._with_holes, _never, self._offers, holes)
        for name in self._once:
            walk.decide_once(self._with_holes[name])
        return walk.document(), holes

    def begin(self, choose: Choose, *, remembers: bool = False) -> Resolution:
        """A walk that has decided what many places share: parameters, and blocks that decide once.

        One that remembers goes fast, and has other names for blocks.
        """
        picked: dict[str, int] = {}
        params = []
        for param in self._document.params:
            name = param.name.text
            if name in self._params.names:
                picked[name] = choose(self._params.decision(name, picked))
                param = replace(param, default=(hole_alternatives(param.default) or ())[picked[name]])
            params.append(param)
        document = replace(self._document, params=tuple(params))
        fillings = self._fillings if remembers else None
        walk = Resolution(document, self._with_holes, choose, self._offers, fillings=fillings)
        for name in self._once:
            walk.decide_once(self._with_holes[name])
        return walk

    @property
    def with_holes(self) -> AbstractMapping[str, Template]:
        """The blocks that leave something open, by name."""
        return self._with_holes

    def is_open(self, step: Step) -> bool:
        """Whether a step of the document leaves something open."""
        return _has_hole(step, self._with_holes)

    def count_step(self, step: Step) -> int:
        """The number of ways to fill the holes of a step of the document."""
        return self._offers.sizes.step(step)

    def count_action(self, action: Action) -> int:
        """The number of ways to fill the holes of an action."""
        return self._offers.sizes.action(action)

    def count_shared(self) -> int:
        """The number of ways to decide what the whole document shares."""
        return self._count_shared(self._offers.sizes, weighted=False)

    def _total(self, counts: Counts, *, weighted: bool) -> int:
        return self._count_shared(counts, weighted=weighted) * counts.body(self._document.body)

    def _count_shared(self, counts: Counts, *, weighted: bool) -> int:
        found = self._params.count(weighted=weighted)
        for name in self._once:
            found *= counts.body(self._with_holes[name].body)
        return found

    def _decisions_of_body(self, body: tuple[Step, ...], prefix: str) -> Iterator[Decision]:
        for step, name in zip(body, step_names(body, FaultList(), taken=()), strict=True):
            address = f"{prefix}{name}"
            yield from source_decisions(step.sources, address)
            if hole_alternatives(step.repeat):
                yield self._offers.repeat_decision(address, step)
            for place in places_of(step, address):
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
                yield self._offers.choice_decision(address, action)
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


def _never(decision: Decision) -> int:
    raise AssertionError(f"{decision.address} stays open")


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
