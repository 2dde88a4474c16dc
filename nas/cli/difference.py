"""`nas diff`: what is different between two networks, without torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated

import typer

from graphs import Graph
from graphs.difference import CONSEQUENT, Change, Difference, difference, weight_elements
from graphs.quantities import format_quantity
from nas.cli.inputs import load_network_only, parse_settings
from nas.cli.options import DEPTH, Json
from nas.cli.output import format_bytes, format_share, print_json, table, terminal_width
from nas.mistakes import Attempts

SIGNS = {"added": "+", "removed": "-", "retyped": "~", "moved": ">", "rewired": "*"}
FIGURES = ("params", "macs", "peak_bytes", "nodes")


@dataclass(frozen=True, slots=True)
class Row:
    """One change, or several below one address; `sign` is `~` where they are of several kinds."""

    sign: str
    address: str
    block: str
    text: str
    params: int
    macs: int


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A document, or the name of a shipped network.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    depth: Annotated[
        int, typer.Option("--depth", min=0, metavar="N", help="Add up what lies deeper in the address; 0 for no end.")
    ] = DEPTH,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of B; repeatable.")
    ] = None,
    variant: Annotated[str | None, typer.Option("--variant", metavar="NAME", help="A variant of B.")] = None,
    as_json: Json = False,
) -> None:
    """Compare two networks: nodes, costs, and which weights of A fit B.

    A node is added (+), removed (-), retyped (~: another block, other arguments or shapes), moved (>: the same at
    another address) or rewired (*: the same, but it reads other values). The exit code is 0 whether they differ or not.

    \b
    Examples:
      nas diff resnet50 wide.yaml
      nas diff resnet50 resnet50 --set width=32
      nas diff resnet18 resnet50 --depth 1
      nas diff old.yaml new.yaml --depth 0
      nas diff resnet50 wide.yaml --json
    """
    values = parse_settings(settings or [])
    tried = Attempts()
    old = tried.result(lambda: load_network_only(before))
    new = tried.result(lambda: load_network_only(after, values, variant))
    tried.raise_if_any()
    assert old is not None
    assert new is not None
    found = difference(old, new)
    titles = before, " ".join([after, *([variant] if variant else []), *(settings or [])])
    if as_json:
        print_json(difference_object(found))
    else:
        print("\n".join(difference_lines(found, depth or None, terminal_width(), titles)))


def difference_object(found: Difference) -> dict[str, object]:
    """A difference for `--json`: every change on its own, and every tensor that fits."""
    old, new = figures(found.before), figures(found.after)
    weights = weight_elements(found.after)
    return {
        "same": found.same,
        "a": {"name": found.before.name, "hash": found.before.hash, **old},
        "b": {"name": found.after.name, "hash": found.after.hash, **new},
        "difference": {name: new[name] - old[name] for name in FIGURES},
        "interface": list(found.interface),
        "counts": {str(kind): count for kind, count in found.counts.items()} | {"unchanged": found.unchanged},
        "changes": [_change_object(found, change) for change in found.changes],
        "weights": {
            "tensors": len(weights),
            "elements": sum(weights.values()),
            "fitting_tensors": len(found.transfers),
            "fitting_elements": sum(transfer.elements for transfer in found.transfers),
            "moved": [[t.source, t.target] for t in found.transfers if t.source != t.target],
            "fresh": sorted(weights.keys() - {transfer.target for transfer in found.transfers}),
        },
    }


def difference_lines(
    found: Difference, depth: int | None, width: int | None, titles: tuple[str, str] | None = None
) -> list[str]:
    """Totals, one line that sums it up, the changes to a depth, and what becomes of the weights."""
    return [
        *_total_lines(found, titles or (found.before.name, found.after.name)),
        "",
        summary(found),
        *found.interface,
        *_change_lines(found, depth, width),
        "",
        weight_line(found),
    ]


def figures(graph: Graph) -> dict[str, int]:
    """The figures that are compared."""
    costs = graph.costs()
    return dict(zip(FIGURES, (costs.params, costs.macs, costs.peak_bytes, len(graph.nodes)), strict=True))


def summary(found: Difference) -> str:
    """All in one line."""
    if found.same:
        moved = found.counts["moved"]
        names = f"; {_number(moved, 'node')} with another address" if moved else ""
        return f"The same network: hash {found.after.hash[:12]}{names}."
    alone = f" ({found.consequences} of them only for what they read)" if found.consequences else ""
    notes = {"retyped": alone}
    counts = [f"{count} {kind}{notes.get(kind, '')}" for kind, count in found.counts.items() if count]
    return f"{', '.join(counts) or 'No node differs'}; {found.unchanged} unchanged."


def weight_line(found: Difference) -> str:
    """How much of the first network's weights the second can take."""
    weights = weight_elements(found.after)
    fitting = sum(transfer.elements for transfer in found.transfers)
    moved = sum(transfer.source != transfer.target for transfer in found.transfers)
    share = f" ({format_share(fitting, sum(weights.values()))} of its numbers)" if fitting else ""
    elsewhere = f", {moved} of them from another address" if moved else ""
    return f"Weights: {len(found.transfers)} of the {_number(len(weights), 'tensor')} of B fit A's{share}{elsewhere}."


