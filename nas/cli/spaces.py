"""`nas space`: what a search space holds, what of it fits a budget, and what is around a point of it."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

import search_spaces
from blocks.errors import FixpointError
from graphs import Budget
from graphs.quantities import format_count, format_quantity
from nas.cli.budgets import with_budget
from nas.cli.documents import As, print_document, refuse_other
from nas.cli.inputs import parse_settings, telling_kinds
from nas.cli.networks import print_network
from nas.cli.options import DEPTH, Json, Settings, Variant
from nas.cli.output import print_json, table, terminal_width
from search_spaces import Count, Decision, Decisions, Point, Report, Space
from search_spaces.catalog import nearest_file
from search_spaces.kinship import changes_between
from search_spaces.linting import Finding

space = typer.Typer(
    name="space",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

SpaceName = Annotated[str, typer.Argument(metavar="SPACE", help="A shipped space, or a document with holes.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Where all randomness comes from.")]

DECISIONS = "decisions as JSON, or a file of them or of one sample"

MOST_SHOWN = 12
MOST_INFLUENCES = 10
MOST_FINDINGS = 20  # of one kind, one after the other


@space.callback(invoke_without_command=True)
def about(context: typer.Context) -> None:
    """Look at a search space, and at what of it fits a budget."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@space.command()
