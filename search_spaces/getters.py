"""Values as functions of the names in scope: what `graphs.arguments` evaluates for one expansion, made ready once.

A value that can't be had is `NotLegal`, and nothing says why.
"""

from __future__ import annotations

from collections.abc import Callable

from blocks.types import Map, Type
from graphs.arguments import Argument, Slot
from graphs.expressions import ExpressionError, Value, parse_expression
from graphs.text import Scalar, Sequence, Tree

Names = dict[str, Value]
Getter = Callable[[Names], Argument]

_NOTHING = object()


class NotLegal(Exception):
    """The decisions lead to no legal network."""


def bind_type(names: Names, name: str, type: Type) -> None:
    """The traits of a step, as `graphs.arguments.Scope.bind_type` has them."""
    if isinstance(type, Map):
        vertical, horizontal = type.stride
        names[f"{name}.channels"] = type.channels
        names[f"{name}.height"] = type.height
        names[f"{name}.width"] = type.width
        names[f"{name}.stride"] = vertical if vertical == horizontal else type.stride
        names.pop(f"{name}.features", None)
    else:
        for trait in ("channels", "height", "width", "stride"):
            names.pop(f"{name}.{trait}", None)
        names[f"{name}.features"] = type.features


def condition(tree: Scalar) -> Getter:
    """The value of a condition, true or false."""
    value = tree.value
    if isinstance(value, bool):
        return lambda _: value
    return _expression(tree.text)


def getter(tree: Tree, slot: Slot) -> Getter:
    """The value of an argument as a function of names; it raises `NotLegal`."""
    if isinstance(tree, Sequence):
        parts = [getter(item, slot) for item in tree.items]
        return lambda names: tuple([part(names) for part in parts])  # type: ignore[misc]
    if not isinstance(tree, Scalar) or tree.broken:
        return _refuse
    value = tree.value
    if not isinstance(value, str):
        return (lambda _: value) if value is not None and _fits(value, slot) else _refuse
    expression = _expression(value)
    is_name = value.replace(".", "_").isidentifier()
    is_word = value in slot.words
    whole = slot.kind in ("int", "size")

    def get(names: Names) -> Argument:
        found: object = names.get(value, _NOTHING) if is_name else _NOTHING
        if found is _NOTHING:
            if is_word:
                return value
            found = expression(names)
        if whole and not isinstance(found, int):
            if isinstance(found, tuple):
                return tuple([int(one) if isinstance(one, float) and one.is_integer() else one for one in found])
            if isinstance(found, float) and found.is_integer():
                found = int(found)
        if not _fits(found, slot):
            raise NotLegal
        return found  # type: ignore[return-value]

    return get


def _expression(text: str) -> Getter:
    try:
        expression = parse_expression(text)
    except ExpressionError:
        return _refuse
    wanted, evaluate = expression.names, expression.evaluate

    def get(names: Names) -> Argument:
        if not wanted <= names.keys():
            raise NotLegal
        try:
            return evaluate(names)
        except ExpressionError:
            raise NotLegal from None

    return get


def _refuse(_: Names) -> Argument:
    raise NotLegal


def _fits(value: object, slot: Slot) -> bool:
    if isinstance(value, str):
        return value in slot.words
    match slot.kind:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "size":
            return isinstance(value, tuple) or (isinstance(value, int) and not isinstance(value, bool))
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return False
