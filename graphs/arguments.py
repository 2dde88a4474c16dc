"""Arguments: the value that a text or an expression gives where a block takes one.

A string is, in this order: the name of a parameter in scope, one of the words that the argument takes, an expression.
"""

from __future__ import annotations

import contextlib
import re
import typing
from collections.abc import Container
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

from blocks.types import Map, Type
from graphs.document import Kind, hole_alternatives
from graphs.expressions import ExpressionError, Value, parse_expression
from graphs.faults import FaultList, Mark, nearest, one_of
from graphs.slots import Slot
from graphs.text import Mapping, Scalar, Sequence, Tree

Argument = Value | None
T = TypeVar("T")

TRAITS = ("channels", "height", "width", "stride", "features")
_TRAITS_OF = {"map": TRAITS[:4], "vector": TRAITS[4:]}

_SIDES = re.compile(r"(\d+) ?[xX] ?(\d+)")
_TRAPS = {"no": "false", "off": "false", "yes": "true", "on": "true", "n": "false", "y": "true"}


@dataclass(slots=True)
class Scope:
    """The names an expression may read. A name that is known but has no value stands for something at fault already.

    `nodes` are the names of steps, whose traits have values; `elsewhere` are names that a user could expect here, those
    of the document inside a block. `open` are parameters that nothing has decided yet, with what they may be.
    """

    values: dict[str, Value] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    nodes: dict[str, str] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    open: AbstractMapping[str, Mapping] = field(default_factory=dict)

    def bind(self, name: str, value: Argument) -> None:
        """A name with its value; None where it is at fault."""
        self.known.add(name)
        if value is not None:
            self.values[name] = value

    def bind_type(self, name: str, type: Type | None) -> None:
        """The traits of a step: `in.channels`, `like.stride`; None where it is at fault."""
        self.nodes[name] = "" if type is None else "map" if isinstance(type, Map) else "vector"
        names, values = trait_names(name), self.values
        self.known.update(names)
        if isinstance(type, Map):
            values[names[0]], values[names[1]], values[names[2]] = type.channels, type.height, type.width
            values[names[3]] = stride_of(type)
            values.pop(names[4], None)
            return
        for trait in names:
            values.pop(trait, None)
        if type is not None:
            values[names[4]] = type.features

    def unbind_type(self, name: str) -> None:
        """Forget a step."""
        del self.nodes[name]
        for trait in trait_names(name):
            self.known.discard(trait)
            self.values.pop(trait, None)


def stride_of(type: Map) -> Value:
    """The stride of a map as expressions have it: a number, or a pair where it differs vertically and horizontally."""
    vertical, horizontal = type.stride
    return vertical if vertical == horizontal else type.stride


@lru_cache(maxsize=4096)
def trait_names(name: str) -> tuple[str, ...]:
    """The names of the traits of a step, in the order of `TRAITS`."""
    return tuple(f"{name}.{trait}" for trait in TRAITS)


class Missing(Exception):
    """A value that depends on something at fault already: no further fault is due."""


def evaluate(tree: Tree, slot: Slot, scope: Scope, faults: FaultList) -> Argument:
    """The value of an argument. Raises `Missing` after a fault, or where one is known already."""
    if isinstance(tree, Mapping):
        _check_alternatives(tree, slot, scope, faults)
        raise Missing  # refused when it was read, or a hole that is not decided
    if type(tree) is Scalar and not tree.broken:  # most are numbers, or names of what fits as it is
        plain: Argument = tree.value
        if isinstance(plain, str):
            plain = scope.values.get(plain)
        if plain is not None and (fits(plain, slot.kind) or (isinstance(plain, str) and plain in slot.words)):
            return plain
    if isinstance(tree, Sequence):
        if slot.kind != "size" or len(tree.items) != 2:
            _refuse(tree, slot, faults)
        height, width = (evaluate(item, slot, scope, faults) for item in tree.items)
        if not isinstance(height, int) or not isinstance(width, int):
            _refuse(tree, slot, faults)
        return (height, width)
    if tree.broken:
        raise Missing
    value = tree.value
    if isinstance(value, str):
        if value in scope.open:
            _check_open(tree, scope.open[value], slot, faults)
            raise Missing
        return _from_text(tree, value, slot, scope, faults)
    if value is None or not fits(value, slot.kind):
        _refuse(tree, slot, faults)
    return value


