"""How much of a Pareto front samplers find, of accuracy and parameters, on real tables.

    python benchmarks/front_quality.py TABLES [--seeds 20] [--sampler NAME]...

TABLES as of `search_quality.py`. Every search is `nas.search` with the objectives `accuracy` and `params`; the budget
admits all networks, so that the hypervolumes of all searches are shares of one box: accuracies from the worst to the
best of the table, parameters from the bound to 0. Prints Markdown: that share after 100 and 200 trials, as a part of
the share of the true front, which all points of the space make; the median over the seeds, and the range.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from search_quality import PROBLEMS, Problem, answers_of, space_of

import nas
from nas.fronts import share
from nas.samplers import SAMPLERS

TRIALS = (100, 200)
BOUNDS = {"NAS-Bench-201": 1_600_000, "NAS-Bench-Macro": 4_000_000}
OBJECTIVES = ("accuracy", "params")


def whole_front(problem: Problem, folder: Path) -> float:
    """The share of the box that all points of the space dominate."""
    answers, _ = answers_of(problem, folder)
    points = []
    for point in space_of(problem.space).points():
        row = answers.row(point.decisions)
        assert row is not None
        points.append((answers.value(row, 1), -float(point.costs.params)))
    worst, best = min(value for value, _ in points), max(value for value, _ in points)
    return share(points, (worst, -float(BOUNDS[problem.name])), (best, 0.0))


def searched(problem: Problem, folder: Path, sampler: str, trials: int, seed: int) -> float:
    """The share that one search has found."""
    with TemporaryDirectory() as place:
        result = nas.search(
            space=space_of(problem.space),
            table=problem.lookup(folder),
            budget={"max_params": BOUNDS[problem.name]},
            objectives=OBJECTIVES,
            sampler=sampler,
            trials=trials,
            seed=seed,
            run=Path(place) / "run",
        )
    assert result.front is not None
    return result.front.hypervolume


def report(folder: Path, samplers: list[str], num_seeds: int) -> Iterator[str]:
    for problem in PROBLEMS:
        if problem.name not in BOUNDS:
            continue
        whole = whole_front(problem, folder)
        yield f"\n## {problem.name}\n"
        yield "| | " + " | ".join(f"after {trials}" for trials in TRIALS) + " |"
        yield "|---" * (1 + len(TRIALS)) + "|"
        for sampler in samplers:
            cells = []
            for trials in TRIALS:
                parts = [searched(problem, folder, sampler, trials, seed) / whole for seed in range(num_seeds)]
                cells.append(f"{median(parts):.3f} [{min(parts):.3f}..{max(parts):.3f}]")
            yield f"| {sampler} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sampler", action="append", choices=SAMPLERS)
    given = parser.parse_args()
    for line in report(given.tables, given.sampler or list(SAMPLERS), given.seeds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
