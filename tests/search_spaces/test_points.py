"""A point knows its costs and its hash, which are those of its graph; and a space remembers them, within bounds."""

from __future__ import annotations

from random import Random

import pytest

import search_spaces
from blocks.errors import BudgetError
from graphs import Budget, Document, DocumentError, Graph
from graphs.loading import graph_of
from search_spaces import DecisionError, Space, load_networks

SMALL = search_spaces.load("small")


def fresh(space: Space) -> Space:
    """The same space, which remembers nothing."""
    return Space(space.document)


@pytest.mark.parametrize("name", search_spaces.names("space"))
def test_costs_and_hash_are_those_of_the_graph(name: str) -> None:
    space = search_spaces.load(name)
    for point in space.sample(10, seed=4).points:
        again = fresh(space).point(point.decisions)
        graph = again.graph
        assert again.decisions == point.decisions
        assert again.hash == point.hash == graph.hash
        assert again.costs == point.costs == graph.costs().totals
        assert again.costs.peak_bytes == graph.costs().peak_bytes


KNOTS = """\
version: 1
name: knots
params: {width: 4}
input: {image: {map: [4, 8, 8]}}
blocks:
  knot:                                          # five ways that are neither in series nor side by side
    params: {kernel_size: int}
    body:
      - {name: a, conv2d: {out_channels: in.channels, kernel_size: 1}}
      - {name: b, from: in, tanh: {}}
      - {name: c, from: [a, b], add: {}}
      - {name: d, from: a, relu: {}}
      - {name: e, from: c, conv2d: {out_channels: in.channels, kernel_size: kernel_size, padding: auto}}
      - {from: [d, e], concat: {}}
  shallow:
    params: {like: node}
    body:
      - {name: skip, shortcut: {like: like}}
      - {name: spare, tanh: {}, unused: ok}
      - {from: [skip, like], add: {}}
net:
  - name: first
    repeat: {range: [0, 2]}
    knot: {kernel_size: {choice: [1, 3]}}
  - name: middle
    choice:
      knot: {knot: {kernel_size: 3}}
      both: [{join: add, parallel: {one: [{knot: {kernel_size: 3}}], two: [{knot: {kernel_size: {choice: [3, 5]}}}]}}]
      inside: [{join: concat, parallel: {one: [{relu: {}}, {knot: {kernel_size: 1}}, {tanh: {}}], two: []}}]
      shared: [{name: s, conv2d: {out_channels: in.channels, kernel_size: 1}}, {share: s}]
      nothing: []
  - {name: main, conv: {out_channels: {choice: [4, 8]}, kernel_size: 3}}
  - {name: end, from: in, shallow: {like: main}}
  - {name: last, repeat: {range: [1, 40]}, first: {out_channels: 6}, conv: {out_channels: {choice: [5, 7]}}}
  - global_avg_pool: {}
"""


def test_whatever_is_wired_costs_and_hash_are_those_of_the_graph() -> None:
    seen = set()
    for seed in range(60):
        space = search_spaces.parse(KNOTS)
        point = space.draw(Random(seed))
        assert point is not None
        known = point.costs, point.costs.peak_bytes, point.hash
        costs = point.graph.costs()
        assert known == (costs.totals, costs.peak_bytes, point.graph.hash)
        seen.add(point.decisions["middle"])
    assert len(seen) == 5


@pytest.mark.parametrize("requirement", ["params: '< 3k'", "macs: '>= 100k'", "peak_bytes: '< 10k'"])
def test_what_a_document_requires_holds_for_its_points(requirement: str) -> None:
    space = search_spaces.parse(KNOTS)
    strict = search_spaces.parse(f"{KNOTS}require: {{{requirement}}}\n")
    metric, bound = requirement.split(": ")
    sign, limit = bound.strip("'").split()
    budget = Budget.of({f"{'max' if sign == '<' else 'min'}_{metric}": limit})
    kept = 0
    for seed in range(30):
        point = space.draw(Random(seed))
        assert point is not None
        if budget.admits(point.costs):
            kept += 1
            assert strict.point(point.decisions).hash == point.hash
        else:
            with pytest.raises(DocumentError, match="E"):
                strict.point(point.decisions)
    assert 0 < kept < 30


