"""Which documents can be walked without their networks (`search_spaces.costing`), and why others can't.

A walk on types does not check that every value is read, nor limits of nesting and of addresses. So only documents are
walked in which these hold for all decisions. The test is conservative: a document it rejects is expanded instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphs.assembly import MAX_NODES
from graphs.document import (
    Action,
    Call,
    Choice,
    Document,
    Parallel,
    Sequential,
    Share,
    Step,
    hole_alternatives,
)
from graphs.faults import FaultList
from graphs.ordering import step_names
from graphs.tally import MAX_ADDRESS, MAX_NESTING
from graphs.text import Mapping, Scalar
from search_spaces.resolver import Resolver

MAX_DEPTH = 15  # groups nested in one body become nested `for` loops, and CPython compiles at most 20
MAX_NUMBER = len(f".{MAX_NODES}")  # of a repetition in an address


def not_walked_because(document: Document, resolver: Resolver) -> str:
    """Why a document can't be walked, in words; nothing where it can."""
    if document.training_outputs:
        return "the document has outputs for training alone"
    if resolver.once:
        return f"`{resolver.once[0]}` decides once"
    for steps in (document.body, *(template.body for template in document.templates.values())):
        for step in all_steps(steps):
            if step.unused:
                return "a step may go unread"
            if any(isinstance(source, Mapping) for source in step.sources or ()):
                return "what a step reads is open"
            if step.first is not None and any(isinstance(tree, Mapping) for _, tree in step.first):
                return "a first repetition decides for itself"
            if not all(
                isinstance(one, Scalar) and type(one.value) is int for one in hole_alternatives(step.repeat) or ()
            ):
                return "how often a step is repeated is an expression"
            if any(isinstance(action, Share) for action in actions_of(step.action)):
                return "steps share their weights"
    if not _Reading(document).is_sure:
        return "whether a step is read depends on what is decided"
    levels, length = _Nesting(document).below(document.body)
    if levels > MAX_NESTING or length > MAX_ADDRESS:
        return "blocks may be nested too deep"
    if any(_depth(steps) > MAX_DEPTH for steps in (document.body, *[one.body for one in document.templates.values()])):
        return "groups are nested too deep"
    return ""


