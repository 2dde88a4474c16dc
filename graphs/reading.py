"""From a tree to a document: the shape of every part is checked here, meaning (names, types) by `graphs.expansion`.

Nothing stops at the first mistake: a part that is wrong is marked as broken, and reading goes on.
"""

from __future__ import annotations

from graphs.document import Document, Param, Step
from graphs.faults import FaultList, Source, nearest, nearest_word, one_of
from graphs.keys import read_key
from graphs.migrations import migrate
from graphs.parameters import read_params
from graphs.steps import StepReader, broken_step
from graphs.templates import read_blocks
from graphs.text import Mapping, Scalar, Sequence, Tree
from graphs.tree_checks import NAME, NO_ENTRIES, is_name, is_value, read_conditions, read_mapping, read_text

DOCUMENT_KEYS = (
    "version",
    "name",
    "doc",
    "params",
    "variants",
    "where",
    "input",
    "use",
    "defaults",
    "blocks",
    "net",
    "output",
    "training_output",
    "require",
    "key",
)

_EXAMPLES = {
    "input": "input: {image: {map: [3, 224, 224]}}",
    "net": "net: [{conv: {out_channels: 16, kernel_size: 3}}, ...]",
    "output": "output: {logits: fc}, a name and the step that gives it",
    "training_output": "training_output: {aux: aux_logits}, a name and the step that gives it",
    "require": 'require: {params: "< 5M"}',
    "defaults": "defaults: {conv: {norm: none}}",
    "variants": "variants: {resnet101: {depth3: 23}}",
}

# What other formats call the parts of a document.
_ELSEWHERE = {
    "layers": "net",
    "layer": "net",
    "nodes": "net",
    "steps": "net",
    "model": "net",
    "backbone": "net",
    "network": "net",
    "architecture": "net",
    "templates": "blocks",
    "modules": "blocks",
    "parameters": "params",
    "imports": "use",
    "constraints": "require",
    "budget": "require",
    "description": "doc",
}


def read_document(tree: Tree, source: Source, faults: FaultList, *, holes: bool) -> Document | None:
    """A network's document, with holes allowed or not; None where nothing can be made of it."""
    example = "version: 1, input: ..., net: ..."
    top = read_mapping(migrate(tree, faults), "a document", None, faults, help=example)
    if top is None:
        return None
    top = _respelled(top, faults)
    missing = [key for key in ("input", "net") if top.get(key) is None]
    if missing:
        keys = " and ".join(f"`{key}`" for key in missing)
        help = _EXAMPLES[missing[0]]
        if len(missing) == 2 and top.get("blocks") is not None:
            help = f"{help}; a file of blocks alone is for other documents to `use`"
        faults.add("missing-key", f"a document needs {keys}", top.mark, help=help)
    params = read_params(top.get("params"), faults, of_document=True, holes=holes)
    blocks = read_blocks(top, source, faults, holes=holes)
    return Document(
        source=source,
        mark=top.mark,
        name=read_text(top, "name", faults, "network"),
        doc=read_text(top, "doc", faults, ""),
        params=params,
        inputs=_read_inputs(top.get("input"), faults),
        templates=blocks.templates,
        body=_read_net(top, faults, holes=holes),
        outputs=_read_outputs(top, "output", faults),
        training_outputs=_read_outputs(top, "training_output", faults),
        requirements=_read_words(top.get("require"), "require", faults),
        defaults=_read_maps(top.get("defaults"), "defaults", faults),
        variants=_read_variants(top.get("variants"), params, faults),
        whole=blocks.whole,
        where=read_conditions(top.get("where"), faults),
        key=read_key(top.key("key"), top.get("key"), faults, holes=holes),
    )


def _respelled(top: Mapping, faults: FaultList) -> Mapping:
    """The document with keys that it has: one that nobody knows is a fault, and is read as the one that was meant."""
    entries = []
    for key, tree in top:
        if key.text in DOCUMENT_KEYS:
            entries.append((key, tree))
            continue
        elsewhere = _ELSEWHERE.get(key.text)
        meant = elsewhere or nearest_word(key.text, DOCUMENT_KEYS)
        if elsewhere:
            help = f"here it is `{elsewhere}`"
        else:
            help = f"did you mean `{meant}`?" if meant else f"it takes {one_of(DOCUMENT_KEYS, len(DOCUMENT_KEYS))}"
        faults.add("unknown-key", f"a document has no key `{key.text}`", key.mark, help=help)
        if meant and top.get(meant) is None:
            entries.append((Scalar(meant, key.mark), tree))
    return Mapping(tuple(entries), top.mark)


