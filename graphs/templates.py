"""From trees to templates: the `blocks` of a document, of a library, and those it takes from other files by `use`."""

from __future__ import annotations

from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from graphs.document import Step, Template, calls_within
from graphs.faults import FaultList, Source, nearest, one_of
from graphs.migrations import migrate
from graphs.parameters import read_params
from graphs.steps import GROUPS, STEP_KEYS, StepReader, broken_step, decides
from graphs.text import Mapping, Scalar, Sequence, Tree, parse_tree, read_source
from graphs.tree_checks import NO_ENTRIES, is_name, read_conditions, read_mapping, read_text

MAX_FILES = 32

_EXAMPLE = "blocks: {stage: {params: {width: int}, body: [...]}}"
_TEMPLATE_KEYS = ("doc", "params", "where", "decide", "body", "one_of")


@dataclass(frozen=True, slots=True)
class Blocks:
    """Templates by name. They are not `whole` where some could not be read: a name may be missing for that."""

    templates: dict[str, Template]
    whole: bool = True


def read_library(tree: Tree, faults: FaultList) -> dict[str, Template]:
    """The templates of a file that holds `version` and `blocks` alone."""
    top = read_mapping(migrate(tree, faults), "a library", ("version", "blocks"), faults)
    return read_templates(top.get("blocks"), faults, holes=False).templates if top else {}


def read_templates(tree: Tree | None, faults: FaultList, *, holes: bool) -> Blocks:
    """The templates of a map of blocks; one at fault is marked as broken."""
    found: dict[str, Template] = {}
    reader = StepReader(faults, holes=holes)
    mapping = read_mapping(tree, "`blocks`", None, faults, _EXAMPLE)
    for key, value in mapping or NO_ENTRIES:
        name = key.text
        if name in STEP_KEYS or name in GROUPS:
            help = f"`{name}` is a key of a step: take another name"
            faults.add("bad-value", f"`{name}` is no name for a block", key.mark, help=help)
            continue
        if not is_name(key, "a block", faults, module=True):
            found[name] = _unread(name, key)
            continue
        parts = read_mapping(value, f"the block `{name}`", _TEMPLATE_KEYS, faults, f"{name}: {{body: [...]}}")
        if parts is None:
            found[name] = _unread(name, key)
            continue
        body = _read_body(key, parts, reader, faults)
        params = read_params(parts.get("params"), faults, of_document=False, holes=holes)
        declared = parts.get("params")
        broken = any(param.broken for param in params) or not (declared is None or _has_all(declared, len(params)))
        doc, where = read_text(parts, "doc", faults, ""), read_conditions(parts.get("where"), faults)
        once = decides(parts.get("decide"), "a block", default="each", faults=faults) == "once"
        alternatives = parts.get("body") is None and parts.get("one_of") is not None
        found[name] = Template(key, params, body, doc, broken, where, once, alternatives)
    return Blocks(found, whole=tree is None or mapping is not None)


def _read_body(key: Scalar, parts: Mapping, reader: StepReader, faults: FaultList) -> tuple[Step, ...]:
    """The steps of `body`, or those of `one_of`, which have neither names nor sources."""
    name, body, options = key.text, parts.get("body"), parts.get("one_of")
    if body is not None and options is not None:
        help = "leave one of them out"
        faults.add("wrong-shape", f"the block `{name}` has a `body` and `one_of`", options.mark, help=help)
    if body is not None:
        return reader.body(body, f"the body of `{name}`")
    if options is None:
        help = "body: [{conv: {...}}, ...], or one_of: [{when: ..., conv: {...}}, ...]"
        faults.add("missing-key", f"the block `{name}` needs a `body`", key.mark, help=help)
        return (broken_step(key),)
    steps = reader.body(options, f"`one_of` of `{name}`")
    for step in steps:
        for told in [step.name] if step.name else list(step.sources or ())[:1]:
            message = "a step of `one_of` has neither name nor `from`: it is the whole block, and reads its input"
            faults.add("wrong-shape", message, told.mark, help="{when: kind == 'wide', conv: {...}}")
    for step in steps[:-1]:
        if step.when is None and not step.broken:
            message = "only the last step of `one_of` goes without `when`: none after it is ever taken"
            faults.add("wrong-shape", message, step.mark, help="say when it is taken, or put it last")
    return steps


def _has_all(tree: Tree, number: int) -> bool:
    return isinstance(tree, Mapping) and len(tree.entries) == number


def read_blocks(top: Mapping, source: Source, faults: FaultList, *, holes: bool) -> Blocks:
    """The templates of a document, or of a file of blocks: its own, and those that it takes from other files."""
    own = read_templates(top.get("blocks"), faults, holes=holes)
    used = used_templates(top.get("use"), source, faults, holes=holes)
    for name in used.templates.keys() & own.templates.keys():
        message, mark = f"`use` gives a block `{name}` already", own.templates[name].name.mark
        note = f"it is at {used.templates[name].name.mark}"
        faults.add("duplicate-name", message, mark, notes=(note,), help="rename this one")
    return Blocks({**used.templates, **own.templates}, used.whole and own.whole)


