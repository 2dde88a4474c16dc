"""The canonical hash: one for all graphs that are equal up to node names and the order of commutative inputs.

Every value gets a colour from its block and the colours of its inputs (as a Merkle tree does), then one from its own
and its readers' colours, then from its inputs' again; the hash is that of the sorted colours. The second and third
sweep tell one shared node from two equal ones. Two different graphs that colour refinement cannot tell apart
would have one hash; no pair of networks with unequal parameters, MACs or depth is among them.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from blocks.primitive import Primitive

if TYPE_CHECKING:
    from graphs.graph import Graph

LENGTH = 16


def canonical_hash(graph: Graph) -> str:
    """The hash as 32 hexadecimal digits."""
    return _digest(b"".join(sorted(colours_of(graph)))).hex()


def colours_of(graph: Graph) -> list[bytes]:
    """A colour for every value, inputs first: in graphs of one hash, equal ones stand for each other."""
    inputs = len(graph.inputs)
    labels = [_digest(f"input {number} {type!r}") for number, type in enumerate(graph.inputs.values())]
    labels += [block_label(node.block) for node in graph.nodes]
    outputs: dict[int, list[int]] = {}
    for order, value in enumerate(graph.outputs.values()):
        outputs.setdefault(value, []).append(order)

    colours = _downwards(graph, labels)
    readers: list[list[bytes]] = [[] for _ in labels]
    for value in range(len(labels) - 1, -1, -1):
        ends = f"{outputs.get(value, '')}".encode()
        colours[value] = _digest(colours[value] + ends + b"".join(sorted(readers[value])))
        if value >= inputs:
            node = graph.nodes[value - inputs]
            for slot, source in enumerate(node.sources):
                position = b"*" if node.block.commutative else str(slot).encode()
                readers[source].append(position + colours[value])
            if node.shares is not None:
                readers[node.shares].append(b"shares" + colours[value])
    return _downwards(graph, colours)


@lru_cache(maxsize=65536)
def block_label(block: Primitive) -> bytes:
    """What a block is, without its name: its key and all its arguments."""
    return _digest(f"{block.key} {sorted(block.model_dump().items())}")


def _downwards(graph: Graph, labels: list[bytes]) -> list[bytes]:
    inputs = len(graph.inputs)
    colours = labels[:inputs]
    for label, node in zip(labels[inputs:], graph.nodes, strict=True):
        sources = [colours[source] for source in node.sources]
        owner = b"" if node.shares is None else b"shares" + colours[node.shares]
        colours.append(_digest(label + owner + b"".join(sorted(sources) if node.block.commutative else sources)))
    return colours


def _digest(content: str | bytes) -> bytes:
    return blake2b(content.encode() if isinstance(content, str) else content, digest_size=LENGTH).digest()