def _read_net(top: Mapping, faults: FaultList, *, holes: bool) -> tuple[Step, ...]:
    tree = top.get("net")
    if tree is None:
        return (broken_step(top),)
    steps = StepReader(faults, holes=holes).body(tree, "`net`")
    if not steps:
        faults.add("missing-key", "a network has at least one step", tree.mark, help=_EXAMPLES["net"])
    return steps or (broken_step(tree),)


def _read_variants(
    tree: Tree | None, params: tuple[Param, ...], faults: FaultList
) -> tuple[tuple[Scalar, Mapping], ...]:
    known = [param.name.text for param in params]
    variants = _read_maps(tree, "variants", faults)
    for _, values in variants:
        for key, _ in values:
            if key.text not in known:
                help = nearest(key.text, known) or (f"it has {one_of(known)}" if known else "it has none")
                faults.add("unknown-name", f"the document has no parameter `{key.text}`", key.mark, help=help)
    return variants


def _read_maps(tree: Tree | None, what: str, faults: FaultList) -> tuple[tuple[Scalar, Mapping], ...]:
    """Maps of plain values by name."""
    found: list[tuple[Scalar, Mapping]] = []
    for key, value in read_mapping(tree, f"`{what}`", None, faults, _EXAMPLES[what]) or NO_ENTRIES:
        values = read_mapping(value, f"`{key.text}` in `{what}`", None, faults, _EXAMPLES[what])
        if values is not None:
            wrong = [name for name, part in values if not is_value(name.text, part, faults)]
            found += [] if wrong else [(key, values)]
    return tuple(found)


def _read_inputs(tree: Tree | None, faults: FaultList) -> tuple[tuple[Scalar, Mapping], ...]:
    """Inputs by name; one at fault has an empty map."""
    example = _EXAMPLES["input"]
    if isinstance(tree, Sequence) and len(tree.items) == 3 and all(isinstance(item, Scalar) for item in tree.items):
        numbers = ", ".join(item.text for item in tree.items if isinstance(item, Scalar))
        example = f"input: {{image: {{map: [{numbers}]}}}}"
    mapping = read_mapping(tree, "`input`", None, faults, example)
    found = []
    for key, value in mapping or NO_ENTRIES:
        if not is_name(key, "an input", faults):
            continue
        if not isinstance(value, Mapping) or (value.get("map") is None) == (value.get("vector") is None):
            sizes = (
                [item.text for item in value.items if isinstance(item, Scalar)] if isinstance(value, Sequence) else []
            )
            help = f"{{map: [{', '.join(sizes)}]}}" if len(sizes) == 3 else "{map: [3, 224, 224]} or {vector: 64}"
            faults.add("wrong-shape", f"the input `{key.text}` is a map or a vector", value.mark, help=help)
            found.append((key, Mapping((), value.mark)))
        else:
            read_mapping(value, f"the input `{key.text}`", ("map", "vector", "dtype"), faults)
            found.append((key, value))
    if mapping is not None and not mapping.entries:
        faults.add("missing-key", "a document has at least one input", mapping.mark, help=_EXAMPLES["input"])
    return tuple(found)


def _read_outputs(top: Mapping, what: str, faults: FaultList) -> tuple[tuple[Scalar, Scalar], ...]:
    outputs = _read_words(top.get(what), what, faults)
    return tuple((name, source) for name, source in outputs if is_name(name, "an output", faults))


def _read_words(tree: Tree | None, what: str, faults: FaultList) -> tuple[tuple[Scalar, Scalar], ...]:
    example = _EXAMPLES[what]
    if what != "require" and isinstance(tree, Scalar) and NAME.fullmatch(tree.text):
        example = f"{what}: {{{tree.text}: {tree.text}}}, a name and the step that gives it"
    mapping = read_mapping(tree, f"`{what}`", None, faults, example)
    found = []
    for key, value in mapping or NO_ENTRIES:
        if isinstance(value, Scalar) and value.value is not None:
            found.append((key, value))
        else:
            message = f"`{key.text}` in `{what}` is a word"
            faults.add("wrong-shape", message, value.mark, help=_EXAMPLES[what])
    return tuple(found)
