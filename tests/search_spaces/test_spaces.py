"""The spaces that ship: every sample is a legal network, and the benchmarks' are those of their tables.

`nasbench201_rows.csv` and `nasbench_macro_rows.csv` are some 200 rows each, drawn at random, of those of NATS-Bench
(Dong 2020, MIT licence) and NAS-Bench-Macro (Su 2021, Apache-2.0): the digits of an architecture, its parameters, and
what the authors call FLOPs, one for a multiply-add. `iso_class` numbers the classes of isomorphic cells.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import graphs
import search_spaces
from search_spaces import Space

HERE = Path(__file__).parent
SIZES = {"nasbench201": 5**6, "nasbench_macro": 3**8}
TABLES = {"nasbench201": "ops", "nasbench_macro": "arch"}


def rows_of(name: str) -> list[dict[str, str]]:
    with (HERE / f"{name}_rows.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def decoded(space: Space, digits: str) -> dict[str, object]:
    """The decisions in the order of the text, each digit the place of an alternative."""
    pairs = zip(space.decisions, digits, strict=True)
    return {decision.address: decision.alternatives[int(digit)] for decision, digit in pairs}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_a_benchmark_has_the_points_of_its_table(name: str, size: int) -> None:
    assert search_spaces.load(name).size() == size


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_a_table_have_its_parameters_and_flops(name: str) -> None:
    space = search_spaces.load(name)
    for row in rows_of(name):
        costs = space.materialize(decoded(space, row[TABLES[name]])).costs()
        assert (costs.params, costs.macs) == (int(row["params"]), int(row["flops"])), row


def test_cells_of_one_hash_are_isomorphic() -> None:
    space = search_spaces.load("nasbench201")
    classes: dict[str, set[str]] = {}
    for row in rows_of("nasbench201"):
        classes.setdefault(space.materialize(decoded(space, row["ops"])).hash, set()).add(row["iso_class"])
    assert all(len(found) == 1 for found in classes.values())


def test_edges_that_may_change_places_give_one_hash() -> None:
    # Node 1 is the input, by a skip: so are the sources of the first two edges into node 3.
    space = search_spaces.load("nasbench201")
    one, other = (space.materialize(decoded(space, digits)).hash for digits in ("102232", "102322"))
    assert one == other


def test_an_edge_of_none_gives_zeros() -> None:
    space = search_spaces.load("nasbench201")
    cell = space.materialize(decoded(space, "000000")).compile().get_submodule("stage1.0")
    zeroed = [module(torch.ones(1, 16, 4, 4)) for name, module in cell.named_children() if name.startswith("e")]
    assert len(zeroed) == 6
    assert not any(output.any() for output in zeroed)


@pytest.mark.parametrize("name", ["nasbench201", "nasbench_macro", "mobile", "cells", "small"])
def test_samples_are_legal_and_cost_what_torch_counts(name: str) -> None:
    for point in search_spaces.load(name, {"size": 32} if name == "mobile" else None).sample(3, seed=1).points:
        graph = point.graph
        assert graphs.parse(graph.text()).hash == graph.hash
        module = graph.compile(device="meta").eval()
        [source] = graph.inputs.values()
        with FlopCounterMode(display=False) as counter:
            module(torch.empty(1, *source.shape, device="meta"))
        assert counter.get_total_flops() == graph.costs().flops
        assert sum(parameter.numel() for parameter in module.parameters()) == graph.costs().params


def test_mobile_is_of_the_scale_of_the_networks_that_it_is_named_after() -> None:
    # MobileNetV3-Large: 5.48M parameters, 217M MACs (torchvision). MnasNet-A1: 3.9M and 312M (Tan 2019, table 1).
    space = search_spaces.load("mobile")
    costs = [point.graph.costs() for point in space.sample(30, seed=0).points]
    assert min(cost.params for cost in costs) < 3_900_000 < max(cost.params for cost in costs)
    assert min(cost.macs for cost in costs) < 217_000_000 < max(cost.macs for cost in costs)


def test_cells_reach_every_wiring() -> None:
    space = search_spaces.load("cells")
    wiring = {decision.address: decision.alternatives for decision in space.decisions if decision.kind == "source"}
    assert wiring == {
        f"blocks.edges.{side}{node}.from": ("in", *(f"node{before}" for before in range(1, node)))
        for node in (2, 3, 4)
        for side in "ab"
    }
    assert space.size() == 4 * 3 * 6**8 * (2 * 3 * 4) ** 2
