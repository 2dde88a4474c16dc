"""The `params` of a document or a template: `width: int`, `stride: 1`, `act: {words: [relu, silu], default: relu}`."""

from __future__ import annotations

import re
from dataclasses import replace

from graphs.document import Kind, Param, hole_alternatives
from graphs.faults import FaultList, nearest, one_of
from graphs.holes import check_hole, check_value, is_misspelled
from graphs.text import Mapping, Scalar, Sequence, Tree
from graphs.tree_checks import NAME, NO_ENTRIES, is_name, read_mapping

KINDS: dict[str, Kind] = {"int": "int", "float": "float", "bool": "bool", "size": "size", "node": "node"}

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_KEYS = ("type", "words", "default", "doc")


def read_params(tree: Tree | None, faults: FaultList, *, of_document: bool, holes: bool) -> tuple[Param, ...]:
    """Parameters in order. One at fault stays, marked as broken, so that what uses it is not at fault as well."""
    mapping = read_mapping(tree, "`params`", None, faults, help="params: {width: 16}")
    found = []
    for key, value in mapping or NO_ENTRIES:
        if not is_name(key, "a parameter", faults):
            continue
        param = _param(key, value, faults, holes=holes)
        if hole_alternatives(value) is not None and not of_document and holes:
            help = "put it at the step that calls the block, or into the document's params"
            faults.add("hole", "a choice has no place in the params of a block", value.mark, help=help)
            param = replace(param, broken=True)
        if of_document and not param.broken and (param.kind == "node" or param.default is None):
            faults.add("wrong-shape", f"the parameter `{key.text}` needs a value", key.mark, help=f"{key.text}: 10")
            param = replace(param, broken=True)
        found.append(param)
    return tuple(found)


def _param(key: Scalar, tree: Tree, faults: FaultList, *, holes: bool) -> Param:
    if hole_alternatives(tree) is not None:
        return _open_param(key, tree, faults, holes=holes)
    if holes and is_misspelled(tree, faults):
        return Param(key, "word", broken=True)
    if isinstance(tree, Mapping):
        return _declared_param(key, tree, faults, holes=holes)
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        if tree.value in KINDS:
            return Param(key, KINDS[tree.value])
        word = tree.value
        if number := _NUMBER.fullmatch(word):
            help = f"write {number[0]}, without quotes"
        elif NAME.fullmatch(word):
            help = nearest(word, KINDS) or f"{one_of(KINDS)}; for a word, {{words: [{word}, ...], default: {word}}}"
        else:
            help = f"an expression has its type beside it: {{type: int, default: {word}}}"
        faults.add("bad-value", f"`{word}` is no type of a parameter", tree.mark, help=help)
        return Param(key, "word", broken=True)
    if isinstance(tree, Scalar) and tree.value is None:
        message = f"the parameter `{key.text}` has neither type nor default"
        faults.add("wrong-shape", message, key.mark, help=f"{key.text}: int, or {key.text}: 3")
        return Param(key, "word", broken=True)
    return Param(key, _kind_of(tree), (), tree, broken=not check_value(key.text, tree, faults, holes=holes))


def _open_param(key: Scalar, tree: Tree, faults: FaultList, *, holes: bool) -> Param:
    """A parameter whose value a search decides."""
    alternatives = check_hole(tree, faults, holes=holes)
    words = tuple(item.value for item in alternatives if isinstance(item, Scalar) and isinstance(item.value, str))
    kinds = {_kind_of(item) for item in alternatives}
    wide: Kind = next((kind for kind in (KINDS["size"], KINDS["float"], KINDS["bool"]) if kind in kinds), "int")
    return Param(key, "word" if kinds == {"word"} else wide, words, tree, broken=not alternatives)


def _declared_param(key: Scalar, tree: Mapping, faults: FaultList, *, holes: bool) -> Param:
    """A parameter as a map of type, words and default."""
    before = len(faults.faults)
    read_mapping(tree, f"the parameter `{key.text}`", _KEYS, faults)
    type, words_tree, default = tree.get("type"), tree.get("words"), tree.get("default")
    kind: Kind = KINDS.get(type.text, "word") if isinstance(type, Scalar) else "word"
    words: tuple[str, ...] = ()
    if isinstance(words_tree, Sequence) and all(isinstance(item, Scalar) for item in words_tree.items):
        words = tuple(item.text for item in words_tree.items if isinstance(item, Scalar))
    if words_tree is not None and not words:
        faults.add("wrong-shape", "`words` is a list of words", words_tree.mark, help="words: [relu, silu]")
    elif type is None and not words and len(faults.faults) == before:
        help = f"type: {one_of(KINDS)}, or words: [...]"
        faults.add("wrong-shape", f"the parameter `{key.text}` has no type", tree.mark, help=help)
    elif type is not None and not (isinstance(type, Scalar) and type.text in KINDS):
        word = type.text if isinstance(type, Scalar) else ""
        help = nearest(word, KINDS) or one_of(KINDS)
        faults.add("bad-value", "this is no type of a parameter", type.mark, help=help)
    elif kind == "node" and (words or default is not None):
        help = f"{key.text}: node"
        faults.add("wrong-shape", "a parameter that is a step has neither words nor default", tree.mark, help=help)
    elif default is not None:
        check_value(key.text, default, faults, holes=holes)
    return Param(key, kind, words, default, broken=len(faults.faults) > before)


def _kind_of(tree: Tree) -> Kind:
    if isinstance(tree, Scalar):
        match tree.value:
            case bool():
                return "bool"
            case int():
                return "int"
            case float():
                return "float"
            case _:
                return "word"
    return "size"
