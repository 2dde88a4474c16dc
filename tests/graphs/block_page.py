"""The text of docs/blocks.md: every block that ships, and what its arguments take, from where the schema has it."""

from __future__ import annotations

import re
from inspect import getdoc

from blocks.catalog import CATALOG
from graphs.argument_schemas import Schema, one_paragraph, primitive_arguments, template_arguments
from graphs.library import composites

INTRODUCTION = """\
# Blocks

All blocks that ship, and what their arguments take. Where a value may stand, the name of a parameter, an
[expression](language.md#expressions) or a [hole](language.md#holes) may as well. Input channels are never written: a
block knows them. The page is made by the tests, and says what [an editor](editor.md) shows.
"""

PRIMITIVES = """\
## Primitives

With torch's names and arguments.
"""

COMPOSITES = """\
## Composites

Written in the language, in `blocks/composites/*.yaml`, of the primitives and of each other.
"""

_TOLD = re.compile(r"(?P<doc>.*?)Takes (?P<takes>.+?)(?:; (?P<rule>required|by default (?P<default>.+)))?\.", re.DOTALL)


def block_page() -> str:
    """The whole page: primitives in the order of their catalog, composites in that of their files."""
    rows = [INTRODUCTION, PRIMITIVES]
    rows += [section(kind.key, getdoc(kind) or "", primitive_arguments(kind)) for kind in CATALOG]
    rows.append(COMPOSITES)
    rows += [section(name, template.doc, template_arguments(template)) for name, template in composites().items()]
    return "\n".join(rows)


def section(name: str, doc: str, arguments: dict[str, Schema]) -> str:
    """What a block is, and a line for each argument."""
    text = f"### {name}\n\n{one_paragraph(doc).strip()}\n"
    if not arguments:
        return text
    rows = [row(argument, schema["description"]) for argument, schema in arguments.items()]
    return "\n".join([text, "| argument | takes | by default |", "| --- | --- | --- |", *rows, ""])


def row(argument: str, description: str) -> str:
    """One argument as a line of the table: what it takes, what it is where that is said, and its default."""
    told = _TOLD.fullmatch(description)
    assert told, f"{argument}: {description}"
    takes = f"{told['takes']}. {told['doc'].strip()}" if told["doc"] else told["takes"]
    default = f"`{told['default']}`" if told["default"] else told["rule"] or ""
    return f"| `{argument}` | {takes} | {default} |"
