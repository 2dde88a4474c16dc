"""`nas search`, `nas resume` and `nas status`: runs."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphs.quantities import format_quantity
from nas.cli.comparisons import compare_samplers
from nas.cli.options import HelpAll, Json
from nas.cli.output import format_seconds, print_json, print_news, table, terminal_width
from nas.cli.shown import shown_value
from nas.cli.start import INTERRUPTED
from nas.cli.studies import blaming_flags, with_places, with_study
from nas.evidence import BETTER, NO_EVIDENCE, UNKNOWN
from nas.latency import NUM_ROUNDS
from nas.manifest import ARCHITECTURE, refuse_taken, refuse_unwritable
from nas.mistakes import error_text

if TYPE_CHECKING:
    from nas.driver import Observer
    from nas.results import Candidate, Front, Result, Rival, TestScore
    from nas.screening import ScreeningReport

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
To = Annotated[Path | None, typer.Option("-o", "--to", metavar="DIR", help="Write the bundle there as well.")]
OVERWRITE_HELP = "Replace a bundle that stands where --to says."
Overwrite = Annotated[bool, typer.Option("--overwrite", help=OVERWRITE_HELP)]
RareOverwrite = Annotated[bool, typer.Option("--overwrite", help=OVERWRITE_HELP, hidden=True)]


@with_study
def search(
    study: Annotated[
        Path | None, typer.Argument(metavar="STUDY", help="A study file; flags beside it replace its keys.")
    ] = None,
    *,
    keys: dict[str, Any],
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="The run's folder; runs/NAME if not given.")
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(metavar="N", help="With a table: compare samplers over so many seeds.", show_default=False),
    ] = 1,
    to: To = None,
    overwrite: RareOverwrite = False,
    as_json: Json = False,
    _help_all: HelpAll = False,
) -> None:
    """Search a space for the best network within a budget.

    It is trained and exported. Bounds are numbers such as 4000, 4k or 1.5M.

    \b
    Examples:
      nas search --space small --data digits --max-params 4k --max-macs 400k
      nas search study.yaml
      nas search study.yaml --time 2h --max-params 1M
      nas search --space nasbench201 --table t.csv --key ops --seen val --seeds 99
    """
    from nas import verbs

    if seeds < 1:
        raise typer.BadParameter(f"--seeds: `seeds` is {seeds}; at least 1 is needed")
    samplers = keys.pop("sampler", [])
    if len(samplers) > 1 or seeds > 1:
        for option, given in {"--run": run, "--to": to}.items():
            if given is not None:
                raise typer.BadParameter("samplers are compared without a run", param_hint=option)
        with blaming_flags({**keys, "sampler": samplers}, are_all=study is None):
            compare_samplers(study, keys, samplers, seeds, as_json)
        return
    keys |= {"sampler": samplers[0]} if samplers else {}
    with blaming_flags(keys, are_all=study is None):
        _bring_to_end(
            lambda on_event: verbs.search(study, run=run, on_event=on_event, on_wait=print_news, **keys),
            to,
            as_json,
            overwrites=overwrite,
        )


@with_places
def resume(run: Run, keys: dict[str, Any], to: To = None, overwrite: Overwrite = False, as_json: Json = False) -> None:
    """Go on with a run that was interrupted.

    Finished trials stay, running ones go on from their last rung. A run that is over is left as it is; its bundle
    is written anew where it is gone or damaged.

    \b
    Examples:
      nas resume runs/small-digits-1
      nas resume runs/small-digits-1 --executor ray --workers 8
    """
    from nas import verbs

    with blaming_flags(keys):
        _bring_to_end(lambda on_event: verbs.resume(run, on_event=on_event, **keys), to, as_json, overwrites=overwrite)


def status(
    run: Run,
    watch: Annotated[bool, typer.Option("--watch", help="Show it go on, until it is over.")] = False,
    trials: Annotated[bool, typer.Option("--trials", help="Every trial as a line of JSON, and nothing else.")] = False,
    optuna: Annotated[
        str | None, typer.Option(metavar="URL", help="Write it to an Optuna storage, as in sqlite:///runs.db.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how a run stands, also while it goes on.

    \b
    Examples:
      nas status runs/small-digits-1
      nas status runs/small-digits-1 --watch
      nas status runs/small-digits-1 --optuna sqlite:///runs.db
      nas status runs/small-digits-1 --json
      nas status runs/small-digits-1 --trials > trials.jsonl
    """
    if trials:
        if watch or as_json or optuna is not None:
            raise typer.BadParameter("--trials writes lines of JSON and nothing else: give it alone")
        from nas.listing import read_trials

        for trial in read_trials(run):
            print(json.dumps(trial.as_dict()))
        return
    from nas import driver
    from nas.results import INTERRUPTED as LEFT
    from nas.results import resume_command

    if watch:
        from nas.cli.watching import watch as show

        show(run, sys.stderr if as_json else sys.stdout)
    result = driver.status(run)
    described = result.as_dict()
    written = ""
    if optuna is not None:
        from nas.history import History
        from nas.ledger import read_ledger
        from nas.optuna_storage import export_to_optuna

        lines = read_ledger(run)
        export = export_to_optuna(History.of(run, lines), lines, optuna)
        described["optuna"] = {"study": export.study, "new": export.num_new, "updated": export.num_updated}
        written = f"optuna        study {export.study} of {optuna}: {export.num_new} new, {export.num_updated} updated"
    if as_json:
        print_json(described)
        return
    if watch:
        print()
    print("\n".join(result_lines(result, terminal_width())))
    if result.failure:  # which the end of a search tells as its error
        print(f"no network    {result.failure}")
    if result.ended_by == LEFT:
        print(f"go on with    {resume_command(run)}")
    if written:
        print(written)


