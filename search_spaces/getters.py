"""Values as functions of the names in scope: what `graphs.arguments` evaluates for one expansion, made ready once.

A value that can't be had is `NotLegal`, and nothing says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from blocks.types import Map, Type
from graphs.arguments import TRAITS, Argument, Slot
from graphs.expressions import ExpressionError, Value, parse_expression
from graphs.text import Scalar, Sequence, Tree

Names = dict[str, Value]
Getter = Callable[[Names], Argument]
TraitValues = tuple[Value | None, ...]

_NOTHING = object()
_PLAIN = {"bool": bool, "int": int, "size": int, "float": float}  # what fits as it is


class NotLegal(Exception):
    """The decisions lead to no legal network."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Those traits of a step that some values read, under the names that these have for them."""

    names: tuple[tuple[str, str], ...]

    def of(self, type: Type | None) -> TraitValues:
        """The traits of a type, as `graphs.arguments.Scope.bind_type` has them; None for those that it has not."""
        return tuple([_trait(type, trait) for _, trait in self.names])

    def bind(self, names: Names, values: TraitValues) -> None:
        """Call these traits by their names."""
        for (name, _), value in zip(self.names, values, strict=True):
            if value is None:
                names.pop(name, None)
            else:
                names[name] = value


NO_TRAITS = Traits(())


def _trait(type: Type | None, trait: str) -> Value | None:
    if isinstance(type, Map):
        if trait == "channels":
            return type.channels
        if trait == "stride" and type.stride[0] == type.stride[1]:
            return type.stride[0]
        return None if trait == "features" else getattr(type, trait)
    return type.features if type is not None and trait == "features" else None


def traits_of(step: str, read: Collection[str]) -> Traits:
    """The traits of a step among the names that are read."""
    wanted = [(f"{step}.{trait}", trait) for trait in TRAITS]
    return Traits(tuple([(name, trait) for name, trait in wanted if name in read]))


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
    words = frozenset(slot.words)
    is_word = value in words
    whole = slot.kind in ("int", "size")
    plain = _PLAIN.get(slot.kind)

    def get(names: Names) -> Argument:
        found: object = names.get(value, _NOTHING) if is_name else expression(names)
        if type(found) is plain or found in words:
            return found  # type: ignore[return-value]
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
