"""Every primitive against torch: on the meta device for shapes and counts, on the CPU for what a window sees."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from blocks import CATALOG, Map, Type, Window
from blocks.normalization import GroupNorm
from blocks.pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d
from blocks.primitive import check_inputs
from tests.blocks.examples import EXAMPLES, Example

BATCH = 2
MAP_TO_MAP = [
    example
    for example in EXAMPLES
    if all(isinstance(type_, Map) for type_ in (*example.inputs, example.block.infer(example.inputs)))
    and example.inputs[0].dtype == "float32"
    and len(example.inputs) == 1
]


def tensors(inputs: tuple[Type, ...], device: str) -> list[torch.Tensor]:
    return [torch.zeros((BATCH, *type_.shape), dtype=getattr(torch, type_.dtype), device=device) for type_ in inputs]


def reach(example: Example, length: int, axis: int) -> list[range]:
    """For every output row (axis 0) or column (axis 1) of a square map of this length, the input ones that it sees."""
    source = example.inputs[0]
    assert isinstance(source, Map)
    source = replace(source, height=length, width=length)
    module = example.block.build((source,)).eval()
    image = torch.full((1, *source.shape), 0.5)
    # Another number for each channel: a norm over the channels does not see what is added to all of them.
    loud = 1000.0 * torch.arange(1.0, source.channels + 1)[None, :, None]
    with torch.no_grad():
        before = module(image)
        seen: list[list[int]] = [[] for _ in range(before.shape[2 + axis])]
        for position in range(length):
            changed = image.clone()
            changed.select(2 + axis, position).copy_(loud)
            moved = (module(changed) != before).any(0).any(0).any(1 - axis)
            for output in moved.nonzero().flatten().tolist():
                seen[output].append(position)
    return [range(rows[0], rows[-1] + 1) if rows else range(0) for rows in seen]


def test_every_primitive_has_an_example() -> None:
    assert {type(example.block) for example in EXAMPLES} == set(CATALOG)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_types_and_costs_are_those_of_torch(example: Example) -> None:
    block, inputs = example.block, example.inputs
    check_inputs(block, inputs)
    with torch.device("meta"):
        module = block.build(inputs).to(getattr(torch, inputs[0].dtype))
    with FlopCounterMode(display=False) as counter:
        output = module(*tensors(inputs, "meta"))

    inferred, cost = block.infer(inputs), block.cost(inputs)
    assert tuple(output.shape) == (BATCH, *inferred.shape)
    assert output.dtype == getattr(torch, inferred.dtype)
    assert sum(parameter.numel() for parameter in module.parameters()) == cost.params
    assert sum(buffer.numel() for buffer in module.buffers()) == cost.buffers
    assert counter.get_total_flops() == 2 * BATCH * cost.macs


@pytest.mark.parametrize("example", MAP_TO_MAP, ids=str)
@pytest.mark.parametrize("axis", [0, 1], ids=["vertical", "horizontal"])
def test_the_window_is_what_an_output_position_sees(example: Example, axis: int) -> None:
    length = 43  # more than the widest window, and prime: adaptive pools have unequal cells
    source = example.inputs[0]
    assert isinstance(source, Map)
    window = example.block.cost((replace(source, height=length, width=length),)).window
    seen = reach(example, length, axis)
    assert max(map(len, seen)) == window.size[axis]
    if isinstance(example.block, GroupNorm):  # every position sees the whole map
        assert set(seen) == {range(length)}
        assert window.narrowest == window.stride == (1, 1)
    elif not isinstance(example.block, AdaptiveAvgPool2d | AdaptiveMaxPool2d):  # cells have no single step
        inside = [rows.start for rows in seen if len(rows) == window.size[axis]]
        assert {after - before for before, after in pairwise(inside)} == {window.stride[axis]}


@pytest.mark.parametrize("length", range(1, 13))
@pytest.mark.parametrize("cells", range(1, 13))
@pytest.mark.parametrize("kind", [AdaptiveAvgPool2d, AdaptiveMaxPool2d])
def test_the_window_of_an_adaptive_pool_is_its_widest_cell(
    length: int, cells: int, kind: type[AdaptiveAvgPool2d | AdaptiveMaxPool2d]
) -> None:
    block = kind(output_size=(cells, 1))
    seen = reach(Example("", block, (Map(1, length, length),)), length, 0)
    assert block.cost((Map(1, length, length),)).window.size == (max(map(len, seen)), length)


@pytest.mark.parametrize("example", MAP_TO_MAP, ids=str)
def test_strides_multiply_along_a_path(example: Example) -> None:
    source, output = example.inputs[0], example.block.infer(example.inputs)
    assert isinstance(source, Map)
    assert isinstance(output, Map)
    step = example.block.cost(example.inputs).window.stride
    assert output.stride == (source.stride[0] * step[0], source.stride[1] * step[1])


@pytest.mark.parametrize("key", ["flatten", "global_avg_pool", "global_max_pool"])
def test_a_vector_made_of_a_map_sees_all_of_it(key: str) -> None:
    costs = [example.block.cost(example.inputs) for example in EXAMPLES if example.block.key == key]
    sizes = [example.inputs[0].shape[1:] for example in EXAMPLES if example.block.key == key]
    assert costs
    assert [cost.window for cost in costs] == [Window((size[0], size[1])) for size in sizes]
