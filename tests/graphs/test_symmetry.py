"""Graphs that are alike have one hash, and those that are not have two, however symmetric they are: networkx judges."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import networkx
import pytest

import graphs
from blocks import Primitive
from graphs import Graph, Node
from graphs.calls import make_block
from graphs.canonical import canonical_order, colours_of
from graphs.colours import MAX_COLOURS
from graphs.library import block_class
from graphs.symmetry import MAX_WORK
from tests.graphs.wrong_documents import HEAD

PLAIN = graphs.parse(HEAD.replace("[3,", "[4,") + "net: [{relu: {}}]\n")
TYPE = PLAIN.nodes[0].type
OPERATIONS = ("relu", "tanh", "conv")


def block(name: str) -> Primitive:
    """A block that keeps a map of 4 channels as it is."""
    key, arguments = ("conv2d", (("out_channels", 4), ("kernel_size", 1))) if name == "conv" else (name, ())
    kind = block_class(key)
    assert kind is not None
    return make_block(kind, arguments)


def graph_of(
    nodes: Sequence[tuple[str, tuple[int, ...]]], outputs: Iterable[int], shares: dict[int, int] | None = None
) -> Graph:
    """A graph of one input, value 0, from (operation, sources); concat among them has a type that nothing looks at."""
    made = tuple(
        Node(f"n{value}", block(name), sources, TYPE, PLAIN.nodes[0].mark, (shares or {}).get(value))
        for value, (name, sources) in enumerate(nodes, start=1)
    )
    return replace(PLAIN, nodes=made, outputs={f"o{place}": value for place, value in enumerate(outputs)}, groups=())


def mixed(graph: Graph, seed: int) -> Graph:
    """The same graph: its nodes in another order and under other names, inputs of add turned, another sharer first."""
    chance = random.Random(seed)
    first = len(graph.inputs)
    left, order = list(range(first, len(graph.types))), list(range(first))
    while left:  # a random topological order
        ready = [value for value in left if set(graph.nodes[value - first].sources) <= set(order)]
        order.append(chance.choice(ready))
        left.remove(order[-1])
    place = {old: new for new, old in enumerate(order)}
    owners: dict[int, int] = {}
    nodes = []
    for new, old in enumerate(order[first:], start=first):
        node = graph.nodes[old - first]
        sources = [place[source] for source in node.sources]
        if node.block.commutative:
            chance.shuffle(sources)
        group = old if node.shares is None else node.shares
        owner = owners.setdefault(group, new)
        nodes.append(replace(node, address=f"m{new}", sources=tuple(sources), shares=None if owner == new else owner))
    outputs = {f"x{name}": place[value] for name, value in graph.outputs.items()}
    return replace(graph, nodes=tuple(nodes), outputs=outputs)


def labelled(graph: Graph) -> networkx.DiGraph:
    """The graph for networkx: a vertex a value, with its block and its outputs; an edge with all its slots; a vertex of
    its own for every shared weight."""
    first = len(graph.inputs)
    drawn = networkx.DiGraph()
    for value in range(len(graph.types)):
        name = f"input {value}" if value < first else repr(graph.nodes[value - first].block)
        drawn.add_node(value, label=(name, tuple(n for n, end in enumerate(graph.outputs.values()) if end == value)))
    for value, node in enumerate(graph.nodes, start=first):
        for source in set(node.sources):
            slots = tuple(slot for slot, other in enumerate(node.sources) if other == source)
            drawn.add_edge(source, value, slots=len(slots) if node.block.commutative else slots)
        if node.shares is not None:
            for member in (value, node.shares):
                drawn.add_node(("weight", node.shares), label="weight")
                drawn.add_edge(("weight", node.shares), member, slots="shares")
    return drawn


def alike(one: Graph, other: Graph) -> bool:
    """Whether networkx finds the graphs isomorphic."""
    found: bool = networkx.is_isomorphic(
        labelled(one),
        labelled(other),
        node_match=lambda a, b: a["label"] == b["label"],
        edge_match=lambda a, b: a["slots"] == b["slots"],
    )
    return found


TWICE = "  - {name: a, conv: {out_channels: 4}}\n  - {name: b, from: in, conv: {out_channels: 4}}\n"


def test_two_sums_of_two_differ_from_sums_of_one_twice() -> None:
    crossed = "  - {name: c, from: [a, b], add: {}}\n  - {name: d, from: [a, b], add: {}}\n"
    own = "  - {name: c, from: [a, a], add: {}}\n  - {name: d, from: [b, b], add: {}}\n"
    ends = "  - {from: [c, d], add: {}}\n"
    one, other = (graphs.parse(f"{HEAD}net:\n{TWICE}{sums}{ends}") for sums in (crossed, own))
    assert sorted(colours_of(one)) == sorted(colours_of(other))  # colours alone can't say it
    assert one.hash != other.hash
    assert not alike(one, other)


def test_the_order_of_sharers_does_not_matter() -> None:
    net = "  - {name: a, relu: {}}\n  - {name: b, from: in, tanh: {}}\n"
    first = "  - {name: c, from: a, conv: {out_channels: 3}}\n  - {name: d, from: b, share: c}\n"
    other = "  - {name: d, from: b, conv: {out_channels: 3}}\n  - {name: c, from: a, share: d}\n"
    own = "  - {name: c, from: a, conv: {out_channels: 3}}\n  - {name: d, from: b, conv: {out_channels: 3}}\n"
    hashes = [
        graphs.parse(f"{HEAD}net:\n{net}{steps}  - {{from: [c, d], add: {{}}}}\n").hash for steps in (first, other, own)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_who_shares_with_whom_is_part_of_a_network() -> None:
    nodes = [("relu", (0,)), ("tanh", (0,)), *[("conv", (1,)), ("conv", (2,))] * 2, ("add", (3, 4, 5, 6))]
    alone = graph_of(nodes, [7])
    crossed = graph_of(nodes, [7], {4: 3, 6: 5})
    other = graph_of(nodes, [7], {6: 3, 5: 4})
    along = graph_of(nodes, [7], {5: 3, 6: 4})
    assert alike(crossed, other)
    assert crossed.hash == other.hash
    assert len({alone.hash, crossed.hash, along.hash}) == 3


def ring(sizes: Sequence[int]) -> Graph:
    """Equal convolutions, each added to the next one of its ring: rings of one total size look alike from inside."""
    nodes: list[tuple[str, tuple[int, ...]]] = [("conv", (0,))] * sum(sizes)
    sums: list[tuple[str, tuple[int, ...]]] = []
    start = 1
    for size in sizes:
        sums += [("add", (start + place, start + (place + 1) % size)) for place in range(size)]
        start += size
    ends = tuple(range(sum(sizes) + 1, 2 * sum(sizes) + 1))
    return graph_of([*nodes, *sums, ("add", ends)], [2 * sum(sizes) + 1])


def test_rings_that_only_their_length_tells_apart_have_hashes_of_their_own() -> None:
    rings = [ring(sizes) for sizes in ([12], [6, 6], [4, 4, 4], [3, 3, 3, 3], [2, 10], [5, 7], [2] * 6, [3, 4, 5])]
    assert len({tuple(sorted(colours_of(graph))) for graph in rings}) == 1
    assert len({graph.hash for graph in rings}) == len(rings)
    for graph in rings:
        assert {mixed(graph, seed).hash for seed in range(5)} == {graph.hash}


def test_many_equal_branches_and_dense_layers_of_them_need_no_search() -> None:
    branches = [step for place in range(1, 81, 2) for step in (("conv", (0,)), ("relu", (place,)))]
    wide = graph_of([*branches, ("add", tuple(range(2, 81, 2)))], [81])
    every = tuple(range(1, 31))
    full = graph_of([*[("conv", (0,))] * 30, *[("add", every)] * 30, ("add", tuple(range(31, 61)))], [61])
    for graph in (wide, full):
        assert mixed(graph, 1).hash == graph.hash


def test_a_part_too_symmetric_for_the_search_still_has_one_hash() -> None:
    graph = ring([180])
    assert MAX_WORK // (2 * 180) < 180  # the first cell is larger than what may be tried
    assert mixed(graph, 1).hash == graph.hash


def test_a_zigzag_whose_colours_get_finer_without_end_still_has_one_hash() -> None:
    size = 700
    convs: list[tuple[str, tuple[int, ...]]] = [("conv", (0,))] * size
    sums = [("add", (place, place + 1)) for place in range(1, size)]
    end = ("add", tuple(range(size + 1, 2 * size)))
    there, back = graph_of([*convs, *sums, end], [2 * size]), graph_of([*convs, *sums[::-1], end], [2 * size])
    assert MAX_COLOURS // len(there.types) < size // 2  # it would take as many sweeps as there are nodes to the middle
    assert there.hash == back.hash


def cell(chance: random.Random, num_values: int, operations: Sequence[str] = OPERATIONS) -> Graph:
    """A cell: every value after the input adds up a few operations on values before it, as in NAS-Bench-201."""
    nodes: list[tuple[str, tuple[int, ...]]] = []
    values = [0]
    for _ in range(num_values):
        edges = []
        for source in chance.choices(values, k=chance.randint(1, 3)):
            nodes.append((chance.choice(operations), (source,)))
            edges.append(len(nodes))
        if len(edges) > 1:
            nodes.append(("add" if chance.random() < 0.8 else "concat", tuple(edges)))
        values.append(len(nodes))
    return graph_of(nodes, [len(nodes), *chance.choices(values[1:], k=chance.randint(0, 1))])


def edited(graph: Graph, chance: random.Random) -> Graph:
    """The graph with two nodes of one operation that read each other's source: often alike, often not."""
    nodes = list(graph.nodes)
    kinds = [[place for place, node in enumerate(nodes) if node.block == kind.block] for kind in nodes]
    pairs = [(a, b) for same in kinds for a in same for b in same if a < b]
    for a, b in chance.sample(pairs, len(pairs)):
        one, other = list(nodes[a].sources), list(nodes[b].sources)
        i, j = chance.randrange(len(one)), chance.randrange(len(other))
        one[i], other[j] = other[j], one[i]
        if max(one) <= a and max(other) <= b:
            nodes[a], nodes[b] = replace(nodes[a], sources=tuple(one)), replace(nodes[b], sources=tuple(other))
            break
    return replace(graph, nodes=tuple(nodes))


