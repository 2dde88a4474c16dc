"""The words in a picture: types, key arguments, figures, shares. Plain text; whoever writes a format escapes it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence

from blocks.convolution import Conv2d
from blocks.geometry import pair
from blocks.pooling import AvgPool2d, MaxPool2d
from blocks.primitive import Primitive
from blocks.types import Map, Type
from graphs.drawing.parts import node_of
from graphs.drawing.scene import Box, Frame
from graphs.graph import Graph
from graphs.quantities import format_quantity

WEIGHTED = ("conv2d", "linear")
MOST_WEIGHTED = 4
LONGEST = 48

# What the figures beside tell (parameters), and what is of training and of numerics alone; and what the shape tells.
TOLD_BY_FIGURES = frozenset(("bias", "affine", "eps", "momentum", "init", "init_value"))
TOLD_BY_SHAPE = frozenset(("out_features", "out_channels", "output_size"))

DOT = " · "

Window = Conv2d | MaxPool2d | AvgPool2d

# The steps of the scale of shares of MACs: none, then up to each of these parts of the whole, then more.
STEPS = (0.01, 0.03, 0.1, 0.3)
SCALE = ("no MACs", "< 1 %", "1-3 %", "3-10 %", "10-30 %", "> 30 %")


def shape(type: Type) -> str:
    """CxHxW of a map, C of a vector."""
    return f"{type.channels}x{type.height}x{type.width}" if isinstance(type, Map) else str(type.features)


def step_of(macs: int, whole: int) -> int:
    """Where a part of all MACs stands on the scale: 0 for none, up to 5."""
    return 1 + bisect_right(STEPS, macs / whole) if macs and whole else 0


def share(part: int, whole: int) -> str:
    """A part of a whole in percent, with one digit after the point below ten."""
    if not part or not whole:
        return ""
    percent = 100 * part / whole
    return "<0.1%" if percent < 0.1 else f"{percent:.1f}%" if percent < 10 else f"{percent:.0f}%"


def figures(box: Box, graph: Graph) -> str:
    """Parameters, MACs and the share of all MACs, as far as there are any."""
    words = []
    if box.params:
        words.append(f"{format_quantity(box.params)} param{'s' * (box.params != 1)}")
    if box.macs:
        words.append(f"{format_quantity(box.macs)} MAC{'s' * (box.macs != 1)}")
        words.append(share(box.macs, graph.costs().macs))
    return DOT.join(words)


def arguments(box: Box, graph: Graph) -> str:
    """What one should know of a box: the arguments of its node, or the convolutions in it.

    Layers of a block that follow one another are divided by commas, others by a plus.
    """
    if box.kind != "block":
        return shape(box.type)
    if len(box.nodes) == 1:
        node = node_of(graph, box.nodes[0])
        text = _arguments(node.block, graph.input_types(node))
        return f"{text} features" if box.block == "linear" else text
    layers = _layers(box, graph)
    if len(layers) > MOST_WEIGHTED:
        return f"{len(layers)} weighted layers"
    text = ""
    for before, number in zip([None, *layers], layers, strict=False):
        sign = "" if before is None else ", " if _feeding(graph, number, box.nodes) == before else " + "
        text += sign + _layer(node_of(graph, number).block, graph.input_types(node_of(graph, number)))
    return text


def title(member: Box | Frame) -> str:
    """The name of a block, and how often it stands there: `3 x` for a repeated step, `x 3` for equal repetitions."""
    if isinstance(member, Frame) and member.repeats is not None:
        return f"{member.repeats} x {member.block}"
    return f"{member.block} x {member.count}" if member.count > 1 else member.block


def address(member: Box | Frame) -> str:
    """The whole address of a member, from the first to the last repetition it stands for."""
    return f"{member.address} to {member.last}" if member.last else member.address


def short_address(member: Box | Frame, around: str) -> str:
    """An address as seen from a frame around it, without what goes without saying: names that nobody gave."""
    full = member.address.removeprefix(f"{around}.") if around else member.address
    parts = full.split(".")
    if len(parts) > 1 and parts[-1] == member.block:
        parts.pop()
    if len(parts) > 1 and parts[0] == "parallel":
        parts.pop(0)
    if parts == ["parallel"]:
        return ""
    return ".".join(parts) + (f"..{member.last.rpartition('.')[2]}" if member.last else "")


def details(box: Box, graph: Graph) -> str:
    """Everything that is known of a box, in lines."""
    if box.kind != "block":
        return f"{box.kind} {box.address}\n{box.type}"
    whole = graph.costs().macs
    lines = [f"{address(box)}: {title(box)}", arguments(box, graph), f"output {box.type}"]
    lines.append(f"{box.params:,} parameter{'s' * (box.params != 1)}, {box.macs:,} MAC{'s' * (box.macs != 1)}")
    if box.macs:
        lines[-1] += f" ({share(box.macs, whole)} of {format_quantity(whole)})"
    if len(box.nodes) > 1 or box.count > 1:
        lines.append(f"{len(box.nodes) * box.count} nodes")
    return "\n".join(line for line in lines if line)


def cut(text: str, longest: int = LONGEST) -> str:
    """A text that is not too long, with an ellipsis where it was."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def argument_words(block: Primitive) -> list[str]:
    """The arguments of a block in words, as far as neither its shape nor its figures tell them.

    Of a convolution or pool kernel and stride (`3x3/2`); `d4` where it is dilated; `pad 0` where the padding is not the
    usual one (half the kernel for a convolution, 0 for a pool), `uncounted` where a mean leaves it out; `ceil` for
    ceil_mode; `32 groups`. Of any other block the arguments that are not as they are by default.
    """
    if not isinstance(block, Window):
        return _unusual_arguments(block, TOLD_BY_FIGURES | TOLD_BY_SHAPE)
    words = [_by(pair(block.kernel_size)) + "".join(_stride_words(block)), *_dilation_words(block), *_edge_words(block)]
    return [*words, f"{block.groups} groups"] if isinstance(block, Conv2d) and block.groups > 1 else words


