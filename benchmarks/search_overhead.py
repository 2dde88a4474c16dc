"""What a trial costs beside its training, of our samplers and of Optuna as it comes, in one run.

    python -m benchmarks.search_overhead [--rounds 3] [--trials 1000]
    python -m benchmarks.search_overhead --memory evolution --trials 20000

A space of 30 decisions, of 3 and 4 alternatives, and a budget that holds about half of it. A training here is
arithmetic. Each measurement has a process of its own; the rounds go through all of them in turn, so that a load which
comes and goes meets each.

ours     the whole loop of a search with the inline executor: proposing, judging against the budget, building and
         hashing the network, its document for the worker, each line of the ledger on the disk
optuna   `study.ask`, 30 suggestions, `study.tell` and nothing else: no networks, no budget, and of a ledger what its
         storage keeps

`fsyncs` are counted at `os.fsync`. CPU is the time of the process. The last tenth of the trials shows what grows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import tracemalloc
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from zlib import crc32

from benchmarks.rounds import in_rounds, spread, versions
from nas.trials import Completed, Event, Job, Progress

NUM_DECISIONS = 30
SPACE = f"""
version: 1
name: thirty
input: {{image: {{map: [3, 16, 16]}}}}
blocks:
  cell:
    body:
      - conv:
          out_channels: {{choice: [4, 8, 12, 16]}}
          kernel_size: {{choice: [1, 3, 5]}}
