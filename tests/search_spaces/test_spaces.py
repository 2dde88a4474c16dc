"""The spaces that ship: every sample is a legal network, and the benchmarks' are those of their tables.

`nasbench201_rows.csv` and `nasbench_macro_rows.csv` are some 200 rows each, drawn at random, of those of NATS-Bench
(Dong 2020, MIT licence) and NAS-Bench-Macro (Su 2021, Apache-2.0): the digits of an architecture, its parameters, and
what the authors call FLOPs, one for a multiply-add. `iso_class` numbers the classes of isomorphic cells. Where the
environment has NAS_TABLES, the folder of the whole tables, all their rows are looked at.
"""

from __future__ import annotations

import csv
import os
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
WHOLE = {"nasbench201": "nasbench201_cifar10.csv", "nasbench_macro": "nasbench_macro_cifar10.csv"}
FOLDER = os.environ.get("NAS_TABLES")


def rows_of(name: str, path: Path | None = None) -> list[dict[str, str]]:
    with (path or HERE / f"{name}_rows.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def decoded(space: Space, digits: str) -> dict[str, object]:
    """The decisions by the numbers that the benchmarks give their operations, in the order of the text."""
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


@pytest.mark.parametrize("name", TABLES)
def test_the_key_of_a_benchmark_is_that_of_its_table(name: str) -> None:
    space = search_spaces.load(name)
    for row in rows_of(name):
        digits = row[TABLES[name]]
        assert space.decode((digits,)) == decoded(space, digits)
        assert space.key(decoded(space, digits)) == (digits,)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(FOLDER is None, reason="NAS_TABLES names no folder with the whole tables")
@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_the_whole_table_is_located_and_costs_what_it_says(name: str) -> None:
    space = search_spaces.load(name)
    rows = rows_of(name, Path(FOLDER or "") / WHOLE[name])
    assert len({row[TABLES[name]] for row in rows}) == len(rows) == space.size()
    for row in rows:
        graph = space.materialize(space.decode((row[TABLES[name]],)))
        assert (graph.costs().params, graph.costs().macs) == (int(row["params"]), int(row["flops"])), row
        assert space.materialize(space.locate(graph)).hash == graph.hash, row


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
