"""What pages of text are made of: paragraphs and tables in Markdown, with figures of networks in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import fill

from graphs import Graph
from nas.cli.outline import Row
from tests.search_spaces.lecture import load, num_layers


def prose(text: str) -> str:
    """A paragraph, broken between words, but never inside of what is quoted."""
    kept = re.sub(r"`[^`]*`", lambda quoted: quoted[0].replace(" ", "\0"), " ".join(text.split()))
    return fill(kept, 124, break_long_words=False, break_on_hyphens=False).replace("\0", " ") + "\n"


def network_table(names: Sequence[str]) -> str:
    """Shipped networks with what they cost."""
    table = [
        (
            f"`{name}`",
            str(input_side(graph)),
            str(num_layers(graph)),
            f"{graph.costs().params:,}",
            f"{graph.costs().macs:,}",
        )
        for name, graph in ((name, load(name)) for name in names)
    ]
    return markdown_table(("network", "input", "layers", "parameters", "operations"), "<>>>>", table)


def first_parts(found: Iterable[str]) -> dict[str, None]:
    """The first parts of addresses, in order."""
    return dict.fromkeys(address.split(".")[0] for address in found)


def operation_table(graph: Graph, slide: Sequence[tuple[str, str, int, int, int]]) -> str:
    """The rows of a slide on a module of 28 x 28, and their sum."""
    nodes = {node.address: node for node in graph.costs().nodes}
    table = [
        (words, f"`{address}`", f"28 * 28 * {filters} * {side} * {side} * {depth}", f"{nodes[address].macs:,}")
        for words, address, filters, side, depth in slide
    ]
    table.append(("total", "", "", f"{graph.costs().macs:,}"))
    return markdown_table(("slide", "address", "", "operations"), "<<<>", table)


def markdown_table(header: Sequence[str], align: str, lines: Iterable[Sequence[str]]) -> str:
    """`align` has `<` or `>` for each column."""
    rule = ["---" if side == "<" else "--:" for side in align]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, rule, *lines))


def in_words(row: Row) -> str:
    """What a row of `nas show` does, and to how many channels."""
    return f"{row.block}, {row.type.shape[0]}"


def shown_shape(shape: Sequence[int]) -> str:
    """96 x 55 x 55."""
    return " x ".join(map(str, shape))


def shown_number(value: int) -> str:
    """Nothing for none."""
    return f"{value:,}" if value else ""


def millions(value: int) -> str:
    """15.2M, 854M."""
    return f"{value / 1e6:.1f}M" if value < 100_000_000 else f"{value / 1e6:.0f}M"


def billions(value: int) -> str:
    """4.09G."""
    return f"{value / 1e9:.2f}G"


def input_side(graph: Graph) -> int:
    """The width of its image."""
    (image,) = graph.inputs.values()
    side: int = image.shape[-1]
    return side


def output_depth(graph: Graph) -> int:
    """The channels of its only output."""
    (value,) = graph.outputs.values()
    depth: int = graph.types[value].shape[0]
    return depth


def listed(names: Sequence[str]) -> str:
    """`a`, `b` and `c`."""
    return f"{', '.join(f'`{name}`' for name in names[:-1])} and `{names[-1]}`"
