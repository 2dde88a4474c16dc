"""The language as a JSON Schema (draft 7), with which an editor completes a document and checks it while it is written.

A schema knows the form of a document, not its meaning: names, types and shapes are for `nas check`. What it refuses is
refused there too, with two exceptions: a block of one's own that has the name of a shipped one and other parameters,
and a required argument that stands in `first` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from inspect import getdoc

from blocks.primitive import Primitive
from blocks.types import BYTES
from graphs.argument_schemas import (
    ANY_VALUE,
    Schema,
    argument_schema,
    one_paragraph,
    primitive_arguments,
    template_arguments,
    with_holes,
)
from graphs.budget import METRICS
from graphs.document import Template
from graphs.holes import MAX_WEIGHT
from graphs.migrations import VERSION
from graphs.parameters import KINDS
from graphs.resolving import REPEAT
from graphs.steps import DECIDES, JOINS
from graphs.tree_checks import KEYWORDS, NAME

# What a step may hold in the two kinds of documents: with `defaults`, a call may leave out what it requires.
_WHOLE, _PART = "", "-partial"  # no block has a dash in its name

_WORD: Schema = {"type": "string"}
_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_NAME: Schema = {
    "type": "string",
    "pattern": f"^(?!({'|'.join(KEYWORDS)})$){NAME.pattern}$",
    "patternErrorMessage": f"A name is a letter, then letters, digits and _, and not {', '.join(KEYWORDS)}.",
}
_KINDS = f"A type is {', '.join(KINDS)}; a word needs {{words: [...], default: ...}}."
_ARGUMENTS: Schema = {"type": ["object", "null"], "additionalProperties": ANY_VALUE}


def document_schema(primitives: Iterable[type[Primitive]], templates: Mapping[str, Template]) -> Schema:
    """The schema of documents and libraries: they call these blocks, or their own."""
    definitions: Schema = {}
    for kind in primitives:
        _define_block(kind.key, getdoc(kind) or "", primitive_arguments(kind), definitions)
    for name, template in templates.items():
        _define_block(name, template.doc, template_arguments(template), definitions)
    blocks = [name for name in definitions if not name.endswith(_PART)]
    for suffix in (_WHOLE, _PART):
        definitions |= _body_definitions(blocks, suffix)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Fixpoint document",
        "description": f"A convolutional network, or a space of them, in version {VERSION} of the language.",
        **_document(blocks),
        "definitions": definitions,
    }


def schema_text(schema: Schema) -> str:
    """The schema as a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _define_block(name: str, doc: str, arguments: dict[str, Schema], definitions: Schema) -> None:
    """A block's arguments, and the same where none is required: in `first`, and below `defaults`."""
    required = [key for key, schema in arguments.items() if "; required." in schema["description"]]
    common: Schema = {"title": name, "description": one_paragraph(doc), "additionalProperties": False}
    definitions[name] = {"type": "object" if required else ["object", "null"], **common, "properties": arguments}
    if required:
        definitions[name]["required"] = required
    pointers = {key: _reference(f"{name}/properties/{key}") for key in arguments}
    definitions[name + _PART] = {"type": ["object", "null"], **common, "properties": pointers}


