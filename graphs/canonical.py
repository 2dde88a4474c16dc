"""The canonical hash: one for all graphs that are equal up to names, the order of commutative inputs, and which of
several nodes that share weights comes first.

Every value gets a colour from its block and the colours of its inputs (as a Merkle tree does), then one from its own
and its readers' colours, then from its inputs' again, and so on until the colours get no finer. In most networks each
value has a colour of its own then, and the hash is that of the sorted colours. Where several have one,
`graphs.symmetry` says what is left open; it also says how large a symmetric part may be for that to be exact. A graph
whose colours still get finer after `MAX_COLOURS` of them were made is known by those that it has: a zigzag of some
hundred equal nodes.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from blocks.primitive import Primitive
from graphs.symmetry import Links, Part, open_parts, singles, with_groups

if TYPE_CHECKING:
    from graphs.graph import Graph

LENGTH = 16
MAX_COLOURS = 200_000


def canonical_hash(graph: Graph) -> str:
    """The hash as 32 hexadecimal digits."""
    colours, stable = _refined(graph)
    content = sorted(colours)
    if stable and len(set(colours)) < len(colours):
        content += [part.certificate for part in _open_parts(graph, colours)]
    content += sorted(_digest(b"".join(sorted(colours[value] for value in group))) for group in _groups(graph))
    return _digest(b"".join(content)).hex()


def canonical_order(graph: Graph) -> list[int]:
    """All values, inputs included, in an order in which those of graphs of one hash stand for each other."""
    colours = colours_of(graph)
    return [*singles(dict(enumerate(colours))), *(v for part in _open_parts(graph, colours) for v in part.order)]


def colours_of(graph: Graph) -> list[bytes]:
    """A colour for every value, inputs first, as fine as colours get: values of one colour read and are read alike."""
    return _refined(graph)[0]


def _refined(graph: Graph) -> tuple[list[bytes], bool]:
    """The colours, and whether they are as fine as colours get."""
    labels = [_digest(f"input {number} {type!r}") for number, type in enumerate(graph.inputs.values())]
    labels += [block_label(node.block) for node in graph.nodes]
    groups = _groups(graph)
    colours = _upwards(graph, _downwards(graph, _with_groups(labels, groups)))
    for sweep in range(max(2, MAX_COLOURS // len(labels))):
        mixed = _with_groups(colours, groups)
        finer = _upwards(graph, mixed) if sweep % 2 else _downwards(graph, mixed)
        if len(set(finer)) in (len(finer), len(set(colours))):
            return finer, True
        colours = finer
    return colours, False


@lru_cache(maxsize=65536)
def block_label(block: Primitive) -> bytes:
    """What a block is, without its name: its key and all its arguments."""
    return _digest(f"{block.key} {sorted(block.model_dump().items())}")


def _open_parts(graph: Graph, colours: list[bytes]) -> list[Part]:
    inputs = len(graph.inputs)
    sources: dict[int, list[tuple[int, int]]] = {value: [] for value in range(inputs)}
    for value, node in enumerate(graph.nodes, start=inputs):
        unordered = node.block.commutative
        sources[value] = [(-1 if unordered else slot, source) for slot, source in enumerate(node.sources)]
    return open_parts(dict(enumerate(colours)), Links(sources, _groups(graph)), _digest)


def _groups(graph: Graph) -> list[list[int]]:
    """The values that have one weight, in groups."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for value, node in enumerate(graph.nodes, start=len(graph.inputs)):
        if node.shares is not None:
            groups[node.shares].append(value)
    return [[owner, *others] for owner, others in groups.items()]


def _with_groups(colours: list[bytes], groups: list[list[int]]) -> list[bytes]:
    return list(with_groups(dict(enumerate(colours)), groups, _digest).values()) if groups else colours


def _downwards(graph: Graph, labels: list[bytes]) -> list[bytes]:
    """Colours of values and of all that they are made from."""
    inputs = len(graph.inputs)
    colours = labels[:inputs]
    for label, node in zip(labels[inputs:], graph.nodes, strict=True):
        sources = [colours[source] for source in node.sources]
        colours.append(_digest(label + b"".join(sorted(sources) if node.block.commutative else sources)))
    return colours


def _upwards(graph: Graph, labels: list[bytes]) -> list[bytes]:
    """Colours of values and of all that is made from them."""
    inputs = len(graph.inputs)
    outputs: dict[int, list[int]] = {}
    for order, value in enumerate(graph.outputs.values()):
        outputs.setdefault(value, []).append(order)
    colours = list(labels)
    readers: list[list[bytes]] = [[] for _ in labels]
    for value in range(len(labels) - 1, -1, -1):
        ends = f"{outputs.get(value, '')}".encode()
        colour = colours[value] = _digest(labels[value] + ends + b"".join(sorted(readers[value])))
        if value >= inputs:
            node = graph.nodes[value - inputs]
            unordered = node.block.commutative
            for slot, source in enumerate(node.sources):
                readers[source].append((b"*" if unordered else str(slot).encode()) + colour)
    return colours


def _digest(content: str | bytes) -> bytes:
    return blake2b(content.encode() if isinstance(content, str) else content, digest_size=LENGTH).digest()
