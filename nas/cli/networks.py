"""`nas show`: what a network is, block by block, without torch."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from blocks.types import Map, Type
from graphs import DocumentError, Graph
from graphs.conventions import Counted, count
from graphs.costs import COUNTED, ReceptiveField
from graphs.document import Settings as Values
from graphs.quantities import format_quantity
from graphs.smallest import smallest_input
from nas.cli.counting import CountAs, column, counted_lines, counted_object, parse_convention
from nas.cli.documents import YAML, print_document
from nas.cli.inputs import load_network_only, load_network_or_space, parse_settings
from nas.cli.options import DEPTH, Json, Settings, Variant
from nas.cli.outline import Row, num_weights, outline
from nas.cli.output import error_objects, format_bytes, format_share, print_json, table, terminal_width
from search_spaces import load_network, title

BAR = 8


def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A document, or the name of a shipped network.")],
    depth: Annotated[
        int,
        typer.Option(
            "--depth", min=0, metavar="N", help="Add up what lies deeper in the address; 0 for every node on its own."
        ),
    ] = DEPTH,
    count_as: CountAs = None,
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Show a network by address: blocks, shapes, parameters, MACs.

    A network that breaks what its document requires is shown, with the fault beneath and the exit code of `nas check`.

    \b
    Examples:
      nas show resnet50
      nas show resnet50 --depth 1
      nas show my_net.yaml --variant wide
      nas show my_net.yaml --set width=32 --depth 0
      nas show resnet50 --as fvcore
      nas show resnet50 --as yaml > my_net.yaml
      nas show resnet50 --json
    """
    convention = None if count_as in (None, YAML) else parse_convention(count_as)
    values = parse_settings(settings or [])
    if count_as == YAML:
        found = load_network_or_space(file, values, variant)
        print_document(found, file, is_changed=bool(settings or variant), as_json=as_json)
        return
    graph, broken = _load_whole(file, values, variant)
    counted = None if convention is None else count(graph, convention)
    if broken is None:
        print_network(graph, depth, counted, as_json=as_json)
    elif as_json:
        more = counted_object(counted) if counted else {}
        print_json(network_object(graph) | more | {"ok": False, "errors": error_objects(broken)})
        raise typer.Exit(1)
    else:
        print_network(graph, depth, counted, as_json=False)
        print(flush=True)
        raise broken


def _load_whole(file: str, settings: Values, variant: str | None) -> tuple[Graph, DocumentError | None]:
    """A network, and what is wrong with it where that is only that it costs what its document forbids: where it does,
    its table says. Raises: FixpointError."""
    try:
        return load_network_only(file, settings, variant), None
    except DocumentError as error:
        if any(fault.slug != "requirement" for fault in error.faults):
            raise
        return load_network(file, settings, variant=variant, keep_requirements=False), error


def print_network(graph: Graph, depth: int, counted: Counted | None = None, *, as_json: bool) -> None:
    """A network on stdout, as a table or as JSON; `depth` 0 for every node on its own."""
    if as_json:
        print_json(network_object(graph) | (counted_object(counted) if counted else {}))
    else:
        print("\n".join(network_lines(graph, depth or None, terminal_width(), counted)))


def network_object(graph: Graph) -> dict[str, object]:
    """A network with its figures as `nas show --json` promises it; every node on its own."""
    costs = graph.costs()
    types = graph.types
    weights = [num_weights(graph, node) for node in graph.nodes]
    return {
        "name": graph.name,
        "hash": graph.hash,
        "params": costs.params,
        "training_params": graph.in_training.costs().params,
        "weights": sum(weights),
        "buffers": costs.buffers,
        "macs": costs.macs,
        "flops": costs.flops,
        "activation_bytes": costs.activation_bytes,
        "peak_bytes": costs.peak_bytes,
        "receptive_field": asdict(costs.receptive_field),
        "smallest_input": smallest_input(graph.document),
        "input": {name: str(type) for name, type in graph.inputs.items()},
        "output": {name: str(types[value]) for name, value in graph.outputs.items()},
        "nodes": [
            {
                "address": node.address,
                "block": node.block,
                "arguments": given.block.model_dump(),
                "type": str(node.type),
                "params": node.params,
                "weights": own,
                "macs": node.macs,
                "output_bytes": node.output_bytes,
            }
            for given, node, own in zip(graph.nodes, costs.nodes, weights, strict=True)
        ],
        "counted": COUNTED,
    }


