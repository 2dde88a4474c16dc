"""What a trial costs beside its training, of our samplers and of Optuna as it comes, in one run.

    python -m benchmarks.search_overhead [--rounds 3] [--trials 1000]
    python -m benchmarks.search_overhead --memory evolution --trials 20000
    python -m benchmarks.search_overhead --hits tpe --space small --trials 2000
    python -m benchmarks.search_overhead --reading evolution --trials 20000

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
import subprocess
import sys
import tempfile
import tracemalloc
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time
from typing import TYPE_CHECKING
from zlib import crc32

from benchmarks.rounds import in_rounds, spread, versions
from nas.ledger import LEDGER
from nas.records import Started
from nas.trials import Completed, Event, Job, Progress

if TYPE_CHECKING:
    from nas.brain import Brain
    from nas.history import History

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
BUDGETS = {
    "thirty": BUDGET,
    "small": {"max_params": "4k", "max_macs": "400k"},
    "cnn": {"max_params": "1M", "max_macs": "600M"},
}


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


def first_line(sampler: str, num_trials: int) -> Started:
    """The first line of a search without images."""
    from nas.recipe import Recipe
    from nas.study import Study

    keys = {"space": "thirty", "budget": BUDGET, "sampler": sampler, "trials": num_trials}
    return Started(
        name="overhead",
        study=Study.of({**keys, "candidates": 1, "fidelity": "full"}),
        space="thirty",
        space_text=SPACE,
        data="",
        split_seed=0,
        fingerprint="",
        recipe=Recipe(epochs=1, final_epochs=1),
        versions={},
    )


def make_brain(history: History) -> Brain:
    """What proposes, before its first proposal."""
    import search_spaces
    from nas.brain import Brain
    from nas.samplers import make_sampler

    study, space = history.study, search_spaces.parse(SPACE)
    assert len(space.decisions) == NUM_DECISIONS
    make_sampler(study.sampler, space, study.budget, 1).propose(0, set())  # imports, and what a space makes once
    return Brain(space, study.budget, make_sampler(study.sampler, space, study.budget, 0), history)


def search(folder: Path, sampler: str, num_trials: int, watch: Callable[[int], None] = lambda _: None) -> Measurement:
    """A search from its beginning to its end in an empty folder."""
    from nas.driver import run_trials
    from nas.executors import InlineExecutor
    from nas.history import History
    from nas.ledger import Ledger

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

    with Ledger.create(folder) as ledger:
        history = History(folder, ledger.append(first_line(sampler, num_trials)))
        brain = make_brain(history)
        os.fsync = counted
        began, began_cpu = perf_counter(), process_time()
        run_trials(ledger, brain, InlineExecutor(train), note)
        os.fsync = real
        assert history.num_trained == num_trials
        return summary(num_trials, perf_counter() - began, began_cpu, marks, num_fsyncs)


def measure_ours(sampler: str, num_trials: int) -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        return search(Path(folder), sampler, num_trials)


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

    with tempfile.TemporaryDirectory() as folder:
        search(Path(folder), sampler, num_trials, watch)
    print("| trials | MB that Python holds | MB resident |")
    print("|---|---|---|")
    for number, held, resident in found:
        print(f"| {number:,} | {held:.1f} | {resident:.0f} |")
    (first, low, _), (last, high, _) = found[len(found) // 2 - 1], found[-1]
    print(f"\n{1e6 * (high - low) / (last - first):,.0f} bytes per trial in the second half")


def show_reading(sampler: str, num_trials: int) -> None:
    """What it takes to read a ledger back, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        search(Path(folder), sampler, num_trials)
        print(f"a ledger of {(Path(folder) / LEDGER).stat().st_size / 1e6:.0f} MB")
        print("| | seconds of the processor | MB resident at most | of these for imports |")
        print("|---|---|---|---|")
        for how in READINGS:
            command = [sys.executable, "-m", "benchmarks.search_overhead", "--read", folder, "--how", how]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="")


def read_status(folder: Path) -> None:
    from nas import driver

    driver.status(folder)


