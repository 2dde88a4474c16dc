"""`nas zoo`: the networks that ship, with their published accuracies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

import search_spaces
from blocks.errors import FixpointError
from graphs import Graph
from graphs.costs import flops_of
from graphs.faults import nearest, one_of
from graphs.quantities import format_quantity, parse_quantity
from nas.cli.drawing import STDOUT, write_picture
from nas.cli.options import Json
from nas.cli.output import print_json, table, terminal_width
from search_spaces.published import Accuracy, Published, Verified, published, verified
from search_spaces.weight_maps import load_key_maps

zoo = typer.Typer(
    name="zoo",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,
)

CHART = "zoo.svg"

_YEARS = re.compile(r"(\d{4})?(-?)(\d{4})?")


@dataclass(frozen=True)
class Entry:
    """A shipped network: what is published about it, and what it comes to."""

    facts: Published
    known: Verified

    @property
    def accuracy(self) -> Accuracy | None:
        """The one that stands for it: the first."""
        return self.facts.accuracies[0] if self.facts.accuracies else None

    @property
    def top1(self) -> float:
        """For sorting; those without come last."""
        return self.accuracy.top1 if self.accuracy else -1.0


SORTS: dict[str, Callable[[Entry], Any]] = {
    "year": lambda entry: (entry.facts.year, entry.facts.family),
    "params": lambda entry: entry.known.params,
    "macs": lambda entry: entry.known.macs,
    "top1": lambda entry: -entry.top1,
    "name": lambda entry: entry.facts.name,
}

Family = Annotated[str | None, typer.Option("--family", metavar="NAME", help="One family alone: resnet, inception...")]
MaxParams = Annotated[str | None, typer.Option("--max-params", metavar="N", help="At most so many, as in 5M.")]
MaxMacs = Annotated[str | None, typer.Option("--max-macs", metavar="N", help="At most so many, as in 600M.")]
Years = Annotated[str | None, typer.Option("--year", metavar="Y|Y-Y", help="Of this year, or 2014-2016, 2017-.")]


@zoo.callback(invoke_without_command=True)
def about(context: typer.Context) -> None:
    """The networks that ship: figures, papers, accuracies."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@zoo.command("list")
def list_networks(
    family: Family = None,
    max_params: MaxParams = None,
    max_macs: MaxMacs = None,
    year: Years = None,
    sort: Annotated[str, typer.Option("--sort", metavar="|".join(SORTS), help="By what to sort.")] = "year",
    as_json: Json = False,
) -> None:
    """List the networks with their figures and accuracies.

    The accuracies are published ones, with their sources; those of different protocols can't be compared with each
    other.

    \b
    Examples:
      nas zoo list
      nas zoo list --family mobilenet --sort macs
      nas zoo list --max-params 5M --max-macs 600M --sort top1
      nas zoo list --year 2014-2016 --json
    """
    if sort not in SORTS:
        hint = nearest(sort, SORTS) or f"there is {one_of(SORTS)}"
        raise typer.BadParameter(f"there is no column `{sort}` to sort by; {hint}", param_hint="--sort")
    found = sorted(chosen(family, max_params, max_macs, year), key=SORTS[sort])
    if as_json:
        print_json({"networks": [entry_object(entry) for entry in found]})
        return
    print("\n".join(list_lines(found, terminal_width())))


@zoo.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A shipped network.")],
    as_json: Json = False,
) -> None:
    """Show what is known of a network.

    Its paper, figures and published accuracies, how it was verified, and whose weights load.

    \b
    Examples:
      nas zoo show resnet50
      nas zoo show googlenet_2014 --json
    """
    found = search_spaces.find(name, "network")
    if found.family is None:
        raise typer.BadParameter(f"`{name}` is a file; nas show {name} says what is in it", param_hint="NAME")
    graph, entry = search_spaces.load_network(name), Entry(published()[name], verified()[name])
    relatives = tuple(other for other in search_spaces.families("network")[found.family] if other != name)
    maps = [key_map for key_map in load_key_maps(found.family) if key_map.serves(name)]
    libraries = tuple(library for key_map in maps for library in key_map.libraries)
    if as_json:
        known = entry.known
        print_json(
            {
                **entry_object(entry),
                "doc": graph.document.doc,
                "accuracies": [
                    {"top1": one.top1, "top5": one.top5, "protocol": one.protocol, "source": one.source}
                    for one in entry.facts.accuracies
                ],
                "verified": {"against": known.against or None, "reason": known.reason or None},
                "weights": list(libraries),
                "relatives": list(relatives),
            }
        )
        return
    print("\n".join(show_lines(entry, graph, libraries, relatives, terminal_width() or 100)))