def _check_alternatives(hole: Mapping, slot: Slot, scope: Scope, faults: FaultList) -> None:
    """The faults of alternatives that the argument takes in no network."""
    for alternative in hole_alternatives(hole) or ():
        with contextlib.suppress(Missing):
            evaluate(alternative, slot, scope, faults)


def _check_open(tree: Scalar, hole: Mapping, slot: Slot, faults: FaultList) -> None:
    """The same for an argument that is an open parameter."""
    for alternative in hole_alternatives(hole) or ():
        if isinstance(alternative, Scalar) and fitted(alternative.value, slot) is None:
            message = f"`{slot.name}` takes {slot.wants}, and `{tree.text}` may be `{alternative.text}`"
            help = nearest(alternative.text, slot.words) if isinstance(alternative.value, str) else ""
            faults.add("bad-value", message, alternative.mark, help=help, notes=(f"it is read at {tree.mark}",))


def constant(tree: Tree, slot: Slot, names: Container[str]) -> Argument:
    """The value of an argument that depends on nothing; None where it may depend on some names, or is at fault."""
    if not isinstance(tree, Scalar) or tree.broken:
        return None
    value = tree.value
    if isinstance(value, str):
        return value if value in slot.words and value not in names else None
    return value if fits(value, slot.kind) else None


def evaluate_expression(tree: Scalar, scope: Scope, faults: FaultList, slot: Slot | None = None) -> Value:
    """The value of an expression. Raises `Missing` after a fault, or where one is known already."""
    if tree.value is not None and not isinstance(tree.value, str):
        return tree.value
    try:
        expression = parse_expression(tree.text)
    except ExpressionError as error:
        sides = _SIDES.fullmatch(tree.text) if slot is not None and slot.kind == "size" else None
        help = f"a pair is a list: [{sides[1]}, {sides[2]}]" if sides else _EXPRESSION_HELP
        faults.add("expression", f"`{tree.text[:60]}` is no expression: {error}", tree.mark, help=help)
        raise Missing from None
    unread = sorted(name for name in expression.names if name not in scope.values)
    if unread:
        for name in unread:
            _refuse_name(name, tree, scope, faults, slot)
        raise Missing
    try:
        return expression.evaluate(scope.values)
    except ExpressionError as error:
        values = ", ".join(f"{name} is {shown(scope.values[name])}" for name in sorted(expression.names))
        faults.add("expression", f"`{tree.text}` has no value: {error}", tree.mark, notes=(values,) if values else ())
        raise Missing from None


def names_in(tree: Tree) -> frozenset[str]:
    """The names that the value of an argument may depend on."""
    if isinstance(tree, Sequence):
        return frozenset[str]().union(*map(names_in, tree.items))
    if not isinstance(tree, Scalar) or not isinstance(tree.value, str):
        return frozenset()
    try:
        return parse_expression(tree.value).names
    except ExpressionError:
        return frozenset()