@pytest.mark.slow
def test_what_networks_come_to_in_parts_is_what_their_graphs_say() -> None:
    for name, graph in load_networks():
        point = Space(graph.document).point({})
        assert (point.costs, point.hash) == (graph.costs().totals, graph.hash), name
        assert point.costs.peak_bytes == graph.costs().peak_bytes, name


def test_what_is_known_of_a_point_is_remembered_without_its_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    space, made = fresh(SMALL), list[str]()

    def noted(document: Document) -> Graph:
        made.append(document.name)
        return graph_of(document)

    monkeypatch.setattr("search_spaces.space.graph_of", noted)
    monkeypatch.setattr("search_spaces.space.MAX_GRAPHS", 1)
    points = [space.point(point.decisions) for point in SMALL.sample(5).points]
    known = [(point.hash, point.costs) for point in points]
    made.clear()
    assert [(point.hash, point.costs) for point in map(space.point, (p.decisions for p in points))] == known
    assert made == []
    assert points[0].graph.hash == known[0][0]
    assert points[0].graph is points[0].graph


def test_a_space_forgets_the_oldest_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_spaces.space.MAX_REMEMBERED", 3)
    space, points = fresh(SMALL), SMALL.sample(6).points
    assert [space.point(point.decisions).hash for point in points] == [point.hash for point in points]
    assert [space.point(point.decisions).costs for point in points] == [point.costs for point in points]


def test_decisions_that_do_not_matter_are_not_those_of_the_point() -> None:
    decisions = SMALL.sample(1).points[0].decisions
    full = {decision.address: decision.alternatives[0] for decision in SMALL.decisions} | decisions
    assert len(full) > len(decisions)
    assert SMALL.point(full).decisions == decisions
    assert SMALL.point(full) == SMALL.point(decisions)


def test_what_python_calls_equal_to_an_alternative_is_none() -> None:
    space = search_spaces.parse(
        "version: 1\nname: two\nparams: {bias: {choice: [true, false]}, width: {choice: [1, 2]}}\n"
        "input: {image: {map: [3, 8, 8]}}\n"
        "net: [{name: a, conv2d: {out_channels: width, bias: bias, kernel_size: 1}}]\n"
    )
    assert space.point({"params.bias": True, "params.width": 1}).hash
    with pytest.raises(DecisionError, match=r"`1` is no alternative of `params\.bias`"):
        space.point({"params.bias": 1, "params.width": 1})
    with pytest.raises(DecisionError, match=r"`True` is no alternative of `params\.width`"):
        space.point({"params.bias": True, "params.width": True})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nonsense": 1}, "the space has no decision `nonsense`"),
        ({"params.activation": "relu7"}, "`relu7` is no alternative of `params.activation`"),
    ],
)
def test_decisions_that_are_no_point_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DecisionError) as caught:
        SMALL.point({**SMALL.sample(1).points[0].decisions, **change})
    assert caught.value.message == message


def test_a_decision_that_is_missing_is_named() -> None:
    with pytest.raises(DecisionError) as caught:
        SMALL.point({})
    assert caught.value.message == "there is no decision for `params.activation`"


@pytest.mark.parametrize("num_changes", [1, 2])
def test_mutants_are_different_points_within_the_budget(num_changes: int) -> None:
    budget = Budget.of(max_params="4k")
    start = SMALL.sample(1, budget, seed=2).points[0].decisions
    found = SMALL.mutants(start, Random(0), 20, num_changes, budget)
    assert len({tuple(point.decisions.items()) for point in found}) == len(found) == 20
    for point in found:
        assert budget.admits(point.costs)
        assert (
            1
            <= sum(point.decisions[address] != start[address] for address in point.decisions.keys() & start)
            <= num_changes
        )


def test_there_are_as_many_mutants_as_a_space_has() -> None:
    space = search_spaces.parse(
        "version: 1\nname: three\ninput: {image: {map: [3, 8, 8]}}\n"
        "net: [{name: a, conv2d: {out_channels: {choice: [1, 2, 3]}, kernel_size: 1}}]\n"
    )
    found = space.mutants({"a.out_channels": 2}, Random(0), 10)
    assert {point.decisions["a.out_channels"] for point in found} == {1, 3}
    assert space.mutants({"a.out_channels": 1}, Random(0), 10, budget=Budget.of(max_params=4)) == []
    with pytest.raises(BudgetError):
        space.mutate({"a.out_channels": 1}, Random(0), budget=Budget.of(max_params=4))
