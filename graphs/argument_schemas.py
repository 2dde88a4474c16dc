"""JSON Schemas of what one argument takes: a plain value, an expression, or a hole.

One flat schema each, its `type` a list: an editor's language server merges the branches of `anyOf`, and would offer the
completions of all of them at once. A default is no `default`, which the server would write out with every block that it
completes, but the first of the `examples`, which are what it offers.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import replace
from inspect import cleandoc
from typing import Any

from blocks.primitive import Primitive
from graphs.document import Kind, Param, Template, hole_alternatives
from graphs.holes import MAX_WEIGHT
from graphs.slots import Slot, slot_of, slots_of
from graphs.text import Mapping, Scalar, Sequence, Tree

Schema = dict[str, Any]

# An argument may always be a text: the name of a parameter, or an expression.
_TYPES: dict[Kind, list[str]] = {
    "int": ["integer", "string"],
    "float": ["number", "string"],
    "bool": ["boolean", "string"],
    "size": ["integer", "string", "array"],
    "word": ["string"],
    "node": ["string"],
}
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")

ANY_VALUE: Schema = {"type": ["number", "boolean", "string", "array", "object"]}


def primitive_arguments(kind: type[Primitive]) -> dict[str, Schema]:
    """The arguments of a primitive, in its order."""
    described: dict[str, Schema] = kind.model_json_schema()["properties"] if kind.model_fields else {}
    found = {}
    for name, slot in slots_of(kind).items():
        known = described[name]
        found[name] = argument_schema(slot, known.get("default"), _bounds(known), known.get("description", ""))
    return found


def template_arguments(template: Template) -> dict[str, Schema]:
    """The arguments of a block written in the language, in its order."""
    return {param.name.text: argument_schema(slot_of(param), _default(param)) for param in template.params}


def argument_schema(
    slot: Slot, default: Any = None, bounds: AbstractMapping[str, float] | None = None, doc: str = ""
) -> Schema:
    """What one argument takes, described in words. `bounds` are those of its numbers, both of a pair's."""
    plain = _plain(slot, bounds or {})
    wants = "required" if slot.required else "" if default is None else f"by default {_shown(default)}"
    parts = [doc, f"Takes {slot.wants}{'; ' * bool(wants)}{wants}."]
    schema = {"description": " ".join(filter(None, parts)), **plain}
    offered = dict.fromkeys([*([] if default is None else [default]), *slot.words])
    if offered and slot.kind != "bool":  # of which an editor knows both values
        schema["examples"] = list(offered)
    return schema if slot.kind == "node" else with_holes(schema, plain)


def with_holes(schema: Schema, plain: Schema) -> Schema:
    """The schema, and `{choice: [...]}` and `{range: [low, high], step: n}` as well. `plain` is an alternative's."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    keys: Schema = {
        "choice": {"description": "One of these, for a search to decide.", **_list_of(plain)},
        "prior": {
            "description": "How often each of them is drawn, in proportion.",
            **_list_of({"type": "integer", "minimum": 1, "maximum": MAX_WEIGHT}),
        },
    }
    if {"integer", "number"} & set(types):
        bound: Schema = {"type": "integer"}
        keys["range"] = {
            "description": "Every integer from the first to the second, for a search to decide.",
            **_list_of(bound),
            "minItems": 2,
            "maxItems": 2,
        }
        keys["step"] = {"description": "The distance between the alternatives of `range`.", **bound, "minimum": 1}
    return {**schema, "type": [*types, "object"], "properties": keys, "additionalProperties": False, "minProperties": 1}


def one_paragraph(text: str) -> str:
    """A docstring as a language server shows it: its paragraphs, each on one line."""
    return "\n\n".join(" ".join(part.split()) for part in cleandoc(text).split("\n\n"))


def value_of(tree: Tree) -> Any:
    """A plain value of a document as JSON has it; None for a hole."""
    if isinstance(tree, Sequence):
        return [value_of(item) for item in tree.items]
    return tree.value if isinstance(tree, Scalar) else None


def _plain(slot: Slot, bounds: AbstractMapping[str, float]) -> Schema:
    schema: Schema = {"type": _TYPES[slot.kind], **bounds}
    if slot.kind == "size":
        one = _plain(replace(slot, kind="int"), bounds)
        schema |= {"items": one, "minItems": 2, "maxItems": 2}
    return schema


def _list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema, "minItems": 1}


def _default(param: Param) -> Any:
    if param.default is None or isinstance(param.default, Mapping) or hole_alternatives(param.default) is not None:
        return None
    return value_of(param.default)


def _bounds(schema: Schema) -> dict[str, float]:
    """The bounds of a field's numbers: the same wherever pydantic repeats them."""
    found = {name: schema[name] for name in _BOUNDS if name in schema}
    for part in (*schema.get("anyOf", ()), *schema.get("prefixItems", ())):
        found |= _bounds(part)
    return found


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