def rows(found: Difference, depth: int | None) -> list[Row]:
    """The changes in their order, those below one address of `depth` parts as one row, where the first of them is;
    without a depth each on its own."""

    alone = [_blocks_of_one(graph) for graph in (found.before, found.after)]

    def place(change: Change) -> str:
        address, _ = _node(found, change)
        return ".".join(address.split(".")[:depth])

    called = {group.address: group.block for graph in (found.before, found.after) for group in graph.groups}
    below: dict[str | int, list[Change]] = {}
    for number, change in enumerate(found.changes):
        below.setdefault(number if depth is None else place(change), []).append(change)
    listed = []
    for changes in below.values():
        address = place(changes[0])
        kinds = Counter(change.kind for change in changes)
        sign = SIGNS[changes[0].kind] if len(kinds) == 1 else SIGNS["retyped"]
        params, macs = sum(change.params for change in changes), sum(change.macs for change in changes)
        if len(changes) == 1:
            address, block = _node(found, changes[0])
            body = address.rpartition(".")[0]
            is_renamed = changes[0].kind == "retyped" and _address_before(found, changes[0]) != address
            if is_renamed and all(body in addresses for addresses in alone):
                address = body
            text = "; ".join(changes[0].details)
        else:
            block = called.get(address, "")
            counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
            text = "; ".join([counted, *_common(changes)])
        listed.append(Row(sign, address, block, text, params, macs))
    return listed


def _blocks_of_one(graph: Graph) -> set[str]:
    """The addresses of blocks that hold one node, as `activation` does."""
    counted = Counter(
        prefix for node in graph.nodes for prefix in accumulate(node.address.split(".")[:-1], "{}.{}".format)
    )
    return {address for address, count in counted.items() if count == 1}


def _total_lines(found: Difference, titles: tuple[str, str]) -> list[str]:
    old, new = figures(found.before), figures(found.after)
    names = {"params": "parameters", "macs": "MACs", "peak_bytes": "peak memory", "nodes": "nodes"}
    lines = []
    for figure, name in names.items():
        shown = [format_bytes(side[figure]) if figure == "peak_bytes" else f"{side[figure]:,}" for side in (old, new)]
        change = new[figure] - old[figure]
        by = "" if not change else _signed(change) if figure != "peak_bytes" else _signed_bytes(change)
        relative = f"{change / old[figure]:+.1%}" if change and old[figure] else ""
        lines.append([name, *shown, by, relative])
    header = ["", f"A {titles[0]}", f"B {titles[1]}", "difference", ""]
    columns = len(header) if any(line[3] for line in lines) else 3
    return table(header[:columns], [line[:columns] for line in lines], "<>>>>"[:columns])


def _change_lines(found: Difference, depth: int | None, width: int | None) -> list[str]:
    if not found.changes:
        return []
    cells = [
        [
            row.sign,
            row.address,
            row.block,
            row.text,
            f"{row.params:+,}" if row.params else "",
            _signed(row.macs) if row.macs else "",
        ]
        for row in rows(found, depth)
    ]
    return ["", *table(["", "address", "block", "change", "params", "MACs"], cells, "<<<<>>", width=width)]


def _common(changes: Sequence[Change]) -> list[str]:
    """The two changes of arguments that are most frequent among several; without any, the first change of an input."""
    details = [detail for change in changes for detail in change.details if not detail.startswith("from ")]
    own = Counter(detail for detail in details if not detail.startswith(CONSEQUENT))
    inputs = [detail for detail in details if detail.startswith("input ")]
    return [detail for detail, _ in own.most_common(2)] or inputs[:1]


def _node(found: Difference, change: Change) -> tuple[str, str]:
    """The address and the block of a change, as they are now; as they were, where it was removed."""
    if change.after is not None:
        node = found.after.nodes[change.after]
    else:
        assert change.before is not None
        node = found.before.nodes[change.before]
    return node.address, node.block.key


def _address_before(found: Difference, change: Change) -> str | None:
    return None if change.before is None else found.before.nodes[change.before].address


def _change_object(found: Difference, change: Change) -> dict[str, object]:
    address, block = _node(found, change)
    return {
        "kind": change.kind,
        "address": address,
        "before": _address_before(found, change),
        "block": block,
        "details": list(change.details),
        "params": change.params,
        "macs": change.macs,
    }


def _signed(value: int) -> str:
    return f"{'+' if value > 0 else '-'}{format_quantity(abs(value))}"


def _signed_bytes(value: int) -> str:
    return f"{'+' if value > 0 else '-'}{format_bytes(abs(value))}"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
