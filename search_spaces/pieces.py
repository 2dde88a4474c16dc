"""What was made on a walk without networks: blocks, and pieces.

A *piece* is what was made of one or more types; it consists of blocks and other pieces. Each of them knows its
canonical code (`graphs.series`) and its peak of memory as soon as it is asked, so that a network which was walked for
its costs has a hash as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from blocks.types import Type, num_bytes
from graphs.parts import Label, canonical_code_within, peaks_within
from search_spaces.quotes import Block

UNKNOWN = Label(None)

# Something made, the values that it reads, and its type. The values of a piece are its inputs and then what its wires
# make, by number.
Wire = tuple["Block | Piece", tuple[int, ...], Type]


@dataclass(eq=False)
class Piece:
    """What was made of some types; `ends` are the values that it gives."""

    inputs: tuple[Type, ...]
    wires: tuple[Wire, ...]
    ends: tuple[int, ...]

    @cached_property
    def label(self) -> Label:
        wires, ends = _spliced(self)
        return _label(wires, len(self.inputs), ends)

    @cached_property
    def num_nodes(self) -> int:
        """The nodes of a network that is made of it."""
        return sum([what.num_nodes if isinstance(what, Piece) else 1 for what, _, _ in self.wires])

    @cached_property
    def peaks(self) -> tuple[int, int]:
        """The peak of memory in bytes, and that where somebody else still needs what the piece reads first."""
        wires, ends = _spliced(self)
        types = [*self.inputs, *(type for _, _, type in wires)]
        return _peaks(wires, types, ends, len(self.inputs))


def _label(wires: tuple[Wire, ...], first: int, ends: tuple[int, ...]) -> Label:
    labels = [what.label for what, _, _ in wires]
    if first == 1 and ends == (len(wires),) and all(read == (at,) for at, (_, read, _) in enumerate(wires)):
        codes = [label.canonical_code for label in labels if label.canonical_code is not None]  # in series, as most are
        if len(codes) == len(labels) and all(label.is_plain for label in labels):
            return Label(b"".join(codes))
    read = {*ends, *(source for _, sources, _ in wires for source in sources)}
    if not read.issuperset(range(first, first + len(wires))):
        return UNKNOWN
    code, is_plain = canonical_code_within(first, labels, [*[()] * first, *(sources for _, sources, _ in wires)], ends)
    return Label(code, True, is_plain)


def _peaks(wires: tuple[Wire, ...], types: list[Type], ends: tuple[int, ...], first: int) -> tuple[int, int]:
    inside = [what.peaks if isinstance(what, Piece) else None for what, _, _ in wires]
    read = [*[()] * first, *(sources for _, sources, _ in wires)]
    return peaks_within(first, inside, read, [num_bytes(type) for type in types], ends)


def _spliced(piece: Piece) -> tuple[tuple[Wire, ...], tuple[int, ...]]:
    """The wires of a piece and its ends, with those of pieces that read more than one value in their place."""
    if not any(len(read) > 1 and isinstance(what, Piece) for what, read, _ in piece.wires):
        return piece.wires, piece.ends
    found: list[Wire] = []
    first = len(piece.inputs)
    places = list(range(first))
    for what, sources, type in piece.wires:
        read = [places[source] for source in sources]
        if isinstance(what, Piece) and len(what.inputs) > 1:
            wires, (end,) = _spliced(what)
            for inner, inner_sources, inner_type in wires:
                found.append((inner, tuple([read[source] for source in inner_sources]), inner_type))
                read.append(first + len(found) - 1)
            places.append(read[end])
        else:
            found.append((what, tuple(read), type))
            places.append(first + len(found) - 1)
    return tuple(found), tuple([places[end] for end in piece.ends])