def show(
    name: SpaceName,
    show_as: As = None,
    decisions: Annotated[
        str | None, typer.Option("--decisions", metavar="DECISIONS", help=f"Show the network of {DECISIONS} instead.")
    ] = None,
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Show the decisions of a space, or the network of some.

    \b
    Examples:
      nas space show mobile
      nas space show my_space.yaml --json
      nas space show small --as yaml > my_space.yaml
      nas space show small --decisions point.json --as yaml > my_net.yaml
    """
    refuse_other(show_as)
    found = _load(name, settings, variant)
    graph = None if decisions is None else found.materialize(_decisions(decisions))
    if show_as is not None:
        print_document(graph or found, name, is_changed=bool(settings or variant), as_json=as_json)
        return
    if graph is not None:
        print_network(graph, DEPTH, as_json=as_json)
        return
    if as_json:
        listed = [
            {
                "address": one.address,
                "kind": one.kind,
                "alternatives": list(one.alternatives),
                "prior": list(one.weights),
            }
            for one in found.decisions
        ]
        print_json({"name": found.name, "size": found.size(), "decisions": listed})
        return
    rows = [[one.address, one.kind, _alternatives(one)] for one in found.decisions]
    if not rows:
        print(f"{found.name}   a network: nothing is open")
    else:
        decisions = f"{len(found.decisions)} decision{'s' * (len(found.decisions) != 1)}"
        print(f"{found.name}   {format_count(found.size())} points in {decisions}\n")
        print("\n".join(table(["decision", "kind", "alternatives"], rows, "<<<", width=terminal_width())))


@space.command()
def size(name: SpaceName, settings: Settings = None, variant: Variant = None, as_json: Json = False) -> None:
    """Count the points of a space, legal or not.

    They are the sets of decisions that differ where it matters.

    \b
    Examples:
      nas space size nasbench201
    """
    found = _load(name, settings, variant)
    if as_json:
        print_json({"name": found.name, "size": found.size()})
    else:
        print(f"{format_count(found.size())} points")


@space.command()
@with_budget
def count(
    name: SpaceName, budget: Budget, settings: Settings = None, variant: Variant = None, as_json: Json = False
) -> None:
    """Count the legal networks of a space that keep a budget.

    The number is exact where costs add up over the stages of the space and their sums fit into memory, or the
    space is small; else it lies between two numbers: for certain where costs add up, otherwise, from draws, at
    95% confidence.

    \b
    Examples:
      nas space count nasbench_macro --max-macs 40M
      nas space count mobile --max-params 4M --max-macs 150M
    """
    found = _load(name, settings, variant)
    counted = found.count(budget)
    if as_json:
        print_json(
            {
                "exact": counted.exact,
                "low": counted.low,
                "high": counted.high,
                "confidence": counted.confidence,
                "estimate": counted.estimate,
                "size": found.size(),
                "how": counted.how,
            }
        )
    else:
        print(_counted(found, counted, budget))


@space.command()
@with_budget
def sample(
    name: SpaceName,
    budget: Budget,
    num: Annotated[int, typer.Option("-n", "--num", min=1, metavar="N", help="How many.")] = 5,
    seed: Seed = 0,
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Draw networks that keep a budget.

    All such networks alike, or as the space's priors say.

    \b
    Examples:
      nas space sample small -n 3 --max-params 4k
      nas space sample mobile -n 1000 --max-macs 150M --json > samples.json
    """
    found = _load(name, settings, variant)
    sampled = found.sample(num, budget, seed)
    if as_json:
        print_json(
            {
                "samples": [_point(point) for point in sampled.points],
                "acceptance": sampled.acceptance,
                "uniform": sampled.uniform,
                "how": sampled.how,
            }
        )
        return
    for point in sampled.points:
        print(f"{_figures(point)}\n  {json.dumps(point.decisions)}")
    if budget:
        print(f"{sampled.how}; {sampled.acceptance:.1%} of these draws kept the budget")


@space.command()
@with_budget
def neighbours(
    name: SpaceName,
    decisions: Annotated[str, typer.Argument(metavar="DECISIONS", help=f"A point: {DECISIONS}.")],
    budget: Budget,
    seed: Seed = 0,
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """List the networks one decision away from a point.

    With a budget, those that keep it. What a change makes matter is drawn.

    \b
    Examples:
      nas space neighbours small decisions.json --max-params 4k
    """
    found = _load(name, settings, variant)
    point = _decisions(decisions)
    here = found.point(point)
    start = here.decisions
    rows, objects = [], []
    for near in found.neighbours(start, budget, seed):
        changes = changes_between(start, near.decisions)
        objects.append({"changes": {address: list(pair) for address, pair in changes.items()}, **_point(near)})
        [(address, (old, new))] = changes.items()
        costs, before = near.costs, here.costs
        rows.append(
            [
                address,
                f"{shown(old)} -> {shown(new)}",
                f"{costs.params - before.params:+,}",
                f"{costs.macs - before.macs:+,}",
                near.hash[:12],
            ]
        )
    if as_json:
        print_json({"neighbours": objects})
    elif rows:
        header = ["decision", "change", "params", "MACs", "network"]
        print("\n".join(table(header, rows, "<<>><", width=terminal_width())))
    else:
        print("no neighbour is legal and keeps the budget")


@space.command("lint")
@with_budget
def lint_space(
    name: SpaceName,
    budget: Budget,
    samples: Annotated[
        int | None,
        typer.Option(min=10, metavar="N", help="Networks to look at; 400 if draws are cheap, as of a chain, else 50."),
    ] = None,
    seed: Seed = 0,
    settings: Settings = None,
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Look for what is odd about a space.

    Alternatives that no network has, decisions that change nothing, and the decisions on which its costs hang.

    \b
    Examples:
      nas space lint small --max-params 1k
    """
    found = _load(name, settings, variant)
    report = found.lint(budget, samples, seed)
    if as_json:
        print_json(_report_object(report))
    else:
        print("\n".join(_report_lines(report)))


def _load(name: str, settings: list[str] | None, variant: str | None) -> Space:
    values = parse_settings(settings or [])
    with telling_kinds(name):
        return search_spaces.load(name, values, variant=variant)


def _decisions(text: str) -> Decisions:
    """The decisions of a text, or of the file of that name."""
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            help = (
                nearest_file(Path(text), (".json",)) or "`nas space sample SPACE -n 1 --json > point.json` writes one"
            )
            raise FixpointError(f"`{text}` can't be read: {(why or str(error)).lower()}", help=help) from None
    return search_spaces.parse_decisions(_of_sample(text))


def _of_sample(text: str) -> str:
    """The decisions in what `nas space sample --json` wrote of one point, or the text as it is."""
    try:
        data = json.loads(text)
    except ValueError:
        return text
    match data:
        case {"decisions": dict() as decisions} | {"samples": [{"decisions": decisions}]}:
            return json.dumps(decisions)
        case {"samples": [dict(), dict(), *_] as samples}:
            raise FixpointError(f"these are {len(samples)} points, and one is wanted", help="take one of `samples`")
    return text


def _alternatives(decision: Decision) -> str:
    texts = [shown(alternative) for alternative in decision.alternatives[:MOST_SHOWN]]
    if len(set(decision.weights)) > 1:
        texts = [f"{one} (x{weight})" for one, weight in zip(texts, decision.weights, strict=False)]
    more = len(decision.alternatives) - len(texts)
    return ", ".join(texts) + (f", and {more:,} more" if more else "")


def _counted(space: Space, count: Count, budget: Budget) -> str:
    whole = space.size()
    keep = f" of {format_count(whole)} points " + (f"keep {budget}" if budget else "are legal networks")
    low, high = format_count(count.low), format_count(count.high)
    if count.exact:
        return f"{low}{keep} ({_share(count.low, whole)}); exact, by {count.how}"
    share, most = _share(round(count.estimate), whole), _share(count.high, whole)
    sure = f"{count.confidence:.0%} confidence"
    if count.confidence < 1 and count.estimate == count.low:
        return f"at most {most}{keep}, at {sure}: {count.how}"
    if count.confidence < 1:
        return f"about {share}{keep}: {count.how}, {_share(count.low, whole)} to {most} at {sure}"
    return f"{low} to {high}{keep}, about {share}; by {count.how}"


def _share(part: int, whole: int) -> str:
    share = part / whole
    return f"{share:.2%}" if share >= 0.001 or not part else f"{share:.1e}"


def _point(point: Point) -> dict[str, object]:
    costs = point.costs
    return {
        "decisions": point.decisions,
        "hash": point.hash,
        "params": costs.params,
        "macs": costs.macs,
    }


def _figures(point: Point) -> str:
    costs = point.costs
    return f"{point.hash[:12]}  {format_quantity(costs.params)} params  {format_quantity(costs.macs)} MACs"


def shown(alternative: object) -> str:
    """An alternative as a document has it."""
    if isinstance(alternative, tuple):
        return f"[{', '.join(map(shown, alternative))}]"
    return str(alternative).lower() if isinstance(alternative, bool) else str(alternative)


def _report_object(report: Report) -> dict[str, object]:
    return {
        "findings": [
            {"kind": one.kind, "address": one.address, "alternative": one.alternative, "message": one.message}
            for one in report.findings
        ],
        "influences": [{"address": one.address, "params": one.params, "macs": one.macs} for one in report.influences],
        "samples": report.num_samples,
        "acceptance": report.acceptance,
        "duplicates": report.duplicates,
        "idle_changes": report.idle_changes,
    }


def _finding(one: Finding) -> str:
    what = "" if one.kind == "idle" else f" = {shown(one.alternative)}"
    return f"{one.kind}: {one.address}{what}: {one.message}"


def _report_lines(report: Report) -> list[str]:
    lines: list[str] = []
    for kind, findings in groupby(sorted(report.findings, key=lambda one: one.kind == "unseen"), lambda one: one.kind):
        found = list(findings)
        lines += [_finding(one) for one in found[:MOST_FINDINGS]]
        if len(found) > MOST_FINDINGS:
            lines.append(f"{kind}: {len(found) - MOST_FINDINGS:,} more; --json has them all")
    known = [one for one in report.influences if one.params or one.macs][:MOST_INFLUENCES]
    rows = [
        [one.address, *(f"{share:.0%}" if share else "-" for share in (one.params, one.macs))] for one in known
    ] or [["none", "-", "-"]]
    return [
        *(lines or ["nothing odd"]),
        "",
        "What costs hang on: the share of their differences that one decision explains, where it is more than chance.",
        *table(["decision", "params", "MACs"], rows, "<>>", width=terminal_width()),
        "",
        f"{report.num_samples} samples: {report.duplicates:.0%} are the network of another with other decisions; "
        f"{report.idle_changes:.0%} of single changes changed nothing",
    ]
