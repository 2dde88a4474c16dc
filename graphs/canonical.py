"""The canonical hash: one for all graphs that are equal up to names, the order of commutative inputs, and which of
several nodes that share weights comes first.

It is a digest of the input types and of the canonical code of everything between inputs and outputs (`graphs.series`),
so that the canonical code of a part of a network, known before, is good for all networks that have the part.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from blocks.primitive import Primitive
from blocks.types import Type
from graphs.colours import Wiring, digest, order, refined
from graphs.series import canonical_code_of

if TYPE_CHECKING:
    from graphs.graph import Graph


def canonical_hash(graph: Graph) -> str:
    """The hash as 32 hexadecimal digits."""
    return hash_of(tuple(graph.inputs.values()), graph_code(graph))


def hash_of(inputs: tuple[Type, ...], canonical_code: bytes) -> str:
    """The hash of a network with these inputs and this canonical code."""
    return digest(_types_label(inputs) + canonical_code).hex()


def graph_code(graph: Graph) -> bytes:
    """The canonical code of a graph, or of a part of one."""
    return canonical_code_of(_wiring(graph))[0]


def canonical_order(graph: Graph) -> list[int]:
    """All values, inputs included, in an order in which those of graphs of one hash stand for each other."""
    return order(_wiring(graph))


def colours_of(graph: Graph) -> list[bytes]:
    """A colour for every value, inputs first, as fine as colours get: values of one colour read and are read alike."""
    return refined(_wiring(graph))


@lru_cache(maxsize=65536)
def block_label(block: Primitive) -> bytes:
    """What a block is, without its name: its key and all its arguments."""
    return digest(f"{block.key} {sorted(block.model_dump().items())}")


@lru_cache(maxsize=1024)
def _types_label(inputs: tuple[Type, ...]) -> bytes:
    return b"".join(_input_label(number, type) for number, type in enumerate(inputs))


def _input_label(number: int, type: Type) -> bytes:
    return digest(f"input {number} {type!r}")


def _wiring(graph: Graph) -> Wiring:
    labels = [_input_label(number, type) for number, type in enumerate(graph.inputs.values())]
    labels += [block_label(node.block) for node in graph.nodes]
    sources: list[tuple[int, ...]] = [()] * len(graph.inputs)
    sources += [node.sources for node in graph.nodes]
    ordered = [True] * len(graph.inputs)
    ordered += [not node.block.commutative for node in graph.nodes]
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for value, node in enumerate(graph.nodes, start=len(graph.inputs)):
        if node.shares is not None:
            groups[node.shares].append(value)
    shared = [[owner, *others] for owner, others in groups.items()]
    return Wiring(labels, sources, ordered, tuple(graph.outputs.values()), shared)