def result_lines(result: Result, width: int | None) -> list[str]:
    """A run for people: the best candidates and what became of the winner."""
    from nas.results import resume_command

    shown = result.front.members if result.front else result.candidates
    lookup, trained = result.lookup, result.lookup is None
    timed = any(candidate.latency is not None for candidate in shown)
    rows = [
        [
            "*" if result.best and candidate.trial == result.best.trial else "",
            str(candidate.trial),
            f"{candidate.value:.2%}" if trained else shown_value(candidate.value),
            *([f"{candidate.confirmed:.2%}" if candidate.confirmed is not None else "-"] if trained else []),
            f"{candidate.params:,}",
            f"{candidate.macs:,}",
            *([_latency_of(candidate)] if timed else []),
            candidate.called or candidate.hash[:12],
        ]
        for candidate in shown
    ]
    seen = lookup.seen[lookup.epochs[-1]] if lookup else "validation"
    header = ["", "trial", seen, *["retrained"][:trained], "params", "MACs", *["latency"][:timed], "network"]
    lines = [*table(header, rows, f"<{'>' * (len(header) - 2)}<", width=width), ""] if rows else []
    counts = ", ".join(f"{count} {state}" for state, count in result.trials.items())
    lines += [f"run           {result.run}", f"trials        {counts or 'none'}"]
    lines.append(f"{'state   ' if result.is_open else 'ended by'}      {result.ended_by}")
    clock = "" if trained else " by the clock of the table"
    lines.append(f"time          {format_seconds(result.seconds)}{clock}")
    if result.best:
        size = f"{format_quantity(result.best.params)} parameters, {format_quantity(result.best.macs)} MACs"
        lines.append(f"best          trial {result.best.trial}, {size}")
    if result.front and result.front.members:
        lines.append(f"front         {_front_words(result.front, None if trained else seen)}")
    lines += _clock_lines(shown)
    if lookup and result.reported is not None:
        lines.append(f"reported      {lookup.report or seen} {shown_value(result.reported)}")
    if result.test:
        lines.append(f"test accuracy {_test_accuracy(result.test)}")
    lines += _rival_lines(result)
    told = {rival.candidate.trial for rival in result.rivals}
    lines += [f"not the best  trial {one}: {why}" for one, why in result.unfinished.items() if one not in told]
    if result.screening:
        lines.append(f"screening     {_screening_words(result.screening, is_of_table=lookup is not None)}")
    if result.damage:
        lines.append(f"bundle        {result.damage}; `{resume_command(result.run)}` writes it anew")
    if result.bundle:
        lines.append(f"bundle        {result.bundle}")
        lines.append(f"look at it    nas show {result.bundle / ARCHITECTURE}")
    return lines


def _rival_lines(result: Result) -> list[str]:
    """The hand-designed networks that the search began with, each with what can be said of the winner against it."""
    lines: list[str] = []
    for rival in result.rivals:
        said = f"{rival.network}, validation {rival.candidate.value:.2%}"
        if result.best and (epochs := rival.candidate.epochs) < result.best.epochs:
            said += f" when it was stopped after {epochs} epoch{'s' * (epochs != 1)}"
        said += f", test {_test_accuracy(rival.test)}" if rival.test else ""
        said += f": {_verdict(rival, is_open=result.is_open)}" + (f"; {rival.reason}" if rival.reason else "")
        lines.append(f"{'' if lines else 'hand-designed':14}{said}")
    return lines


