"""A document as data: templates, steps and what they do. `graphs.reading` makes it, `graphs.expansion` a graph of it.

A value is a tree of the text; where a search space leaves it open it is a hole (`hole_alternatives`). A document
without holes is an architecture.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field, replace
from typing import Literal

from graphs.faults import FaultList, Mark, Source, nearest, one_of
from graphs.text import Mapping, Scalar, Sequence, Tree

MAX_ALTERNATIVES = 10_000

MAX_RANGES = 1_000  # whose numbers are remembered

_ranges: dict[int, tuple[Mapping, tuple[Scalar, ...]]] = {}  # by the identity of holes, which each keeps

Kind = Literal["int", "float", "bool", "word", "size", "node"]
Settings = AbstractMapping[str, bool | int | float | str]


@dataclass(frozen=True, slots=True)
class Param:
    """A typed parameter of a document or a template; required where there is no default.

    `size` is an integer or a pair [height, width], `node` the name of a step, whose type an expression may read.
    `words` are the words that it may be as well. A broken one is at fault, and has a name alone. `given` says that its
    value came from outside the document.
    """

    name: Scalar
    kind: Kind
    words: tuple[str, ...] = ()
    default: Tree | None = None
    broken: bool = False
    given: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A primitive or a template with its arguments."""

    key: Scalar
    arguments: Mapping


@dataclass(frozen=True, slots=True)
class Sequential:
    """Steps one after the other, with names of their own."""

    key: Scalar
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Parallel:
    """Named branches on one input, joined by `concat` or `add`."""

    key: Scalar
    branches: tuple[tuple[Scalar, tuple[Step, ...]], ...]
    join: Scalar


@dataclass(frozen=True, slots=True)
class Choice:
    """A hole where an action stands: one of the named alternatives. `prior` has a weight for some of them, 1 else."""

    key: Scalar
    alternatives: tuple[tuple[Scalar, Action], ...]
    prior: Mapping | None = None

    @property
    def weights(self) -> tuple[int, ...]:
        """The weight of every alternative."""
        given = {} if self.prior is None else {name.text: tree for name, tree in self.prior}
        return tuple(_integer(given.get(name.text)) or 1 for name, _ in self.alternatives)


@dataclass(frozen=True, slots=True)
class Share:
    """What another step of the same body does, with its weights."""

    key: Scalar
    target: Scalar