def _stride_words(block: Window) -> list[str]:
    """`/2`, `/2x1`; nothing for 1."""
    stride = pair(block.stride or block.kernel_size)
    return [] if stride == (1, 1) else [f"/{_short(stride)}"]


def _dilation_words(block: Window) -> list[str]:
    """`d4` for kernels whose positions stand four apart, `d1x2` where that differs by direction; nothing for 1."""
    dilation = _dilation(block)
    return [] if dilation == (1, 1) else [f"d{_short(dilation)}"]


def _edge_words(block: Window) -> list[str]:
    """What happens at the edges, where it is not the usual."""
    assert block.padding != "auto"
    padding = pair(block.padding)
    if isinstance(block, Conv2d):
        sizes = zip(_dilation(block), pair(block.kernel_size), strict=True)
        half = tuple(gap * (size - 1) // 2 if size % 2 else 0 for gap, size in sizes)
        return [] if padding == half else [f"pad {_short(padding)}"]
    words = [] if padding == (0, 0) else [f"pad {_short(padding)}"]
    if isinstance(block, AvgPool2d) and words and not block.count_include_pad:
        words.append("uncounted")
    return [*words, "ceil"] if block.ceil_mode else words


def _dilation(block: Window) -> tuple[int, int]:
    return (1, 1) if isinstance(block, AvgPool2d) else pair(block.dilation)


def _unusual_arguments(block: Primitive, without: Container[str]) -> list[str]:
    """The arguments that are not as they are by default, by name: `factor 4`, `ceil_mode`, `no affine`."""
    fields = type(block).model_fields
    return [
        _argument(name, value)
        for name, value in block.model_dump().items()
        if name not in without and value != fields[name].default
    ]


def _layers(box: Box, graph: Graph) -> list[int]:
    """The weighted layers of a box; where it has layers of larger maps, without those of single positions: gates."""
    layers = [number for number in box.nodes if node_of(graph, number).block.key in WEIGHTED]
    large = [number for number in layers if _is_spatial(graph.types[number])]
    return large or layers


def _is_spatial(type: Type) -> bool:
    return isinstance(type, Map) and (type.height, type.width) != (1, 1)


def _feeding(graph: Graph, number: int, inside: Sequence[int]) -> int:
    """The weighted layer that a node reads, past what stands between them; what comes before it where there is none."""
    source = node_of(graph, number).sources[0]
    while source in inside and node_of(graph, source).block.key not in WEIGHTED:
        source = node_of(graph, source).sources[0]
    return source


def _layer(block: Primitive, inputs: tuple[Type, ...]) -> str:
    """As tables of papers have it: 3x3 64 /2 for 64 kernels of 3x3 at stride 2; 3x3 d4 64 where they are dilated."""
    if not isinstance(block, Conv2d):
        return str(block.model_dump()["out_features"])
    words = [_by(pair(block.kernel_size)), *_dilation_words(block), str(block.out_channels)]
    if block.groups != 1:
        depthwise = isinstance(inputs[0], Map) and inputs[0].channels == block.groups
        words.append("depthwise" if depthwise else f"groups {block.groups}")
    return " ".join([*words, *_stride_words(block), *_edge_words(block)])


def _arguments(block: Primitive, inputs: tuple[Type, ...]) -> str:
    """The size of a window, the width, and what differs from its default."""
    if block.key in WEIGHTED:
        return _layer(block, inputs)
    if isinstance(block, Window):
        words = [_by(pair(block.kernel_size)), *_dilation_words(block), *_stride_words(block), *_edge_words(block)]
    else:
        words = _unusual_arguments(block, TOLD_BY_FIGURES)
    return " ".join(words)


def _argument(name: str, value: object) -> str:
    return (name if value else f"no {name}") if isinstance(value, bool) else f"{name} {value}"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _short(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else _by(size)