def _screening_words(report: ScreeningReport, *, is_of_table: bool) -> str:
    """What the two arms came to, and whether that says anything."""
    what = f"best of {report.draws} by {report.proxy}"
    if report.screened is None or report.control is None or report.chance is None:
        return f"{what}: {report.verdict}"
    medians = [shown_value(one) if is_of_table else f"{one:.2%}" for one in (report.screened, report.control)]
    ours = f"median {medians[0]} of {report.num_screened} trials"
    theirs = f"{medians[1]} of {report.num_control} not screened"
    after = f"after {report.epoch} epoch{'s' * (report.epoch != 1)}"
    return f"{what}: {ours}, {theirs}, {after}: {report.verdict} (p = {report.chance:.2g})"


def _verdict(rival: Rival, *, is_open: bool) -> str:
    """What is known of the winner against a network; that waits for the end of a run that `is_open`."""
    if rival.verdict == UNKNOWN or rival.chance is None:
        if rival.reason:
            return "not compared"
        return "compared with the best when the run ends" if is_open else "not compared, as only the best `rivals` are"
    if rival.verdict == NO_EVIDENCE:
        return f"no evidence that the best is better (p = {rival.chance:.2g})"
    return f"the best is {rival.verdict}" + (f" (p = {rival.chance:.2g})" if rival.verdict == BETTER else "")


def _latency(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.3g} ms"


def _latency_of(candidate: Candidate) -> str:
    """The median, and from where to where its rounds lie."""
    spread = candidate.latency_spread
    if candidate.latency is None or not {"fastest", "slowest"} <= spread.keys():
        return _latency(candidate.latency)
    return f"{_latency(candidate.latency)} ({1000 * spread['fastest']:.3g} to {1000 * spread['slowest']:.3g})"


def _clock_lines(candidates: Sequence[Candidate]) -> list[str]:
    """What the clock shows for nothing, where something was measured with it."""
    clocks = [clock for candidate in candidates if (clock := candidate.latency_spread.get("clock")) is not None]
    if not clocks:
        return []
    return [
        f"latency       median (fastest to slowest) of {NUM_ROUNDS} rounds; the clock alone {_latency(max(clocks))}"
    ]


def _front_words(front: Front, column: str | None) -> str:
    """How many networks, and what share of which box they dominate; `column` is that of a table."""
    low, high = (shown_value(corner["accuracy"]) for corner in (front.reference, front.ideal))
    height = "100% accuracy" if column is None else f"{column} {low} to {high}"
    number = f"{len(front.members)} network{'s' * (len(front.members) != 1)}"
    corner = ", ".join(_corner(name, figure) for name, figure in front.reference.items() if name != "accuracy")
    return f"{number}, hypervolume {front.hypervolume:.4f} of {height} x {corner}"


def _corner(objective: str, figure: float) -> str:
    return _latency(figure) if objective == "latency" else f"{format_quantity(int(figure))} {objective}"


def _test_accuracy(test: TestScore) -> str:
    """The mean and what it is of; of a single seed, which has no spread, the figure alone."""
    if len(test.accuracies) == 1:
        return f"{test.mean:.2%}, of one seed"
    seeds = ", ".join(f"{accuracy:.2%}" for accuracy in test.accuracies)
    return f"{test.mean:.2%} +- {100 * test.std:.2f} over seeds: {seeds}"


@contextmanager
def _heeding_sigterm() -> Iterator[None]:
    """Where SIGTERM, with which Slurm and Kubernetes end a process, is what Ctrl-C is; the next one is ignored."""

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _bring_to_end(drive: Callable[[Observer], Result], to: Path | None, as_json: bool, *, overwrites: bool) -> None:
    """Run a driver under a display, and tell how it ended. Whether the bundle can go `to` its place is found before."""
    from nas.cli.progress import Watching
    from nas.driver import status as status_of
    from nas.results import SearchInterrupted, no_network

    if to is not None:
        refuse_taken(to, overwrite=overwrites)
        refuse_unwritable(to)
    elif overwrites:
        raise typer.BadParameter("--overwrite is of a bundle --to somewhere, and no place is given")
    try:
        with _heeding_sigterm(), Watching(sys.stderr if as_json else sys.stdout) as on_event:
            result = drive(on_event)
    except SearchInterrupted as interruption:
        if as_json:
            print_json(status_of(interruption.run).as_dict())
        print(f"interrupted; go on with: {interruption.command}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if not as_json:
        print()
        print("\n".join(result_lines(result, terminal_width())))
    described = result.as_dict()
    if to is not None and result.bundle is not None:
        from nas.exporting import export

        described["bundle"] = str(export(result.bundle, to, overwrite=overwrites, on_wait=print_news).path)
        if not as_json:
            print(f"copy          {to}")
    if as_json:
        print_json(described)
    if result.bundle is None and result.reported is None:
        print(error_text(no_network(result)), file=sys.stderr)
        raise typer.Exit(1)