def read_to_go_on(folder: Path) -> None:
    """What `resume` reads before its first proposal."""
    from nas.history import History
    from nas.ledger import Follower, Ledger

    ledger, _ = Ledger.open(folder, lambda lines: History.of(folder, lines))
    with ledger:
        lines = Follower(folder).read()
        brain = make_brain(History(folder, next(lines)))
        for line in lines:
            brain.apply(line)


class Noting(dict[object, object]):
    """A space's memory of points that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []

    def get(self, key: object, default: object = None) -> object:
        self.asked.append(key)
        return super().get(key, default)

    def share(self, most: int) -> float:
        """How much of it is found where only so many points are remembered, the oldest being forgotten."""
        known: dict[object, None] = {}
        num_found = 0
        for key in self.asked:
            if key in known:
                num_found += 1
                continue
            if len(known) == most:
                del known[next(iter(known))]
            known[key] = None
        return num_found / len(self.asked)


def show_hits(sampler: str, name: str, num_trials: int) -> None:
    """Of the points that a sampler asks its space for, the share that is found in memories of several sizes."""
    import search_spaces
    from graphs import Budget
    from nas.ends import Outcome
    from nas.samplers import make_sampler

    space = search_spaces.parse(SPACE) if name == "thirty" else search_spaces.load(name)
    budget = Budget.of(BUDGETS.get(name, {}))
    space._facts = noting = Noting()  # type: ignore[assignment]
    search_spaces.space.MAX_REMEMBERED = 10**9
    proposer, known = make_sampler(sampler, space, budget, 0), set[str]()
    for trial in range(num_trials):
        decisions = proposer.propose(trial, known)
        assert decisions is not None
        point = space.point(decisions)
        known.add(point.hash)
        proposer.accepted(trial, point.decisions)
        parts = [crc32(repr(one).encode()) % 100 for one in point.decisions.items()]  # an accuracy that can be learned
        noise = crc32(repr(sorted(point.decisions.items())).encode()) % 1000
        proposer.ended(trial, Outcome("complete", (0.5 + noise / 4000 + 0.002 * statistics.fmean(parts),), 1))
    shares = (f"{most:,}: {noting.share(most):.1%}" for most in (500, 2_000, 5_000, 50_000))
    print(f"{name}, {sampler}, {len(noting.asked) / num_trials:.1f} points a trial; found of them with", *shares)


READINGS = {"status": read_status, "resume": read_to_go_on}


def show_one_reading(folder: Path, how: str) -> None:
    from nas.ledger import Ledger

    with tempfile.TemporaryDirectory() as empty:  # which imports what the other takes
        with Ledger.create(Path(empty)) as ledger:
            ledger.append(first_line("evolution", 1))
        READINGS[how](Path(empty))
    imported = getrusage(RUSAGE_SELF).ru_maxrss
    began = process_time()
    READINGS[how](folder)
    seconds, resident = process_time() - began, getrusage(RUSAGE_SELF).ru_maxrss
    print(f"| `{how}` | {seconds:.1f} | {resident / 1e3:.0f} | {imported / 1e3:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--subject", choices=SUBJECTS, help="one measurement, in this process, as a line of JSON")
    parser.add_argument("--memory", choices=OURS, help="how memory grows with the trials of a search")
    parser.add_argument("--hits", choices=(*OURS, "gp"), help="how much a space's memory of points is worth")
    parser.add_argument("--space", default="thirty", help="where")
    parser.add_argument("--reading", choices=OURS, help="what it takes to read the ledger of a search back")
    parser.add_argument("--read", metavar="RUN", help="reads this one, in this process")
    parser.add_argument("--how", choices=READINGS, default="status")
    options = parser.parse_args()
    if options.memory:
        show_memory(options.memory, options.trials)
        return
    if options.hits:
        show_hits(options.hits, options.space, options.trials)
        return
    if options.reading:
        show_reading(options.reading, options.trials)
        return
    if options.read:
        show_one_reading(Path(options.read), options.how)
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
