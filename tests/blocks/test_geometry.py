"""Sliding windows against torch on the meta device: every small geometry along one side, random ones along both."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks import Map, Primitive, RuleError
from blocks.convolution import Conv2d
from blocks.pooling import AvgPool2d, MaxPool2d

LENGTHS = range(1, 9)
KERNELS = range(1, 5)
STEPS = range(1, 5)
PADDINGS = range(3)
DILATIONS = range(1, 4)


def shape_by_rule(block: Primitive, source: Map) -> tuple[int, ...] | None:
    """The output's shape, or None where the rule refuses."""
    try:
        return block.infer((source,)).shape
    except RuleError:
        return None


def shape_by_torch(block: Primitive, source: Map) -> tuple[int, ...] | None:
    with torch.device("meta"):
        module = block.build((source,))
    try:
        return tuple(module(torch.empty(1, *source.shape, device="meta")).shape[1:])
    except RuntimeError:
        return None


def assert_agrees_with_torch(block: Primitive, source: Map) -> None:
    assert shape_by_rule(block, source) == shape_by_torch(block, source), f"{block!r} on {source}"


@pytest.mark.parametrize("kernel_size", KERNELS)
def test_every_small_convolution_has_the_size_of_torch(kernel_size: int) -> None:
    for length, stride, padding, dilation in product(LENGTHS, STEPS, PADDINGS, DILATIONS):
        block = Conv2d(
            out_channels=1,
            kernel_size=(kernel_size, 1),
            stride=(stride, 1),
            padding=(padding, 0),
            dilation=(dilation, 1),
        )
        assert_agrees_with_torch(block, Map(1, length, 1))


@pytest.mark.parametrize("ceil_mode", [False, True], ids=["floor", "ceil"])
@pytest.mark.parametrize("kernel_size", KERNELS)
def test_every_small_max_pool_has_the_size_of_torch(kernel_size: int, ceil_mode: bool) -> None:
    for length, stride, padding, dilation in product(LENGTHS, STEPS, PADDINGS, DILATIONS):
        block = MaxPool2d(
            kernel_size=(kernel_size, 1),
            stride=(stride, 1),
            padding=(padding, 0),
            dilation=(dilation, 1),
            ceil_mode=ceil_mode,
        )
        assert_agrees_with_torch(block, Map(1, length, 1))


@pytest.mark.parametrize("ceil_mode", [False, True], ids=["floor", "ceil"])
@pytest.mark.parametrize("kernel_size", KERNELS)
def test_every_small_avg_pool_has_the_size_of_torch(kernel_size: int, ceil_mode: bool) -> None:
    for length, stride, padding in product(LENGTHS, STEPS, PADDINGS):
        block = AvgPool2d(kernel_size=(1, kernel_size), stride=(1, stride), padding=(0, padding), ceil_mode=ceil_mode)
        assert_agrees_with_torch(block, Map(1, 1, length))


def pairs(least: int, most: int) -> st.SearchStrategy[int | tuple[int, int]]:
    number = st.integers(least, most)
    return number | st.tuples(number, number)


MAPS = st.builds(Map, st.sampled_from([2, 4, 6]), st.integers(1, 20), st.integers(1, 20))


@settings(max_examples=200)
@given(
    source=MAPS,
    arguments=st.fixed_dictionaries(
        {"out_channels": st.sampled_from([2, 4, 6]), "kernel_size": pairs(1, 5)},
        optional={
            "stride": pairs(1, 4),
            "padding": pairs(0, 4) | st.just("auto"),
            "dilation": pairs(1, 3),
            "groups": st.sampled_from([1, 2, 3]),
            "bias": st.booleans(),
        },
    ),
)
def test_any_convolution_has_the_shape_and_weights_of_torch(source: Map, arguments: dict[str, Any]) -> None:
    try:
        block = Conv2d(**arguments)
        cost = block.cost((source,))
    except RuleError as error:
        if error.kind == "empty-map":
            assert shape_by_torch(Conv2d(**arguments), source) is None
        return
    assert_agrees_with_torch(block, source)
    with torch.device("meta"):
        module = block.build((source,))
    assert cost.params == sum(parameter.numel() for parameter in module.parameters())


@settings(max_examples=200)
@given(
    source=MAPS,
    arguments=st.fixed_dictionaries(
        {"kernel_size": pairs(1, 5)},
        optional={
            "stride": pairs(1, 4),
            "padding": pairs(0, 3),
            "dilation": pairs(1, 3),
            "ceil_mode": st.booleans(),
        },
    ),
)
def test_any_pool_has_the_shape_of_torch(source: Map, arguments: dict[str, Any]) -> None:
    assert_agrees_with_torch(MaxPool2d(**arguments), source)
    arguments.pop("dilation", None)
    assert_agrees_with_torch(AvgPool2d(**arguments), source)


@pytest.mark.parametrize(
    ("kernel_size", "dilation"), [(1, 1), (3, 1), (5, 2), (7, 3), ((1, 9), (4, 1)), ((3, 5), (2, 3))], ids=str
)
def test_auto_padding_keeps_the_size_at_stride_1(
    kernel_size: int | tuple[int, int], dilation: int | tuple[int, int]
) -> None:
    block = Conv2d(out_channels=1, kernel_size=kernel_size, dilation=dilation, padding="auto")
    assert block.infer((Map(1, 11, 4),)) == Map(1, 11, 4)


def test_strides_accumulate_per_side() -> None:
    block = Conv2d(out_channels=1, kernel_size=3, stride=(2, 3), padding=1)
    assert block.infer((Map(1, 12, 12, (4, 1)),)) == Map(1, 6, 4, (8, 3))
