"""What a document starts from: the values of its parameters, and the types of its inputs."""

from __future__ import annotations

import contextlib

from blocks.types import DType, Map, Type, Vector
from graphs.arguments import Argument, Missing, Scope, evaluate, shown
from graphs.document import Document, hole_alternatives
from graphs.faults import FaultList, nearest, one_of
from graphs.slots import Slot, slot_of
from graphs.text import Mapping, Scalar, Sequence

MAX_SIZE = 65_536

_SIZE = Slot("a size of an input", "int", (), True, f"an integer from 1 to {MAX_SIZE:,}")
_DTYPES: dict[str, DType] = {"float32": "float32", "float16": "float16", "bfloat16": "bfloat16"}


def document_scope(document: Document, faults: FaultList) -> Scope:
    """The document's parameters; one may be an expression of those before it."""
    scope = Scope()
    for param in document.params:
        value: Argument = None
        if param.default is not None and not param.broken:
            scratch = FaultList()
            with contextlib.suppress(Missing):
                value = evaluate(param.default, slot_of(param), scope, scratch)
            for fault in scratch.take():
                notes = (*fault.notes, param.given) if param.given else fault.notes
                faults.add(fault.slug, fault.message, fault.mark, help=fault.help, notes=notes)
        scope.bind(param.name.text, value)
    return scope


def check_variants(document: Document, faults: FaultList) -> None:
    """Every value of a variant, taken or not: a fault where its parameter doesn't take it. What an expression of other
    parameters gives is known of the variant that is taken alone."""
    scope = Scope(known=set(document.param_names))
    slots = {param.name.text: slot_of(param) for param in document.params if not param.broken}
    for _, values in document.variants:
        for key, tree in values:
            if key.text in slots:
                with contextlib.suppress(Missing):
                    evaluate(tree, slots[key.text], scope, faults)


def input_types(
    document: Document, scope: Scope, faults: FaultList, extra: tuple[int, int] = (0, 0)
) -> list[Type | None]:
    """The types of the document's inputs in order; None for one at fault.

    `extra` is added to the height and width of maps, to find the smallest legal size.
    """
    return [_input_type(name, spec, scope, faults, extra) for name, spec in document.inputs]


def _input_type(name: Scalar, spec: Mapping, scope: Scope, faults: FaultList, extra: tuple[int, int]) -> Type | None:
    if not spec.entries:
        return None  # refused when it was read
    is_map = spec.get("map") is not None
    sizes = _sizes(name, spec, scope, faults)
    dtype = _dtype(spec, faults)
    if sizes is None or dtype is None:
        return None
    if is_map:
        return Map(sizes[0], sizes[1] + extra[0], sizes[2] + extra[1], dtype=dtype)
    return Vector(sizes[0], dtype)


def _sizes(name: Scalar, spec: Mapping, scope: Scope, faults: FaultList) -> list[int] | None:
    tree = spec.get("map")
    wanted, help = 3, "map: [channels, height, width]"
    if tree is None:
        tree, wanted, help = spec.get("vector"), 1, "vector: 64"
    assert tree is not None
    items = tree.items if isinstance(tree, Sequence) else (tree,)
    holes = [item for item in items if hole_alternatives(item) is not None]
    for item in holes:
        help = "leave a parameter open, and write its name here: params: {size: {choice: [16, 32]}}"
        faults.add("wrong-shape", "a size of an input can't be a choice", item.mark, help=help)
    if holes:
        return None
    if len(items) != wanted or not all(isinstance(item, Scalar) for item in items):
        message = f"the input `{name.text}` has {wanted} size{'s' * (wanted > 1)}"
        faults.add("wrong-shape", message, tree.mark, help=help)
        return None
    sizes = []
    for item in items:
        assert isinstance(item, Scalar)
        _check_open_size(item, scope, faults)
        with contextlib.suppress(Missing):
            size = evaluate(item, _SIZE, scope, faults)
            if isinstance(size, int) and 1 <= size <= MAX_SIZE:
                sizes.append(size)
            else:
                faults.add("bad-value", f"a size of an input is 1 to {MAX_SIZE:,}, got {shown(size)}", item.mark)
    return sizes if len(sizes) == wanted else None


def _check_open_size(tree: Scalar, scope: Scope, faults: FaultList) -> None:
    """The faults of alternatives of an open parameter that are no sizes."""
    hole = scope.open.get(tree.text)
    for alternative in hole_alternatives(hole) or ():
        value = alternative.value if isinstance(alternative, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and not 1 <= value <= MAX_SIZE:
            message = f"a size of an input is 1 to {MAX_SIZE:,}, and `{tree.text}` may be `{value}`"
            faults.add("bad-value", message, alternative.mark, notes=(f"it is read at {tree.mark}",))


def _dtype(spec: Mapping, faults: FaultList) -> DType | None:
    tree = spec.get("dtype")
    if tree is None:
        return "float32"
    word = tree.text if isinstance(tree, Scalar) else ""
    if word in _DTYPES:
        return _DTYPES[word]
    faults.add("bad-value", "this is no dtype", tree.mark, help=nearest(word, _DTYPES) or one_of(_DTYPES))
    return None
