"""What it costs to know a network's parameters and MACs: this project against the tools that run a model for it.

    python -m benchmarks.static_analysis [--rounds 9]

For some networks, in one process on one thread: ours from a YAML text, from the same as JSON, from a loaded graph, for
a drawn point of a space with its graph, and, beside MobileNetV2, for a point of the space `mobile` drawn within a
budget, whose costs are sums over its stages; theirs from torchvision's builder on the meta
device, with torch's FlopCounterMode or torchinfo, and from a model that is built already, with fvcore, ptflops and thop
(to whom the building is a present). Every round goes through all of them in turn; CPU time of this process in ms;
ratios are taken within a round. What is counted is the same everywhere but not always to the unit: see `nas show --as`.

Needs torchvision and the tools of `tests/references.py`, which says how to install them.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import platform
import statistics
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from random import Random
from time import process_time

import torch
from torch.utils.flop_counter import FlopCounterMode

import graphs
import search_spaces
from graphs import Budget
from graphs.calls import infer_type, make_block
from graphs.costs import block_cost, graph_costs
from graphs.emission import document_data
from graphs.fragments import forget
from tests import references

NETWORKS = ("resnet50", "googlenet", "efficientnet_b0", "densenet121", "mobilenet_v2")
NUM_DRAWS = 500
NUM_WARM_UPS = 20
FLOP_COUNTER = "build on meta + FlopCounterMode"


def ours(network: str) -> dict[str, Callable[[], object]]:
    """Our ways to a network's costs."""
    graph = search_spaces.load_network(network)
    text = graph.text()
    as_json = json.dumps(document_data(graph.document))
    space = search_spaces.parse(opened(text))
    random = Random(0)
    for _ in range(200):
        space.draw(random)

    def loaded() -> object:
        block_cost.cache_clear()
        return graph_costs(graph)

    def drawn() -> object:
        point = space.draw(random)
        assert point is not None
        return point.graph.costs()

    def cold(text: str) -> Callable[[], object]:
        def run() -> object:
            for cache in (make_block, infer_type, block_cost):
                cache.cache_clear()
            forget()
            return graphs.parse(text).costs()

        return run

    ways: dict[str, Callable[[], object]] = {
        "ours, YAML text": cold(text),
        "ours, JSON text": cold(as_json),
        "ours, loaded graph": loaded,
        "ours, drawn point with its graph": drawn,
    }
    if network == "mobilenet_v2":
        ways[f"ours, {NUM_DRAWS} points of `mobile`, each"] = points_of_mobile()
    return ways


def points_of_mobile() -> Callable[[], object]:
    """Points of `mobile` within 120M MACs, which hold a thousandth of it, each drawn, costed and hashed."""
    mobile = search_spaces.load("mobile")
    stream = mobile.draws(Budget.of(max_macs="120M"), 0)

    def run() -> object:
        return [(point.costs, point.hash) for point in (stream.next() for _ in range(NUM_DRAWS))]

    for _ in range(NUM_WARM_UPS):
        run()
    return run


def opened(text: str) -> str:
    """The network with the number of its classes left open: a space of 100 networks like it."""
    assert "classes: 1000" in text
    return text.replace("classes: 1000", "classes: {range: [901, 1000]}").split("\nrequire:")[0] + "\n"


def theirs(network: str) -> dict[str, Callable[[], object]]:
    """Their ways."""
    models = references.torchvision().models
    fvcore, ptflops, thop = (references.counter(name) for name in ("fvcore.nn", "ptflops", "thop"))
    torchinfo = references.counter("torchinfo")
    options = {"init_weights": False, "aux_logits": False} if network == "googlenet" else {}

    def build() -> torch.nn.Module:
        model: torch.nn.Module = getattr(models, network)(**options)
        return model.eval()

    def on_meta() -> torch.nn.Module:
        with torch.device("meta"):
            return build()

    image = torch.zeros(1, 3, 224, 224)
    built = build()

    def flop_counter() -> object:
        model = on_meta()
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, 224, 224, device="meta"))
        return counter.get_total_flops(), sum(parameter.numel() for parameter in model.parameters())

    def by_thop() -> object:
        return thop.profile(copy.deepcopy(built), inputs=(image,), verbose=False)  # it leaves buffers in the model

    return {
        FLOP_COUNTER: flop_counter,
        "build on meta + torchinfo": lambda: torchinfo.summary(
            on_meta(), input_size=(1, 3, 224, 224), device="meta", verbose=0
        ),
        "fvcore, built model": lambda: fvcore.FlopCountAnalysis(built, image).unsupported_ops_warnings(False).total(),
        "ptflops, built model": lambda: ptflops.get_model_complexity_info(
            built, (3, 224, 224), print_per_layer_stat=False, as_strings=False, backend="pytorch"
        ),
        "thop, built model": by_thop,
    }


def measure(run: Callable[[], object], repeats: int) -> float:
    """CPU milliseconds of one run."""
    begin = process_time()
    for _ in range(repeats):
        run()
    return (process_time() - begin) / repeats * 1000


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Tools that talk while they count."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    packages = ("fixpoint-nas", "torch", "torchvision", "fvcore", "ptflops", "thop", "torchinfo")
    print(f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages))
    for network in NETWORKS:
        ways = {**ours(network), **theirs(network)}
        times: dict[str, list[float]] = {way: [] for way in ways}
        with silence():
            for way in ways.values():
                way()
            for _ in range(rounds):
                for name, way in ways.items():
                    found = measure(way, 10 if name.startswith("ours") and str(NUM_DRAWS) not in name else 1)
                    times[name].append(found / NUM_DRAWS if str(NUM_DRAWS) in name else found)
        print(f"\n{network}\n\n| | CPU ms | {FLOP_COUNTER} / this |\n|---|---|---|")
        for name, found in times.items():
            ratios = [base / own for base, own in zip(times[FLOP_COUNTER], found, strict=True)]
            middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
            print(f"| {name} | {statistics.median(found):.3g} | {middle:.3g} [{low:.3g}..{high:.3g}] |")


if __name__ == "__main__":
    main()
