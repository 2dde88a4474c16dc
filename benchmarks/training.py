"""What a step of training costs on the CPU where the process keeps its memory, and where glibc gives it back.

    python -m benchmarks.training [--rounds 3] [--draws 6]

The networks are cifar_resnet20 and draws of the space `cnn` within 300k parameters and 20M MACs, on 32 x 32 images;
the images are noise. One thread, batches of 128 and of `EVALUATION_BATCH`. Each measurement has a process of its own;
the rounds go through all of them in turn. Units: seconds of the processor, user and system, so that other work on the
machine adds little; page faults are minor ones, those the kernel answers with a cleared page.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.rounds import in_rounds, spread, versions

if TYPE_CHECKING:
    from graphs import Graph

CONTEXTS = ("given back", "kept")
BATCH, IMAGES = 128, 1000
WARM_UP, STEPS = 5, 5


def networks(num_draws: int) -> Iterator[tuple[str, Graph]]:
    import search_spaces
    from graphs import Budget

    yield "cifar_resnet20", search_spaces.load_network("cifar_resnet20")
    space = search_spaces.load("cnn", {"size": 32, "classes": 10})
    for number, point in enumerate(space.sample(num_draws, Budget.of(max_params="300k", max_macs="20M")).points):
        yield f"draw {number}, {point.costs.macs / 1e6:.1f}M MACs", point.graph


def measure(context: Callable[[], AbstractContextManager[None]], num_draws: int) -> dict[str, dict[str, float]]:
    import torch

    from nas.data import Part, SearchData
    from nas.recipe import PHOTOS
    from nas.training import Training

    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    part = Part(random.integers(0, 256, (IMAGES, 3, 32, 32), np.uint8), random.integers(0, 10, IMAGES))
    data = SearchData(part, part, tuple("0123456789"), (127.5,) * 3, (73.6,) * 3)
    found = {}
    for name, graph in networks(num_draws):
        with context():
            training = Training(graph, part, data, PHOTOS, 0, 9)
            placed = training.place(part)
            images, labels = placed[0][:BATCH], placed[1][:BATCH]
            for _ in range(WARM_UP):
                training._train_on(images, labels)
            training.score(placed)
            steps = used(training._train_on, [(images, labels)] * STEPS)
            scoring = used(training.score, [(placed,)])
        found[name] = {"step": steps.seconds / STEPS, "faults": steps.faults / STEPS, "scoring": scoring.seconds}
    return found


class Used(NamedTuple):
    """Seconds of the processor, and page faults."""

    seconds: float
    faults: int


def used(work: Callable[..., object], arguments: Iterable[tuple[object, ...]]) -> Used:
    """What these calls use."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    for each in arguments:
        work(*each)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Used(seconds, after.ru_minflt - before.ru_minflt)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--subject", choices=CONTEXTS, help="measure this alone, once")
    asked = parser.parse_args()
    if asked.subject:
        from nas.heap import freed_memory_kept

        print(json.dumps(measure(freed_memory_kept if asked.subject == "kept" else nullcontext, asked.draws)))
        return
    rounds = in_rounds("training", CONTEXTS, asked.rounds, ["--draws", asked.draws])
    print(versions("torch", "fixpoint-nas"))
    print("| network | step, given back | step, kept | times faster | faults a step | kept | 1,000 images | kept |")
    print("|---|---|---|---|---|---|---|---|")
    for name in rounds["kept"][0]:
        pairs = [[one[name] for one in pair] for pair in zip(*(rounds[each] for each in CONTEXTS), strict=True)]
        ratio = spread([given["step"] / kept["step"] for given, kept in pairs])
        median = {
            (at, what): statistics.median(pair[at][what] for pair in pairs)
            for at in (0, 1)
            for what in ("step", "faults", "scoring")
        }
        cells = [
            f"{median[at, what]:{form}}"
            for what, form in (("step", ".3f"), ("faults", ",.0f"), ("scoring", ".2f"))
            for at in (0, 1)
        ]
        print("|", " | ".join([name, *cells[:2], ratio, *cells[2:]]), "|")


if __name__ == "__main__":
    main()
