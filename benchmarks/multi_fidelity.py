"""What pausing at rungs and screening by parameters are worth, on a table of trainings of several lengths.

    python benchmarks/multi_fidelity.py TABLE.csv [--seeds 200]

The table has a row per network: `val4`, `val12`, `val36` and `val108` (validation accuracy after so many epochs, 0..1)
and `params`, as drawn from NAS-Bench-101 (Ying et al. 2019, arXiv 1902.09635; the lengths are trainings of their own).
It says nothing of how networks are built, so a draw is a row. The promotions are those of `nas.halving.Halving` with
the defaults of a study; a trial that goes on costs the epochs that are new. After the cost of 5, 10, 20 and 50 full
trainings: the best accuracy of what was trained to the end, the median over the seeds. Prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from nas.fidelity import Fidelity
from nas.halving import Halving

LENGTHS = (4, 12, 36, 108)
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


def search(rows: list[Row], strategy: Strategy, seed: int) -> list[float]:
    """The best accuracy, in percent, after each of `COSTS`; 0 where nothing was trained to the end by then."""
    random = Random(seed)
    halving = Halving(strategy.fidelity, LENGTHS[-1])
    draw = draws(rows, strategy, random)
    trained: list[Row] = []
    reached: list[int] = []
    spent, best, answers = 0, 0.0, []
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
        spent += until - reached[trial]
        while spent > COSTS[len(answers)] * LENGTHS[-1]:
            answers.append(100 * best)
            if len(answers) == len(COSTS):
                return answers
        reached[trial] = until
        value = trained[trial].values[until]
        if until == LENGTHS[-1]:
            best = max(best, value)
        else:
            halving.pause(trial, until, (value,))


def draws(rows: list[Row], strategy: Strategy, random: Random) -> Iterator[Row]:
    """Rows to train, each once."""
    seen: set[int] = set()
    while True:
        num_draws = 1 if random.random() < strategy.control else strategy.draws
        chosen = max((random.randrange(len(rows)) for _ in range(num_draws)), key=lambda index: rows[index].params)
        if chosen not in seen:
            seen.add(chosen)
            yield rows[chosen]


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
    body = []
    for strategy in STRATEGIES:
        answers = [search(rows, strategy, seed) for seed in range(arguments.seeds)]
        body.append([strategy.name, *say([median(one) for one in zip(*answers, strict=True)])])
    header = [f"median of {arguments.seeds} seeds, after the cost of", *(f"{cost} full trainings" for cost in COSTS)]
    print("\n".join(table(header, body)))


if __name__ == "__main__":
    main()
