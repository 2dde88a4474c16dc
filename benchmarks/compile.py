"""What compiling a network is worth on a CPU: against torchvision's module, and against an expert's work on it.

    python -m benchmarks.compile [--rounds 7] [--quick] [--only resnet50 ...]

For every network, batch 1 and 8, one thread and two, in one process. Each round runs all contenders in turn, so that
what else the machine does falls on all of them; CPU time of this process, a ratio within its round, the median of all
rounds with the lowest and the highest. A ratio is the other's time over ours: 1.5 is half as long again.

Inference: `torchvision` is its eager module as it comes, in evaluation mode without gradients; `expert` the same with
`torch.fx.experimental.optimization.fuse`, in channels_last with its images. `split` is ours with every horizontal
fusion that is possible, as in training; inference takes those alone that need no copies. Training: a step of SGD with
momentum on a batch of 8, ours against torchvision's module as it comes, and against ours without horizontal fusion.

Needs torchvision: `tests/references.py` says how to install it.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import product
from time import process_time

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

import search_spaces
from graphs import Graph
from graphs.passes import PASSES
from graphs.passes.horizontal import fuse_horizontally
from tests import references

NETWORKS = {  # ours, torchvision's
    "googlenet": ("googlenet", {"aux_logits": False, "init_weights": False}),
    "inception_v3": ("inception_v3", {"aux_logits": False, "init_weights": False}),
    "resnet50": ("resnet50", {}),
    "mobilenet_v2": ("mobilenet_v2", {}),
    "densenet121": ("densenet121", {}),
    "efficientnet_b0": ("efficientnet_b0", {}),
}
INCEPTIONS = ("googlenet", "inception_v3")
BATCHES = (1, 8)

Contenders = dict[str, Callable[[], object]]
Times = dict[str, list[float]]


def build(name: str) -> nn.Module:
    """torchvision's module as it comes."""
    builder, options = NETWORKS[name]
    return getattr(references.torchvision().models, builder)(**options)  # type: ignore[no-any-return]


def inference(graph: Graph, name: str, batch: int) -> Contenders:
    """One forward pass of each contender on images of its own format."""
    image = torch.randn(batch, *next(iter(graph.inputs.values())).shape)
    last = image.contiguous(memory_format=torch.channels_last)
    theirs = build(name).eval()
    expert = fuse(theirs).to(memory_format=torch.channels_last)
    contenders: dict[str, tuple[nn.Module, Tensor]] = {
        "ours": (graph.compile(mode="infer"), image),
        "torchvision": (theirs, image),
        "expert": (expert, last),
    }
    if name in INCEPTIONS:
        contenders["split"] = (with_every_fusion(graph), image)
    return {key: lambda module=module, x=x: module(x) for key, (module, x) in contenders.items()}


def with_every_fusion(graph: Graph) -> nn.Module:
    """For inference, with the horizontal fusions of training."""
    kept = PASSES["infer"]["horizontal"]
    PASSES["infer"]["horizontal"] = partial(fuse_horizontally, training=True)
    try:
        return graph.compile(mode="infer")
    finally:
        PASSES["infer"]["horizontal"] = kept


def training(graph: Graph, name: str, batch: int) -> Contenders:
    """One step of each contender."""
    graph = graph.as_shipped
    image = torch.randn(batch, *next(iter(graph.inputs.values())).shape)
    labels = torch.arange(batch)
    modules = {"ours": graph.compile(), "torchvision": build(name).train()}
    if name in INCEPTIONS:
        modules["alone"] = graph.compile(without=("horizontal",))
    return {key: step_of(module, image, labels) for key, module in modules.items()}


def step_of(module: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], object]:
    """Forward, backward and update."""
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        loss = nn.functional.cross_entropy(module(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def measure(contenders: Contenders, rounds: int, seconds: float) -> Times:
    """CPU seconds of each in every round, after a warm-up; a round repeats each until it has taken a while."""
    repeats: dict[str, int] = {}
    for key, run in contenders.items():
        run()
        begin = process_time()
        run()
        repeats[key] = max(1, round(seconds / (process_time() - begin)))
    times: Times = {key: [] for key in contenders}
    for number in range(rounds):
        order = list(contenders) if number % 2 else list(reversed(contenders))
        for key in order:
            begin = process_time()
            for _ in range(repeats[key]):
                contenders[key]()
            times[key].append((process_time() - begin) / repeats[key])
    return times


def ratio(times: Times, other: str) -> str:
    """How often ours fits into another's time: median [lowest..highest]; nothing where there is no other."""
    if other not in times:
        return ""
    ratios = [theirs / ours for theirs, ours in zip(times[other], times["ours"], strict=True)]
    return f"**{statistics.median(ratios):.2f}** [{min(ratios):.2f}..{max(ratios):.2f}]"


def row(what: str, batch: int, threads: int, times: Times, others: tuple[str, ...]) -> str:
    """A row of the table: times in ms, and the ratios."""
    ours = 1e3 * statistics.median(times["ours"])
    return f"| {what} | {batch} | {threads} | {ours:.1f} | {' | '.join(ratio(times, other) for other in others)} |"


def table(heads: tuple[str, ...]) -> None:
    print(f"\n| network | batch | threads | ours, ms | {' | '.join(heads)} |\n|{'---|' * (4 + len(heads))}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.1, help="how long each contender runs in a round, at least")
    parser.add_argument("--quick", action="store_true", help="batch 1 and one thread, three rounds, no training")
    parser.add_argument("--only", nargs="*", help="these networks")
    parser.add_argument("--skip-training", action="store_true")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    known = {name for names in search_spaces.families("network").values() for name in names}
    networks = [name for name in arguments.only or NETWORKS if name in known]
    missing = sorted(set(NETWORKS) - known)
    rounds = 3 if arguments.quick else arguments.rounds
    threads_wanted = arguments.threads[:1] if arguments.quick else arguments.threads
    batches = BATCHES[:1] if arguments.quick else BATCHES
    print(
        f"torch {torch.__version__}, torchvision {version('torchvision')}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {rounds} rounds" + (f"; missing: {missing}" * bool(missing))
    )
    table(("torchvision / ours", "expert / ours", "split / ours"))
    for name in networks:
        for batch, threads in product(batches, threads_wanted):
            torch.set_num_threads(threads)
            with torch.no_grad():
                times = measure(inference(search_spaces.load_network(name), name, batch), rounds, arguments.seconds)
            print(row(name, batch, threads, times, ("torchvision", "expert", "split")), flush=True)
            gc.collect()
    if arguments.quick or arguments.skip_training:
        return
    table(("torchvision / ours", "without horizontal / ours"))
    for name in networks:
        for batch, threads in product(BATCHES[-1:], threads_wanted):
            torch.set_num_threads(threads)
            times = measure(training(search_spaces.load_network(name), name, batch), max(3, rounds // 2), 0.0)
            print(row(name, batch, threads, times, ("torchvision", "alone")), flush=True)
            gc.collect()


if __name__ == "__main__":
    main()
