"""What holds for every primitive of the catalog, beside its numbers (those are in test_oracle.py)."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from pydantic import BaseModel, ValidationError
from torch import nn

from blocks import CATALOG, Primitive, Type, primitive
from blocks.activation import ELU, LeakyReLU, Pointwise, PReLU
from blocks.convolution import Conv2d
from blocks.dense import Linear
from blocks.merging import PadChannels, Scale
from blocks.normalization import BatchNorm2d, GroupNorm, LayerNorm2d, LocalResponseNorm
from blocks.pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d
from blocks.rearranging import ChannelShuffle, PadMap, SliceChannels
from blocks.regularization import Dropout, StochasticDepth
from blocks.scaling import LayerScale, Multiply
from tests.blocks.examples import EXAMPLES, Example

WITHOUT_A_TORCH_CLASS = {
    *("add", "concat", "scale", "multiply", "global_avg_pool", "global_max_pool", "layer_norm2d", "layer_scale"),
    *("pad_channels", "slice_channels", "pad_map", "stochastic_depth"),
}
GUARDED = {"group_norm"}  # a class of ours that is torch's with a guard
NAMED_BY_TORCH = [block for block in CATALOG if block.key not in WITHOUT_A_TORCH_CLASS]
# Blocks whose inputs can change places. `scale` has no say here: its inputs have different parts.
JOINTS = [
    example
    for example in EXAMPLES
    if len(example.inputs) > 1 and len(set(example.inputs)) == 1 and not isinstance(example.block, Scale)
]


def subclasses(cls: type) -> set[type]:
    children: list[type] = cls.__subclasses__()
    return {cls}.union(*map(subclasses, children))


def test_the_catalog_holds_every_block_and_no_abstract_one() -> None:
    found = {cls for cls in subclasses(Primitive) if cls.__module__.startswith("blocks.")}
    assert found - set(CATALOG) == {Primitive, Pointwise}
    assert [cls for cls in CATALOG if inspect.isabstract(cls)] == []


def test_blocks_are_final() -> None:
    assert [cls for cls in CATALOG if cls.__subclasses__()] == []


def test_each_key_stands_for_one_block() -> None:
    assert [primitive(block.key) for block in CATALOG] == list(CATALOG)
    assert primitive("conv") is None


def test_a_block_without_a_cost_rule_cannot_be_used() -> None:
    class Free(Primitive):
        key = "free"

        def infer(self, inputs: tuple[Type, ...]) -> Type:
            return inputs[0]

        def build(self, inputs: tuple[Type, ...]) -> nn.Module:
            return nn.Identity()

    with pytest.raises(TypeError, match=r"abstract method '?cost"):
        Free()  # type: ignore[abstract]


@pytest.mark.parametrize("block", NAMED_BY_TORCH, ids=lambda block: block.key)
def test_keys_arguments_and_defaults_are_those_of_torch(block: type[Primitive]) -> None:
    reference = getattr(nn, block.__name__)
    assert block.key.replace("_", "") == block.__name__.lower()
    theirs = inspect.signature(reference).parameters
    assert set(block.model_fields) <= set(theirs)
    for name, field in block.model_fields.items():
        if not field.is_required():
            assert field.default == theirs[name].default, name


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_module_is_the_one_of_that_name(example: Example) -> None:
    with torch.device("meta"):
        module = example.block.build(example.inputs)
    home = "blocks.modules" if example.block.key in WITHOUT_A_TORCH_CLASS | GUARDED else "torch.nn.modules."
    assert type(module).__name__ == type(example.block).__name__
    assert type(module).__module__.startswith(home)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_weights_are_those_of_the_module(example: Example) -> None:
    with torch.device("meta"):
        module = example.block.build(example.inputs)
    assert example.block.weights(example.inputs) == {
        name: tuple(value.shape) for name, value in module.state_dict().items()
    }


# An argument that no module keeps as given, and where it can be seen instead.
KEPT_ELSEWHERE = {
    (PadChannels, "out_channels"),  # as the number of channels to append
    (Conv2d, "bias"),  # as a parameter or None
    (Linear, "bias"),
    (LayerScale, "bias"),
}


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_argument_reaches_the_module(example: Example) -> None:
    with torch.device("meta"):
        module = example.block.build(example.inputs)
    for name, value in example.block.model_dump().items():
        if (type(example.block), name) in KEPT_ELSEWHERE:
            continue
        kept = getattr(module, name)
        assert kept == ((value, value) if isinstance(kept, tuple) and isinstance(value, int) else value), name


@pytest.mark.parametrize("example", JOINTS, ids=str)
def test_a_block_commutes_where_it_says_so(example: Example) -> None:
    numbers = torch.Generator().manual_seed(0)
    tensors = [torch.randn((1, *type_.shape), generator=numbers, dtype=torch.float64) for type_ in example.inputs]
    module = example.block.build(example.inputs)
    assert torch.allclose(module(*tensors), module(*reversed(tensors))) == example.block.commutative


def test_both_kinds_of_joint_are_among_the_examples() -> None:
    assert {example.block.commutative for example in JOINTS} == {True, False}


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_blocks_are_values(example: Example) -> None:
    block = example.block
    twin = type(block)(**block.model_dump())
    assert (twin, hash(twin)) == (block, hash(block))
    with pytest.raises((ValidationError, AttributeError)):
        block.key = "other"  # type: ignore[misc]
    for name in block.model_dump():
        with pytest.raises(ValidationError, match="frozen"):
            setattr(block, name, 1)


EQUAL: list[tuple[Primitive, Primitive]] = [
    (Conv2d(out_channels=1, kernel_size=3), Conv2d(out_channels=1, kernel_size=(3, 3), stride=(1, 1))),
    (
        Conv2d(out_channels=1, kernel_size=(3, 5), dilation=2, padding="auto"),
        Conv2d(out_channels=1, kernel_size=(3, 5), dilation=(2, 2), padding=(2, 4)),
    ),
    (MaxPool2d(kernel_size=(2, 3)), MaxPool2d(kernel_size=(2, 3), stride=(2, 3))),
    (AvgPool2d(kernel_size=2), AvgPool2d(kernel_size=(2, 2), stride=2, padding=(0, 0))),
    (AdaptiveAvgPool2d(output_size=7), AdaptiveAvgPool2d(output_size=(7, 7))),
    (AdaptiveMaxPool2d(output_size=7), AdaptiveMaxPool2d(output_size=(7, 7))),
    (ELU(alpha=1), ELU()),
    (LeakyReLU(negative_slope=1), LeakyReLU(negative_slope=1.0)),
]


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=[str(one) for one, _ in EQUAL])
def test_two_ways_to_write_a_block_make_equal_blocks(one: Primitive, other: Primitive) -> None:
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)


CONV = {"out_channels": 4, "kernel_size": 3}

# The argument at fault, and pydantic's name for what is wrong with it.
ARGUMENTS: list[tuple[type[BaseModel], dict[str, Any], str, str]] = [
    (Conv2d, CONV | {"kernel": 3}, "kernel", "extra_forbidden"),
    (Conv2d, CONV | {"in_channels": 3}, "in_channels", "extra_forbidden"),
    (Conv2d, {"kernel_size": 3}, "out_channels", "missing"),
    (Conv2d, CONV | {"out_channels": True}, "out_channels", "int_type"),
    (Conv2d, CONV | {"out_channels": 4.0}, "out_channels", "int_type"),
    (Conv2d, CONV | {"out_channels": "4"}, "out_channels", "int_type"),
    (Conv2d, CONV | {"out_channels": 0}, "out_channels", "greater_than_equal"),
    (Conv2d, CONV | {"out_channels": None}, "out_channels", "int_type"),
    (Conv2d, CONV | {"kernel_size": 0}, "kernel_size", "greater_than_equal"),
    (Conv2d, CONV | {"kernel_size": (3, 0)}, "kernel_size", "greater_than_equal"),
    (Conv2d, CONV | {"kernel_size": (3,)}, "kernel_size", "missing"),
    (Conv2d, CONV | {"kernel_size": (3, 3, 3)}, "kernel_size", "too_long"),
    (Conv2d, CONV | {"kernel_size": True, "padding": "auto"}, "kernel_size", "int_type"),
    (Conv2d, CONV | {"kernel_size": (3, "a"), "padding": "auto"}, "kernel_size", "int_type"),
    (Conv2d, CONV | {"kernel_size": -3, "padding": "auto"}, "kernel_size", "greater_than_equal"),
    (Conv2d, CONV | {"dilation": 0, "padding": "auto"}, "dilation", "greater_than_equal"),
    (Conv2d, CONV | {"stride": 0}, "stride", "greater_than_equal"),
    (Conv2d, CONV | {"stride": -1}, "stride", "greater_than_equal"),
    (Conv2d, CONV | {"padding": -1}, "padding", "greater_than_equal"),
    (Conv2d, CONV | {"padding": "same"}, "padding", "literal_error"),
    (Conv2d, CONV | {"groups": 0}, "groups", "greater_than_equal"),
    (Conv2d, CONV | {"bias": 1}, "bias", "bool_type"),
    (MaxPool2d, {"kernel_size": 0}, "kernel_size", "greater_than_equal"),
    (MaxPool2d, {"kernel_size": 2, "stride": 0}, "stride", "greater_than_equal"),
    (AvgPool2d, {}, "kernel_size", "missing"),
    (AvgPool2d, {"kernel_size": 2, "dilation": 2}, "dilation", "extra_forbidden"),
    (AdaptiveAvgPool2d, {"output_size": 0}, "output_size", "greater_than_equal"),
    (AdaptiveMaxPool2d, {}, "output_size", "missing"),
    (AdaptiveMaxPool2d, {"output_size": 2, "return_indices": True}, "return_indices", "extra_forbidden"),
    (Linear, {"out_features": 0}, "out_features", "greater_than_equal"),
    (Dropout, {"p": 1.0}, "p", "less_than"),
    (Dropout, {"p": -0.1}, "p", "greater_than_equal"),
    (Dropout, {"p": float("nan")}, "p", "finite_number"),
    (Dropout, {"p": True}, "p", "float_type"),
    (BatchNorm2d, {"eps": 0.0}, "eps", "greater_than"),
    (BatchNorm2d, {"eps": float("inf")}, "eps", "finite_number"),
    (BatchNorm2d, {"momentum": 1.5}, "momentum", "less_than_equal"),
    (LocalResponseNorm, {}, "size", "missing"),
    (LocalResponseNorm, {"size": 0}, "size", "greater_than_equal"),
    (LocalResponseNorm, {"size": 5, "k": 0.0}, "k", "greater_than"),
    (LocalResponseNorm, {"size": 5, "alpha": -1.0}, "alpha", "greater_than_equal"),
    (LayerNorm2d, {"eps": 0.0}, "eps", "greater_than"),
    (GroupNorm, {}, "num_groups", "missing"),
    (GroupNorm, {"num_groups": 0}, "num_groups", "greater_than_equal"),
    (GroupNorm, {"num_groups": 2, "eps": 0.0}, "eps", "greater_than"),
    (GroupNorm, {"num_groups": 2, "num_channels": 4}, "num_channels", "extra_forbidden"),
    (Multiply, {"factor": float("nan")}, "factor", "finite_number"),
    (LayerScale, {"init_value": float("inf")}, "init_value", "finite_number"),
    (LeakyReLU, {"negative_slope": float("inf")}, "negative_slope", "finite_number"),
    (PReLU, {"num_parameters": 0}, "num_parameters", "greater_than_equal"),
    (PReLU, {"init": float("nan")}, "init", "finite_number"),
    (ELU, {"alpha": -1.0}, "alpha", "greater_than_equal"),
    (ELU, {"alpha": float("inf")}, "alpha", "finite_number"),
    (PadChannels, {"out_channels": 0}, "out_channels", "greater_than_equal"),
    (ChannelShuffle, {"groups": 0}, "groups", "greater_than_equal"),
    (SliceChannels, {"start": -1}, "start", "greater_than_equal"),
    (SliceChannels, {"stop": 0}, "stop", "greater_than_equal"),
    (PadMap, {"left": 1.5}, "left", "int_type"),
    (PadMap, {"padding": 1}, "padding", "extra_forbidden"),
    (StochasticDepth, {}, "p", "missing"),
    (StochasticDepth, {"p": 1.0}, "p", "less_than"),
    (StochasticDepth, {"p": 0.1, "mode": "column"}, "mode", "literal_error"),
]


@pytest.mark.parametrize(
    ("block", "arguments", "name", "kind"), ARGUMENTS, ids=[f"{row[0].__name__} {row[1]}" for row in ARGUMENTS]
)
def test_a_wrong_argument_is_refused_and_only_that_one_is_blamed(
    block: type[BaseModel], arguments: dict[str, Any], name: str, kind: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        block(**arguments)
    faults = caught.value.errors()
    assert {fault["loc"][0] for fault in faults} == {name}
    assert kind in {fault["type"] for fault in faults}


def test_only_convolutions_and_linear_layers_count_macs_and_only_norms_have_buffers() -> None:
    costs = [(example.block.key, example.block.cost(example.inputs)) for example in EXAMPLES]
    assert {key for key, cost in costs if cost.macs} == {"conv2d", "linear"}
    assert {key for key, cost in costs if cost.params} == {
        "conv2d",
        "linear",
        "batch_norm2d",
        "layer_norm2d",
        "group_norm",
        "layer_scale",
        "prelu",
    }
    assert {key for key, cost in costs if cost.buffers} == {"batch_norm2d"}
