"""What pausing at rungs and screening by parameters are worth, on a table of trainings of several lengths.

    python benchmarks/multi_fidelity.py TABLE.csv [--seeds 200]

The table has a row per network: `val4`, `val12`, `val36` and `val108` (validation accuracy after so many epochs, 0..1)
and `params`, as drawn from NAS-Bench-101 (Ying et al. 2019, arXiv 1902.09635; the lengths are trainings of their own).
It says nothing of how networks are built, so a draw is a row. Our promotions are those of `nas.halving.Halving` with
the defaults of a study, others' those of `halving_peers.py`; one that isn't installed is left out. A trial that goes on
costs the epochs that are new. After the cost of 5, 10, 20 and 50 full trainings: the best accuracy of what was trained
to the end, the median over the seeds. Prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

from halving_peers import LENGTHS, PEERS, Search
from peers import missing

from nas.fidelity import Fidelity
from nas.halving import Halving

COSTS = (5, 10, 20, 50)


@dataclass(frozen=True)
class Row:
    values: dict[int, float]
    params: int


@dataclass(frozen=True)
class Strategy:
    """`draws` of which the one with the most parameters is trained, but for the share of the control arm."""

    name: str
    fidelity: Fidelity
    draws: int = 1
    control: float = 0.0


STRATEGIES = (
    Strategy("random search", Fidelity("full")),
    Strategy("random search, most parameters of 10", Fidelity("full"), 10),
    Strategy("hyperband", Fidelity("hyperband")),
    Strategy("hyperband, most parameters of 10", Fidelity("hyperband"), 10),
    Strategy("asha", Fidelity("asha")),
    Strategy("asha, most parameters of 10, a quarter not screened", Fidelity("asha"), 10, 0.25),
    Strategy("asha, most parameters of 10", Fidelity("asha"), 10),
    Strategy("asha, most parameters of 30", Fidelity("asha"), 30),
)


def read(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return [
            Row({length: float(row[f"val{length}"]) for length in LENGTHS}, int(row["params"]))
            for row in csv.DictReader(file)
        ]


def ours(rows: list[Row], strategy: Strategy, seed: int) -> Search:
    """Trains what `nas.halving` says."""
    halving = Halving(strategy.fidelity, LENGTHS[-1])
    draw = draws(rows, seed, strategy.draws, strategy.control)
    trained: list[int] = []
    reached: list[int] = []
    while True:
        while (hopeless := halving.hopeless()) is not None:
            halving.stop(hopeless)
        if (promotion := halving.promotion()) is not None:
            trial, until = promotion
            halving.promote(trial, reached[trial])
        else:
            trial, until = len(trained), halving.first_stop()
            halving.begin(trial)
            trained.append(next(draw))
            reached.append(0)
        value = yield trained[trial], until
        reached[trial] = until
        if until < LENGTHS[-1]:
            halving.pause(trial, until, (value,))


def theirs(rows: list[Row], make: Callable[[Iterator[int], int, int], Search], seed: int) -> Search:
    """Trains what a peer says, of the rows that ours would draw."""
    return make(draws(rows, seed), len(rows), seed)


def follow(rows: list[Row], search: Search) -> list[float]:
    """The best accuracy, in percent, after each of `COSTS`; 0 where nothing was trained to the end by then."""
    reached: dict[int, int] = {}
    spent, best, answers = 0, 0.0, []
    row, until = next(search)
    while True:
        spent += max(0, until - reached.get(row, 0))
        while spent > COSTS[len(answers)] * LENGTHS[-1]:
            answers.append(100 * best)
            if len(answers) == len(COSTS):
                return answers
        reached[row] = max(until, reached.get(row, 0))
        value = rows[row].values[until]
        if until == LENGTHS[-1]:
            best = max(best, value)
        row, until = search.send(value)


def draws(rows: list[Row], seed: int, num_draws: int = 1, control: float = 0.0) -> Iterator[int]:
    """Rows to train, each once."""
    random = Random(seed)
    seen: set[int] = set()
    while True:
        screened = 1 if random.random() < control else num_draws
        chosen = max((random.randrange(len(rows)) for _ in range(screened)), key=lambda index: rows[index].params)
        if chosen not in seen:
            seen.add(chosen)
            yield chosen


def table(header: list[str], body: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    yield from (f"| {' | '.join(row)} |" for row in body)


def main() -> None:
    parser = argparse.ArgumentParser(description="What pausing at rungs and screening by parameters are worth.")
    parser.add_argument("table", type=Path)
    parser.add_argument("--seeds", type=int, default=200)
    arguments = parser.parse_args()
    rows = read(arguments.table)
    say: Callable[[list[float]], list[str]] = lambda figures: [f"{figure:.2f}" for figure in figures]  # noqa: E731
    begin: dict[str, Callable[[int], Search]] = {one.name: partial(ours, rows, one) for one in STRATEGIES}
    for name, known in PEERS.items():
        if (reason := missing(name, known)) is not None:
            print(reason, file=sys.stderr)
        else:
            begin[name] = partial(theirs, rows, known.make)
    body = []
    for name, search in begin.items():
        answers = [follow(rows, search(seed)) for seed in range(arguments.seeds)]
        body.append([name, *say([median(one) for one in zip(*answers, strict=True)])])
    header = [f"median of {arguments.seeds} seeds, after the cost of", *(f"{cost} full trainings" for cost in COSTS)]
    print("\n".join(table(header, body)))


if __name__ == "__main__":
    main()
