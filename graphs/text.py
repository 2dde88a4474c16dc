"""YAML and JSON texts as trees of located values.

The text is data only. It is read as events of libyaml's parser, so that neither nesting nor self-reference can exhaust
a stack, and plain scalars are resolved by the core schema of YAML 1.2: `no` is a word, `1e3` a number, `010` is ten.
JSON is read by the same parser, being a subset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isinf
from pathlib import Path

import yaml

from graphs.faults import FaultList, Mark, Source, nearest
from graphs.syntax import refuse_syntax

WEIGHTS = (".safetensors", ".pt", ".pth", ".pt2", ".bin", ".ckpt", ".npz")
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # what such a text begins with
MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_DIGITS = 18

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = ("", "~", "null", "Null", "NULL")
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts. A broken one is at fault, and has no value that means anything; `written` is a number as
    the text has it."""

    value: bool | int | float | str | None
    mark: Mark
    broken: bool = False
    written: str = ""

    @property
    def text(self) -> str:
        """The value as a word, as a document has it."""
        value = self.value
        if self.written:
            return self.written
        if isinstance(value, str):
            return value
        match value:
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case _:
                return str(value)


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
    source = Source(name or str(path), (), builtin, path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # a ValueError is a path with a null byte
        why = getattr(error, "strerror", None) or str(error)
        help = ""
        if isinstance(error, FileNotFoundError) and path.name == str(path) and not path.suffix:
            help = f'a network that ships is loaded by search_spaces.load_network("{path}")'
        faults.add("unreadable", f"cannot be read: {why}", Mark(source, 1, 1, 2), help=help)
        return None
    if refusal := _binary(path, content):
        message, help = refusal
        faults.add("unreadable", message, Mark(source, 1, 1, 2), help=help)
        return None
    if len(content) > MAX_BYTES:
        _refuse_size(source, faults)
        return None
    try:
        return _readable(content.decode("utf-8-sig"), source, faults)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"this is no UTF-8 text: {error.reason} at byte {error.start}"
        faults.add("unreadable", message, Mark(source, line, column, column + 1), help="save it as UTF-8")
        return None


def _binary(path: Path, content: bytes) -> tuple[str, str] | None:
    """What is said of a file that is no text, and what to do about it; None of one that may be."""
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        return "this is an exported network, not a document", "its document is `architecture.yaml` in its bundle"
    if suffix in WEIGHTS:
        return "these are weights, not a document", f"nas export NETWORK --weights {path.name}"
    if b"\0" in content and not content.startswith(UTF16):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            return "this is a binary file, not a document", "a document is a text: YAML or JSON"
    return None


def source_of(text: str, name: str, faults: FaultList) -> Source | None:
    """A text that is in memory already; None with a fault where it is no readable text."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        _refuse_size(Source(name, ()), faults)
        return None
    return _readable(text, Source(name, ()), faults)


def _readable(text: str, source: Source, faults: FaultList) -> Source | None:
    """The source with its lines; None, with a fault, where it has characters that no YAML has."""
    source = replace(source, lines=tuple(text.splitlines()))
    control = _CONTROL.search(text)
    if control is None:
        return source
    before = f"{text[: control.start()]}|".splitlines()
    line, column = len(before), len(before[-1])
    message = f"the character U+{ord(control[0]):04X} has no place in a text"
    faults.add("unreadable", message, Mark(source, line, column, column + 1), help="remove it")
    return None


def _refuse_size(source: Source, faults: FaultList) -> None:
    help = "repeat steps by `repeat`, and name under `blocks` what comes again"
    faults.add("limit", f"the text is larger than {MAX_BYTES:,} bytes", Mark(source, 1, 1, 2), help=help)


def parse_tree(source: Source, faults: FaultList) -> Tree | None:
    """The text as a tree; None, with faults, where it isn't one. Duplicate keys are faults, and the first one stays."""
    text = "\n".join(source.lines) + "\n"
    if text.lstrip().startswith("{"):
        text = _ESCAPE.sub(_join_surrogates, text)
    builder = _Builder(source, faults)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if not builder.take(event):
                return None
    except yaml.YAMLError as error:
        refuse_syntax(error, source, faults)
        return None
    if builder.root is None:
        faults.add("missing-key", "the document is empty", Mark(source, 1, 1, 2), help="begin with `version: 1`")
    return builder.root


def _join_surrogates(pair: re.Match[str]) -> str:
    """One escape of YAML for the two that JSON has for a character beyond U+FFFF; other escapes as they are."""
    if pair[1] is None:
        return pair[0]
    return f"\\U{0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + int(pair[2], 16) - 0xDC00:08X}"


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read yet. `size` counts its values, `depth` the collections inside it."""

    is_mapping: bool
    mark: Mark
    anchor: str | None
    items: list[Tree]
    size: int = 1
    depth: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for."""

    tree: Tree
    size: int
    depth: int


class _Builder:
    """Builds a tree from events with a stack of its own."""

    def __init__(self, source: Source, faults: FaultList) -> None:
        self.source = source
        self.faults = faults
        self.root: Tree | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}  # None: the anchor's value is still open
        self._documents = 0

    def take(self, event: yaml.Event) -> bool:
        """One event; False where it is pointless to go on."""
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event)
            scalar = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = _Anchored(scalar, 1, 0)
            return self._put(scalar, 1, 0)
        if isinstance(event, yaml.CollectionStartEvent):
            self._refuse_tag(event)
            if len(self._stack) >= MAX_DEPTH:
                return self._too_deep(self._mark(event))
            if event.anchor:
                self._anchors[event.anchor] = None
            self._stack.append(_Open(isinstance(event, yaml.MappingStartEvent), self._mark(event), event.anchor, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self._stack.pop()
            tree: Tree = self._mapping(done) if done.is_mapping else Sequence(tuple(done.items), done.mark)
            if done.anchor:
                self._anchors[done.anchor] = _Anchored(tree, done.size, done.depth)
            return self._put(tree, done.size, done.depth)
        elif isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                help = "one document a file"
                self.faults.add("syntax", "a second document begins here", self._mark(event), help=help)
                return False
        return True

    def _put(self, tree: Tree, size: int, depth: int) -> bool:
        if self._stack:
            top = self._stack[-1]
            top.items.append(tree)
            top.size += size
            top.depth = max(top.depth, depth + 1)
            if top.size > MAX_VALUES:
                expanded = " after the expansion of its aliases" if self._anchors else ""
                help = "repeat steps by `repeat`, and name under `blocks` what comes again"
                self.faults.add(
                    "limit", f"the text has more than {MAX_VALUES:,} values{expanded}", tree.mark, help=help
                )
                return False
        else:
            self.root = tree
        return True

    def _alias(self, event: yaml.AliasEvent) -> bool:
        mark = self._mark(event)
        assert event.anchor is not None
        if event.anchor not in self._anchors:
            help = nearest(event.anchor, self._anchors) or f"anchor a value before it: &{event.anchor}"
            self.faults.add("alias", f"there is no anchor `&{event.anchor}` before this alias", mark, help=help)
            return self._put(Scalar(None, mark, broken=True), 1, 0)
        known = self._anchors[event.anchor]
        if known is None:
            self.faults.add("alias", f"`*{event.anchor}` stands inside its own anchor", mark, help="write it out")
            return False
        if len(self._stack) + known.depth > MAX_DEPTH:
            return self._too_deep(mark)
        return self._put(known.tree, known.size, known.depth)

    def _too_deep(self, mark: Mark) -> bool:
        help = "name what lies deep inside as a block, under `blocks`"
        self.faults.add("limit", f"values are nested more than {MAX_DEPTH} deep", mark, help=help)
        return False

    def _mapping(self, done: _Open) -> Mapping:
        entries: list[tuple[Scalar, Tree]] = []
        seen: dict[str, Scalar] = {}
        for key, tree in zip(done.items[::2], done.items[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.faults.add("syntax", "a key is a word, not a list or a map", key.mark)
            elif key.value == "<<" and isinstance(tree, Mapping):
                help = "write the keys out; what is needed often becomes a block, under `blocks`"
                self.faults.add("syntax", "a merge key, `<<`, is no part of YAML 1.2", key.mark, help=help)
                entries += [entry for entry in tree if entry[0].text not in seen]
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
            digits = len(text.lstrip("+-"))
            if digits > MAX_DIGITS:
                help = f"at most {MAX_DIGITS} digits"
                self.faults.add("limit", f"this number has {digits:,} digits", mark, help=help)
                return Scalar(0, mark, broken=True)
            return Scalar(int(text), mark, written=text)
        if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and isinf(float(text))):
            self.faults.add("not-finite", f"`{text[:40]}` is not a finite number", mark, help="write a finite number")
            return Scalar(0.0, mark, broken=True)
        if _FLOAT.fullmatch(text):
            return Scalar(float(text), mark, written=text)
        return Scalar(text, mark)

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self.faults.add(
                "tag",
                f"the tag `{event.tag.replace('tag:yaml.org,2002:', '!!')}` has no place in a document",
                self._mark(event),
                help="a document is data only",
            )

    def _mark(self, event: yaml.Event) -> Mark:
        start, end = event.start_mark, event.end_mark
        assert start is not None
        assert end is not None
        column = start.column + 1
        if isinstance(event, yaml.CollectionStartEvent):
            stop = column + 1
        elif end.line == start.line:
            stop = end.column + 1
        else:  # of a text of several lines, the first
            stop = len(self.source.lines[start.line]) + 1
        return Mark(self.source, start.line + 1, column, max(stop, column + 1))