net:
  - {{name: stem, conv: {{out_channels: 8, kernel_size: 3, stride: 2}}}}
{"".join(f"  - {{name: cell{number}, cell: {{}}}}{chr(10)}" for number in range(NUM_DECISIONS // 2))}
  - global_avg_pool: {{}}
  - {{name: logits, linear: {{out_features: 10}}}}
output: {{logits: logits}}
"""
BUDGET = {"max_params": 20_000}


@dataclass(frozen=True)
class Measurement:
    """Per trial: seconds, seconds of the processor, calls of fsync; of the last tenth of all trials, too: seconds."""

    seconds: float
    cpu_seconds: float
    late_cpu_seconds: float
    num_fsyncs: float


def train(job: Job) -> Iterator[Event]:
    """A value that the text of the network decides."""
    yield Progress(job.trial, 1, 0.5 + (crc32(job.architecture.encode()) % 1000) / 2000)
    yield Completed(job.trial)


def measure_ours(sampler: str, num_trials: int, watch: Callable[[int], None] = lambda _: None) -> Measurement:
    import search_spaces
    from graphs import Budget
    from nas.brain import Brain
    from nas.driver import run_trials
    from nas.executors import InlineExecutor
    from nas.history import History
    from nas.ledger import Ledger
    from nas.recipe import Recipe
    from nas.records import Started
    from nas.samplers import make_sampler
    from nas.study import Study

    space, budget = search_spaces.parse(SPACE), Budget.of(BUDGET)
    assert len(space.decisions) == NUM_DECISIONS
    study = Study.of(
        {
            "space": "thirty",
            "budget": BUDGET,
            "sampler": sampler,
            "trials": num_trials,
            "candidates": 1,
            "fidelity": "full",
        }
    )
    started = Started(
        name="overhead",
        study=study,
        space="thirty",
        space_text=SPACE,
        data="",
        split_seed=0,
        fingerprint="",
        recipe=Recipe(epochs=1, final_epochs=1),
        versions={},
    )
    num_fsyncs = 0
    real = os.fsync

    def counted(descriptor: int) -> None:
        nonlocal num_fsyncs
        num_fsyncs += 1
        real(descriptor)

    marks = array("d")

    def note(record: object, _: object) -> None:
        if isinstance(record, Completed):
            marks.append(process_time())
            watch(len(marks))

    make_sampler(sampler, space, budget, 1).propose(0, set())  # imports, and what a space makes once
    os.fsync = counted
    with tempfile.TemporaryDirectory() as folder, Ledger.create(Path(folder)) as ledger:
        history = History(Path(folder), ledger.append(started))
        brain = Brain(space, budget, make_sampler(sampler, space, budget, 0), history)
        num_fsyncs = 0
        began, began_cpu = perf_counter(), process_time()
        run_trials(ledger, brain, InlineExecutor(train), note)
        assert history.num_trained == num_trials
        return summary(num_trials, perf_counter() - began, began_cpu, marks, num_fsyncs)


def measure_optuna(make: Callable[[int], object], storage: str, num_trials: int) -> Measurement:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/study.db" if storage == "sqlite" else None
        study = optuna.create_study(direction="maximize", sampler=make(0), storage=url)
        marks = array("d")
        began, began_cpu = perf_counter(), process_time()
        for _ in range(num_trials):
            trial = study.ask()
            chosen = [trial.suggest_categorical(f"d{number}", range(3 + number % 2)) for number in range(NUM_DECISIONS)]
            study.tell(trial, 0.5 + (crc32(bytes(chosen)) % 1000) / 2000)
            marks.append(process_time())
        return summary(num_trials, perf_counter() - began, began_cpu, marks, 0)


def summary(num_trials: int, seconds: float, began_cpu: float, marks: Sequence[float], num_fsyncs: int) -> Measurement:
    tail = max(1, num_trials // 10)
    late = (marks[-1] - marks[-1 - tail]) / tail if len(marks) > tail else marks[-1] - began_cpu
    return Measurement(seconds / num_trials, (marks[-1] - began_cpu) / num_trials, late, num_fsyncs / num_trials)


def optuna_tpe(seed: int) -> object:
    import optuna

    return optuna.samplers.TPESampler(seed=seed)


def optuna_nsga(seed: int) -> object:
    import optuna

    return optuna.samplers.NSGAIISampler(seed=seed)


OURS = ("random", "evolution", "local", "tpe", "nsga2")
SUBJECTS: dict[str, Callable[[int], Measurement]] = {
    **{f"ours, {name}": (lambda trials, name=name: measure_ours(name, trials)) for name in OURS},  # type: ignore[misc]
    "Optuna TPE, in memory": lambda trials: measure_optuna(optuna_tpe, "memory", trials),
    "Optuna NSGA-II, in memory": lambda trials: measure_optuna(optuna_nsga, "memory", trials),
    "Optuna TPE, SQLite": lambda trials: measure_optuna(optuna_tpe, "sqlite", max(20, trials // 10)),
}


def show_memory(sampler: str, num_trials: int) -> None:
    """What Python holds and what the process has resident, ten times over a search."""
    tracemalloc.start()
    found: list[tuple[int, float, float]] = []

    def watch(number: int) -> None:
        if number % (num_trials // 10) == 0:
            held, _ = tracemalloc.get_traced_memory()
            pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
            found.append((number, held / 1e6, pages * os.sysconf("SC_PAGESIZE") / 1e6))

    measure_ours(sampler, num_trials, watch)
    print("| trials | MB that Python holds | MB resident |")
    print("|---|---|---|")
    for number, held, resident in found:
        print(f"| {number:,} | {held:.1f} | {resident:.0f} |")
    (first, low, _), (last, high, _) = found[len(found) // 2 - 1], found[-1]
    print(f"\n{1e6 * (high - low) / (last - first):,.0f} bytes per trial in the second half")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--subject", choices=SUBJECTS, help="one measurement, in this process, as a line of JSON")
    parser.add_argument("--memory", choices=OURS, help="how memory grows with the trials of a search")
    options = parser.parse_args()
    if options.memory:
        show_memory(options.memory, options.trials)
        return
    if options.subject:
        print(json.dumps(asdict(SUBJECTS[options.subject](options.trials))))
        return
    printed = in_rounds("search_overhead", SUBJECTS, options.rounds, ["--trials", options.trials])
    found = {subject: [Measurement(**one) for one in rounds] for subject, rounds in printed.items()}
    print(versions("optuna", "fixpoint-nas"))
    print("| ms per trial | CPU | CPU, the last tenth | CPU, times Optuna's TPE in memory | wall | fsyncs |")
    print("|---|---|---|---|---|---|")
    peer = found["Optuna TPE, in memory"]
    for subject, measurements in found.items():
        cells = [
            spread([1000 * each.cpu_seconds for each in measurements]),
            spread([1000 * each.late_cpu_seconds for each in measurements]),
            spread([a.cpu_seconds / b.cpu_seconds for a, b in zip(measurements, peer, strict=True)]),
            spread([1000 * each.seconds for each in measurements]),
            f"{statistics.median(each.num_fsyncs for each in measurements):.2f}",
        ]
        print(f"| {subject} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
