"""What other tools count: their figures for our graphs, without them and without torch.

Every tool reports one number for a network, and no two mean the same by it: MACs alone, or MACs and something for
norms, activations and pools, by factors of their own. A convention is such a tool as a table: which quantities of
which block it adds up, and how often. A block that is not in its table counts nothing.

A figure is the tool's for a network of torch's modules, batch one, in evaluation: each block as the module that it
is named after, `global_avg_pool` as `nn.AdaptiveAvgPool2d(1)`, `global_max_pool` as `nn.AdaptiveMaxPool2d(1)`,
`layer_norm2d` as `nn.LayerNorm` between permutations, `add`, `scale` and `concat` as `+`, `*` and `torch.cat`. Source
that calls functions instead (`F.relu` in torchvision's GoogLeNet, `F.relu` and `F.adaptive_avg_pool2d` at the end of
its DenseNet) shows thop and ptflops less, which hook modules: ptflops counts such a call once in place of twice, thop
not at all. That is in the source of a network and not in its graph, so it can't be reproduced here.

Sources, read and run: torchvision 0.28.0, fvcore 0.1.5.post20221221, thop 0.1.1.post2209072238, ptflops 0.7.5,
torchinfo 1.8.0, deepspeed 0.19.8; with torch 2.13.0, as what a module calls inside decides what some of them see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from blocks.convolution import Conv2d
from blocks.dense import Linear
from blocks.normalization import LocalResponseNorm
from blocks.pooling import AdaptiveAvgPool2d, GlobalAvgPool
from blocks.primitive import Primitive
from blocks.types import Map, Type
from graphs.costs import block_cost
from graphs.graph import Graph


@dataclass(frozen=True, slots=True)
class Quantities:
    """Quantities of one block; in a rule of a convention, how often each is counted.

    `macs` and `params` are ours. `input` and `output` are numbers of values, the first input's where there are
    several; `affine` is `input` for a norm that has scales and shifts, `bias` is `output` for a convolution or a
    linear layer that has biases, and 0 for others. `cells` is, for a pool to a grid, (values in a cell + 1) for each
    of its outputs. `padded` is, for a norm over neighbouring channels, `input` with the empty channels around it.
    """

    macs: int = 0
    params: int = 0
    input: int = 0
    output: int = 0
    affine: int = 0
    bias: int = 0
    cells: int = 0
    padded: int = 0


@dataclass(frozen=True, slots=True)
class Convention:
    """One tool. `figure` is what it calls its number; `rules` say by a block's key how often it counts what; `note`
    says it in words."""

    name: str
    tool: str
    figure: str
    note: str
    rules: Mapping[str, Quantities] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Counted:
    """The figure of a tool for a graph, and of its nodes in order."""

    convention: Convention
    total: int
    nodes: tuple[int, ...]


_MACS = {"conv2d": Quantities(macs=1), "linear": Quantities(macs=1)}
_MACS_AND_BIAS = {"conv2d": Quantities(macs=1, bias=1), "linear": Quantities(macs=1, bias=1)}
_NORM = Quantities(input=1, affine=1)
_NORM_BY_MEANS = Quantities(input=4, affine=1)  # one that takes means and variances of what it reads
_EACH_INPUT = Quantities(input=1)
_EACH_INPUT_TWICE = Quantities(input=2)
_RESPONSE_NORM = Quantities(padded=1, input=3)  # torch writes it with avg_pool3d over channels, two mul and an add

CONVENTIONS: tuple[Convention, ...] = (
    # pytorch/vision, test/common_extended_utils.py, which makes the `_ops` of its weights' metadata: convolutions and
    # matrix products as torch dispatches them, a multiply-add as one. The metadata call it GFLOPS.
    Convention("torchvision", "torchvision 0.28.0", "ops", "MACs, labelled GFLOPS in its metadata", _MACS),
    # fvcore/nn/flop_count.py (the table), fvcore/nn/jit_handles.py (conv_flop_count, linear_flop_jit,
    # norm_flop_counter, batchnorm_flop_jit, elementwise_flop_counter): traced operations, so that functions count as
    # modules do. max and avg pools, activations, add and mul have no handle.
    Convention(
        "fvcore",
        "fvcore 0.1.5.post20221221",
        "flops",
        "MACs, 2 for each value that a norm reads (5 a layer or group norm), 1 for each that a pool to a grid averages",
        {
            **_MACS,
            "batch_norm2d": _NORM,
            "layer_norm2d": Quantities(input=5),
            "group_norm": _NORM_BY_MEANS,
            "adaptive_avg_pool2d": _EACH_INPUT,
            "global_avg_pool": _EACH_INPUT,
        },
    ),
    # thop/profile.py (register_hooks), thop/vision/basic_hooks.py and calc_func.py: modules alone. 2 for each value
    # that a norm reads, doubled where it is affine; ReLU, ReLU6, LeakyReLU, Dropout and the max pools have rules that
    # count 0, GroupNorm has none.
    Convention(
        "thop",
        "thop 0.1.1",
        "MACs",
        "MACs, 4 for each value that a norm reads, 1 for each that an average pool gives; one to a grid by its cells",
        {
            **_MACS,
            "batch_norm2d": Quantities(input=2, affine=2),
            "layer_norm2d": Quantities(input=4),
            "prelu": _EACH_INPUT,
            "avg_pool2d": Quantities(output=1),
            "adaptive_avg_pool2d": Quantities(cells=1),
            "global_avg_pool": Quantities(cells=1),
        },
    ),
    # ptflops/pytorch_ops.py (MODULES_MAPPING, FUNCTIONAL_MAPPING), ptflops/pytorch_engine.py (patch_functional):
    # modules are hooked and functions are patched, so a module that calls a patched function counts twice: ReLU, PReLU,
    # ELU, GELU and the pools do. LeakyReLU and ReLU6 (which calls hardtanh) are hooked only, silu is patched only; the
    # others are neither.
    Convention(
        "ptflops",
        "ptflops 0.7.5, backend pytorch",
        "MACs",
        "MACs and biases, 2 for each value of a norm (1 of a layer norm), 1 for activations; some are counted twice",
        {
            **_MACS_AND_BIAS,
            "batch_norm2d": _NORM,
            "local_response_norm": _RESPONSE_NORM,
            "layer_norm2d": _EACH_INPUT,
            "group_norm": _NORM,
            "relu": _EACH_INPUT_TWICE,
            "prelu": _EACH_INPUT_TWICE,
            "elu": _EACH_INPUT_TWICE,
            "gelu": _EACH_INPUT_TWICE,
            "relu6": _EACH_INPUT,
            "leaky_relu": _EACH_INPUT,
            "silu": _EACH_INPUT,
            "max_pool2d": _EACH_INPUT_TWICE,
            "avg_pool2d": _EACH_INPUT_TWICE,
            "adaptive_avg_pool2d": _EACH_INPUT_TWICE,
            "adaptive_max_pool2d": _EACH_INPUT_TWICE,
            "global_avg_pool": _EACH_INPUT_TWICE,
            "global_max_pool": _EACH_INPUT_TWICE,
        },
    ),
    # torchinfo/layer_info.py (calculate_macs): for every module with parameters, its parameters times the positions
    # of its output if its class is called Conv-something, and its parameters once if not. Nothing else.
    Convention(
        "torchinfo",
        "torchinfo 1.8.0",
        "mult-adds",
        "MACs and biases, and the parameters of a norm once, not for each position",
        {
            **_MACS_AND_BIAS,
            "batch_norm2d": Quantities(params=1),
            "layer_norm2d": Quantities(params=1),
            "group_norm": Quantities(params=1),
            "prelu": Quantities(params=1),
            "layer_scale": Quantities(params=1),
        },
    ),
    # deepspeed/profiling/flops_profiler/profiler.py (_patch_functionals): functions are patched, which modules call
    # too. It counts a multiply-add as two, the biases of convolutions and not those of linear layers; ReLU6 calls
    # hardtanh, which is not patched, as sigmoid, tanh, mish, hardswish and hardsigmoid are not; nor are `+` and
    # `*`. Its MACs are ours.
    Convention(
        "deepspeed",
        "deepspeed 0.19.8 flops profiler",
        "flops",
        "2 for each MAC, biases of convolutions, 2 for each value of a norm (5 of a layer or group norm), 1 for "
        "activations and pools",
        {
            "conv2d": Quantities(macs=2, bias=1),
            "linear": Quantities(macs=2),
            "batch_norm2d": _NORM,
            "layer_norm2d": Quantities(input=5),
            "group_norm": _NORM_BY_MEANS,
            "local_response_norm": _RESPONSE_NORM,
            "relu": _EACH_INPUT,
            "prelu": _EACH_INPUT,
            "elu": _EACH_INPUT,
            "leaky_relu": _EACH_INPUT,
            "silu": _EACH_INPUT,
            "gelu": _EACH_INPUT,
            "max_pool2d": _EACH_INPUT,
            "avg_pool2d": _EACH_INPUT,
            "adaptive_avg_pool2d": _EACH_INPUT,
            "adaptive_max_pool2d": _EACH_INPUT,
            "global_avg_pool": _EACH_INPUT,
            "global_max_pool": _EACH_INPUT,
        },
    ),
)

_BY_NAME = {convention.name: convention for convention in CONVENTIONS}


def convention(name: str) -> Convention | None:
    """The convention of this name, or None."""
    return _BY_NAME.get(name)


def count(graph: Graph, convention: Convention) -> Counted:
    """What a tool reports for a graph, in total and for each node."""
    nodes = []
    for node in graph.nodes:
        rule = convention.rules.get(node.block.key)
        nodes.append(0 if rule is None else _weigh(rule, quantities(node.block, graph.input_types(node), node.type)))
    return Counted(convention, sum(nodes), tuple(nodes))


def quantities(block: Primitive, inputs: tuple[Type, ...], output: Type) -> Quantities:
    """The quantities of a block on these inputs."""
    cost = block_cost(block, inputs)
    return Quantities(
        macs=cost.macs,
        params=cost.params,
        input=inputs[0].elements,
        output=output.elements,
        affine=inputs[0].elements if getattr(block, "affine", False) else 0,
        bias=output.elements if isinstance(block, Conv2d | Linear) and block.bias else 0,
        cells=_cells(block, inputs[0], output),
        padded=_padded(block, inputs[0]),
    )


def _weigh(rule: Quantities, found: Quantities) -> int:
    return sum(getattr(rule, item.name) * getattr(found, item.name) for item in fields(Quantities))


def _cells(block: Primitive, source: Type, output: Type) -> int:
    """(H / h * W / w + 1) for each of the C * h * w outputs, in floating point and cut, as thop does it: one less
    than the fraction would be where cells are not whole."""
    if not isinstance(source, Map) or not isinstance(block, AdaptiveAvgPool2d | GlobalAvgPool):
        return 0
    height, width = (output.height, output.width) if isinstance(output, Map) else (1, 1)
    return int(((source.height / height) * (source.width / width) + 1) * output.elements)


def _padded(block: Primitive, source: Type) -> int:
    if not isinstance(source, Map) or not isinstance(block, LocalResponseNorm):
        return 0
    return (source.channels + block.size - 1) * source.height * source.width
