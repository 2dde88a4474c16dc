"""What a document starts from: the values of its parameters, and the types of its inputs."""

from __future__ import annotations

from blocks.types import Map, Type, Vector
from graphs.arguments import Missing, Scope, Slot, evaluate, slot_of
from graphs.document import Document
from graphs.faults import FaultList
from graphs.text import Mapping, Scalar

MAX_SIZE = 65_536


def document_scope(document: Document, faults: FaultList) -> Scope:
    """The document's parameters; one may be an expression of those before it."""
    scope = Scope()
    for param in document.params:
        assert param.default is not None
        try:
            scope.bind(param.name.text, evaluate(param.default, slot_of(param), scope, faults))
        except Missing:
            scope.known.add(param.name.text)
    return scope


def input_types(document: Document, scope: Scope, faults: FaultList, extra: int = 0) -> list[Type | None]:
    """The types of the document's inputs in order; None for one at fault.

    `extra` is added to the height and width of maps, to find the smallest legal size.
    """
    return [_input_type(name, spec, scope, faults, extra) for name, spec in document.inputs]


def _input_type(name: Scalar, spec: Mapping, scope: Scope, faults: FaultList, extra: int) -> Type | None:
    tree = spec.get("map") or spec.get("vector")
    wanted = 3 if spec.get("map") else 1
    items = (tree,) if isinstance(tree, Scalar) else tree.items if tree and not isinstance(tree, Mapping) else ()
    if len(items) != wanted:
        help = "map: [channels, height, width]" if wanted == 3 else "vector: 64"
        faults.add(
            "wrong-shape", f"the input `{name.text}` has {wanted} size{'s' * (wanted > 1)}", spec.mark, help=help
        )
        return None
    slot = Slot("size of an input", "int", (), True, "an integer of at least 1")
    try:
        sizes = [evaluate(item, slot, scope, faults) for item in items]
    except Missing:
        return None
    numbers = [size for size in sizes if isinstance(size, int)]
    for item, number in zip(items, numbers, strict=True):
        if not 1 <= number <= MAX_SIZE:
            faults.add("bad-value", f"a size of an input is 1 to {MAX_SIZE:,}, got {number}", item.mark)
            return None
    dtype = spec.get("dtype")
    word = dtype.text if isinstance(dtype, Scalar) else "float32"
    if dtype is not None and word not in ("float32", "float16", "bfloat16"):
        faults.add("bad-value", f"`{word}` is no dtype", dtype.mark, help="float32, float16 or bfloat16")
        return None
    if wanted == 1:
        return Vector(numbers[0], word)  # type: ignore[arg-type]
    return Map(numbers[0], numbers[1] + extra, numbers[2] + extra, dtype=word)  # type: ignore[arg-type]