def used_templates(tree: Tree | None, source: Source, faults: FaultList, *, holes: bool) -> Blocks:
    """The templates that a document takes from other files, with what those call in their own file.

    `use: [parts.yaml#cell, parts/more.yaml]`: one block of a file, or all of them. Paths are relative to the document,
    and never lead out of its folder, not by a link either.
    """
    return _Uses(source, faults, holes=holes).read(tree, source) if tree is not None else Blocks({})


class _Uses:
    """One document's uses, and those of the files that it uses."""

    def __init__(self, source: Source, faults: FaultList, *, holes: bool) -> None:
        self._root = source.path.resolve().parent if source.path else None
        self._faults = faults
        self._holes = holes
        self._read: dict[Path, Blocks] = {}
        self._open: list[Path] = [source.path.resolve()] if source.path else []

    def read(self, tree: Tree, source: Source) -> Blocks:
        items = tree.items if isinstance(tree, Sequence) else (tree,)
        found: dict[str, Template] = {}
        whole = True
        for item in items:
            if not isinstance(item, Scalar) or not isinstance(item.value, str):
                help = "use: [parts.yaml#cell]"
                self._faults.add("wrong-shape", "`use` is a list of files, each with a block", item.mark, help=help)
                whole = False
                continue
            file, _, name = item.value.partition("#")
            blocks = self._blocks(file, item, source)
            templates = blocks.templates
            if not name:
                whole = whole and blocks.whole
            elif name not in templates:
                if blocks.whole:
                    help = nearest(name, templates) or (f"it has {one_of(templates)}" if templates else "it has none")
                    self._faults.add("use", f"`{file}` has no block `{name}`", item.mark, help=help)
                found[name] = _unread(name, item)
                continue
            for taken in _closure([name], templates) if name else templates:
                if taken in found and found[taken] is not templates[taken]:
                    self._faults.add(
                        "duplicate-name", f"two files give a block `{taken}`", item.mark, help="rename one"
                    )
                found[taken] = templates[taken]
        return Blocks(found, whole)

    def _blocks(self, file: str, item: Scalar, source: Source) -> Blocks:
        """The templates of a file; none, with a fault, where it can't be used."""
        none = Blocks({}, whole=False)
        if self._root is None or source.path is None:
            self._faults.add("use", "a text that is no file can't use other files", item.mark, help="save it first")
            return none
        try:
            path = (source.path.parent / file).resolve()
            is_file = path.is_file()
        except (OSError, ValueError) as error:  # too long for a path, or with a null byte
            self._faults.add("use", "this is no path of a file", item.mark, help=getattr(error, "strerror", "") or "")
            return none
        if not path.is_relative_to(self._root):
            self._refuse_outside(file, path, item, source.path.parent)
            return none
        if path in self._open:
            self._faults.add("use", f"`{file}` uses itself", item.mark, help="move what both need into a third file")
            return none
        if path not in self._read:
            if not is_file:
                self._faults.add("use", f"there is no file `{file}`", item.mark, help=f"looked for {path}")
                return none
            if len(self._read) >= MAX_FILES:
                help = "put blocks that belong together into one file"
                self._faults.add("limit", f"more than {MAX_FILES} files are used", item.mark, help=help)
                return none
            self._open.append(path)
            self._read[path] = self._file(path, str(source.path.parent / file))
            self._open.pop()
        return self._read[path]

    def _refuse_outside(self, file: str, path: Path, item: Scalar, folder: Path) -> None:
        """The fault of a file that lies outside the folder of the document, or of a link that leads there."""
        message, help = f"`{file}` lies outside the folder of the document", "move it beside the document, or below"
        assert self._root is not None
        if Path(normpath(folder.resolve() / file)).is_relative_to(self._root):
            message = f"`{file}` is, or lies behind, a link that leads out of the folder of the document"
            help = f"copy {path} in place of the link"
        self._faults.add("use", message, item.mark, help=help)

    def _file(self, path: Path, name: str) -> Blocks:
        source = read_source(path, self._faults, name=name)
        tree = parse_tree(source, self._faults) if source else None
        top = read_mapping(migrate(tree, self._faults), f"`{name}`", None, self._faults) if tree else None
        if source is None or top is None:
            return Blocks({}, whole=False)
        uses = top.get("use")
        used = self.read(uses, source) if uses is not None else Blocks({})
        own = read_templates(top.get("blocks"), self._faults, holes=self._holes)
        return Blocks({**used.templates, **own.templates}, used.whole and own.whole)


def _unread(name: str, item: Scalar) -> Template:
    """What stands for a block that could not be read, so that its calls are not at fault as well."""
    key = Scalar(name, item.mark)
    return Template(key, (), (broken_step(key),), broken=True)


def _closure(names: list[str], templates: dict[str, Template]) -> list[str]:
    """These templates, and all that they call in the same file."""
    found = list(names)
    for name in found:
        called = (call.key.text for call in calls_within(templates[name].body))
        found += [key for key in called if key in templates and key not in found]
    return list(dict.fromkeys(found))