@pytest.mark.slow
def test_networkx_agrees_on_thousands_of_pairs_of_cells() -> None:
    chance = random.Random(0)
    counts = {"alike": 0, "different": 0, "symmetric": 0}
    for number in range(2000):
        one = cell(chance, chance.randint(2, 4), OPERATIONS[: chance.randint(1, 3)])
        other = mixed(edited(one, chance), number)
        same = alike(one, other)
        counts["alike" if same else "different"] += 1
        counts["symmetric"] += len(set(colours_of(one))) < len(one.types)
        assert (one.hash == other.hash) == same, (one.nodes, other.nodes)
    assert counts["alike"] > 1000 < counts["symmetric"]
    assert counts["different"] > 200


def regular(chance: random.Random, width: int, depth: int) -> Graph:
    """Layers of equal nodes, each of which reads two of the layer before and is read twice: one colour a layer."""
    nodes: list[tuple[str, tuple[int, ...]]] = [("conv", (0,))] * width
    for layer in range(depth):
        ends = [layer * width + place + 1 for place in range(width)] * 2
        chance.shuffle(ends)
        nodes += [("add", (ends[2 * place], ends[2 * place + 1])) for place in range(width)]
    last = tuple(range(len(nodes) - width + 1, len(nodes) + 1))
    return graph_of([*nodes, ("add", last)], [len(nodes) + 1])


