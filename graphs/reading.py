"""From a tree to a document: the shape of every part is checked here, meaning (names, types) by `graphs.expansion`.

Nothing stops at the first mistake: a part that is wrong is left out, and reading goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from graphs.document import (
    Action,
    Call,
    Choice,
    Document,
    Kind,
    Parallel,
    Param,
    Sequential,
    Step,
    Template,
    hole_alternatives,
)
from graphs.faults import FaultList, Mark, Source, nearest, one_of
from graphs.text import Mapping, Scalar, Sequence, Tree

VERSION = 1
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
KINDS: tuple[Kind, ...] = ("int", "float", "bool", "size", "node")
GROUPS = ("sequential", "parallel", "choice")

_DOCUMENT_KEYS = ("version", "name", "doc", "params", "input", "blocks", "net", "output", "require")
_TEMPLATE_KEYS = ("doc", "params", "body")
_STEP_KEYS = ("name", "from", "repeat", "first", "when", "unused", "join")
_PARAM_KEYS = ("type", "words", "default", "doc")
_EMPTY: tuple[tuple[Scalar, Tree], ...] = ()


def read_document(tree: Tree, source: Source, faults: FaultList, *, holes: bool) -> Document | None:
    """A network's document, with holes allowed or not; None where nothing can be made of it."""
    top = _mapping(tree, "a document", _DOCUMENT_KEYS, faults)
    if top is None:
        return None
    _check_version(top, faults)
    for key in ("input", "net"):
        if top.get(key) is None:
            faults.add("missing-key", f"a document needs `{key}`", top.mark, help=_EXAMPLES[key])
    reader = _Reader(faults, holes=holes)
    return Document(
        source=source,
        mark=top.mark,
        name=_text(top, "name", faults, "network"),
        doc=_text(top, "doc", faults, ""),
        params=reader.params(top.get("params"), of_document=True),
        inputs=_read_inputs(top.get("input"), faults),
        templates=reader.templates(top.get("blocks")),
        body=reader.body(top.get("net"), "net"),
        outputs=_read_words(top.get("output"), "output", "{logits: fc}", faults),
        requirements=_read_words(top.get("require"), "require", '{params: "< 5M"}', faults),
    )


def read_templates(tree: Tree, faults: FaultList) -> dict[str, Template]:
    """The templates of a file that holds `version` and `blocks` alone."""
    top = _mapping(tree, "a library", ("version", "blocks"), faults)
    if top is None:
        return {}
    _check_version(top, faults)
    return _Reader(faults, holes=False).templates(top.get("blocks"))


_EXAMPLES = {
    "input": "input: {image: {map: [3, 224, 224]}}",
    "net": "net: [{conv: {out_channels: 16, kernel_size: 3}}, ...]",
}


