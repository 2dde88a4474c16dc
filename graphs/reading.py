"""From a tree to a document: the shape of every part is checked here, meaning (names, types) by `graphs.expansion`.

Nothing stops at the first mistake: a part that is wrong is marked as broken, and reading goes on.
"""

from __future__ import annotations

from graphs.document import Document, Step, Template
from graphs.faults import FaultList, Source
from graphs.parameters import read_params
from graphs.shapes import NO_ENTRIES, is_name, read_mapping, read_text
from graphs.steps import GROUPS, STEP_KEYS, StepReader, broken_step
from graphs.text import Mapping, Scalar, Tree

VERSION = 1

_DOCUMENT_KEYS = ("version", "name", "doc", "params", "input", "blocks", "net", "output", "require")
_TEMPLATE_KEYS = ("doc", "params", "body")
_EXAMPLES = {
    "input": "input: {image: {map: [3, 224, 224]}}",
    "net": "net: [{conv: {out_channels: 16, kernel_size: 3}}, ...]",
    "output": "output: {logits: fc}, a name and the step that gives it",
    "require": 'require: {params: "< 5M"}',
    "blocks": "blocks: {stage: {params: {width: int}, body: [...]}}",
}


def read_document(tree: Tree, source: Source, faults: FaultList, *, holes: bool) -> Document | None:
    """A network's document, with holes allowed or not; None where nothing can be made of it."""
    top = read_mapping(tree, "a document", _DOCUMENT_KEYS, faults, help="version: 1, input: ..., net: ...")
    if top is None:
        return None
    _check_version(top, faults)
    missing = [key for key in ("input", "net") if top.get(key) is None]
    if missing:
        keys = " and ".join(f"`{key}`" for key in missing)
        faults.add("missing-key", f"a document needs {keys}", top.mark, help=_EXAMPLES[missing[0]])
    return Document(
        source=source,
        mark=top.mark,
        name=read_text(top, "name", faults, "network"),
        doc=read_text(top, "doc", faults, ""),
        params=read_params(top.get("params"), faults, of_document=True, holes=holes),
        inputs=_read_inputs(top.get("input"), faults),
        templates=_read_templates(top.get("blocks"), faults, holes=holes),
        body=_read_net(top, faults, holes=holes),
        outputs=_read_outputs(top.get("output"), faults),
        requirements=_read_words(top.get("require"), "require", faults),
    )


def _read_net(top: Mapping, faults: FaultList, *, holes: bool) -> tuple[Step, ...]:
    tree = top.get("net")
    if tree is None:
        return (broken_step(top),)
    steps = StepReader(faults, holes=holes).body(tree, "`net`")
    if not steps:
        faults.add("missing-key", "a network has at least one step", tree.mark, help=_EXAMPLES["net"])
    return steps or (broken_step(tree),)


def read_library(tree: Tree, faults: FaultList) -> dict[str, Template]:
    """The templates of a file that holds `version` and `blocks` alone."""
    top = read_mapping(tree, "a library", ("version", "blocks"), faults)
    if top is None:
        return {}
    _check_version(top, faults)
    return _read_templates(top.get("blocks"), faults, holes=False)


def _check_version(top: Mapping, faults: FaultList) -> None:
    version = top.get("version")
    if version is None:
        faults.add("version", "a document says its version", top.mark, help=f"begin with `version: {VERSION}`")
    elif not isinstance(version, Scalar) or version.value != VERSION or isinstance(version.value, bool | float):
        faults.add("version", f"this program reads version {VERSION}", version.mark, help=f"version: {VERSION}")


def _read_templates(tree: Tree | None, faults: FaultList, *, holes: bool) -> dict[str, Template]:
    found: dict[str, Template] = {}
    reader = StepReader(faults, holes=holes)
    for key, value in read_mapping(tree, "`blocks`", None, faults, _EXAMPLES["blocks"]) or NO_ENTRIES:
        name = key.text
        if name in STEP_KEYS or name in GROUPS:
            help = f"`{name}` is a key of a step: take another name"
            faults.add("bad-value", f"`{name}` is no name for a block", key.mark, help=help)
            continue
        if not is_name(key, "a block", faults, module=True):
            continue
        parts = read_mapping(value, f"the block `{name}`", _TEMPLATE_KEYS, faults, "its keys are params and body")
        if parts is None:
            found[name] = Template(key, (), (broken_step(key),), broken=True)
            continue
        if parts.get("body") is None:
            faults.add("missing-key", f"the block `{name}` needs a `body`", key.mark, help="body: [{conv: {...}}, ...]")
        body = reader.body(parts.get("body"), f"the body of `{name}`") if parts.get("body") else (broken_step(key),)
        params = read_params(parts.get("params"), faults, of_document=False, holes=holes)
        declared = parts.get("params")
        broken = any(param.broken for param in params) or not (declared is None or _has_all(declared, len(params)))
        found[name] = Template(key, params, body, read_text(parts, "doc", faults, ""), broken)
    return found


def _has_all(tree: Tree, number: int) -> bool:
    return isinstance(tree, Mapping) and len(tree.entries) == number


def _read_inputs(tree: Tree | None, faults: FaultList) -> tuple[tuple[Scalar, Mapping], ...]:
    """Inputs by name; one at fault has an empty map."""
    mapping = read_mapping(tree, "`input`", None, faults, _EXAMPLES["input"])
    found = []
    for key, value in mapping or NO_ENTRIES:
        if not is_name(key, "an input", faults):
            continue
        if not isinstance(value, Mapping) or (value.get("map") is None) == (value.get("vector") is None):
            help = "{map: [3, 224, 224]} or {vector: 64}"
            faults.add("wrong-shape", f"the input `{key.text}` is a map or a vector", value.mark, help=help)
            found.append((key, Mapping((), value.mark)))
        else:
            read_mapping(value, f"the input `{key.text}`", ("map", "vector", "dtype"), faults)
            found.append((key, value))
    if mapping is not None and not mapping.entries:
        faults.add("missing-key", "a document has at least one input", mapping.mark, help=_EXAMPLES["input"])
    return tuple(found)


def _read_outputs(tree: Tree | None, faults: FaultList) -> tuple[tuple[Scalar, Scalar], ...]:
    outputs = _read_words(tree, "output", faults)
    return tuple((name, source) for name, source in outputs if is_name(name, "an output", faults))


def _read_words(tree: Tree | None, what: str, faults: FaultList) -> tuple[tuple[Scalar, Scalar], ...]:
    mapping = read_mapping(tree, f"`{what}`", None, faults, _EXAMPLES[what])
    found = []
    for key, value in mapping or NO_ENTRIES:
        if isinstance(value, Scalar) and value.value is not None:
            found.append((key, value))
        else:
            message = f"`{key.text}` in `{what}` is a word"
            faults.add("wrong-shape", message, value.mark, help=_EXAMPLES[what])
    return tuple(found)
