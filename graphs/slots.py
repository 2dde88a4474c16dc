"""Slots: what each argument of a block takes, as a kind, its words, and in words for people."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from graphs.document import Kind, Param
from graphs.faults import one_of

MOST_WORDS = 24  # listed of what one argument takes: all activations

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


@cache
def slots_of(block: type[BaseModel]) -> dict[str, Slot]:
    """The arguments of a primitive."""
    return {name: _slot(name, info) for name, info in block.model_fields.items()}


def slot_of(param: Param) -> Slot:
    """The argument that a template's parameter is."""
    wants = [] if param.kind == "word" else [_WANTS[param.kind]]
    return Slot(param.name.text, param.kind, param.words, param.default is None, _join(wants, param.words))


def takes(block: type[BaseModel], name: str, value: object) -> bool:
    """Whether a primitive takes a value for an argument, whatever it is given beside it."""
    try:
        _adapter(block, name).validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _adapter(block: type[BaseModel], name: str) -> TypeAdapter[Any]:
    info = block.model_fields[name]
    wanted: Any = Annotated[(info.annotation, None, *info.metadata)]  # at least two parts
    return TypeAdapter(wanted)


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
    listed = [*dict.fromkeys(wants), *([one_of(words, MOST_WORDS)] if words else [])]
    return " or ".join(listed)
