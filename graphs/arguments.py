"""Arguments: what a block takes, and the value that a text or an expression gives.

A string is, in this order: the name of a parameter in scope, one of the words that the argument takes, an expression.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from blocks.types import Map, Type
from graphs.document import Kind, Param
from graphs.expressions import ExpressionError, Value, parse_expression
from graphs.faults import FaultList, nearest, one_of
from graphs.text import Mapping, Scalar, Sequence, Tree

Argument = Value | tuple[int, ...] | None

TRAITS = ("channels", "height", "width", "stride", "features")

_TRAPS = {"no": "false", "off": "false", "yes": "true", "on": "true", "n": "false", "y": "true"}
_WANTS: dict[Kind, str] = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "size": "an integer or a pair [height, width]",
    "node": "the name of a step",
    "word": "a word",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """What one argument takes. `wants` says it in words."""

    name: str
    kind: Kind
    words: tuple[str, ...]
    required: bool
    wants: str


@dataclass(slots=True)
class Scope:
    """The names an expression may read. A name that is known but has no value stands for something at fault already."""

    values: dict[str, Value | tuple[int, ...]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)

    def bind(self, name: str, value: Argument) -> None:
        self.known.add(name)
        if value is not None:
            self.values[name] = value

    def bind_type(self, name: str, type: Type | None) -> None:
        """The traits of a node: `in.channels`, `like.stride`."""
        self.known.update(f"{name}.{trait}" for trait in TRAITS)
        for trait in TRAITS:
            self.values.pop(f"{name}.{trait}", None)
        if isinstance(type, Map):
            self.kinds[name] = "map"
            pairs = zip(TRAITS, (type.channels, type.height, type.width, type.stride[0]), strict=False)
            self.values.update({f"{name}.{trait}": value for trait, value in pairs})
        elif type is not None:
            self.kinds[name] = "vector"
            self.values[f"{name}.features"] = type.features


class Missing(Exception):
    """A value that depends on something at fault already: no further fault is due."""


@cache
def slots_of(block: type[BaseModel]) -> dict[str, Slot]:
    """The arguments of a primitive."""
    return {name: _slot(name, info) for name, info in block.model_fields.items()}


def slot_of(param: Param) -> Slot:
    """The argument that a template's parameter is."""
    wants = [] if param.kind == "word" else [_WANTS[param.kind]]
    return Slot(param.name.text, param.kind, param.words, param.default is None, _join(wants, param.words))


def evaluate(tree: Tree, slot: Slot, scope: Scope, faults: FaultList) -> Argument:
    """The value of an argument. Raises `Missing` after a fault, or where one is known already."""
    if isinstance(tree, Mapping):
        raise Missing  # refused by graphs.reading
    if isinstance(tree, Sequence):
        if slot.kind != "size" or len(tree.items) != 2:
            _refuse(tree, slot, faults)
        height, width = (evaluate(item, slot, scope, faults) for item in tree.items)
        if not isinstance(height, int) or not isinstance(width, int):
            _refuse(tree, slot, faults)
        return (height, width)  # type: ignore[return-value]
    value = tree.value
    if isinstance(value, str):
        return _from_text(tree, value, slot, scope, faults)
    if value is None or not _fits(value, slot.kind):
        _refuse(tree, slot, faults)
    return value


def evaluate_expression(tree: Scalar, scope: Scope, faults: FaultList) -> Value:
    """The value of an expression. Raises `Missing` after a fault, or where one is known already."""
    if tree.value is not None and not isinstance(tree.value, str):
        return tree.value
    try:
        expression = parse_expression(tree.text)
    except ExpressionError as error:
        faults.add("expression", f"`{tree.text[:60]}` is no expression: {error}", tree.mark, help=_EXPRESSION_HELP)
        raise Missing from None
    if unread := sorted(expression.names - scope.values.keys()):
        for name in unread:
            _refuse_name(name, tree, scope, faults)
        raise Missing
    try:
        return expression.evaluate(scope.values)
    except ExpressionError as error:
        faults.add("expression", f"`{tree.text}` has no value: {error}", tree.mark)
        raise Missing from None


_EXPRESSION_HELP = "numbers, names, + - * // % ( ), comparisons, and or not, min max round_to; a word is quoted: 'relu'"


