"""Which nodes of two graphs stand for each other.

Where the graphs are equal up to names, those of one canonical colour. Else the same address with the same block on the
same types; then runs of equal nodes in both orders, where the steps of a body were renumbered or renamed: they hold two
nodes with MACs, or one and no address that the other graph has, as shorter ones pair by chance what has nothing to do
with each other; then what has the same address; then a block with another in its place, whose names nobody gave; then
single nodes that are equal.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping
from difflib import SequenceMatcher

from graphs.canonical import canonical_order, colours_of
from graphs.graph import Graph, Node

MOST_COMPARED = 16_000_000  # pairs of nodes; above it, runs are not looked for


def pair_nodes(before: Graph, after: Graph) -> dict[int, int]:
    """The nodes of the second graph by those of the first."""
    if before.hash == after.hash:
        return _pair_equal(before, after)
    old, new = _signatures(before), _signatures(after)
    places = {node.address: index for index, node in enumerate(after.nodes)}
    same_place = {index: places[node.address] for index, node in enumerate(before.nodes) if node.address in places}
    pairs = {one: other for one, other in same_place.items() if old[one] == new[other]}
    taken = set(pairs.values())

    def join(one: int, other: int) -> None:
        if one not in pairs and other not in taken:
            pairs[one] = other
            taken.add(other)

    left = [index for index in range(len(old)) if index not in pairs]
    right = [index for index in range(len(new)) if index not in taken]
    for run in _runs([old[index] for index in left], [new[index] for index in right]):
        members = [(left[one], right[other]) for one, other in run]
        heavy = [one for one, _ in members if before.costs().nodes[one].macs]
        if len(heavy) > 1 or (heavy and not any(one in same_place for one, _ in members)):
            for one, other in members:
                join(one, other)
    for one, other in same_place.items():
        join(one, other)
    for one, other in list(_replaced(before, after, pairs)):
        join(one, other)
    waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for index, signature in enumerate(new):
        if index not in taken:
            waiting[signature].append(index)
    for index, signature in enumerate(old):
        if index not in pairs and waiting[signature]:
            join(index, waiting[signature].popleft())
    return dict(sorted(pairs.items()))


def name_is_given(node: Node) -> bool:
    """Whether the last part of an address is somebody's word, and not that of the block, numbered or not."""
    rest = node.address.rpartition(".")[2].removeprefix(node.block.key)
    return rest != "" and not rest.isdecimal()


def paired_values(before: Graph, after: Graph, pairs: Mapping[int, int]) -> dict[int, int]:
    """The values of the second graph by those of the first: inputs by name, or by position; nodes as they are
    paired."""
    names = list(after.inputs)
    first, second = len(before.inputs), len(after.inputs)
    values = {}
    for position, name in enumerate(before.inputs):
        if name in names:
            values[position] = names.index(name)
        elif position < second and names[position] not in before.inputs:
            values[position] = position
    return values | {first + one: second + other for one, other in pairs.items()}


def _replaced(before: Graph, after: Graph, pairs: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Nodes that are not paired yet, whose names nobody gave and so follow the block, as `act.silu` and `act.relu`:
    those in the same body that read the same, and either both keep its type or both make the same of it."""
    taken = set(pairs.values())
    waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for index, node in enumerate(after.nodes):
        if index not in taken and not name_is_given(node):
            waiting[_body(node), node.sources].append(index)
    values = paired_values(before, after, pairs)
    for index, node in enumerate(before.nodes):
        if index in pairs or name_is_given(node):
            continue
        found = waiting.get((_body(node), tuple(values.get(source, -1) for source in node.sources)))
        if found and (
            node.type == after.nodes[found[0]].type or (_keeps(before, node) and _keeps(after, after.nodes[found[0]]))
        ):
            values[len(before.inputs) + index] = len(after.inputs) + found[0]
            yield index, found.popleft()


def _body(node: Node) -> str:
    return node.address.rpartition(".")[0]


def _keeps(graph: Graph, node: Node) -> bool:
    return graph.input_types(node) == (node.type,)


def _pair_equal(before: Graph, after: Graph) -> dict[int, int]:
    """The nodes of graphs that are equal up to names: those of one colour, at the same address where they can be.

    Where that pairs nodes that hang together otherwise, as it may among equal branches, they are paired as a whole.
    """
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for index, colour in enumerate(colours_of(after)[len(after.inputs) :]):
        places[colour].append(index)
    colours = list(enumerate(colours_of(before)[len(before.inputs) :]))
    pairs = {}
    for index, colour in colours:
        here = [other for other in places[colour] if after.nodes[other].address == before.nodes[index].address]
        if here:
            pairs[index] = here[0]
            places[colour].remove(here[0])
    pairs.update({index: places[colour].pop(0) for index, colour in colours if index not in pairs})
    if not _is_isomorphism(before, after, pairs):
        first = len(before.inputs)
        orders = zip(canonical_order(before), canonical_order(after), strict=True)
        pairs = {one - first: other - first for one, other in orders if one >= first}
    return dict(sorted(pairs.items()))


def _is_isomorphism(before: Graph, after: Graph, pairs: dict[int, int]) -> bool:
    """Whether paired nodes read paired values, and share weights with paired nodes."""
    first = len(before.inputs)
    place = {value: value for value in range(first)} | {first + one: first + other for one, other in pairs.items()}
    owners: dict[int, int] = {}
    for one, other in pairs.items():
        old, new = before.nodes[one], after.nodes[other]
        wanted, found = [place[source] for source in old.sources], list(new.sources)
        if wanted != found and not (old.block.commutative and sorted(wanted) == sorted(found)):
            return False
        owner = first + other if new.shares is None else new.shares
        if owners.setdefault(first + one if old.shares is None else old.shares, owner) != owner:
            return False
    return True


def _runs(old: list[Hashable], new: list[Hashable]) -> Iterator[list[tuple[int, int]]]:
    """The runs that two sequences have in common, in the order of both."""
    if len(old) * len(new) > MOST_COMPARED:
        return
    for match in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        if match.size:
            yield [(match.a + step, match.b + step) for step in range(match.size)]


def _signatures(graph: Graph) -> list[Hashable]:
    """What a node is, without its name and its place."""
    return [(node.block, graph.input_types(node), node.type) for node in graph.nodes]