def _body_definitions(blocks: list[str], suffix: str) -> Schema:
    """Steps, lists of steps, and templates: `any-step` and so on."""
    calls = {name: _reference(name + suffix) for name in blocks}
    steps = _reference("any-steps" + suffix)
    groups: Schema = {
        "sequential": {"description": "Steps one after the other, with names of their own.", **_steps_of(suffix)},
        "parallel": {
            "description": "Named branches on one input, side by side; `join` says how they meet.",
            "type": "object",
            "additionalProperties": steps,
            "propertyNames": _NAME,
            "minProperties": 2,
        },
        "choice": {
            "description": "One of these named blocks or lists of steps, for a search to decide.",
            "type": "object",
            "additionalProperties": _reference("any-alternative" + suffix),
            "propertyNames": _NAME,
            "minProperties": 1,
        },
        "share": {"description": "The name of a step, which is done once more with the same weights.", **_WORD},
    }
    actions = {**calls, **groups}
    return {
        "any-step" + suffix: {
            "title": "step",
            "type": "object",
            "properties": {**_step_keys(), **actions},
            "additionalProperties": {"description": "A block of one's own, with its arguments.", **_ARGUMENTS},
            "minProperties": 1,
            "dependencies": {
                "first": ["repeat"],
                "decide": ["repeat"],
                "prior": ["choice"],
                "join": {"anyOf": [{"required": ["parallel"]}, {"required": ["choice"]}]},
                "parallel": {"required": ["join"], "properties": {"first": False}},
                "sequential": {"properties": {"first": False}},
                "share": {"properties": {"first": False}},
                **{name: {"properties": {"first": _reference(name + _PART)}} for name in blocks},
            },
        },
        "any-steps" + suffix: _steps_of(suffix),
        "any-alternative" + suffix: {
            "type": ["object", "array"],
            "properties": actions,
            "additionalProperties": _ARGUMENTS,
            "minProperties": 1,
            "maxProperties": 1,
            "items": _reference("any-step" + suffix),
        },
        "any-template" + suffix: {
            "title": "block",
            "type": "object",
            "properties": {
                "doc": {"description": "What it is, and whose.", **_TEXT},
                "params": {
                    "description": "Its parameters, each with its type or its default.",
                    "type": "object",
                    "additionalProperties": _parameter(of_document=False),
                    "propertyNames": _NAME,
                },
                "where": _conditions("Conditions on its parameters and its input, which every call keeps."),
                "decide": {
                    "description": "Whether a search decides `each` call of it anew, or `once` for all.",
                    "type": "string",
                    "enum": list(DECIDES),
                },
                "body": {"description": "Its steps; the last one is its result.", **_steps_of(suffix)},
                "one_of": {
                    "description": "In place of `body`: the first step whose `when` holds is the whole block.",
                    **_steps_of(suffix),
                },
            },
            "oneOf": [{"required": ["body"]}, {"required": ["one_of"]}],
            "additionalProperties": False,
        },
    }


def _steps_of(suffix: str) -> Schema:
    """A list of steps, which may be empty."""
    return {"type": ["array", "null"], "items": _reference("any-step" + suffix)}


def _step_keys() -> Schema:
    return {
        "name": {"description": "What other steps call it, and its part of the address.", **_NAME},
        "from": {
            "description": "The step, or list of steps, that it reads; without it, the step before. "
            "`in` is the input of the enclosing body.",
            **with_holes({"type": ["string", "array"], "minItems": 1}, _WORD),
            "items": with_holes(_WORD, _WORD),
        },
        "when": {
            "description": "A condition; where it is false, the step is its input.",
            "type": ["string", "boolean"],
        },
        "repeat": argument_schema(REPEAT, bounds={"minimum": 0}, doc="How often, one after the other.")
        | {"description": "How often, one after the other."},
        "first": {
            "description": "Arguments that differ in the first repetition.",
            "type": "object",
            "additionalProperties": ANY_VALUE,
        },
        "decide": {
            "description": "Whether a search decides `each` repetition anew, or `once` for all.",
            "type": "string",
            "enum": list(DECIDES),
        },
        "unused": {"description": "`ok` for a step whose result nothing reads.", "type": "string", "enum": ["ok"]},
        "join": {"description": "How the branches of `parallel` meet.", "type": "string", "enum": list(JOINS)},
        "prior": {
            "description": "How often alternatives of `choice` are drawn, by name; 1 where nothing is said.",
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": MAX_WEIGHT},
        },
    }


def _conditions(description: str) -> Schema:
    return {"description": description, "type": ["string", "array"], "items": _WORD, "minItems": 1}


