"""`nas search --seeds N`: samplers on a table of results, as they go on and how they stand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from graphs import Budget
from nas.cli.output import print_json, table, terminal_width
from nas.cli.shown import shown_value
from nas.cli.start import INTERRUPTED

if TYPE_CHECKING:
    from nas.comparing import Comparison


def compare_samplers(study: Path | None, keys: dict[str, Any], samplers: list[str], seeds: int, as_json: bool) -> None:
    """Compare, tell how it stands, and end with the exit code of an interruption where there was one."""
    from nas import verbs

    counter = _Counter(sys.stderr)
    comparison = verbs.compare(study, samplers=samplers, seeds=seeds, on_done=counter, **keys)
    counter.close()
    if as_json:
        print_json(comparison.as_dict())
    else:
        print("\n".join(comparison_lines(comparison, terminal_width())))
    if comparison.interrupted:
        print(f"interrupted after {counter.done} of {counter.whole} searches", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)


def comparison_lines(comparison: Comparison, width: int | None) -> list[str]:
    """The medians of every sampler after so many networks, and what they are measured by."""
    lookup, best = comparison.study.table, comparison.best
    assert lookup is not None
    seen = lookup.seen[lookup.epochs[-1]]
    report = lookup.report or seen
    within = f" within {comparison.study.budget}" if comparison.study.budget != Budget() else ""
    lines = [
        f"{comparison.space}: the best{within} is {', '.join(best.key)}, {seen} {shown_value(best.seen)}"
        + (f", {report} {shown_value(best.reported)}" if report != seen else ""),
        "",
    ]
    header = ["sampler", "seeds", "networks", seen, "regret", *([report] if report != seen else []), "at the best"]
    rows = [
        [
            one.sampler,
            f"{one.seeds:,}",
            f"{one.trials:,}",
            shown_value(one.seen),
            shown_value(one.regret),
            *([shown_value(one.reported)] if report != seen else []),
            f"{one.at_optimum:.1%}",
        ]
        for one in comparison.standings()
    ]
    lines += table(header, rows, "<" + ">" * (len(header) - 1), width=width) if rows else ["nothing came to its end"]
    lines += ["", "Medians over the seeds; the last column is the share of them that have found the best."]
    return [*lines, *(f"note: {note}" for note in comparison.notes)]


class _Counter:
    """How many searches have come to their end: a line that is written over on a terminal, else one for each tenth."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_live = stream.isatty()
        self.done = 0
        self.whole = 0

    def __call__(self, done: int, whole: int) -> None:
        self.done, self.whole = done, whole
        text = f"{done:,} of {whole:,} searches"
        if self._is_live:
            print(f"\r{text}", end="", file=self._stream, flush=True)
        elif done == whole or done * 10 // whole > (done - 1) * 10 // whole:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        if self._is_live:
            print("\r\033[K", end="", file=self._stream, flush=True)
