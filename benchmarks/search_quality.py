"""How soon samplers find good networks: share of seeds at the optimum and median regret, on real tables.

    python benchmarks/search_quality.py TABLES --out results.json [--seeds 200] [--peer-seeds 50] [--sampler NAME]...
    python benchmarks/search_quality.py TABLES --out results.json --report

TABLES is a folder with `nasbench201_cifar10.csv` (NATS-Bench, Dong 2020: `ops`, validation and test accuracy after 200
epochs) and `nasbench_macro_cifar10.csv` (NAS-Bench-Macro, Su 2021: `arch`, accuracy of one seed, mean of three). What a
search sees is the validation accuracy, or that of one seed; budgets are on parameters and MACs, computed.

Ours go through `nas.compare` and the space documents that ship; only what keeps the budget is ever a trial.
`random, largest of 10` is random search with `screening="params"`: of ten draws the one with the most parameters. The
peers are Optuna's samplers as they come, and multivariate TPE, asked for each decision; they are told of a broken
budget by a constraint, and every ask counts, as nobody keeps them from asking for what is over it or known already.

Every result is written down when it is there, and not computed again; `--report` prints the tables of the .md.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import nas
import search_spaces
from graphs import Budget
from nas.answers import Answers
from nas.lookup import Lookup
from nas.samplers import SAMPLERS
from nas.tables import read_table

COUNTS = (20, 50, 100, 200)
LARGEST = "random, largest of 10"
PEERS = ("optuna TPE", "optuna TPE, multivariate", "optuna NSGA-II")


@dataclass(frozen=True)
class Problem:
    """A space, its table in the folder, and a budget."""

    name: str
    space: str
    file: str
    columns: tuple[tuple[str, str], ...]
    bounds: tuple[tuple[str, str], ...] = ()

    def lookup(self, folder: Path) -> dict[str, str]:
        return {"file": str(folder / self.file), **dict(self.columns)}

    @property
    def budget(self) -> Budget:
        return Budget.of(dict(self.bounds))


_NB201 = (
    "nasbench201",
    "nasbench201_cifar10.csv",
    (("key", "ops"), ("seen", "c10_val_200ep"), ("report", "c10_test_200ep")),
)
_MACRO = ("nasbench_macro", "nasbench_macro_cifar10.csv", (("key", "arch"), ("seen", "acc_s0"), ("report", "mean_acc")))
PROBLEMS = (
    Problem("NAS-Bench-Macro, MACs <= 40M", *_MACRO, (("max_macs", "40M"),)),
    Problem("NAS-Bench-Macro", *_MACRO),
    Problem("NAS-Bench-201, parameters <= 400k", *_NB201, (("max_params", "400k"),)),
    Problem("NAS-Bench-201", *_NB201),
)

After = dict[str, dict[str, float]]


def ours(problem: Problem, folder: Path, sampler: str, seeds: int, processes: int | None) -> After:
    """How a sampler of ours stands after each of `COUNTS`."""
    keys: dict[str, Any] = {"samplers": [sampler]}
    if sampler == LARGEST:
        keys = {"samplers": ["random"], "screening": "params", "screening_draws": 10, "screening_control": 0.0}
    comparison = nas.compare(
        space=problem.space,
        table=problem.lookup(folder),
        budget=problem.budget,
        trials=COUNTS[-1],
        seeds=seeds,
        processes=processes,
        on_done=lambda done, whole: print(f"\r  {done}/{whole}", end="", file=sys.stderr, flush=True),
        **keys,
    )
    if comparison.interrupted:
        raise KeyboardInterrupt
    return {
        str(one.trials): {"share": one.at_optimum, "regret": one.regret, "reported": one.reported}
        for one in comparison.standings(COUNTS)
    }


@cache
def answers_of(problem: Problem, folder: Path) -> tuple[search_spaces.Space, Answers]:
    space = search_spaces.load(problem.space)
    lookup = Lookup.model_validate(problem.lookup(folder))
    return space, Answers(space, read_table(lookup.file), lookup)


def ask_peer(task: tuple[Problem, Path, str, int]) -> list[tuple[float, float]]:
    """What a peer's best was after each of `COUNTS` asks: seen, and reported; nothing within the budget is 0."""
    import optuna

    problem, folder, peer, seed = task
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {
        PEERS[0]: lambda: optuna.samplers.TPESampler(seed=seed),
        PEERS[1]: lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True),
        PEERS[2]: lambda: optuna.samplers.NSGAIISampler(seed=seed),
    }
    space, answers = answers_of(problem, folder)
    study = optuna.create_study(direction="maximize", sampler=samplers[peer]())
    best, found = (0.0, 0.0), []
    for number in range(1, COUNTS[-1] + 1):
        trial = study.ask()
        decisions = {one.address: trial.suggest_categorical(one.address, one.alternatives) for one in space.decisions}
        point = space.point(decisions)
        row = answers.row(point.decisions)
        assert row is not None
        violation = max([0.0, *problem.budget.violations(point.costs).values()])
        if problem.bounds:
            trial.set_constraint("budget", violation)
        seen = answers.value(row, 1)
        study.tell(trial, seen)
        if violation <= 0:
            best = max(best, (seen, answers.reported(row)))
        if number in COUNTS:
            found.append(best)
    return found


