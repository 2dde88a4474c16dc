"""The words in a picture: types, key arguments, figures, shares. Plain text; whoever writes a format escapes it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence

from blocks.geometry import pair
from blocks.primitive import Primitive
from blocks.types import Map, Type
from graphs.drawing.parts import node_of
from graphs.drawing.scene import Box, Frame
from graphs.graph import Graph
from graphs.quantities import format_quantity

WEIGHTED = ("conv2d", "linear")
MOST_WEIGHTED = 4
LONGEST = 48
_IN_WORDS = ("kernel_size", "dilation", "stride", "padding")  # or told by the shape, as padding is
DOT = " · "

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
        words.append(f"{format_quantity(box.params)} params")
    if box.macs:
        words.append(f"{format_quantity(box.macs)} MACs")
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
    lines.append(f"{box.params:,} parameters, {box.macs:,} MACs")
    if box.macs:
        lines[-1] += f" ({share(box.macs, whole)} of {format_quantity(whole)})"
    if len(box.nodes) > 1 or box.count > 1:
        lines.append(f"{len(box.nodes) * box.count} nodes")
    return "\n".join(line for line in lines if line)


def cut(text: str, longest: int = LONGEST) -> str:
    """A text that is not too long, with an ellipsis where it was."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def unusual_arguments(block: Primitive, without: Container[str] = ()) -> list[str]:
    """The arguments that are not as they are by default, by name: `factor 4`, `ceil_mode`, `no affine`."""
    fields = type(block).model_fields
    return [
        _argument(name, value)
        for name, value in block.model_dump().items()
        if name not in without and value != fields[name].default
    ]


def dilation_words(value: int | tuple[int, int]) -> list[str]:
    """`d4` for kernels whose positions stand four apart, `d1x2` where that differs by direction; nothing for 1."""
    height, width = pair(value)
    if (height, width) == (1, 1):
        return []
    return [f"d{height}" if height == width else f"d{height}x{width}"]


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
    values = block.model_dump()
    words = [_size(values["kernel_size"])] if "kernel_size" in values else []
    words += dilation_words(values.get("dilation", 1))
    words.append(str(values.get("out_channels", values.get("out_features", ""))))
    groups = values.get("groups", 1)
    if groups != 1:
        depthwise = isinstance(inputs[0], Map) and inputs[0].channels == groups
        words.append("depthwise" if depthwise else f"groups {groups}")
    return " ".join([*words, *_stride(values.get("stride"))])


def _arguments(block: Primitive, inputs: tuple[Type, ...]) -> str:
    """The size of a window, the width, and what differs from its default."""
    if block.key in WEIGHTED:
        return _layer(block, inputs)
    values = block.model_dump()
    words = [_size(values["kernel_size"])] if "kernel_size" in values else []
    words += dilation_words(values.get("dilation", 1))
    words += _stride(values.get("stride"))
    return " ".join([*words, *unusual_arguments(block, _IN_WORDS)])


def _stride(value: int | tuple[int, int] | None) -> list[str]:
    if value in (1, None):
        return []
    return [f"/{_size(value)}" if isinstance(value, tuple) else f"/{value}"]


def _argument(name: str, value: object) -> str:
    return (name if value else f"no {name}") if isinstance(value, bool) else f"{name} {value}"


def _size(value: int | tuple[int, int]) -> str:
    return f"{value[0]}x{value[1]}" if isinstance(value, tuple) else f"{value}x{value}"