class _Reader:
    """Reads templates and steps; `holes` says whether values may be left open."""

    def __init__(self, faults: FaultList, *, holes: bool) -> None:
        self._faults = faults
        self._holes = holes

    def params(self, tree: Tree | None, *, of_document: bool = False) -> tuple[Param, ...]:
        mapping = _mapping(tree, "params", None, self._faults)
        found = []
        for key, value in mapping or _EMPTY:
            if not NAME.fullmatch(key.text) or key.text in ("in", "and", "or", "not"):
                self._faults.add(
                    "bad-value",
                    f"`{key.text}` is no name for a parameter",
                    key.mark,
                    help="a letter, then letters, digits, _",
                )
                continue
            if hole_alternatives(value) is not None and not of_document and self._holes:
                help = "put it at the step that calls the block, or into the document's params"
                self._faults.add("hole", "a choice has no place in the params of a block", value.mark, help=help)
                continue
            param = self._param(key, value)
            if param is not None and of_document and (param.kind == "node" or param.default is None):
                self._faults.add(
                    "wrong-shape", f"the parameter `{key.text}` needs a value", key.mark, help=f"{key.text}: 10"
                )
                continue
            if param is not None:
                found.append(param)
        return tuple(found)

    def _param(self, key: Scalar, tree: Tree) -> Param | None:
        if hole_alternatives(tree) is not None:
            alternatives = self._hole(tree)
            words = tuple(
                item.value for item in alternatives if isinstance(item, Scalar) and isinstance(item.value, str)
            )
            kinds = {_kind_of(item) for item in alternatives}
            kind: Kind = (
                "size" if "size" in kinds else "float" if "float" in kinds else "bool" if "bool" in kinds else "int"
            )
            return Param(key, "word" if kinds == {"word"} else kind, words, tree)
        if isinstance(tree, Mapping):
            _mapping(tree, f"the parameter `{key.text}`", _PARAM_KEYS, self._faults)
            words_tree, type_tree = tree.get("words"), tree.get("type")
            words = (
                tuple(item.text for item in words_tree.items if isinstance(item, Scalar))
                if isinstance(words_tree, Sequence)
                else ()
            )
            if type_tree is None and words:
                return Param(key, "word", words, tree.get("default"))
            if isinstance(type_tree, Scalar) and type_tree.text in KINDS:
                return Param(key, cast(Kind, type_tree.text), words, tree.get("default"))
            self._faults.add(
                "wrong-shape",
                f"the parameter `{key.text}` has no type",
                tree.mark,
                help=f"type: {one_of(KINDS)}, or words: [...]",
            )
            return None
        if isinstance(tree, Scalar) and isinstance(tree.value, str):
            if tree.value in KINDS:
                return Param(key, cast(Kind, tree.value))
            self._faults.add(
                "bad-value",
                f"`{tree.value}` is no type of a parameter",
                tree.mark,
                help=nearest(tree.value, KINDS)
                or f"{one_of(KINDS)}; a word is declared by {{words: [{tree.value}, ...], default: {tree.value}}}",
            )
            return None
        if isinstance(tree, Scalar) and tree.value is None:
            self._faults.add(
                "wrong-shape",
                f"the parameter `{key.text}` has neither type nor default",
                key.mark,
                help=f"{key.text}: int",
            )
            return None
        return Param(key, _kind_of(tree), (), tree)

    def templates(self, tree: Tree | None) -> dict[str, Template]:
        mapping = _mapping(tree, "blocks", None, self._faults)
        found: dict[str, Template] = {}
        for key, value in mapping or _EMPTY:
            name = key.text
            if not NAME.fullmatch(name) or name in _STEP_KEYS or name in GROUPS:
                self._faults.add(
                    "bad-value",
                    f"`{name}` is no name for a block",
                    key.mark,
                    help="a letter, then letters, digits, _; not a key of a step",
                )
                continue
            parts = _mapping(value, f"the block `{name}`", _TEMPLATE_KEYS, self._faults)
            if parts is None:
                continue
            if parts.get("body") is None:
                self._faults.add(
                    "missing-key", f"the block `{name}` needs a `body`", key.mark, help="body: [- conv: {...}]"
                )
            doc = _text(parts, "doc", self._faults, "")
            found[name] = Template(
                key, self.params(parts.get("params")), self.body(parts.get("body"), f"the body of `{name}`"), doc
            )
        return found

    def body(self, tree: Tree | None, what: str) -> tuple[Step, ...]:
        if tree is None:
            return ()
        if not isinstance(tree, Sequence):
            self._faults.add("wrong-shape", f"{what} is a list of steps", tree.mark, help="start each step with `- `")
            return ()
        return tuple(step for item in tree.items if (step := self._step(item)) is not None)

    def _step(self, tree: Tree) -> Step | None:
        if isinstance(tree, Scalar):
            help = (
                f"write `- {tree.text}: {{}}`" if isinstance(tree.value, str) else "write `- conv: {out_channels: 16}`"
            )
            self._faults.add("wrong-shape", "a step is a map with the block as its key", tree.mark, help=help)
            return None
        if isinstance(tree, Sequence):
            self._faults.add(
                "wrong-shape", "a step is a map, not a list", tree.mark, help="- sequential: [...] groups steps"
            )
            return None
        blocks = [(key, value) for key, value in tree if key.text not in _STEP_KEYS]
        if len(blocks) != 1:
            self._wrong_block_count(tree, [key for key, _ in blocks])
            return None
        key, value = blocks[0]
        action = self._action(key, value, tree.get("join"))
        join = tree.key("join")
        if join is not None and key.text not in ("parallel", "choice"):
            self._faults.add("unknown-key", "`join` goes with `parallel`", join.mark)
        if action is None:
            return None
        when, unused = tree.get("when"), tree.get("unused")
        if when is not None and not isinstance(when, Scalar):
            self._faults.add("wrong-shape", "`when` is an expression", when.mark, help="when: stride > 1")
        if unused is not None and not (isinstance(unused, Scalar) and unused.value == "ok"):
            self._faults.add("bad-value", "`unused` says ok, or is left out", unused.mark, help="unused: ok")
        return Step(
            action=action,
            mark=key.mark,
            name=self._name(tree.get("name")),
            sources=self._sources(tree.get("from")),
            repeat=self._repeat(tree.get("repeat")),
            first=self._first(tree, action),
            when=when if isinstance(when, Scalar) else None,
            unused=unused is not None,
        )

    def _wrong_block_count(self, tree: Mapping, keys: list[Scalar]) -> None:
        if not keys:
            self._faults.add(
                "missing-key", "a step needs a block", tree.mark, help="add one, as in `conv: {out_channels: 16}`"
            )
            return
        likely = [key for key in keys if nearest(key.text, _STEP_KEYS)]
        if 0 < len(likely) < len(keys):
            for key in likely:
                self._faults.add(
                    "unknown-key", f"a step has no key `{key.text}`", key.mark, help=nearest(key.text, _STEP_KEYS)
                )
        else:
            names = " and ".join(f"`{key.text}`" for key in keys)
            self._faults.add(
                "wrong-shape", f"a step has one block, this one has {names}", keys[1].mark, help="make two steps of it"
            )

    def _action(self, key: Scalar, value: Tree, join: Tree | None) -> Action | None:
        if key.text == "sequential":
            return Sequential(key, self.body(value, "`sequential`"))
        if key.text == "parallel":
            branches = _mapping(value, "`parallel`", None, self._faults)
            if branches is None:
                return None
            if len(branches.entries) < 2:
                self._faults.add(
                    "wrong-shape",
                    "`parallel` has two or more named branches",
                    value.mark,
                    help="parallel: {a: [...], b: [...]}",
                )
            if not isinstance(join, Scalar) or join.text not in ("concat", "add"):
                self._faults.add(
                    "missing-key",
                    "`parallel` needs `join: concat` or `join: add`",
                    key.mark,
                    help="write it beside `parallel`",
                )
                return None
            return Parallel(
                key, tuple((name, self.body(body, f"the branch `{name.text}`")) for name, body in branches), join
            )
        if key.text == "choice":
            return self._choice(key, value, join)
        if isinstance(value, Scalar) and value.value is None:
            value = Mapping((), key.mark)
        if not isinstance(value, Mapping):
            self._faults.add(
                "wrong-shape", f"`{key.text}` takes a map of arguments", value.mark, help=f"{key.text}: {{...}}"
            )
            return None
        for name, argument in value:
            self._check_value(name, argument)
        return Call(key, value)

    def _choice(self, key: Scalar, value: Tree, join: Tree | None) -> Action | None:
        if not self._holes:
            self._refuse_hole(key.mark)
            return None
        alternatives = _mapping(value, "`choice`", None, self._faults)
        if alternatives is None:
            return None
        found: list[tuple[Scalar, Action]] = []
        for name, tree in alternatives:
            if isinstance(tree, Sequence):
                found.append((name, Sequential(name, self.body(tree, f"the alternative `{name.text}`"))))
            elif isinstance(tree, Mapping) and len(tree.entries) == 1:
                action = self._action(*tree.entries[0], join)
                if action is not None:
                    found.append((name, action))
            else:
                self._faults.add(
                    "wrong-shape",
                    f"the alternative `{name.text}` is one block or a list of steps",
                    tree.mark,
                    help=f"{name.text}: {{conv: {{...}}}}",
                )
        if not found:
            self._faults.add(
                "wrong-shape", "a choice needs alternatives", key.mark, help="choice: {a: {conv: {...}}, b: [...]}"
            )
            return None
        return Choice(key, tuple(found))

    def _check_value(self, name: Scalar, tree: Tree) -> None:
        if isinstance(tree, Mapping):
            if hole_alternatives(tree) is None:
                self._faults.add("wrong-shape", f"`{name.text}` is a value, not a map", tree.mark)
            else:
                self._hole(tree)
        elif isinstance(tree, Sequence) and not all(isinstance(item, Scalar) for item in tree.items):
            self._faults.add("wrong-shape", f"`{name.text}` is a value or a pair of values", tree.mark)

    def _hole(self, tree: Tree) -> tuple[Tree, ...]:
        assert isinstance(tree, Mapping)
        if not self._holes:
            self._refuse_hole(tree.entries[0][0].mark if tree.entries else tree.mark)
            return ()
        for key, _ in tree:
            if key.text not in ("choice", "range", "step"):
                self._faults.add(
                    "unknown-key",
                    f"a choice has no key `{key.text}`",
                    key.mark,
                    help=nearest(key.text, ("choice", "range", "step")),
                )
        alternatives = hole_alternatives(tree) or ()
        if not alternatives:
            self._faults.add(
                "wrong-shape",
                "a choice needs alternatives",
                tree.mark,
                help="{choice: [8, 16]} or {range: [8, 64], step: 8}",
            )
        seen = set()
        for item in alternatives:
            plain = _plain(item)
            if plain in seen and isinstance(item, Scalar):
                self._faults.add("duplicate-name", f"the alternative `{item.text}` stands here twice", item.mark)
            seen.add(plain)
        return alternatives

    def _refuse_hole(self, mark: Mark) -> None:
        self._faults.add(
            "hole",
            "a choice makes this a search space, not a network",
            mark,
            help="nas search --space FILE, or write one value",
        )

    def _name(self, tree: Tree | None) -> Scalar | None:
        if tree is None:
            return None
        if not isinstance(tree, Scalar) or not NAME.fullmatch(tree.text) or tree.text == "in":
            self._faults.add("bad-value", "a name is a letter, then letters, digits and _, and not `in`", tree.mark)
            return None
        return tree

    def _sources(self, tree: Tree | None) -> tuple[Scalar, ...] | None:
        if tree is None:
            return None
        items = tree.items if isinstance(tree, Sequence) else (tree,)
        if not items or not all(isinstance(item, Scalar) for item in items):
            self._faults.add(
                "wrong-shape", "`from` is the name of a step, or a list of names", tree.mark, help="from: [main, skip]"
            )
            return None
        return tuple(item for item in items if isinstance(item, Scalar))

    def _repeat(self, tree: Tree | None) -> Tree | None:
        if isinstance(tree, Mapping):
            self._check_value(Scalar("repeat", tree.mark), tree)
        elif isinstance(tree, Sequence):
            self._faults.add("wrong-shape", "`repeat` is a number", tree.mark, help="repeat: 3")
            return None
        return tree

    def _first(self, step: Mapping, action: Action) -> Mapping | None:
        tree, key = step.get("first"), step.key("first")
        if tree is None or key is None:
            return None
        if step.get("repeat") is None:
            self._faults.add("unknown-key", "`first` goes with `repeat`", key.mark, help="repeat: 3")
        if isinstance(action, Sequential | Parallel):
            self._faults.add("unknown-key", "`first` changes the arguments of a block, and a group has none", key.mark)
            return None
        mapping = _mapping(tree, "`first`", None, self._faults)
        for name, value in mapping or _EMPTY:
            self._check_value(name, value)
        return mapping


