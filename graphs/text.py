"""YAML and JSON texts as trees of located values.

The text is data only. It is read as events of libyaml's parser, so that neither nesting nor self-reference can exhaust
a stack, and plain scalars are resolved by the core schema of YAML 1.2: `no` is a word, `1e3` a number, `010` is ten.
JSON is read by the same parser, being a subset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from graphs.faults import FaultList, Mark, Source

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_VALUES = 200_000

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = ("", "~", "null", "Null", "NULL")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts."""

    value: bool | int | float | str | None
    mark: Mark

    @property
    def text(self) -> str:
        """The value as a word."""
        return self.value if isinstance(self.value, str) else "null" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of trees."""

    items: tuple[Tree, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and trees, in order. Keys are unique words."""

    entries: tuple[tuple[Scalar, Tree], ...]
    mark: Mark

    def get(self, word: str) -> Tree | None:
        return next((tree for key, tree in self.entries if key.text == word), None)

    def key(self, word: str) -> Scalar | None:
        return next((key for key, _ in self.entries if key.text == word), None)

    def __iter__(self) -> Iterator[tuple[Scalar, Tree]]:
        return iter(self.entries)


Tree = Scalar | Sequence | Mapping


def read_source(path: Path, faults: FaultList, *, name: str | None = None, builtin: bool = False) -> Source | None:
    """The text of a file; None with a fault where there is no readable text."""
    source = Source(name or str(path), (), builtin)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add("unreadable", f"not a UTF-8 text: {error.reason} at byte {error.start}", Mark(source, 1, 1, 2))
        return None
    except OSError as error:
        faults.add("unreadable", f"cannot be read: {error.strerror or error}", Mark(source, 1, 1, 2))
        return None
    if len(content) > MAX_BYTES:
        faults.add("limit", f"the text is larger than {MAX_BYTES:,} bytes", Mark(source, 1, 1, 2))
        return None
    return Source(source.name, tuple(text.splitlines()), builtin)


def source_of(text: str, name: str, faults: FaultList) -> Source | None:
    """A text that is in memory already; None with a fault where it is too large."""
    source = Source(name, tuple(text.splitlines()))
    if len(text.encode(errors="replace")) > MAX_BYTES:
        faults.add("limit", f"the text is larger than {MAX_BYTES:,} bytes", Mark(source, 1, 1, 2))
        return None
    return source


def parse_tree(source: Source, faults: FaultList) -> Tree | None:
    """The text as a tree; None, with faults, where it isn't one. Duplicate keys are faults, and the first one stays."""
    text = "\n".join(source.lines) + "\n"
    builder = _Builder(source, faults)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if not builder.take(event):
                return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        help = "indent with spaces" if "\\t" in repr(problem) or "tab" in str(problem) else ""
        faults.add("syntax", str(problem), Mark(source, line, column, column + 1), help=help)
        return None
    if builder.root is None:
        faults.add("missing-key", "the document is empty", Mark(source, 1, 1, 2), help="start with `version: 1`")
    return builder.root


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read yet."""

    is_mapping: bool
    mark: Mark
    anchor: str | None
    items: list[Tree]
    size: int = 1


class _Builder:
    """Builds a tree from events with a stack of its own."""

    def __init__(self, source: Source, faults: FaultList) -> None:
        self.source = source
        self.faults = faults
        self.root: Tree | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Tree, int] | None] = {}
        self._documents = 0
        self._values = 0

    def take(self, event: yaml.Event) -> bool:
        """One event; False where it is pointless to go on."""
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self.faults.add(
                        "syntax", "a second document starts here", self._mark(event), help="one document a file"
                    )
                    return False
            case yaml.ScalarEvent():
                self._refuse_tag(event)
                scalar = self._scalar(event)
                if event.anchor:
                    self._anchors[event.anchor] = (scalar, 1)
                return self._put(scalar, 1)
            case yaml.AliasEvent():
                return self._alias(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_tag(event)
                if len(self._stack) >= MAX_DEPTH:
                    self.faults.add("limit", f"values are nested more than {MAX_DEPTH} deep", self._mark(event))
                    return False
                if event.anchor:
                    self._anchors[event.anchor] = None
                self._stack.append(
                    _Open(isinstance(event, yaml.MappingStartEvent), self._mark(event), event.anchor, [])
                )
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = self._stack.pop()
                tree: Tree = self._mapping(done) if done.is_mapping else Sequence(tuple(done.items), done.mark)
                if done.anchor:
                    self._anchors[done.anchor] = (tree, done.size)
                return self._put(tree, done.size)
        return True

    def _put(self, tree: Tree, size: int) -> bool:
        self._values += size if isinstance(tree, Scalar) else 1
        if self._stack:
            top = self._stack[-1]
            top.items.append(tree)
            top.size += size
            if top.size > MAX_VALUES:
                self.faults.add("limit", f"more than {MAX_VALUES:,} values after the expansion of aliases", tree.mark)
                return False
        else:
            self.root = tree
        return True

    def _alias(self, event: yaml.AliasEvent) -> bool:
        mark = self._mark(event)
        known = self._anchors.get(event.anchor, ())
        if known == ():
            self.faults.add("alias", f"there is no anchor `&{event.anchor}` before this alias", mark)
            return self._put(Scalar(None, mark), 1)
        if known is None:
            self.faults.add("alias", f"`*{event.anchor}` stands inside its own anchor", mark)
            return False
        tree, size = known  # type: ignore[misc]
        return self._put(tree, size)

    def _mapping(self, done: _Open) -> Mapping:
        entries: list[tuple[Scalar, Tree]] = []
        seen: dict[str, Scalar] = {}
        for key, tree in zip(done.items[::2], done.items[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.faults.add("syntax", "a key is a word, not a list or a map", key.mark)
            elif key.text in seen:
                first = seen[key.text].mark
                self.faults.add(
                    "duplicate-key",
                    f"the key `{key.text}` stands here twice",
                    key.mark,
                    notes=(f"first at {first}:{first.column}",),
                    help="remove one of them",
                )
            else:
                seen[key.text] = key
                entries.append((key, tree))
        return Mapping(tuple(entries), done.mark)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        mark, text = self._mark(event), event.value
        if event.style in ("'", '"', "|", ">"):
            return Scalar(text, mark)
        if text in _WORDS:
            return Scalar(_WORDS[text], mark)
        if text in _NULLS:
            return Scalar(None, mark)
        if _INT.fullmatch(text):
            if len(text) > 18:
                self.faults.add("limit", f"a number of {len(text)} digits", mark, help="at most 18 digits")
                return Scalar(0, mark)
            return Scalar(int(text), mark)
        if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and abs(float(text)) == float("inf")):
            self.faults.add("not-finite", f"`{text[:40]}` is not a finite number", mark)
            return Scalar(0.0, mark)
        if _FLOAT.fullmatch(text):
            return Scalar(float(text), mark)
        return Scalar(text, mark)

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self.faults.add(
                "tag",
                f"the tag `{event.tag}` has no place in a document",
                self._mark(event),
                help="a document is data only",
            )

    def _mark(self, event: yaml.Event) -> Mark:
        start, end = event.start_mark, event.end_mark
        column = start.column + 1
        if isinstance(event, yaml.CollectionStartEvent):
            stop = column + 1
        else:
            stop = end.column + 1 if end.line == start.line else len(self.source.lines[start.line]) + 1
        return Mark(self.source, start.line + 1, column, max(stop, column + 1))
