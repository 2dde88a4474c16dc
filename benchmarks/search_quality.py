"""How soon samplers find good networks: share of seeds at the optimum and median regret, on real tables.

    python benchmarks/search_quality.py TABLES --out results.jsonl [--seeds 200] [--sampler NAME]... [--processes 2]
    python benchmarks/search_quality.py --out results.jsonl --report

TABLES is a folder with `nasbench201_cifar10.csv` (NATS-Bench, Dong 2020: `ops`, validation and test accuracy after 200
epochs) and `nasbench_macro_cifar10.csv` (NAS-Bench-Macro, Su 2021: `arch`, accuracy of one seed, mean of three). What a
search sees is the validation accuracy, or that of one seed; budgets are on parameters and MACs, computed.

Ours go through `nas.compare` and the space documents that ship; only what keeps the budget is ever a trial.
`random, largest of 10` is random search with `screening="params"`: of ten draws the one with the most parameters.
`peers.py` has the optimizers of others, and says how each is told of the budget. Of these every ask counts, as nobody
keeps them from asking for what is over it or known; one that isn't installed is left out.

Every search is one line of the file, written when it has come to its end, and is not made again: an interrupted
benchmark goes on where it was. A file of an older sampler has to be deleted. All samplers advance together, `BLOCK`
seeds at a time; `--report` prints the tables of the .md of what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import peers

import nas
import search_spaces
from graphs import Budget
from nas.answers import Answers
from nas.lookup import Lookup
from nas.samplers import SAMPLERS
from nas.tables import read_table

COUNTS = (20, 50, 100, 200)
BLOCK = 10
LARGEST = "random, largest of 10"
NAMES = (*SAMPLERS, LARGEST, *peers.PEERS)


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


@dataclass(frozen=True)
class Searched:
    """One search: how much worse its best was than the best there is, after each of `COUNTS`, and what is reported."""

    problem: str
    sampler: str
    seed: int
    regrets: Sequence[float]
    reported: Sequence[float]


Before = dict[tuple[str, str], dict[int, Searched]]


@cache
def space_of(name: str) -> search_spaces.Space:
    return search_spaces.load(name)


def ours(problem: Problem, folder: Path, sampler: str, seeds: range, processes: int) -> Iterator[Searched]:
    """Searches by a sampler of ours."""
    keys: dict[str, Any] = {"samplers": [sampler]}
    if sampler == LARGEST:
        keys = {"samplers": ["random"], "screening": "params", "screening_draws": 10, "screening_control": 0.0}
    comparison = nas.compare(
        space=space_of(problem.space),
        table=problem.lookup(folder),
        budget=problem.budget,
        trials=COUNTS[-1],
        seed=seeds.start,
        seeds=len(seeds),
        processes=processes,
        **keys,
    )
    for trace in comparison.traces:
        bests = [best for count in COUNTS if (best := trace.best(count)) is not None]
        regrets = [comparison.best.seen - seen for seen, _ in bests]
        yield Searched(problem.name, sampler, trace.seed, regrets, [reported for _, reported in bests])
    if comparison.interrupted:
        raise KeyboardInterrupt


@cache
def answers_of(problem: Problem, folder: Path) -> tuple[Answers, float]:
    """What the table of a problem says, and the best that it has within the budget."""
    lookup = Lookup.model_validate(problem.lookup(folder))
    answers = Answers(space_of(problem.space), read_table(lookup.file), lookup)
    best = answers.best(problem.budget)
    assert best is not None
    return answers, best.seen


@cache
def violation_of(problem: Problem, *chosen: str) -> float:
    """By how much a point breaks the budget, relative to it."""
    space = space_of(problem.space)
    decisions = {one.address: value for one, value in zip(space.decisions, chosen, strict=True)}
    return max([0.0, *problem.budget.violations(space.point(decisions).costs).values()])


def ask_peer(task: tuple[Problem, Path, str, int]) -> Searched:
    """A search by a peer; while nothing keeps the budget, the best is 0."""
    problem, folder, name, seed = task
    space = space_of(problem.space)
    answers, optimum = answers_of(problem, folder)
    alternatives = {one.address: one.alternatives for one in space.decisions}

    def violation(decisions: peers.Decisions) -> float:
        return violation_of(problem, *(decisions[address] for address in alternatives))

    peer = peers.begin(name, peers.Task(alternatives, violation if problem.bounds else None, COUNTS[-1], seed))
    best, regrets, reported = (0.0, 0.0), [], []
    for number in range(1, COUNTS[-1] + 1):
        decisions = peer.ask()
        row = answers.row(space.point(decisions).decisions)
        assert row is not None
        broken, seen = violation(decisions), answers.value(row, 1)
        peer.tell(seen, broken)
        if broken <= 0:
            best = max(best, (seen, answers.reported(row)))
        if number in COUNTS:
            regrets.append(optimum - best[0])
            reported.append(best[1])
    return Searched(problem.name, name, seed, regrets, reported)


def theirs(problem: Problem, folder: Path, peer: str, seeds: range, processes: int) -> Iterator[Searched]:
    """Searches by a peer."""
    answers_of(problem, folder)
    tasks = [(problem, folder, peer, seed) for seed in seeds]
    if processes == 1:
        yield from map(ask_peer, tasks)
        return
    with get_context("fork").Pool(processes) as pool:
        yield from pool.imap(ask_peer, tasks)


def read(file: Path) -> Before:
    """The searches of a file, by problem and sampler, then by seed."""
    found: Before = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        one = Searched(**json.loads(line))
        found.setdefault((one.problem, one.sampler), {})[one.seed] = one
    return found


def gaps(seeds: range, before: dict[int, Searched]) -> Iterator[range]:
    """The stretches of seeds that are missing."""
    first = None
    for seed in (*seeds, seeds.stop):
        is_missing = seed not in before and seed != seeds.stop
        if is_missing and first is None:
            first = seed
        elif not is_missing and first is not None:
            yield range(first, seed)
            first = None


def go_on(folder: Path, file: Path, names: Sequence[str], num_seeds: int, processes: int) -> None:
    """Makes the searches that are missing."""
    before = read(file)
    left_out = {name: reason for name, known in peers.PEERS.items() if (reason := peers.missing(name, known))}
    for name in left_out.keys() & set(names):
        print(left_out[name], file=sys.stderr)
    names = [name for name in names if name not in left_out]
    blocks = [range(first, min(first + BLOCK, num_seeds)) for first in range(0, num_seeds, BLOCK)]
    tasks = [(block, problem, name) for block in blocks for problem in PROBLEMS for name in names]
    with file.open("a") as out:
        for block, problem, name in tasks:
            for seeds in gaps(block, before.get((problem.name, name), {})):
                print(f"{problem.name}: {name}, seeds {seeds.start} to {seeds.stop - 1}", file=sys.stderr, flush=True)
                make = theirs if name in peers.PEERS else ours
                for searched in make(problem, folder, name, seeds, processes):
                    out.write(json.dumps(asdict(searched)) + "\n")
                    out.flush()


def report(found: Before) -> Iterator[str]:
    """The tables of the .md."""
    for problem in PROBLEMS:
        yield f"\n## {problem.name}\n"
        shares, regrets = (" | ".join(f"{what}at {count}" for count in COUNTS) for what in ("", "regret "))
        yield f"| | seeds | {shares} | {regrets} | reported at 200 |"
        yield "|---" * (3 + 2 * len(COUNTS)) + "|"
        for name in NAMES:
            searched = found.get((problem.name, name), {}).values()
            if not searched:
                continue
            columns = list(zip(*(one.regrets for one in searched), strict=True))
            shares = " | ".join(f"{100 * sum(regret <= 1e-9 for regret in one) / len(one):.1f} %" for one in columns)
            regrets = " | ".join(f"{median(one):.3f}" for one in columns)
            reported = median(one.reported[-1] for one in searched)
            yield f"| {name} | {len(searched)} | {shares} | {regrets} | {reported:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--sampler", action="append", choices=NAMES)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    if not given.report:
        if given.tables is None:
            parser.error("TABLES, the folder of the tables, is missing")
        go_on(given.tables, given.out, given.sampler or NAMES, given.seeds, given.processes)
    print("\n".join(report(read(given.out))))


if __name__ == "__main__":
    main()