def _document(blocks: list[str]) -> Schema:
    """The keys of a document; and which of them it must have, being a network or a library of blocks."""

    def bodies(suffix: str) -> Schema:
        templates = {
            "type": "object",
            "additionalProperties": _reference("any-template" + suffix),
            "propertyNames": _NAME,
        }
        return {"properties": {"net": {**_steps_of(suffix), "type": "array", "minItems": 1}, "blocks": templates}}

    return {
        "type": "object",
        "properties": {
            "version": {"description": "The version of the language.", "type": "integer", "enum": [VERSION]},
            "name": {"description": "The name of the network.", **_TEXT},
            "doc": {"description": "A sentence about it, and its source.", **_TEXT},
            "params": {
                "description": "Values to use below; `--set name=value` overrides them.",
                "type": "object",
                "additionalProperties": _parameter(of_document=True),
                "propertyNames": _NAME,
            },
            "variants": {
                "description": "Sets of values for `params` by name; `--variant name` takes one.",
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": _value()},
            },
            "where": _conditions("Conditions on `params`, which every network of the document keeps."),
            "input": {
                "description": "Inputs by name.",
                "type": "object",
                "additionalProperties": _input(),
                "propertyNames": _NAME,
                "minProperties": 1,
            },
            "use": {
                "description": "Blocks of other files beside it: `parts.yaml#cell`, or `parts.yaml` for all of them.",
                "type": ["array", "string"],
                "items": _WORD,
            },
            "defaults": {
                "description": "Arguments of all calls of a block that don't say otherwise.",
                "type": "object",
                "properties": {name: _reference(name + _PART) for name in blocks},
                "additionalProperties": {"type": "object", "additionalProperties": ANY_VALUE},
            },
            "blocks": {"description": "Blocks of one's own, by name.", "type": "object"},
            "net": {"description": "The steps of the network.", "type": "array"},
            "output": {
                "description": "Outputs by name, each with the step that gives it; the last step, if left out.",
                "type": "object",
                "additionalProperties": _WORD,
                "propertyNames": _NAME,
            },
            "training_output": {
                "description": "Outputs that training has beside `output`, such as auxiliary classifiers; what only "
                "they need does not ship.",
                "type": "object",
                "additionalProperties": _WORD,
                "propertyNames": _NAME,
            },
            "require": {
                "description": "What `nas check` makes sure of.",
                "type": "object",
                "properties": {metric: _bound(metric) for metric in METRICS},
                "additionalProperties": False,
            },
            "key": _key(),
        },
        "additionalProperties": False,
        "required": ["version"],
        "allOf": [
            {
                "if": {"required": ["blocks"], "not": {"anyOf": [{"required": ["input"]}, {"required": ["net"]}]}},
                "else": {"required": ["input", "net"]},
            },
            {"if": {"required": ["defaults"]}, "then": bodies(_PART), "else": bodies(_WHOLE)},
        ],
    }


def _parameter(*, of_document: bool) -> Schema:
    """A parameter: its type, its default, or both. One of a document has a value, which a search may decide."""
    value = _value()
    open_value = with_holes(value, value)
    declared: Schema = {
        "type": {"description": "What it takes.", "type": "string", "enum": list(KINDS)},
        "words": {"description": "The words that it may be.", "type": "array", "items": _TEXT, "minItems": 1},
        "default": {"description": "What it is where nothing else is said.", **(open_value if of_document else value)},
        "doc": {"description": "What it is for.", **_TEXT},
    }
    if of_document:
        needs = {"type": ["default"], "words": ["default"]}
        return {**open_value, "properties": {**open_value["properties"], **declared}, "dependencies": needs}
    words = {"pattern": f"^({'|'.join(KINDS)})$", "patternErrorMessage": _KINDS, "examples": list(KINDS)}
    return {**open_value, "properties": declared, **words}


def _key() -> Schema:
    text: Schema = {"type": "string"}
    spelled: Schema = {"type": ["string", "number", "boolean"]}
    return {
        "description": "How the decisions of a space spell the key of a row in a table of results, as in "
        '"{layer1.op}-{layer2.op}"; a list of such texts for a key of several columns.',
        "type": ["string", "array", "object"],
        "items": text,
        "minItems": 1,
        "properties": {
            "of": {
                "description": "The text of a key, with the addresses of decisions in braces; one for each column.",
                "type": ["string", "array"],
                "items": text,
                "minItems": 1,
            },
            "spell": {
                "description": "What alternatives are called there; below the address of a decision, for it alone.",
                "type": "object",
                "additionalProperties": {"type": [*spelled["type"], "object"], "additionalProperties": spelled},
            },
            "absent": {"description": "What a decision is called that a network does not have.", **spelled},
        },
        "required": ["of"],
        "additionalProperties": False,
    }


def _value() -> Schema:
    scalars = ["number", "boolean", "string"]
    return {"type": [*scalars, "array"], "items": {"type": scalars}, "minItems": 2, "maxItems": 2}


def _input() -> Schema:
    size: Schema = {"type": ["integer", "string"], "minimum": 1}
    return {
        "type": "object",
        "properties": {
            "map": {
                "description": "A feature map: [channels, height, width].",
                "type": "array",
                "items": size,
                "minItems": 3,
                "maxItems": 3,
            },
            "vector": {"description": "A vector: how many features.", **size},
            "dtype": {
                "description": "What its numbers are; float32 by default.",
                "type": "string",
                "enum": list(BYTES),
            },
        },
        "additionalProperties": False,
        "anyOf": [{"required": ["map"]}, {"required": ["vector"]}],
        "not": {"required": ["map", "vector"]},
    }


def _bound(metric: str) -> Schema:
    words = metric.replace("_", " ")
    description = f'What its {words} must be, such as "< 5M" or ">= 200k".'
    pattern, message = r"^\s*(<=|>=|<|>)\s*\S", 'A bound is <, <=, > or >= and a number, such as "< 5M".'
    return {"description": description, "type": "string", "pattern": pattern, "patternErrorMessage": message}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