@zoo.command()
def plot(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="These networks alone.")] = None,
    to: Annotated[str, typer.Option("-o", "--to", metavar="PICTURE", help="Where to: *.svg; - for stdout.")] = CHART,
    family: Family = None,
    max_params: MaxParams = None,
    max_macs: MaxMacs = None,
    year: Years = None,
    as_json: Json = False,
) -> None:
    """Draw the complexity chart of the networks.

    It is accuracy against operations, with parameters as area. It has the networks for ImageNet whose accuracy with a
    single crop is published; a MAC is two operations.

    \b
    Examples:
      nas zoo plot -o zoo.svg
      nas zoo plot --family mobilenet -o mobilenet.svg
      nas zoo plot --year 2012-2016 -o history.svg
      nas zoo plot alexnet vgg16 googlenet_2014 resnet50_v1 inception_v4 -o lecture.svg
    """
    from nas.chart import Point, complexity_chart

    if to == STDOUT and as_json:
        raise typer.BadParameter("stdout is taken by the picture", param_hint="--json")
    if to != STDOUT and Path(to).suffix.lower() != ".svg":
        raise typer.BadParameter(f"`{to}` does not end in .svg", param_hint="-o")
    for name in names or []:
        search_spaces.find(name, "network")
    points = [
        Point(entry.facts.name, entry.facts.family, found.top1, flops_of(entry.known.macs), entry.known.params)
        for entry in chosen(family, max_params, max_macs, year, names)
        if (found := entry.facts.one_crop())
    ]
    if not points:
        raise FixpointError("none of these networks has a published accuracy on ImageNet with a single crop")
    facts = sorted(published().values(), key=lambda known: (known.year, known.family))
    families = tuple(dict.fromkeys(known.family for known in facts if known.one_crop()))
    years = {published()[point.name].year for point in points}
    note = (
        f"{len(points)} networks of {min(years)} to {max(years)}; published top-1 on ImageNet, one crop, "
        "each with its own training: nas zoo show NAME has the source"
    )
    text = complexity_chart(points, families, note)
    if to == STDOUT:
        print(text, end="")
        return
    write_picture(Path(to), text)
    if as_json:
        print_json({"ok": True, "file": to, "networks": [point.name for point in points]})
    else:
        print(f"{to}: {len(points)} networks, {len(text.encode()):,} bytes")


def chosen(
    family: str | None, max_params: str | None, max_macs: str | None, year: str | None, names: list[str] | None = None
) -> Iterator[Entry]:
    """The networks, or those of these names, that pass all filters.

    Raises: typer.BadParameter; BudgetError for a number that is none.
    """
    facts = published()
    families = sorted({known.family for known in facts.values()})
    if family is not None and family not in families:
        hint = nearest(family, families) or f"there is {', '.join(families)}"
        raise typer.BadParameter(f"there is no family `{family}`; {hint}", param_hint="--family")
    params = None if max_params is None else parse_quantity(max_params, "--max-params")
    macs = None if max_macs is None else parse_quantity(max_macs, "--max-macs")
    first, last = _years(year)
    wanted = {
        name
        for name, known in facts.items()
        if family in (None, known.family) and first <= known.year <= last and (not names or name in names)
    }
    for name, known in verified().items():
        if name in wanted and (params is None or known.params <= params) and (macs is None or known.macs <= macs):
            yield Entry(facts[name], known)