class _Reading:
    """What reads what in a document, whatever is decided. A step that makes no node need not be read, and counts for
    nothing as a reader."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._known: dict[int, set[str]] = {}
        self._makers: dict[int, bool] = {}

    @property
    def is_sure(self) -> bool:
        """Whether all inputs and all steps are read, or are outputs."""
        document = self._document
        inputs = {name.text for name, _ in document.inputs}
        read = self._read(document.body) | {source.text for _, source in document.outputs}
        if len(inputs) == 1 and "in" in read:
            read |= inputs
        last = document.body[-1:] if not document.outputs else ()
        templates = (one for one in document.templates.values() if not one.name.mark.source.builtin)
        return (
            read.issuperset(inputs)
            and read.issuperset(self._made(document.body, last))
            and all(self._is_whole(step) for step in document.body)
            and all(
                all(self._is_whole(step) for step in one.body) if one.alternatives else self._are_read(one.body)
                for one in templates
            )
        )

    def _are_read(self, steps: tuple[Step, ...]) -> bool:
        """Whether all steps of a body but its last are read, and so are those inside of them."""
        made = self._made(steps, steps[-1:])
        return self._read(steps).issuperset(made) and all(self._is_whole(step) for step in steps)

    def _made(self, steps: tuple[Step, ...], last: tuple[Step, ...]) -> list[str]:
        """The names of the steps of a body that may make nodes, but for the last one."""
        names, ends = step_names(steps, FaultList(), taken=()), {id(step) for step in last}
        named = zip(steps, names, strict=True)
        return [name for step, name in named if id(step) not in ends and self._makes(step)]

    def _makes(self, step: Step) -> bool:
        """Whether a step may make nodes."""
        if id(step) not in self._makers:
            self._makers[id(step)] = self._finds_nodes(step)
        return self._makers[id(step)]

    def _finds_nodes(self, step: Step) -> bool:
        for action in actions_of(step.action):
            match action:
                case Call(key=key):
                    template = self._document.templates.get(key.text)
                    own = template is not None and not template.name.mark.source.builtin
                    if template is None or not own or any(map(self._makes, template.body)):
                        return True
                case Sequential(body=body) if not any(map(self._makes, body)):
                    pass
                case _:
                    return True
        return False

    def _is_whole(self, step: Step) -> bool:
        """Whether all steps inside of a step are read."""
        for action in actions_of(step.action):
            bodies = [action.body] if isinstance(action, Sequential) else []
            if isinstance(action, Parallel):
                bodies = [body for _, body in action.branches]
            if not all(self._are_read(body) for body in bodies):
                return False
        return True

    def _read(self, steps: tuple[Step, ...]) -> set[str]:
        """The names that the steps of a body read, or hand on as their own value, in any case."""
        found = self._known.get(id(steps))
        if found is None:
            found = self._known[id(steps)] = set()
            before = "in"
            for step, name in zip(steps, step_names(steps, FaultList(), taken=()), strict=True):
                if self._makes(step) and all(self._reads(action) for action in actions_of(step.action)):
                    sources = [before] if step.sources is None else [one.text for one in _words(step)]
                    found.update(sources if step.when is None else sources[:1])
                before = name
        return found

    def _reads(self, action: Action) -> bool:
        """Whether an action reads what it is given."""
        match action:
            case Call(key=key):
                template = self._document.templates.get(key.text)
                if template is None or template.name.mark.source.builtin or template.alternatives:
                    return True
                return self._takes(template.body)
            case Sequential(body=body):
                return self._takes(body)
            case Parallel(branches=branches):
                return any(self._takes(body) for _, body in branches)
            case _:
                return False

    def _takes(self, steps: tuple[Step, ...]) -> bool:
        return not steps or "in" in self._read(steps)


class _Nesting:
    """How deep the blocks of a document may be nested, and how long the address of the steps around one may be."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._known: dict[int, tuple[int, int]] = {}

    def below(self, steps: tuple[Step, ...]) -> tuple[int, int]:
        """The levels below a body, and the characters that they add at most."""
        if id(steps) not in self._known:
            levels = length = 0
            for step, name in zip(steps, step_names(steps, FaultList(), taken=()), strict=True):
                deep, long = self._inside(step.action)
                number = MAX_NUMBER if step.repeat is not None else 0
                levels = max(levels, deep + (1 if step.each else 0))
                length = max(length, len(name) + number + long + 1 if deep else 0)
            self._known[id(steps)] = (levels, length)
        return self._known[id(steps)]

    def _inside(self, action: Action) -> tuple[int, int]:
        """The levels inside of an action, and the characters that they add to its own address."""
        found = [(0, 0)]
        match action:
            case Call(key=key):
                template = self._document.templates.get(key.text)
                if template is not None and not template.name.mark.source.builtin:
                    levels, length = self.below(template.body)
                    found.append((levels + 1, length))
            case Sequential(body=body):
                levels, length = self.below(body)
                found.append((levels + 1, length))
            case Parallel(branches=branches):
                for name, body in branches:
                    levels, length = self.below(body)
                    found.append((levels + 1, length + 1 + len(name.text)))
            case Choice(alternatives=alternatives):
                for name, inner in alternatives:
                    levels, length = self._inside(inner)
                    found.append((levels, length + 1 + len(name.text)))
            case Share():
                pass
        return max(levels for levels, _ in found), max(length for _, length in found)


def _depth(steps: tuple[Step, ...]) -> int:
    """How deep groups and choices are nested in some steps."""
    return max((_levels(step.action) for step in steps), default=0)


def _levels(action: Action) -> int:
    match action:
        case Sequential(body=body):
            return 1 + _depth(body)
        case Parallel(branches=branches):
            return 1 + max(_depth(body) for _, body in branches)
        case Choice(alternatives=alternatives):
            return 1 + max(_levels(inner) for _, inner in alternatives)
        case _:
            return 1


def all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps of a body and those of the groups in it, of every alternative."""
    for step in steps:
        yield step
        for action in actions_of(step.action):
            match action:
                case Sequential(body=body):
                    yield from all_steps(body)
                case Parallel(branches=branches):
                    for _, body in branches:
                        yield from all_steps(body)
                case _:
                    pass


def actions_of(action: Action) -> Iterator[Action]:
    """An action, or all alternatives of a choice."""
    if isinstance(action, Choice):
        for _, inner in action.alternatives:
            yield from actions_of(inner)
    else:
        yield action


def _words(step: Step) -> list[Scalar]:
    return [one for one in step.sources or () if isinstance(one, Scalar)]
