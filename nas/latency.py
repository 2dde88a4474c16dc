"""How long a network takes for one image, where its trial runs.

It runs as it would in use: `graph.compile(mode="infer")`, batch 1, as many threads as the trial has (one on a CPU). The
weights don't matter for it. What else runs on the machine at the time does: workers beside this one make it slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from blocks.types import Map

if TYPE_CHECKING:
    from graphs import Graph

WARM_UP_SECONDS = 0.1
NUM_ROUNDS = 7
ROUND_SECONDS = 0.02


@dataclass(frozen=True)
class Latency:
    """Seconds for one image: the median of `NUM_ROUNDS` rounds, the fastest and the slowest of them.

    `clock` is what a round shows when nothing is run in it, for one image: differences below it mean nothing.
    """

    seconds: float
    fastest: float
    slowest: float
    clock: float

    def as_metrics(self) -> dict[str, float]:
        """As the ledger has it."""
        return {
            "latency": self.seconds,
            "latency_fastest": self.fastest,
            "latency_slowest": self.slowest,
            "latency_clock": self.clock,
        }


def measure_latency(graph: Graph, device: str) -> Latency:
    """Times a network with one input on a device. A round is as many runs as fill `ROUND_SECONDS`, and at least one."""
    import torch

    (kind,) = graph.inputs.values()
    assert isinstance(kind, Map)
    module = graph.compile(device=device, mode="infer")
    image = torch.zeros(1, kind.channels, kind.height, kind.width, device=device)

    def elapsed(num_runs: int, *, run: bool = True) -> float:
        _wait(device)
        begin = perf_counter()
        for _ in range(num_runs):
            if run:
                module(image)
        _wait(device)
        return perf_counter() - begin

    with torch.inference_mode():
        begin, num_warm = perf_counter(), 0
        while num_warm < 3 or perf_counter() - begin < WARM_UP_SECONDS:
            elapsed(1)
            num_warm += 1
        num_runs = max(1, round(ROUND_SECONDS / max(elapsed(3) / 3, 1e-9)))
        rounds = [elapsed(num_runs) / num_runs for _ in range(NUM_ROUNDS)]
    clock = median(elapsed(num_runs, run=False) / num_runs for _ in range(NUM_ROUNDS))
    return Latency(median(rounds), min(rounds), max(rounds), clock)


def _wait(device: str) -> None:
    """Until a GPU has done what it was given."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
