"""How the decisions of a space spell the key of a row in a table: the form of `key`, not its meaning.

key: "{params.depth}-{params.width}"                    # alternatives as they are
key: {of: "{layer1.op}{layer2.op}", spell: {id: 0, conv: 1}, absent: "-"}
key: {of: ["{params.depth}", "{params.width}"]}         # a key of two columns
"""

from __future__ import annotations

import re
from dataclasses import replace

from graphs.document import Key
from graphs.faults import FaultList, Mark, one_of
from graphs.text import Mapping, Scalar, Sequence, Tree
from graphs.tree_checks import NO_ENTRIES, read_mapping

KEYS = ("of", "spell", "absent")
EXAMPLE = 'key: {of: "{layer1.op}{layer2.op}", spell: {skip: 0, conv: 1}}'

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[^{}]+|[{}]")


def read_key(word: Scalar | None, tree: Tree | None, faults: FaultList, *, holes: bool) -> Key | None:
    """The key of a document; None where it has none, or, with faults, one that is not well formed."""
    if word is None or tree is None:
        return None
    if not holes:
        help = "leave `key` out; a document with choices is for `nas search --space FILE`"
        faults.add("hole", "a key makes this a search space, not a network", word.mark, help=help)
        return None
    if isinstance(tree, Scalar | Sequence):
        columns = _read_columns(tree, faults)
        return Key(word, columns) if columns else None
    mapping = read_mapping(tree, "`key`", KEYS, faults, EXAMPLE)
    if mapping is None:
        return None
    of = mapping.get("of")
    if of is None and any(key.text not in KEYS for key, _ in mapping):
        return None  # it is misspelled, most likely, and said already
    if of is None:
        faults.add("missing-key", "`key` needs `of`, the text of a key", mapping.mark, help=EXAMPLE)
        return None
    columns = _read_columns(of, faults)
    spell = read_mapping(mapping.get("spell"), "`spell`", None, faults, "spell: {skip: 0, conv: 1}") or NO_ENTRIES
    sound = [_is_spelling(entry, tree, faults) for entry, tree in spell]
    absent = mapping.get("absent")
    if absent is not None and not isinstance(absent, Scalar):
        faults.add("wrong-shape", "`absent` is a text", absent.mark, help='absent: "-"')
        return None
    return Key(word, columns, tuple(spell), absent.text if absent else "") if columns and all(sound) else None


def pieces_of(column: Scalar) -> tuple[str | Scalar, ...]:
    """The parts of a column's text: texts as they are, and the addresses in braces, each with its place."""
    pieces: list[str | Scalar] = []
    for found in _PIECE.finditer(column.text):
        if found[1] is None:
            text = {"{{": "{", "}}": "}"}.get(found[0], found[0])
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += text
            else:
                pieces.append(text)
        else:
            pieces.append(Scalar(found[1].strip(), _place(column.mark, found[0])))
    return tuple(pieces)


def _place(mark: Mark, text: str) -> Mark:
    """Where a part of a text stands, if it stands in one line as it is; else where the text does."""
    line = mark.source.lines[mark.line - 1] if mark.line <= len(mark.source.lines) else ""
    start = line.find(text, mark.column - 1, mark.end)
    return mark if start < 0 else replace(mark, column=start + 1, end=start + 1 + len(text))


def _read_columns(tree: Tree, faults: FaultList) -> tuple[Scalar, ...]:
    items = tree.items if isinstance(tree, Sequence) else (tree,)
    found = tuple(item for item in items if isinstance(item, Scalar) and _is_template(item, faults))
    if not items or any(not isinstance(item, Scalar) for item in items):
        message = "the text of a key names decisions in braces, one text for each column of the key"
        faults.add("wrong-shape", message, tree.mark, help=EXAMPLE)
        return ()
    if len(found) < len(items):
        return ()
    if all(isinstance(piece, str) for column in found for piece in pieces_of(column)):
        message = f"the text of a key names decisions in braces, {one_of(item.text for item in found)} names none"
        faults.add("wrong-shape", message, tree.mark, help=EXAMPLE)
        return ()
    return found


def _is_template(column: Scalar, faults: FaultList) -> bool:
    if not isinstance(column.value, str):
        message = f"the text of a key names decisions in braces, `{column.text}` names none"
        faults.add("wrong-shape", message, column.mark, help=EXAMPLE)
        return False
    for found in _PIECE.finditer(column.text):
        if found[0] in ("{", "}"):
            help = f"`{found[0] * 2}` is a brace that belongs to the key"
            faults.add("bad-value", f"a brace without its other half in `{column.text}`", column.mark, help=help)
            return False
    return True


def _is_spelling(entry: Scalar, tree: Tree, faults: FaultList) -> bool:
    """Whether an entry of `spell` is an alternative with its text, or a decision with a map of them."""
    spelled = [text for _, text in tree] if isinstance(tree, Mapping) else [tree]
    for text in spelled:
        if not isinstance(text, Scalar):
            message = f"`{entry.text}` is spelled by a text, or by a map with a text for each alternative"
            faults.add("wrong-shape", message, text.mark, help="spell: {skip: 0, conv: 1}")
            return False
    return True