def shown(value: Argument) -> str:
    """A value as a document has it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


_EXPRESSION_HELP = (
    "numbers, names, + - * // % ( ), comparisons, and or not, min max round_to ceil; a word is quoted: 'relu'"
)


def _refuse_name(name: str, tree: Scalar, scope: Scope, faults: FaultList, slot: Slot | None) -> None:
    """The fault of a name without a value; none where its value is missing for a fault told before."""
    mark = _within(tree, name)
    owner, _, trait = name.rpartition(".")
    if name in scope.nodes:
        traits = [f"{name}.{trait}" for trait in _TRAITS_OF[scope.nodes[name] or "map"]]
        faults.add("bad-value", f"`{name}` is a step, not a value", mark, help=f"read {one_of(traits)}")
    elif name in scope.known:
        kind = scope.nodes.get(owner)
        if kind:
            traits = [f"{owner}.{trait}" for trait in _TRAITS_OF[kind]]
            faults.add("wrong-kind", f"`{owner}` is a {kind} and has no {trait}", mark, help=f"it has {one_of(traits)}")
    elif slot is not None and name == tree.text:
        help = _in_scope(name, scope, slot.words)
        faults.add("unknown-name", f"`{slot.name}` takes {slot.wants}; no `{name}` is known here", mark, help=help)
    else:
        help = _in_scope(name, scope)
        faults.add("unknown-name", f"no `{name}` is known here", mark, help=help)


def _in_scope(name: str, scope: Scope, words: tuple[str, ...] = ()) -> str:
    """What could be meant by a name that is not known, or what is known."""
    if name == "same" and "auto" in words:
        return "`auto` keeps the size at a stride of 1"
    if name in scope.elsewhere:
        return f"a block reads its own params only: declare `{name}` there, and pass it"
    if near := nearest(name, {*scope.known, *words}):
        return near
    traits = [f"{node}.{trait}" for node, kind in scope.nodes.items() for trait in _TRAITS_OF[kind or "map"]]
    params = sorted(name for name in scope.known if "." not in name and name not in scope.nodes)
    names = [*words, *params, *traits]
    return f"there is {one_of(names)}" if names else "write a number"


def _within(tree: Scalar, name: str) -> Mark:
    """Where a name stands in an expression; the whole of it where quotes or line breaks leave that open, or where its
    text came from outside the document."""
    mark, text = tree.mark, tree.text
    quotes = mark.end - mark.column - len(text)
    found = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text)
    if found is None or quotes not in (0, 2):
        return mark
    column = mark.column + quotes // 2 + found.start()
    lines = mark.source.lines
    if mark.line > len(lines) or not lines[mark.line - 1].startswith(name, column - 1):
        return mark
    return replace(mark, column=column, end=column + len(name))


def _from_text(tree: Scalar, text: str, slot: Slot, scope: Scope, faults: FaultList) -> Argument:
    value: Argument
    if text in scope.values:
        value = scope.values[text]
    elif text in slot.words:
        return text
    elif text not in scope.known and (slot.kind == "word" or (slot.kind == "bool" and text in _TRAPS)):
        _refuse(tree, slot, faults)
    else:
        value = evaluate_expression(tree, scope, faults, slot)
    found = fitted(value, slot)
    if found is None:
        _refuse(tree, slot, faults, _as_wanted(value, slot))
    return found


def fitted(value: Argument, slot: Slot) -> Argument:
    """What a name or an expression gives, as an argument; None where it does not fit."""
    value = _as_wanted(value, slot)
    if isinstance(value, str):
        return value if value in slot.words else None
    if isinstance(value, tuple):
        return value if slot.kind == "size" and all(isinstance(number, int) for number in value) else None
    return value if fits(value, slot.kind) else None


def _as_wanted(value: Argument, slot: Slot) -> Argument:
    """A number or a pair, whole where it can be and is to be."""
    if slot.kind not in ("int", "size"):
        return value
    return tuple(map(_whole, value)) if isinstance(value, tuple) else _whole(value)


def _whole(value: T) -> T | int:
    """An integer for a float that is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fits(value: object, kind: Kind) -> bool:
    """Whether a value that is no word, and no pair, is of this kind."""
    match kind:
        case "bool":
            return isinstance(value, bool)
        case "int" | "size":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return False


def _refuse(tree: Tree, slot: Slot, faults: FaultList, value: Argument = None) -> typing.NoReturn:
    """The fault of a value that does not fit; `value` is what an expression gave."""
    help = ""
    if value is not None:
        got = f"{shown(value)} from `{tree.text}`" if isinstance(tree, Scalar) else shown(value)
        if isinstance(value, float) and isinstance(tree, Scalar) and slot.kind in ("int", "size"):
            help = f"round it: round_to({tree.text}, 8), or ({tree.text}) // 1"
        elif isinstance(value, tuple) and isinstance(tree, Scalar) and tree.text.isidentifier():
            help = f"write one value, or {{choice: {shown(value)}}} in a search space"
    elif isinstance(tree, Scalar):
        got = "nothing" if tree.value is None else f"`{tree.text}`"
        if isinstance(tree.value, float) and tree.value.is_integer() and slot.kind in ("int", "size"):
            help = f"write {int(tree.value)}"
        elif isinstance(tree.value, bool) and {"always", "never"} <= set(slot.words):
            help = "write always" if tree.value else "write never"
        elif isinstance(tree.value, str) and slot.kind == "bool" and tree.value in _TRAPS:
            help = f"`{tree.value}` is a word in YAML 1.2: write {_TRAPS[tree.value]}"
        elif isinstance(tree.value, str):
            help = nearest(tree.value, slot.words)
    else:
        got = f"a list of {len(tree.items)}" if isinstance(tree, Sequence) else "a map"
        listed = [item.text for item in tree.items if isinstance(item, Scalar)] if isinstance(tree, Sequence) else []
        if len(set(listed)) > 1:
            help = f"write one value, or {{choice: [{', '.join(listed)}]}} in a search space"
    faults.add("bad-value", f"`{slot.name}` takes {slot.wants}, got {got}", tree.mark, help=help)
    raise Missing