def peers(problem: Problem, folder: Path, peer: str, seeds: int, processes: int) -> After:
    """How a peer stands."""
    _, answers = answers_of(problem, folder)
    row = answers.best(problem.budget)
    assert row is not None
    with get_context("fork").Pool(processes) as pool:
        runs = pool.map(ask_peer, [(problem, folder, peer, seed) for seed in range(seeds)], chunksize=1)
    after = {}
    for count, bests in zip(COUNTS, zip(*runs, strict=True), strict=True):
        regrets = [row.seen - seen for seen, _ in bests]
        share = sum(regret <= 1e-9 for regret in regrets) / len(regrets)
        after[str(count)] = {"share": share, "regret": median(regrets), "reported": median(r for _, r in bests)}
    return after


def report(results: dict[str, Any]) -> Iterator[str]:
    """The tables of the .md."""
    for problem, found in results["problems"].items():
        yield f"\n## {problem}\n"
        yield (
            "| | seeds | "
            + " | ".join(f"at {count}" for count in COUNTS)
            + " | "
            + " | ".join(f"regret at {count}" for count in COUNTS)
            + " | reported at 200 |"
        )
        yield "|---" * (3 + 2 * len(COUNTS)) + "|"
        for sampler, one in found.items():
            after = [one["after"][str(count)] for count in COUNTS]
            shares = " | ".join(f"{100 * each['share']:.1f} %" for each in after)
            regrets = " | ".join(f"{each['regret']:.3f}" for each in after)
            yield f"| {sampler} | {one['seeds']} | {shares} | {regrets} | {after[-1]['reported']:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--peer-seeds", type=int, default=50)
    parser.add_argument("--sampler", action="append")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    versions = {package: version(package) for package in ("fixpoint-nas", "optuna", "numpy", "scikit-learn")}
    results: dict[str, Any] = {"python": platform.python_version(), "versions": versions, "problems": {}}
    if given.out.exists():
        results = json.loads(given.out.read_text())
    names = given.sampler or [LARGEST, *reversed(SAMPLERS), *PEERS]
    for name in () if given.report else names:
        for problem in PROBLEMS:
            found = results["problems"].setdefault(problem.name, {})
            if name in found:
                continue
            print(f"{problem.name}: {name}", file=sys.stderr, flush=True)
            if name in PEERS:
                seeds, after = given.peer_seeds, peers(problem, given.tables, name, given.peer_seeds, given.processes)
            else:
                seeds, after = given.seeds, ours(problem, given.tables, name, given.seeds, given.processes)
            found[name] = {"seeds": seeds, "after": after}
            given.out.write_text(json.dumps(results, indent=1))
    print("\n".join(report(results)))


if __name__ == "__main__":
    main()
