"""A space of little networks, and trainings of them that are arithmetic: the engine without its tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from json import dumps
from pathlib import Path

import graphs
import search_spaces
from graphs import Budget
from nas.brain import Brain
from nas.driver import run_trials, sampler_of, take_over
from nas.history import History
from nas.ledger import Ledger
from nas.manifest import ARCHITECTURE, FORMAT, FORMAT_VERSION, MANIFEST, WEIGHTS
from nas.recipe import Recipe
from nas.records import Started
from nas.study import Study
from nas.trials import Event, Executor, Job, Progress, Stopped

# 2 x 3 x (2 + 2 x 2) x 4 = 144 points, 97 networks of 80 to 892 parameters.
SPACE_TEXT = """
version: 1
name: little
params: {activation: {choice: [relu, silu]}}
input: {image: {map: [1, 8, 8]}}
net:
  - {name: stem, conv: {out_channels: {choice: [2, 4, 6]}, kernel_size: 3, activation: activation}}
  - name: body
    choice:
      plain: {conv: {out_channels: 4, kernel_size: {choice: [1, 3]}, activation: activation}}
      residual:
        residual_basic: {out_channels: {choice: [4, 6]}, kernel_size: {choice: [1, 3]}, activation: activation}
  - {name: tail, conv: {out_channels: {choice: [2, 4, 6, 8]}, kernel_size: 1, activation: activation}}
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""
BUDGET = Budget.of(max_params=400)
RECIPE = Recipe(epochs=9, final_epochs=10)

Ending = Callable[[Job], Event | Exception | None]


def write_bundle(folder: Path) -> None:
    """Files that are as their manifest says, though no network's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (ARCHITECTURE, WEIGHTS):
        (folder / name).write_bytes(b"")
    files = dict.fromkeys((ARCHITECTURE, WEIGHTS), sha256(b"").hexdigest())
    (folder / MANIFEST).write_text(dumps({"format": FORMAT, "version": FORMAT_VERSION, "files": files}))


def started(**keys: object) -> Started:
    """The first line of a run on the little space, with these keys of its study."""
    asked = {"budget": BUDGET, "sampler": "random", "trials": 8, "candidates": 2, "final_seeds": 1, "fidelity": "full"}
    return Started(
        name="fake",
        study=Study.of({"space": "little", "data": "digits", **asked, **keys}),
        space="little",
        space_text=SPACE_TEXT,
        data="digits",
        split_seed=0,
        fingerprint="0" * 64,
        recipe=RECIPE,
        versions={},
    )


def value_of(architecture: str, epoch: int) -> float:
    """A learning curve that rises to a height which follows from the text of the network: 0.5..1."""
    height = 0.5 + sha256(architecture.encode()).digest()[0] / 512
    return height * (1 - 0.5**epoch)


def goes_well(_: Job) -> None:
    """The ending of a job that trains to its end."""


def fake_trainer(ending: Ending = goes_well) -> Callable[[Job], Iterator[Event]]:
    """Trains by `value_of`; where `ending` says so, a job ends differently, after its second epoch."""

    def train(job: Job) -> Iterator[Event]:
        for epoch in range(job.begin + 1, job.last_epoch + 1):
            yield Progress(job.trial, epoch, value_of(job.architecture, epoch), {"validation_loss": 1.0}, 0.01)
            if epoch == 2 and (event := ending(job)) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
                return
        yield job.ending()

    return train


class ParallelExecutor(Executor):
    """Runs `capacity` jobs side by side, an epoch of each per call of `events`; notes what it was asked for."""

    def __init__(self, trainer: Callable[[Job], Iterator[Event]], capacity: int = 2) -> None:
        self._trainer = trainer
        self._capacity = capacity
        self._steps: dict[int, Iterator[Event]] = {}
        self._stopping: set[int] = set()
        self._epochs: dict[int, int] = {}
        self.jobs: list[Job] = []
        self.most_at_once = 0
        self.beside: dict[tuple[int, int], set[int]] = {}

    @property
    def capacity(self) -> int:
        return self._capacity

    def submit(self, job: Job) -> None:
        assert job.trial not in self._steps, "a running trial was submitted again"
        self._steps[job.trial] = self._trainer(job)
        self.jobs.append(job)
        self.most_at_once = max(self.most_at_once, len(self._steps))
        assert self.most_at_once <= self._capacity, "more jobs than capacity"
        for other in self._steps:
            self.beside.setdefault((other, 0), set()).update(self._steps.keys() - {other})
        self.beside[job.trial, job.attempt] = set(self._steps) - {job.trial}

    def events(self, timeout_seconds: float) -> list[Event]:
        events: list[Event] = []
        for trial, steps in list(self._steps.items()):
            event = Stopped(trial, self._epochs[trial]) if trial in self._stopping else next(steps)
            events.append(event)
            if isinstance(event, Progress):
                self._epochs[trial] = event.epoch
            else:
                del self._steps[trial]
                self._stopping.discard(trial)
        return events

    def stop(self, trial: int) -> None:
        if trial in self._steps:
            self._stopping.add(trial)

    def close(self) -> None:
        self._steps.clear()


def begin(run: Path, first: Started) -> tuple[Ledger, Brain]:
    """A new run and its brain."""
    run.mkdir(parents=True, exist_ok=True)
    ledger = Ledger.create(run)
    history = History(run, ledger.append(first))
    return ledger, _brain(history)


def reopen(run: Path) -> tuple[Ledger, Brain]:
    """A run as a new driver finds it, with everything that was running handed in again."""
    ledger, [first, *rest] = Ledger.open(run, list)
    brain = _brain(History(run, first))
    for line in rest:
        brain.apply(line)
    take_over(ledger, brain, brain.history.study.executor)
    return ledger, brain


def run_to_end(run: Path, first: Started, executor: Executor) -> History:
    """A whole run of the main loop."""
    ledger, brain = begin(run, first)
    with ledger, executor:
        run_trials(ledger, brain, executor)
    return brain.history


def _brain(history: History) -> Brain:
    first = history.started
    study, space = first.study, search_spaces.parse(first.space_text)
    return Brain(space, study.budget, sampler_of(study, space), history)


def trials_of(history: History) -> list[Mapping[str, object]]:
    """What must be equal in two runs that are the same: everything but times and numbers of attempts."""
    return [
        {
            "number": trial.number,
            "decisions": dict(trial.decisions),
            "hash": trial.hash,
            "state": trial.state,
            "confirms": trial.confirms,
            "curve": [(epoch.epoch, epoch.value) for epoch in trial.curve],
        }
        for trial in history.trials.values()
    ]


def network(architecture: str) -> graphs.Graph:
    return graphs.parse(architecture)