def test_networkx_agrees_where_colours_say_nothing() -> None:
    chance = random.Random(5)
    counts = {True: 0, False: 0}
    for number in range(600):
        width, depth = chance.randint(2, 5), chance.randint(1, 3)
        one, other = regular(chance, width, depth), mixed(regular(chance, width, depth), number)
        same = alike(one, other)
        if sorted(colours_of(one)) == sorted(colours_of(other)):
            counts[same] += 1
        assert (one.hash == other.hash) == same, (one.nodes, other.nodes)
    assert min(counts.values()) > 50, counts


def test_networkx_agrees_on_all_pairs_among_small_symmetric_graphs() -> None:
    chance = random.Random(1)
    made = [cell(chance, 2, ["conv"]) for _ in range(60)]
    for place, one in enumerate(made):
        for other in made[:place]:
            if len(one.types) == len(other.types):
                assert (one.hash == other.hash) == alike(one, other)


@pytest.mark.parametrize("shared", [False, True], ids=["own weights", "shared weights"])
def test_names_and_orders_do_not_change_the_hash_of_random_networks(shared: bool) -> None:
    chance = random.Random(2)
    for number in range(100):
        graph = cell(chance, chance.randint(3, 12))
        if shared:
            convs = [place for place, node in enumerate(graph.nodes) if node.block == block("conv")]
            owner = {place: 1 + min(convs) for place in convs[1:] if chance.random() < 0.5}
            nodes = [replace(node, shares=owner.get(place)) for place, node in enumerate(graph.nodes)]
            graph = replace(graph, nodes=tuple(nodes))
        assert mixed(graph, number).hash == graph.hash


def test_any_edit_of_a_random_network_changes_its_hash() -> None:
    chance = random.Random(3)
    for _ in range(100):
        graph = cell(chance, chance.randint(3, 12))
        place = chance.randrange(len(graph.nodes))
        node = graph.nodes[place]
        kind = "relu6" if len(node.sources) == 1 else "concat" if node.block.commutative else "add"
        nodes = (*graph.nodes[:place], replace(node, block=block(kind)), *graph.nodes[place + 1 :])
        assert replace(graph, nodes=nodes).hash != graph.hash


def test_the_canonical_order_maps_equal_graphs_onto_each_other() -> None:
    chance = random.Random(4)
    for number in range(200):
        one = cell(chance, chance.randint(2, 5), OPERATIONS[: chance.randint(1, 3)])
        other = mixed(one, number)
        place = dict(zip(canonical_order(one), canonical_order(other), strict=True))
        first = len(one.inputs)
        for value, node in enumerate(one.nodes, start=first):
            counterpart = other.nodes[place[value] - first]
            wanted = [place[source] for source in node.sources]
            found = list(counterpart.sources)
            assert (node.block, *(sorted(wanted) if node.block.commutative else wanted)) == (
                counterpart.block,
                *(sorted(found) if node.block.commutative else found),
            )
        assert [place[value] for value in one.outputs.values()] == list(other.outputs.values())