def _refuse_name(name: str, tree: Scalar, scope: Scope, faults: FaultList) -> None:
    """The fault of a name without a value; none where its value is missing for a fault told before."""
    if name not in scope.known:
        help = (
            nearest(name, scope.known)
            or f"in scope: {', '.join(sorted(scope.known - _traits(scope.known)) or ['in.channels'])}"
        )
        faults.add("unknown-name", f"`{tree.text}` reads `{name}`, which is not known here", tree.mark, help=help)
    else:
        owner, _, trait = name.rpartition(".")
        if owner in scope.kinds:
            kind = scope.kinds[owner]
            has = TRAITS[:4] if kind == "map" else TRAITS[4:]
            faults.add(
                "wrong-kind", f"`{owner}` is a {kind} and has no {trait}", tree.mark, help=f"it has {one_of(has)}"
            )


def _traits(names: Iterable[str]) -> set[str]:
    return {name for name in names if "." in name and not name.startswith("in.")}


def _from_text(tree: Scalar, text: str, slot: Slot, scope: Scope, faults: FaultList) -> Argument:
    value: Argument
    if text in scope.values:
        value = scope.values[text]
    elif text in slot.words:
        return text
    elif text in scope.known:
        raise Missing
    elif slot.kind == "word" or (slot.kind == "bool" and text in _TRAPS):
        _refuse(tree, slot, faults)
    else:
        value = evaluate_expression(tree, scope, faults)
    if isinstance(value, float) and slot.kind in ("int", "size") and value.is_integer():
        return int(value)
    if isinstance(value, str) and value in slot.words:
        return value
    if isinstance(value, tuple) and slot.kind == "size":
        return value
    if not _fits(value, slot.kind):
        _refuse(tree, slot, faults, got=f"{value} from `{text}`")
    return value


def _fits(value: object, kind: Kind) -> bool:
    match kind:
        case "bool":
            return isinstance(value, bool)
        case "int" | "size":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return False


def _refuse(tree: Tree, slot: Slot, faults: FaultList, got: str = "") -> typing.NoReturn:
    shown = got or (f"`{tree.text}`" if isinstance(tree, Scalar) else "a list")
    help = ""
    if isinstance(tree, Scalar) and not got:
        value = tree.value
        if isinstance(value, float) and value.is_integer() and slot.kind in ("int", "size"):
            help = f"write {int(value)}"
        elif isinstance(value, str) and slot.kind == "bool" and value in _TRAPS:
            help = f"`{value}` is a word in YAML 1.2: write {_TRAPS[value]}"
        elif isinstance(value, str):
            help = nearest(value, slot.words)
    faults.add("bad-value", f"`{slot.name}` takes {slot.wants}, got {shown}", tree.mark, help=help)
    raise Missing


def _slot(name: str, info: FieldInfo) -> Slot:
    words: list[str] = []
    kinds: list[Kind] = []
    wants = _describe(info.annotation, tuple(info.metadata), words, kinds)
    kind: Kind = next((k for k in ("size", "bool", "int", "float") if k in kinds), "word")
    return Slot(name, kind, tuple(words), info.is_required(), _join(wants, words))


def _describe(annotation: Any, metadata: tuple[Any, ...], words: list[str], kinds: list[Kind]) -> list[str]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _describe(inner, (*metadata, *more), words, kinds)
    if origin is Literal:
        words += get_args(annotation)
        return []
    if origin in (typing.Union, types.UnionType):
        return [text for part in get_args(annotation) for text in _describe(part, metadata, words, kinds)]
    if origin is tuple:
        kinds.append("size")
        return ["a pair [height, width]"]
    if annotation is type(None):
        return []
    kind: Kind = {bool: "bool", int: "int", float: "float"}[annotation]  # type: ignore[assignment]
    kinds.append(kind)
    return [_WANTS[kind] + _bounds(_flatten(metadata))]


def _flatten(metadata: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in metadata:
        found += _flatten(item.metadata) if isinstance(item, FieldInfo) else [item]
    return found


def _bounds(metadata: list[Any]) -> str:
    parts = []
    for item in metadata:
        match item:
            case Ge(ge=bound):
                parts.append(f"at least {bound}")
            case Gt(gt=bound):
                parts.append(f"more than {bound}")
            case Le(le=bound):
                parts.append(f"at most {bound}")
            case Lt(lt=bound):
                parts.append(f"less than {bound}")
            case _:
                pass
    return f" of {' and '.join(parts)}" if parts else ""


def _join(wants: list[str], words: Iterable[str]) -> str:
    listed = [*dict.fromkeys(wants), *([one_of(words)] if words else [])]
    return " or ".join(listed)
