"""Networks within a budget per second: chains, rejection in our own space, PyGlove, Optuna with a count by torch.

    python benchmarks/sampling.py [SPACE] [--seconds 20] [--pyglove FOLDER]

For budgets on MACs that hold a tenth, a thousandth and a millionth of the space: decision sets per second, and networks
per second with their costs and their hash. Seconds are those of one core, of this process alone, so that other work on
the machine disturbs little. The others draw the same space and know no budget: their rate is multiplied by its share.
Rejection draws points and counts costs; PyGlove decides (`oneof` for every decision, whether it matters or not) and no
more; Optuna's random sampler asks for every decision, and the network is built on torch's meta device and counted.

PyGlove is no dependency; `--pyglove` is a folder with it: `pip install --target FOLDER pyglove`.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable
from random import Random

import search_spaces
from graphs import Budget
from search_spaces import Space

SHARES = (1e-1, 1e-3, 1e-6)


def rate(draw: Callable[[], int], seconds: float) -> float:
    """How many a second: `draw` says how many it drew."""
    number, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        number += draw()
    return number / (time.process_time() - start)


def budget_of(space: Space, share: float) -> Budget:
    """The bound on MACs that holds this share of the space, by bisection over estimated counts."""
    assert space.chain is not None
    from search_spaces.bounds import bounds_of, extreme
    from search_spaces.drawing import Grid

    low, high = (extreme(space.chain, 1, largest=largest)[0] for largest in (False, True))
    while high - low > max(1, low // 2_000):
        middle = (low + high) // 2
        bounds, _ = bounds_of(Budget.of(max_macs=middle), [])
        if Grid(space.chain, bounds, weighted=False).mass / space.size() < share:
            low = middle
        else:
            high = middle
    return Budget.of(max_macs=high)


def ours(space: Space, budget: Budget, seconds: float) -> tuple[float, float, float]:
    """Decision sets and networks with costs and hash per second, and the share of draws that kept the budget."""
    start, seed, drawn = time.process_time(), 0, 0
    accepted = paths = 0
    while time.process_time() - start < seconds:
        found = space.draw_decisions(20_000, budget, seed)
        seed, drawn = seed + 1, drawn + len(found.decisions)
        accepted, paths = accepted + found.num_accepted, paths + found.num_drawn
    sets = drawn / (time.process_time() - start)
    waiting = list(space.draw_decisions(5_000, budget, 99).decisions)

    def network() -> int:
        graph = space.materialize(waiting.pop())
        assert budget.admits(graph.costs())
        assert graph.hash
        return 1

    return sets, rate(network, seconds), accepted / paths


def rejection(space: Space, seconds: float) -> float:
    """Uniform draws of the space per second, each with its network and its costs, whatever the budget."""
    random = Random(0)

    def draw() -> int:
        point = space.draw(random)
        if point is not None:
            point.graph.costs()
        return 1

    return rate(draw, seconds)


def pyglove(space: Space, seconds: float) -> float:
    """Decision sets of PyGlove per second: a dictionary of `oneof` for every decision."""
    import pyglove as pg  # type: ignore[import-not-found]

    template = pg.Dict({d.address.replace(".", "_"): pg.oneof(list(d.alternatives)) for d in space.decisions})
    draws = pg.random_sample(template, seed=0)
    return rate(lambda: len([next(draws)]), seconds)


def optuna_and_torch(space: Space, seconds: float) -> float:
    """Networks per second of Optuna's random sampler, built on torch's meta device and counted by torch."""
    import optuna
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def draw() -> int:
        trial = study.ask()
        decisions = {d.address: trial.suggest_categorical(d.address, d.alternatives) for d in space.decisions}
        graph = space.materialize(decisions)
        module = graph.compile(device="meta").eval()
        [source] = graph.inputs.values()
        with FlopCounterMode(display=False) as counter:
            module(torch.empty(1, *source.shape, device="meta"))
        study.tell(trial, counter.get_total_flops())
        return 1

    return rate(draw, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", nargs="?", default="mobile")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pyglove", default="")
    options = parser.parse_args()
    space = search_spaces.load(options.space)
    print(f"{space.name}: {space.size():.3g} points in {len(space.decisions)} decisions; {platform.python_version()}")
    start = time.process_time()
    assert space.chain is not None, space.no_chain_because
    print(f"the chain is made in {time.process_time() - start:.2f} s, once")
    others = {
        "rejection, our space": rejection(space, options.seconds),
        "Optuna, torch on meta": optuna_and_torch(space, options.seconds),
    }
    if options.pyglove:
        sys.path.insert(0, options.pyglove)
        others["PyGlove, decisions alone"] = pyglove(space, options.seconds)
    print(f"\n{'budget':>22}  {'share':>8}  {'count':>9}  {'decision sets/s':>15}  {'networks/s':>10}  acceptance")
    for share in SHARES:
        budget = budget_of(space, share)
        start = time.process_time()
        count = space.count(budget)
        seconds = time.process_time() - start
        sets, networks, acceptance = ours(space, budget, options.seconds)
        held = count.estimate / space.size()
        print(f"{budget!s:>22}  {held:8.1e}  {seconds:7.2f} s  {sets:15,.0f}  {networks:10,.0f}  {acceptance:.4f}")
        for name, number in others.items():
            print(f"{name:>46}: {number * held:12.2g} in the budget a second, of {number:,.0f}")


if __name__ == "__main__":
    main()
