"""Networks within a budget per second: chains, rejection in our own space, PyGlove, Optuna with a count by torch.

    python benchmarks/sampling.py [SPACE] [--seconds 20] [--pyglove FOLDER]

For budgets on MACs that hold a tenth, a thousandth and a millionth of the space: decision sets per second, and points
per second with their costs and their hash, drawing included. Seconds are those of one core, of this process alone, so
that other work on the machine disturbs little. The others draw the same space and know no budget: their rate is
multiplied by its share. Rejection draws points, with costs and hash; PyGlove decides (`oneof` for every decision,
whether it matters or not) and no more; Optuna's random sampler asks for every decision, and the network is built on
torch's meta device and counted. In a space that is no chain the budget of a share is an estimate.

PyGlove is no dependency; `--pyglove` is a folder with it: `pip install --target FOLDER pyglove`.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable
from math import exp, log
from random import Random
from statistics import NormalDist, fmean, stdev

import search_spaces
from graphs import Budget
from search_spaces import Decisions, Space

SHARES = (1e-1, 1e-3, 1e-6)
NUM_DRAWS = 300


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
    from search_spaces.chain_draws import Grid

    low, high = (extreme(space.chain, 1, largest=largest)[0] for largest in (False, True))
    while high - low > max(1, low // 2_000):
        middle = (low + high) // 2
        bounds, _ = bounds_of(Budget.of(max_macs=middle), [])
        if Grid(space.chain, bounds, weighted=False).mass / space.size() < share:
            low = middle
        else:
            high = middle
    return Budget.of(max_macs=high)


def estimated_budget(space: Space, share: float) -> Budget:
    """The bound on MACs that holds about this share of a space that is no chain: as if the logarithm of the MACs of its
    networks were normal, with the mean and the deviation that it has in draws."""
    random = Random(0)
    points = [point for point in (space.draw(random) for _ in range(NUM_DRAWS)) if point is not None]
    logs = [log(point.costs.macs) for point in points]
    return Budget.of(max_macs=round(exp(NormalDist(fmean(logs), stdev(logs)).inv_cdf(share))))


def ours(space: Space, budget: Budget, seconds: float) -> tuple[float, float, float, str]:
    """Decision sets and networks with costs and hash per second, the share of draws that kept the budget, and in words
    whether they are uniform.

    What the space remembers of points begins empty; a chain is made already, and its draws are counted with it.
    """
    if space.chain is None:
        stream = space.draws(budget, 99)

        def point() -> int:
            stream.next()
            return 1

        def network() -> int:
            return bool(stream.next().hash)

        sets, networks = rate(point, seconds), rate(network, seconds)
        return sets, networks, stream.acceptance, "uniform" if stream.uniform else "not uniform"
    start, seed, drawn = time.process_time(), 0, 0
    accepted = paths = 0
    while time.process_time() - start < seconds:
        found = space.draw_decisions(20_000, budget, seed)
        seed, drawn = seed + 1, drawn + len(found.decisions)
        accepted, paths = accepted + found.num_accepted, paths + found.num_drawn
    sets = drawn / (time.process_time() - start)
    empty = Space(space.document)
    waiting: list[Decisions] = []

    def from_chain() -> int:
        nonlocal seed
        if not waiting:
            seed += 1
            waiting.extend(space.draw_decisions(2_000, budget, seed).decisions)
        one = empty.point(waiting.pop())
        assert budget.admits(one.costs)
        return bool(one.hash)

    return sets, rate(from_chain, seconds), accepted / paths, "uniform"


def rejection(space: Space, seconds: float) -> float:
    """Uniform draws of the space per second, each with its costs and its hash, whatever the budget."""
    space, random = Space(space.document), Random(0)

    def draw() -> int:
        point = space.draw(random)
        return 1 if point is None else bool(point.costs.macs and point.hash)

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
    known = space.chain is not None
    seconds = time.process_time() - start
    print(f"the chain is made in {seconds:.2f} s, once" if known else f"no chain: {space.no_chain_because}")
    others = {
        "rejection, our space": rejection(space, options.seconds),
        "Optuna, torch on meta": optuna_and_torch(space, options.seconds),
    }
    if options.pyglove:
        sys.path.insert(0, options.pyglove)
        others["PyGlove, decisions alone"] = pyglove(space, options.seconds)
    print(f"\n{'budget':>22}  {'share':>8}  {'count':>9}  {'decision sets/s':>15}  {'networks/s':>10}  acceptance")
    for share in SHARES:
        budget = budget_of(space, share) if known else estimated_budget(space, share)
        start = time.process_time()
        held = space.count(budget).estimate / space.size() if known else share
        seconds = time.process_time() - start
        sets, networks, acceptance, how = ours(space, budget, options.seconds)
        figures = f"{held:8.1e}  {seconds:7.2f} s  {sets:15,.0f}  {networks:10,.0f}  {acceptance:.4f}"
        print(f"{budget!s:>22}  {figures}, {how}")
        for name, number in others.items():
            print(f"{name:>46}: {number * held:12.2g} in the budget a second, of {number:,.1f}")


if __name__ == "__main__":
    main()
