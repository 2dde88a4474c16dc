"""What it is worth to let trials share a GPU: trials per hour with 1, 2, 4 and 8 of them on one, in one run.

    python -m benchmarks.trials_per_gpu [--rounds 2] [--trials 8] [--images 10000] [--device cuda]

A trial trains a residual network of 0.27M parameters on images of 32x32 (random ones: their content costs nothing) for
two epochs in batches of 128, as a search on CIFAR-10 does with its candidates. All trials of a measurement are equal,
and run through the Ray executor, whose workers each have `1 / N` of the GPU and of its memory. Measured after a first
trial for every worker, so that starting processes and CUDA is left out; the rounds go through all N in turn.
`--device cpu` measures the same without a GPU, to try the script.

    python -m benchmarks.trials_per_gpu --greedy

checks the guard of the memory instead: of four trials on the GPU one wants more than its part; what became of each.
"""

from __future__ import annotations

import argparse
import json
from time import perf_counter

import numpy as np

from benchmarks.rounds import in_rounds, spread, versions
from nas.data import Part, SearchData
from nas.executors import make_executor
from nas.recipe import PHOTOS
from nas.study import Study
from nas.trainer import Trainer
from nas.trials import Completed, Event, Executor, Job, Progress

COUNTS = (1, 2, 4, 8)

NETWORK = """
version: 1
name: resnet20
input: {image: {map: [3, 32, 32]}}
net:
  - {name: stem, conv: {out_channels: 16, kernel_size: 3}}
  - {name: stage1, repeat: 3, residual_basic: {out_channels: 16}}
  - {name: stage2, repeat: 3, first: {stride: 2}, residual_basic: {out_channels: 32}}
  - {name: stage3, repeat: 3, first: {stride: 2}, residual_basic: {out_channels: 64}}
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""


def wide(channels: int) -> str:
    """A network whose outputs in a batch of 128 are 128 x channels x 32 x 32 numbers of two bytes, several times."""
    return f"""
version: 1
name: wide
input: {{image: {{map: [3, 32, 32]}}}}
net:
  - {{name: a, conv: {{out_channels: {channels}, kernel_size: 3}}}}
  - global_avg_pool: {{}}
  - {{name: logits, linear: {{out_features: 10}}}}
output: {{logits: logits}}
"""


def images(number: int) -> SearchData:
    generator = np.random.default_rng(0)

    def part(size: int) -> Part:
        pixels = generator.integers(0, 256, (size, 3, 32, 32), dtype=np.uint8)
        return Part(pixels, generator.integers(0, 10, size))

    return SearchData(part(number), part(number // 10), tuple("0123456789"), (127.5,) * 3, (74.0,) * 3)


def executor(num_trials: int, device: str, number: int) -> Executor:
    keys = {"trials_per_gpu": num_trials} if device == "cuda" else {}
    study = Study.of({"space": "small", "executor": "ray", "workers": num_trials, "device": device, **keys})
    return make_executor(study, Trainer(images(number), PHOTOS, device))


def measure(num_at_once: int, num_trials: int, device: str, number: int) -> float:
    """Trials per hour."""
    with executor(num_at_once, device, number) as running:
        wait_for_all(running, [Job(trial, NETWORK, seed=trial, epochs=1) for trial in range(num_at_once)])
        jobs = [Job(100 + trial, NETWORK, seed=trial, epochs=2) for trial in range(num_trials)]
        began = perf_counter()
        events = wait_for_all(running, jobs)
        assert all(isinstance(event, Completed) for event in events), events
        return 3600 * num_trials / (perf_counter() - began)


def wait_for_all(running: Executor, jobs: list[Job]) -> list[Event]:
    """The last event of every job."""
    waiting, ends, num_open = list(jobs), list[Event](), 0
    while len(ends) < len(jobs):
        while waiting and num_open < running.capacity:
            running.submit(waiting.pop(0))
            num_open += 1
        for event in running.events(1.0):
            if not isinstance(event, Progress):
                ends.append(event)
                num_open -= 1
    return ends


def check_guard(number: int) -> None:
    """A trial that wants some 40 % of the GPU's memory, where a quarter is its part, beside three that want little."""
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    channels = int(0.4 * total / (3 * 128 * 32 * 32 * 2)) // 8 * 8
    greedy = Job(3, wide(channels), seed=3, epochs=1)
    with executor(4, "cuda", number) as running:
        wait_for_all(running, [Job(trial, NETWORK, seed=trial, epochs=1) for trial in range(4)])
        ends = wait_for_all(running, [*(Job(trial, NETWORK, seed=trial, epochs=3) for trial in range(3)), greedy])
        alone = wait_for_all(running, [Job(3, greedy.architecture, seed=3, epochs=1, attempt=1, alone=True)])
    print(f"{total / 2**30:.1f} GiB, {channels} channels")
    for event in [*sorted(ends, key=lambda event: event.trial), *alone]:
        print(str(event)[:300])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--trials", type=int, default=8, help="trials of a measurement for each that runs at once")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--greedy", action="store_true")
    parser.add_argument("--subject", type=int, help="one measurement, in this process, as a line of JSON")
    options = parser.parse_args()
    if options.greedy:
        check_guard(options.images)
        return
    if options.subject:
        found = measure(options.subject, options.trials * options.subject, options.device, options.images)
        print(json.dumps(found))
        return
    arguments = ["--trials", options.trials, "--images", options.images, "--device", options.device]
    found = in_rounds("trials_per_gpu", options.counts, options.rounds, arguments)
    print(versions("torch", "ray"))
    print("| trials on the GPU | trials per hour | times those of one, same round |")
    print("|---|---|---|")
    first = next(iter(found.values()))
    for count, rates in found.items():
        ratios = [rate / one for rate, one in zip(rates, first, strict=True)]
        print(f"| {count} | {spread(rates)} | {spread(ratios)} |")


if __name__ == "__main__":
    main()
