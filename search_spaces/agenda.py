"""What there is to be decided, in the order in which it is asked for: the holes of a document without the document.

A choice makes more decisions matter, those below the alternative that is taken. The answers to an agenda, as positions
of alternatives, say which point it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from functools import cached_property

from graphs.document import Action, Call, Choice, Parallel, Sequential, Share, Step, Template, hole_alternatives
from graphs.faults import FaultList
from graphs.ordering import step_names
from graphs.text import Mapping, Tree
from search_spaces.counts import count_of, is_zero
from search_spaces.decisions import Choose, Decision, source_decisions
from search_spaces.offers import Offers

Answers = tuple[int, ...]


class Question:
    """One decision, and what each of its alternatives makes matter; nothing where `below` is None."""

    def __init__(self, decision: Decision, below: tuple[Callable[[], Agenda], ...] | None = None) -> None:
        self.decision = decision
        self._below = below
        self.leads_on = below is not None

    @cached_property
    def below(self) -> tuple[Agenda, ...]:
        """What each alternative makes matter."""
        return tuple(find() for find in self._below or ())


Agenda = Sequence[Question]


class Agendas:
    """The agendas of the parts of one document, each made once."""

    def __init__(self, offers: Offers, with_holes: AbstractMapping[str, Template]) -> None:
        self._offers = offers
        self._with_holes = with_holes
        self._templates: dict[tuple[str, str], Agenda] = {}
        self._steps: dict[tuple[int, str], Agenda] = {}

    def body(self, body: tuple[Step, ...], prefix: str) -> Agenda:
        """The decisions of the steps of a body."""
        names = step_names(body, FaultList(), taken=())
        found: list[Question] = []
        for step, name in zip(body, names, strict=True):
            found += self.step(step, f"{prefix}{name}")
        return found

    def template(self, template: Template, address: str) -> Agenda:
        """The decisions of a block that is called at an address."""
        key = (template.name.text, address)
        if key not in self._templates:
            self._templates[key] = self.body(template.body, f"{address}.")
        return self._templates[key]

    def step(self, step: Step, address: str) -> Agenda:
        """The decisions of a step."""
        key = (id(step), address)
        if key not in self._steps:
            self._steps[key] = self._step(step, address)
        return self._steps[key]

    def _step(self, step: Step, address: str) -> Agenda:
        found = [Question(decision) for decision in source_decisions(step.sources, address)]
        trees = hole_alternatives(step.repeat)
        if trees:
            below = tuple((lambda tree=tree: self._repeated(step, tree, address)) for tree in trees)
            found.append(Question(self._offers.repeat_decision(address, step), below))
        else:
            found += self._repeated(step, step.repeat, address)
        return found

    def _repeated(self, step: Step, repeat: Tree | None, address: str) -> Agenda:
        """The decisions of a step's action, done `repeat` times."""
        if is_zero(repeat):
            return []
        found: list[Question] = []
        if step.each:
            for number in range(count_of(repeat)):
                found += self._action(step.action, f"{address}.{number}")
        else:
            found += self._action(step.action, address)
        if step.first is not None:
            found += self._values(step.first, f"{address}.first")
        return found

    def _action(self, action: Action, address: str) -> Agenda:
        match action:
            case Call(key=key, arguments=arguments):
                template = self._with_holes.get(key.text)
                found = self._values(arguments, address)
                if template is not None and not template.once:
                    found = [*found, *self.template(template, address)]
                return found
            case Sequential(body=body):
                return self.body(body, f"{address}.")
            case Parallel(branches=branches):
                return [one for name, body in branches for one in self.body(body, f"{address}.{name.text}.")]
            case Share():
                return []
            case Choice(alternatives=alternatives):
                below = tuple(
                    (lambda name=name, inner=inner: self._action(inner, f"{address}.{name.text}"))
                    for name, inner in alternatives
                )
                return [Question(self._offers.choice_decision(address, action), below)]

    def _values(self, arguments: Mapping, address: str) -> list[Question]:
        return [
            Question(self._offers.value_decision(f"{address}.{name.text}", tree))
            for name, tree in arguments
            if isinstance(tree, Mapping) and self._offers.alternatives(f"{address}.{name.text}", tree)
        ]


@dataclass(frozen=True, slots=True)
class PointKey:
    """A point as the answers to an agenda: those of what the whole document shares, parameters and then blocks that
    decide once, and those of each step of its net. No two points of a space have the same."""

    shared: tuple[Answers, ...]
    steps: tuple[Answers, ...]

    @property
    def answers(self) -> Iterator[int]:
        """All of them, in the order of the text."""
        for answers in (*self.shared, *self.steps):
            yield from answers


def ask(agenda: Agenda, choose: Choose, answers: list[int]) -> None:
    """Go through an agenda; the answers are added."""
    for question in agenda:
        position = choose(question.decision)
        answers.append(position)
        if question.leads_on:
            ask(question.below[position], choose, answers)