def _check_version(top: Mapping, faults: FaultList) -> None:
    version = top.get("version")
    if version is None:
        faults.add("version", "a document starts with its version", top.mark, help=f"version: {VERSION}")
    elif not isinstance(version, Scalar) or version.value != VERSION or isinstance(version.value, bool):
        faults.add("version", f"this program reads version {VERSION}", version.mark, help=f"version: {VERSION}")


def _read_inputs(tree: Tree | None, faults: FaultList) -> tuple[tuple[Scalar, Mapping], ...]:
    mapping = _mapping(tree, "input", None, faults)
    found = []
    for key, value in mapping or _EMPTY:
        if not isinstance(value, Mapping) or (value.get("map") is None) == (value.get("vector") is None):
            faults.add(
                "wrong-shape",
                f"the input `{key.text}` is a map or a vector",
                value.mark,
                help="{map: [3, 224, 224]} or {vector: 64}",
            )
        elif not NAME.fullmatch(key.text) or key.text == "in":
            faults.add("bad-value", f"`{key.text}` is no name for an input", key.mark)
        else:
            _mapping(value, f"the input `{key.text}`", ("map", "vector", "dtype"), faults)
            found.append((key, value))
    return tuple(found)


def _read_words(tree: Tree | None, what: str, example: str, faults: FaultList) -> tuple[tuple[Scalar, Scalar], ...]:
    mapping = _mapping(tree, what, None, faults)
    found = []
    for key, value in mapping or _EMPTY:
        if isinstance(value, Scalar):
            found.append((key, value))
        else:
            faults.add("wrong-shape", f"`{what}` maps words to words", value.mark, help=f"{what}: {example}")
    return tuple(found)


def _mapping(tree: Tree | None, what: str, keys: Iterable[str] | None, faults: FaultList) -> Mapping | None:
    """The tree as a map with no other keys than these; None, with a fault, where it isn't a map."""
    if tree is None:
        return None
    if not isinstance(tree, Mapping):
        faults.add("wrong-shape", f"{what} is a map of keys and values", tree.mark)
        return None
    allowed = None if keys is None else tuple(keys)
    for key, _ in tree:
        if allowed is not None and key.text not in allowed:
            faults.add(
                "unknown-key",
                f"{what} has no key `{key.text}`",
                key.mark,
                help=nearest(key.text, allowed) or f"it takes {one_of(allowed)}",
            )
    return tree


def _text(mapping: Mapping, key: str, faults: FaultList, default: str) -> str:
    tree = mapping.get(key)
    if tree is None:
        return default
    if not isinstance(tree, Scalar):
        faults.add("wrong-shape", f"`{key}` is a text", tree.mark)
        return default
    return tree.text


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


def _plain(tree: Tree) -> object:
    return (
        (type(tree.value), tree.value)
        if isinstance(tree, Scalar)
        else tuple(map(_plain, tree.items))
        if isinstance(tree, Sequence)
        else tree
    )