def network_lines(graph: Graph, depth: int | None, width: int | None, counted: Counted | None = None) -> list[str]:
    """The table of a network and its totals; batch one. What another tool counts takes the column of MACs."""
    costs = graph.costs()
    inputs = ", ".join(f"{name} {_shape(type)}" for name, type in graph.inputs.items())
    sources = [Row(name, "input", type, 0, 0, 0) for name, type in graph.inputs.items()]
    shown = [*sources, *outline(graph, depth, counted.nodes if counted else None)]
    rows = [
        [
            row.address,
            row.block,
            _shape(row.type),
            format_quantity(row.type.elements),
            f"{row.weights:,}" if row.weights else "-",
            f"{row.params:,}" if row.params else "-",
            format_share(row.params, costs.params),
            format_quantity(row.macs) if row.macs else "-",
            format_share(row.macs, counted.total if counted else costs.macs),
        ]
        for row in shown
    ]
    header = [
        "address",
        "block",
        "output",
        "values",
        "weights",
        "params",
        "",
        column(counted) if counted else "MACs",
        "",
    ]
    align = "<<<>>>>>>"
    for gone in ("", "values", "weights"):  # shares, then figures of which the sums stay, before text is cut
        if width is None or max(map(len, table(header, rows, align))) <= width:
            break
        kept = [index for index, title in enumerate(header) if title != gone]
        header, align = [header[index] for index in kept], "".join(align[index] for index in kept)
        rows = [[row[index] for index in kept] for row in rows]
    lines = table(header, rows, align, width=width)
    values, weights = sum(row.type.elements for row in shown), sum(row.weights for row in shown)
    return [
        f"{title(graph)}   {inputs}   hash {graph.hash[:12]}",
        "",
        *_with_bars(lines, [row.macs for row in shown], width),
        "",
        f"parameters       {costs.params:,}, and {costs.buffers:,} buffer elements",
        f"weights          {weights:,} of the parameters, without biases, scales and shifts",
        f"MACs             {costs.macs:,} ({format_quantity(costs.macs)}; {format_quantity(costs.flops)} FLOPs)",
        f"values           {values:,} in the rows above",
        f"activations      {format_bytes(costs.activation_bytes)} in all, {format_bytes(costs.peak_bytes)} at the peak",
        f"receptive field  {_field(costs.receptive_field)}",
        *([f"smallest input   {smallest}"] if (smallest := smallest_input(graph.document)) else ()),
        *_heads(graph),
        *(counted_lines(counted, width or 80) if counted else ()),
        "",
        *_wrapped(
            f"Batch 1, weights not in the memory; values are the numbers that a row hands on; {COUNTED}.", width or 80
        ),
    ]


def _heads(graph: Graph) -> list[str]:
    """What training has more, where it has training outputs."""
    if graph.trained is None:
        return []
    costs, more = graph.costs(), graph.trained.costs()
    names = ", ".join(name for name in graph.trained.outputs if name not in graph.outputs)
    macs = format_quantity(more.macs - costs.macs)
    return [f"training adds    {names}: {more.params - costs.params:,} parameters, {macs} MACs"]


def _with_bars(lines: list[str], values: list[int], width: int | None) -> list[str]:
    """The table with a bar for each row, the largest in full, where there is room for it."""
    column = max(map(len, lines)) + 2
    if not any(values) or (width is not None and column + BAR > width):
        return lines
    head, rule, *rows = lines
    bars = ["#" * round(BAR * value / max(values)) for value in values]
    drawn = [f"{row:{column}}{bar}".rstrip() for row, bar in zip(rows, bars, strict=True)]
    return [head, f"{rule:{column}}{'-' * BAR}", *drawn]


def _shape(type: Type) -> str:
    return f"{type.channels}x{type.height}x{type.width}" if isinstance(type, Map) else str(type.features)


def _field(field: ReceptiveField) -> str:
    least, most = (" x ".join(map(str, size)) for size in (field.least, field.most))
    sizes = most if least == most else f"{least} to {most}"
    return f"{sizes} pixels"


def _wrapped(text: str, width: int) -> list[str]:
    from textwrap import wrap

    return wrap(text, max(width, 20))
