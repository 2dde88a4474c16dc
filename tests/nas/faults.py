"""The real trainer on real images, and what can go wrong with it, caused for real."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nas.data import SearchData, load_data
from nas.recipe import Recipe
from nas.trainer import Trainer
from nas.trials import Event, Job, Progress

# A kernel of 1.2 GB beside what the limit leaves; too large for it in the first training step, if not before.
WIDE = """
version: 1
name: wide
input: {image: {map: [1, 8, 8]}}
net:
  - {name: a, conv2d: {out_channels: 8192, kernel_size: 1}}
  - {name: b, conv2d: {out_channels: 4096, kernel_size: 3}}
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""
ROOM_BYTES = 400 << 20


@dataclass(frozen=True)
class Faulty:
    """Trains, but for the trials in `faults`, in their first attempt or, with an exclamation mark, in all of them.

    nan          a learning rate that no network survives
    memory       an address space that the network doesn't fit in
    exception    a label for which there is no class
    hang         the second epoch doesn't end: the process writes its id to `folder`, to be killed
    """

    folder: Path
    faults: dict[int, str] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=4))
    data: SearchData = field(default_factory=lambda: load_data("digits").search)

    def __call__(self, job: Job) -> Iterator[Event]:
        fault = self.faults.get(job.trial, "")
        if job.attempt and not fault.endswith("!"):
            fault = ""
        data, recipe = self.data, self.recipe
        match fault.rstrip("!"):
            case "nan":
                recipe = recipe.model_copy(update={"learning_rate": 1e30})
            case "exception":
                labels = data.train.labels.copy()
                labels[7] = len(data.classes)
                data = replace(data, train=replace(data.train, labels=labels))
            case "memory":
                with _little_memory():
                    yield from Trainer(data, recipe, "cpu")(replace(job, architecture=WIDE))
                return
        for event in Trainer(data, recipe, "cpu")(job):
            if fault == "hang" and isinstance(event, Progress) and event.epoch == 2:
                (self.folder / f"{job.trial}.tmp").write_text(str(os.getpid()))
                (self.folder / f"{job.trial}.tmp").rename(self.folder / f"{job.trial}.pid")
                time.sleep(60)
            yield event


@contextmanager
def _little_memory() -> Iterator[None]:
    """No more address space than this process has, and a little."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
