"""One call: its arguments against what the block takes, and the primitive that comes of them."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from functools import lru_cache

from blocks.catalog import CATALOG
from blocks.primitive import Primitive, check_inputs
from blocks.types import Type
from graphs.arguments import Argument, Slot
from graphs.document import Call, Template
from graphs.faults import FaultList, nearest, one_of
from graphs.text import Mapping, Scalar, Tree

Given = dict[str, tuple[Scalar, Tree]]


@lru_cache(maxsize=65536)
def make_block(kind: type[Primitive], arguments: tuple[tuple[str, Argument], ...]) -> Primitive:
    """A primitive with these arguments, remembered. Raises pydantic's `ValidationError`, or `RuleError`."""
    return kind(**dict(arguments))


@lru_cache(maxsize=65536)
def infer_type(block: Primitive, inputs: tuple[Type, ...]) -> Type:
    """The output type, remembered. Raises `RuleError`."""
    check_inputs(block, inputs)
    return block.infer(inputs)


def check_arguments(
    call: Call, given: AbstractMapping[str, tuple[Scalar, Tree]], slots: dict[str, Slot], faults: FaultList
) -> bool:
    """Whether a call has arguments that the block doesn't take, or lacks one that it needs."""
    wrong = False
    misspelled: set[str] = set()
    key = call.key.text
    for name, (mark, _) in given.items():
        if name not in slots:
            help = nearest(name, slots) or (f"it takes {one_of(slots)}" if slots else f"write `{key}: {{}}`")
            faults.add("unknown-argument", f"`{key}` has no argument `{name}`", mark.mark, help=help)
            misspelled.update(meant for meant in slots if f"`{meant}`" in nearest(name, slots))
            wrong = True
    for name, slot in slots.items():
        if slot.required and name not in given and name not in misspelled:
            faults.add(
                "missing-argument",
                f"`{key}` needs `{name}`, {slot.wants}",
                call.key.mark,
                help=f"{key}: {{{name}: ...}}",
            )
            wrong = True
    return wrong


def refuse_unknown_block(call: Call, templates: AbstractMapping[str, Template], faults: FaultList) -> None:
    """The fault of a block that nobody knows, with the nearest name."""
    names = [*templates, *(block.key for block in CATALOG), "parallel", "sequential"]
    help = nearest(call.key.text, names) or f"{len(names)} blocks are known; `blocks:` defines your own"
    faults.add("unknown-block", f"there is no block `{call.key.text}`", call.key.mark, help=help)


def merge_arguments(arguments: Mapping, first: Mapping | None) -> Given:
    """The arguments of a call by name, those of `first` over the others."""
    merged = {key.text: (key, tree) for key, tree in arguments}
    if first is not None:
        merged.update({key.text: (key, tree) for key, tree in first})
    return merged


def shown_argument(value: Argument) -> str:
    """A value for people."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
