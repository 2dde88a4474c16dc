"""What holds of every network of the family tree, on seeded samples: `SAMPLES=2000 pytest -m slow` takes so many."""

from __future__ import annotations

import os
from functools import cache
from random import Random

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import search_spaces
from graphs import Budget, Graph
from search_spaces import Decisions, Point, Space
from search_spaces.code_expressions import NotLegal
from search_spaces.kinship import remembered_points, space_for
from tests.search_spaces.flat import flattened

NUM_SAMPLES = int(os.environ.get("SAMPLES", "30"))
LOCATED = 10  # one in so many is located, which takes a second or more
CASES = [
    pytest.param(32, 10, Budget.of(max_params="300k", max_macs="20M"), id="32x32"),
    pytest.param(224, 1000, Budget.of(max_params="5M", max_macs="600M"), id="224x224"),
]


@cache
def samples(size: int, classes: int, budget: Budget) -> tuple[Space, tuple[Point, ...]]:
    """A space of images of a size, and its samples within a budget."""
    space = search_spaces.load("cnn", {"size": size, "classes": classes})
    return space, space.sample(NUM_SAMPLES, budget, seed=size).points


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("size", "classes", "budget"), CASES)
def test_samples_are_legal_and_cost_what_torch_counts(size: int, classes: int, budget: Budget) -> None:
    space, points = samples(size, classes, budget)
    for point in points:
        graph = space.point(point.decisions).graph
        costs = graph.costs()
        assert budget.admits(costs)
        assert costs.totals == point.costs
        params, flops = torch_counts(graph)
        assert (costs.params, costs.flops) == (params, flops), point.decisions


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("size", "classes", "budget"), CASES)
def test_the_hash_survives_renaming_and_reordering(size: int, classes: int, budget: Budget) -> None:
    _, points = samples(size, classes, budget)
    for number, point in enumerate(points):
        assert flattened(point.graph, number).hash == point.hash, point.decisions


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("size", "classes", "budget"), CASES)
def test_what_is_located_is_the_network(size: int, classes: int, budget: Budget) -> None:
    space, points = samples(size, classes, budget)
    for number, point in enumerate(points[::LOCATED]):
        found = space.locate(flattened(point.graph, number))
        assert space.point(found).hash == point.hash, point.decisions


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("size", "classes"), [(32, 10), (224, 1000)])
def test_every_alternative_of_every_decision_is_in_a_legal_network(size: int, classes: int) -> None:
    """A mutation takes every alternative of a decision that matters, so all of them are reached."""
    space = search_spaces.load("cnn", {"size": size, "classes": classes})
    random = Random(size)
    tried = random.sample(space.decisions, min(len(space.decisions), NUM_SAMPLES))
    unreached = [
        (decision.address, alternative)
        for decision in tried
        for position, alternative in enumerate(decision.alternatives)
        if not any(_is_legal(space, decision.address, position, random) for _ in range(20))
    ]
    assert unreached == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_neighbours_of_the_hand_designed_networks_are_legal_and_compile() -> None:
    """Every alternative of every decision of a network, all else alike, is a legal network; some are compiled."""
    random = Random(0)
    known = remembered_points("cnn")
    assert known is not None
    for name in random.sample(sorted(known), min(len(known), NUM_SAMPLES // 10)):
        space = space_for("cnn", search_spaces.load_network(name).as_shipped)
        here = space.active(known[name])
        others = [
            (address, alternative)
            for address, chosen in here.items()
            for alternative in space.decision(address).alternatives
            if alternative != chosen
        ]
        legal = [change for change in others if _neighbour(space, {**here, change[0]: change[1]}, random) is not None]
        assert legal == others, name
        for address, alternative in random.sample(others, 4):
            decisions = _neighbour(space, {**here, address: alternative}, random)
            assert decisions is not None
            graph = space.point(decisions).graph
            assert torch_counts(graph) == (graph.costs().params, graph.costs().flops), (name, address, alternative)


def torch_counts(graph: Graph) -> tuple[int, int]:
    """Parameters and FLOPs by torch, on its meta device."""
    module = graph.compile(device="meta").eval()
    images = [torch.empty(1, *type.shape, device="meta") for type in graph.inputs.values()]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*images)
    return sum(weight.numel() for weight in module.parameters()), counter.get_total_flops()


def _neighbour(space: Space, wanted: Decisions, random: Random) -> Decisions | None:
    """A legal point with these decisions, what else matters then being drawn."""
    assert space.costing is not None
    for _ in range(20):
        taken = dict(wanted)

        def choose(decision: search_spaces.Decision, taken: Decisions = taken) -> int:
            if decision.address not in taken:
                taken[decision.address] = random.choice(decision.alternatives)
            return decision.alternatives.index(taken[decision.address])

        try:
            space.costing.costs(choose)
        except NotLegal:
            continue
        return space.active(taken)
    return None


def _is_legal(space: Space, address: str, position: int, random: Random) -> bool:
    """Whether a network that takes an alternative, whatever leads there, and a random one of all else, is legal."""
    decision = space.decision(address)
    wanted: Decisions = {address: decision.alternatives[position]}
    words = address.split(".")
    if words[0] == "stages" and words[1].isdigit():
        wanted["stages.repeat"] = int(words[1]) + 1
    for end in range(1, len(words)):
        above = ".".join(words[:end])
        try:
            if words[end] in space.decision(above).alternatives:
                wanted[above] = words[end]
        except search_spaces.DecisionError:
            continue
    found = _neighbour(space, wanted, random)
    return found is not None and address in found