def entry_object(entry: Entry) -> dict[str, object]:
    """A network as `nas zoo list --json` promises it; `top1` and `source` are null where nothing is published."""
    known, accuracy = entry.known, entry.accuracy
    return {
        "name": entry.facts.name,
        "family": entry.facts.family,
        "year": entry.facts.year,
        "input": known.input,
        "params": known.params,
        "macs": known.macs,
        "top1": accuracy.top1 if accuracy else None,
        "top5": accuracy.top5 if accuracy else None,
        "protocol": accuracy.protocol if accuracy else None,
        "source": accuracy.source if accuracy else None,
        "paper": entry.facts.paper,
    }


def list_lines(entries: list[Entry], width: int | None) -> list[str]:
    """The table of networks, and what its columns mean."""
    rows = [
        [
            entry.facts.name,
            entry.facts.family,
            str(entry.facts.year),
            entry.known.input,
            format_quantity(entry.known.params),
            format_quantity(entry.known.macs),
            f"{entry.accuracy.top1:.1f}" if entry.accuracy else "-",
            f"{entry.accuracy.protocol}; {entry.accuracy.source}" if entry.accuracy else entry.facts.reason,
        ]
        for entry in entries
    ]
    if not rows:
        return ["no network passes these filters"]
    header = ["name", "family", "year", "input", "params", "MACs", "top-1", "protocol and source"]
    noun = "network" if len(rows) == 1 else "networks"
    return [
        *table(header, rows, "<<>>>>><", width=width, whole=1),
        "",
        f"{len(rows)} {noun}; nas zoo show NAME says more",
    ]


def show_lines(
    entry: Entry, graph: Graph, libraries: tuple[str, ...], relatives: tuple[str, ...], width: int
) -> list[str]:
    """All that is known of a network, a line for each fact."""
    costs, facts, known = graph.costs(), entry.facts, entry.known
    trained = graph.in_training.costs().params
    training = f"; {trained:,} in training" if trained != costs.params else ""
    against = f"logits equal those of {known.against} with the same weights, in evaluation and in training"
    against += f"; {known.reason}" if known.reason else ""
    load = f"those of {', '.join(libraries)}, and its own: nas export {facts.name} --weights FILE"
    rows = [
        ("paper", f"{facts.paper} ({facts.year})"),
        ("network", graph.document.doc),
        ("input", known.input),
        ("parameters", f"{costs.params:,}{training}"),
        ("MACs", f"{costs.macs:,} ({format_quantity(costs.macs)}; {format_quantity(costs.flops)} FLOPs)"),
        *(("accuracy", _accuracy(one)) for one in facts.accuracies),
        *([] if facts.accuracies else [("accuracy", f"none: {facts.reason}")]),
        ("verified", against if known.against else f"by its counts alone: {known.reason}"),
        ("weights", load if libraries else f"its own: nas export {facts.name} --weights FILE"),
        ("relatives", ", ".join(relatives) or "none"),
    ]
    lines, before = [f"{facts.name}   {facts.family}, {facts.year}", ""], ""
    for title, text in rows:
        first = f"{title if title != before else '':12}"
        lines += wrap(text, max(width, 40), initial_indent=first, subsequent_indent=" " * 12)
        before = title
    return lines


def _accuracy(one: Accuracy) -> str:
    top5 = f", {one.top5:g} top-5" if one.top5 is not None else ""
    return f"{one.top1:g} top-1{top5}; {one.protocol}; {one.source}"


def _years(text: str | None) -> tuple[int, int]:
    """`2015`, `2014-2016`, `2017-` or `-2014` as the first and the last year. Raises: typer.BadParameter."""
    if text is None:
        return 0, 9999
    whole = _YEARS.fullmatch(text.strip())
    if whole is None or not (whole[1] or whole[3]):
        raise typer.BadParameter(f"`{text}` is no year; as in --year 2015 or --year 2014-2016", param_hint="--year")
    first, dash, last = whole.groups()
    return int(first or 0), int(last or (9999 if dash else first))
