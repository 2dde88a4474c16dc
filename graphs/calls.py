"""One call: its arguments against what the block takes, and the primitive that comes of them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from collections.abc import Mapping as AbstractMapping
from functools import lru_cache

from blocks.catalog import CATALOG
from blocks.extensions import extension_keys, infer_extension, is_extension, make_extension
from blocks.primitive import Primitive, check_inputs
from blocks.types import Type
from graphs.arguments import Argument
from graphs.document import Call, Template, hole_alternatives
from graphs.faults import FaultList, nearest, nearest_word, one_of
from graphs.slots import Slot
from graphs.text import Mapping, Scalar, Tree

# What other frameworks call a block, where its own name is not near.
_ELSEWHERE = {
    "dense": "linear",
    "fc": "linear",
    "fullyconnected": "linear",
    "convolution": "conv",
    "convolution2d": "conv2d",
    "maxpool": "max_pool2d",
    "avgpool": "avg_pool2d",
    "maxpooling2d": "max_pool2d",
    "averagepooling2d": "avg_pool2d",
    "globalaveragepooling2d": "global_avg_pool",
    "gap": "global_avg_pool",
    "globalmaxpooling2d": "global_max_pool",
    "gmp": "global_max_pool",
    "batchnormalization": "batch_norm2d",
    "bn": "batch_norm2d",
    "layernorm": "layer_norm2d",
    "ln": "layer_norm2d",
    "groupnormalization": "group_norm",
    "gn": "group_norm",
    "lrn": "local_response_norm",
    "swish": "silu",
    "concatenate": "concat",
    "cat": "concat",
    "sum": "add",
    "shuffle": "channel_shuffle",
    "split": "slice_channels",
    "chunk": "slice_channels",
    "zeropad2d": "pad_map",
    "zeropadding2d": "pad_map",
    "cropping2d": "pad_map",
    "droppath": "stochastic_depth",
    "identity": "sequential",
}
# What stands elsewhere, or nowhere, and why.
_NO_BLOCK = {
    "softmax": "leave it out: a network gives logits, and the loss knows of the softmax",
    "logsoftmax": "leave it out: a network gives logits, and the loss knows of the softmax",
    "instancenorm": "here it is a `group_norm` of a group for each channel, with `affine: false`",
    "instancenorm2d": "here it is a `group_norm` of a group for each channel, with `affine: false`",
    "input": "inputs stand under `input`, beside `net`",
    "output": "outputs stand under `output`, beside `net`",
}

# What the layers of torch and of others are told of their input, and blocks find out by themselves.
_INFERRED = frozenset(
    (
        "in_channels",
        "in_features",
        "num_features",
        "in_planes",
        "inplanes",
        "in_chs",
        "in_dim",
        "input_dim",
        "input_shape",
    )
)

MOST_TRIED = 8  # alternatives of a choice, before anything is decided

Given = dict[str, tuple[Scalar, Tree]]


@lru_cache(maxsize=65536)
def make_block(kind: type[Primitive], arguments: tuple[tuple[str, Argument], ...]) -> Primitive:
    """A primitive with these arguments, remembered. Raises pydantic's `ValidationError`, or `RuleError`."""
    return make_extension(kind, dict(arguments)) if is_extension(kind) else kind(**dict(arguments))


@lru_cache(maxsize=65536)
def infer_type(block: Primitive, inputs: tuple[Type, ...]) -> Type:
    """The output type, remembered. Raises `RuleError`."""
    check_inputs(block, inputs)
    return infer_extension(block, inputs) if is_extension(type(block)) else block.infer(inputs)


def check_arguments(
    call: Call,
    given: Given,
    slots: AbstractMapping[str, Slot],
    faults: FaultList,
    defaults: Container[str] = (),
) -> bool:
    """Whether a call gives what the block takes; faults where it gives something else, or too little.

    `defaults` are the arguments that the document gives to all calls of the block.
    """
    if given.keys() <= slots.keys():
        for name, slot in slots.items():
            if slot.required and name not in given and name not in defaults:
                break
        else:
            return True
    key = call.key.text
    unknown = [name for name in given if name not in slots]
    meant: set[str] = set()  # by a misspelled name, which is one mistake, not two
    for name in unknown:
        near = "" if name in _INFERRED else nearest_word(name, slots)
        meant.update([near] if near else [])
        if name in _INFERRED:
            help = f"leave `{name}` out: it follows from what the step reads"
        elif near:
            help = f"did you mean `{near}`?"
        else:
            help = f"it takes {one_of(slots)}" if slots else f"it takes none: `{key}: {{}}`"
        faults.add("unknown-argument", f"`{key}` has no argument `{name}`", given[name][0].mark, help=help)
    missing = [
        slot
        for name, slot in slots.items()
        if slot.required and name not in given and name not in meant and name not in defaults
    ]
    if missing:
        needs = ", ".join(f"`{slot.name}`" for slot in missing)
        wants = f", {missing[0].wants}" if len(missing) == 1 else ""
        example = ", ".join(f"{slot.name}: ..." for slot in missing)
        faults.add("missing-argument", f"`{key}` needs {needs}{wants}", call.key.mark, help=f"{key}: {{{example}}}")
    return not unknown and not missing


def refuse_unknown_block(call: Call, templates: AbstractMapping[str, Template], faults: FaultList) -> None:
    """The fault of a block that nobody knows, with the nearest name."""
    names = [*templates, *(block.key for block in CATALOG), *extension_keys(), "parallel", "sequential"]
    word = call.key.text.lower().replace("_", "")
    meant = _ELSEWHERE.get(word)
    help = f"here it is `{meant}`" if meant else _NO_BLOCK.get(word, "")
    help = help or nearest(call.key.text, names) or f"there is {one_of(names)}"
    faults.add("unknown-block", f"there is no block `{call.key.text}`", call.key.mark, help=help)


def merge_arguments(arguments: Mapping, first: Mapping | None) -> Given:
    """The arguments of a call by name, those of `first` over the others."""
    merged = {key.text: (key, tree) for key, tree in arguments}
    if first is not None:
        merged.update({key.text: (key, tree) for key, tree in first})
    return merged


def with_one_filled(given: Given) -> Iterator[Given]:
    """The arguments of a call with one of its holes filled, each in turn, the others left open: by every alternative of
    a choice, by the ends of a range or of what has more than `MOST_TRIED` of them."""
    for name, (key, tree) in given.items():
        alternatives = hole_alternatives(tree) or ()
        if len(alternatives) > MOST_TRIED or (isinstance(tree, Mapping) and tree.get("choice") is None):
            alternatives = (*alternatives[:1], *alternatives[1:][-1:])
        for alternative in alternatives:
            yield {**given, name: (key, alternative)}
