"""A run that another process drives, watched: a table on a terminal, else a line for everything worth one."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from graphs.quantities import format_quantity
from nas.cli.output import format_seconds
from nas.cli.progress import best_so_far, describe, final_trainings, longer_or_again
from nas.cli.shown import shown_accuracy
from nas.history import History
from nas.ledger import Follower, Line, is_locked
from nas.lookup import Lookup
from nas.results import is_over
from nas.states import Trial

POLL_SECONDS = 0.5
MOST_ROWS = 12  # of a table, each


def watch(run: Path, stream: TextIO) -> None:
    """Shows a run until it is over or nobody drives it any more. Takes no lock. Raises: RunError."""
    with closing(_news(run)) as news:
        if stream.isatty():
            _draw(news, stream)
        else:
            for line, history in news:
                if line is not None and (text := describe(line.record, history)):
                    print(text, file=stream, flush=True)


def _news(run: Path) -> Generator[tuple[Line | None, History]]:
    """Every line of the ledger with the state after it, and a None after those that are there already."""
    follower = Follower(run)
    lines = follower.read()
    first = next(lines)
    history = History(run, first)
    yield first, history
    while True:
        for line in lines:
            history.apply(line)
            yield line, history
        yield None, history
        if is_over(history):
            return
        is_driven = is_locked(run)  # asked before the last look: what a driver wrote before its end is read
        lines = follower.read()
        if (next_line := next(lines, None)) is not None:
            history.apply(next_line)
            yield next_line, history
        elif is_driven:
            time.sleep(POLL_SECONDS)
        else:
            return


def _draw(news: Iterator[tuple[Line | None, History]], stream: TextIO) -> None:
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for line, history in news:
            if line is None:
                live.update(_picture(history), refresh=True)


def _picture(history: History) -> Group:
    counts = ", ".join(f"{count} {state}" for state, count in history.counts().items()) or "none"
    head = f"{history.run}  {format_seconds(history.active_seconds)}  {counts}{best_so_far(history)}"
    running = list(history.running.values())
    parts: list[Text | Table] = [Text(head), Text(_stage(history))]
    best = ("best", history.ranking()) if len(history.study.objectives) == 1 else ("front", history.front())
    for title, trials in (("running", running), best):
        if trials:
            parts.append(_table(title, trials[:MOST_ROWS], history.study.table))
    return Group(*parts)


def _stage(history: History) -> str:
    """What the driver is at."""
    if history.ended_by is None:
        wanted = history.study.max_trials
        return f"searching: {history.num_trained}{f' of {wanted}' if wanted else ''} networks are trained"
    if history.running:
        return f"training the best {longer_or_again(history)}"
    done, wanted = final_trainings(history)
    return f"final training: {done} of {wanted}"


def _table(title: str, trials: list[Trial], lookup: Lookup | None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("trial", "epoch", "validation", "params", "MACs"):
        table.add_column(name, justify="right")
    table.add_column("network")
    for trial in trials:
        table.add_row(
            str(trial.number) if trial.confirms is None else f"{trial.confirms} again",
            f"{trial.epoch}/{trial.epochs}",
            shown_accuracy(trial.value, lookup) if trial.value is not None else "-",
            format_quantity(trial.params),
            format_quantity(trial.macs),
            trial.called or trial.hash[:12],
        )
    return table