Action = Call | Sequential | Parallel | Choice | Share


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a body. `sources` is `from`: None for the step before, names, and holes that stand for some names.

    A broken one is at fault, and does nothing. `possible_names`: words that may be its name, where that can't be read.
    One that decides at `each` repetition has decisions of its own for every one of them.
    """

    action: Action
    mark: Mark
    name: Scalar | None = None
    sources: tuple[Scalar | Mapping, ...] | None = None
    repeat: Tree | None = None
    first: Mapping | None = None
    when: Scalar | None = None
    unused: bool = False
    broken: bool = False
    possible_names: frozenset[str] = frozenset()
    each: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A block written in the language. A broken one is at fault, and its calls can't be checked.

    `where` are conditions that every call of it keeps. One that decides `once` has the same decisions at all its calls.
    The body of one of `alternatives` (`one_of`) are steps of which the first whose condition holds is the whole block.
    """

    name: Scalar
    params: tuple[Param, ...]
    body: tuple[Step, ...]
    doc: str = ""
    broken: bool = False
    where: tuple[Scalar, ...] = ()
    once: bool = False
    alternatives: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """How a space's decisions spell the key of a row in a table of results.

    `columns` are texts with addresses in braces, one for each column of the table's key. `spell` has alternatives, or
    the addresses of decisions with a map for each, and `absent` what a decision is spelled that a point doesn't have.
    """

    word: Scalar
    columns: tuple[Scalar, ...]
    spell: tuple[tuple[Scalar, Tree], ...] = ()
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document.

    `templates` are its own and those that it uses from other files; those that ship with the product are in
    `graphs.library`. It is not `whole` where some could not be read: any name may be theirs. `defaults` are arguments
    of all its calls of a block that don't say otherwise, `variants` sets of values for its parameters, `where`
    conditions on them. `training_outputs` are outputs that training has beside `outputs`. A space may have a `key`.
    `variant_of` is the name of the document that this one is a variant of.
    """

    source: Source
    mark: Mark
    name: str
    inputs: tuple[tuple[Scalar, Mapping], ...]
    body: tuple[Step, ...]
    doc: str = ""
    params: tuple[Param, ...] = ()
    templates: dict[str, Template] = field(default_factory=dict)
    outputs: tuple[tuple[Scalar, Scalar], ...] = ()
    training_outputs: tuple[tuple[Scalar, Scalar], ...] = ()
    requirements: tuple[tuple[Scalar, Scalar], ...] = ()
    defaults: tuple[tuple[Scalar, Mapping], ...] = ()
    variants: tuple[tuple[Scalar, Mapping], ...] = ()
    whole: bool = True
    where: tuple[Scalar, ...] = ()
    key: Key | None = None
    variant_of: str = ""

    def __repr__(self) -> str:
        return f"<Document {self.name}: {self.source.name}>"

    @property
    def param_names(self) -> tuple[str, ...]:
        """The names of its parameters, in order."""
        return tuple(param.name.text for param in self.params)

    def with_variant(self, variant: str, faults: FaultList) -> Document:
        """The document under the name of one of its variants, with that variant's values for its parameters.

        A name that no variant has is a fault; faults say from now on that the variant was asked for.
        """
        for name, values in self.variants:
            if name.text == variant:
                faults.say_given(f"in the variant `{variant}`")
                given = {key.text: tree for key, tree in values}
                params = tuple(
                    replace(param, default=given.get(param.name.text, param.default)) for param in self.params
                )
                return replace(self, name=variant, params=params, variants=(), variant_of=self.name)
        known = [name.text for name, _ in self.variants]
        help = nearest(variant, known) or (f"it has {one_of(known)}" if known else "it has none")
        note = "it was asked for from outside: by `--variant`, or `variant` in Python"
        mark = self.variants[0][0].mark if known else self.mark
        faults.add("unknown-name", f"the document has no variant `{variant}`", mark, help=help, notes=(note,))
        return self

    def with_settings(self, settings: Settings, faults: FaultList) -> Document:
        """With other values for its parameters; a name that is no parameter is a fault.

        Faults say from now on which values were given.
        """
        if settings:
            faults.say_given(f"with {', '.join(_shown(name, value) for name, value in settings.items())}")
        known = self.param_names
        unknown = [name for name in settings if name not in known]
        if unknown:
            help = nearest(unknown[0], known) or (f"it has {one_of(known)}" if known else "it has none")
            message, note = f"the document has no parameter {one_of(unknown)}", f"it was given {_OUTSIDE}"
            mark = self.params[0].name.mark if known else self.mark
            faults.add("unknown-name", message, mark, help=help, notes=(note,))
        return replace(self, params=tuple(_given(param, settings) for param in self.params))


_OUTSIDE = "from outside: by `--set`, or `settings` in Python"


def _given(param: Param, settings: Settings) -> Param:
    """The parameter with its value from outside, if it has one."""
    name = param.name.text
    if name not in settings:
        return param
    note = f"`{_shown(name, settings[name])}` was given {_OUTSIDE}"
    return replace(param, default=Scalar(settings[name], param.name.mark), given=note)


def _shown(name: str, value: bool | int | float | str) -> str:
    return f"{name}={str(value).lower() if isinstance(value, bool) else value}"


def calls_within(body: tuple[Step, ...]) -> Iterator[Call]:
    """All calls of the steps of a body, those of every alternative included, steps at fault left out."""
    for step in body:
        if not step.broken:
            yield from calls_of(step.action)


def calls_of(action: Action) -> Iterator[Call]:
    """All calls of an action."""
    match action:
        case Call():
            yield action
        case Sequential(body=body):
            yield from calls_within(body)
        case Parallel(branches=branches):
            for _, body in branches:
                yield from calls_within(body)
        case Choice(alternatives=alternatives):
            for _, alternative in alternatives:
                yield from calls_of(alternative)
        case Share():
            pass


def hole_alternatives(tree: Tree | None) -> tuple[Tree, ...] | None:
    """The values that may stand at a hole, `{choice: [...]}` or `{range: [low, high], step: n}`; None for plain values.

    The forms are checked by `graphs.holes`; a hole that is not well formed has no alternatives.
    """
    if not isinstance(tree, Mapping):
        return None
    choice, span = tree.get("choice"), tree.get("range")
    if choice is not None:
        return choice.items if isinstance(choice, Sequence) else ()
    if span is None:
        return None
    known = _ranges.get(id(tree))
    if known is None:
        if len(_ranges) >= MAX_RANGES:
            _ranges.clear()
        values = range_of(tree)
        scalars = tuple(Scalar(value, span.mark) for value in values) if len(values) <= MAX_ALTERNATIVES else ()
        known = _ranges[id(tree)] = tree, scalars
    return known[1]


def range_of(hole: Mapping) -> range:
    """The numbers of a `range`, however many they are; none where it is not well formed."""
    span = hole.get("range")
    if not isinstance(span, Sequence) or len(span.items) != 2:
        return range(0)
    low, high, step = (_integer(item) for item in (*span.items, hole.get("step") or Scalar(1, span.mark)))
    return range(0) if low is None or high is None or step is None or step < 1 else range(low, high + 1, step)


def hole_weights(tree: Tree) -> tuple[int, ...]:
    """The prior weight of every alternative of a hole: 1 where it has no `prior`."""
    alternatives = hole_alternatives(tree) or ()
    prior = tree.get("prior") if isinstance(tree, Mapping) else None
    if not isinstance(prior, Sequence) or len(prior.items) != len(alternatives):
        return (1,) * len(alternatives)
    return tuple(_integer(item) or 1 for item in prior.items)


def source_names(sources: tuple[Scalar | Mapping, ...]) -> tuple[Scalar, ...]:
    """All names that a step may read, those of every alternative included."""
    found: list[Scalar] = []
    for source in sources:
        trees = (source,) if isinstance(source, Scalar) else hole_alternatives(source) or ()
        found += [tree for tree in trees if isinstance(tree, Scalar)]
    return tuple(found)


def _integer(tree: Tree | None) -> int | None:
    value = tree.value if isinstance(tree, Scalar) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
