"""What is made on a walk without networks, and what it costs: blocks, recipes of blocks, and pieces.

A *block* is a primitive with its arguments. A *recipe* is what a template makes that asks for little of the types that
it meets, such as how many channels its input has: some blocks, the same on many types. A *piece* is what was made of
one or more types; it consists of blocks, recipes and other pieces. Each of them knows its trail (`graphs.canonical`)
and its peak of memory as soon as it is asked, so that a network which was walked for its costs has a hash as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from blocks.extensions import infer_extension, is_extension
from blocks.primitive import Primitive, check_inputs
from blocks.types import Map, Type, Vector, num_bytes
from graphs.assembly import MAX_CHANNELS
from graphs.canonical import block_label
from graphs.parts import Label, peaks_within, trail_within
from search_spaces.chains import Costs

NO_TYPE: Type = Vector(0)  # of the values of a recipe
UNKNOWN = Label(None)


class Quote(NamedTuple):
    """What something costs on some types (parameters, MACs, bytes of activations, size), and the type that it gives;
    None where it costs at least so much, and the rest was not asked for. `piece` is what a template makes that is no
    recipe."""

    costs: Costs
    type: Type | None
    piece: Piece | None = None


class Wire(NamedTuple):
    """Something made, the values that it reads, and its type. The values of a piece, or of a recipe, are its inputs and
    then what its wires make, by number."""

    what: Block | Recipe | Piece
    sources: tuple[int, ...]
    type: Type


@dataclass(eq=False)
class Block:
    """A primitive that is made already."""

    primitive: Primitive

    @cached_property
    def label(self) -> Label:
        return Label(block_label(self.primitive), not self.primitive.commutative)

    @cached_property
    def _infer(self) -> Callable[[tuple[Type, ...]], Type]:
        return partial(infer_extension, self.primitive) if is_extension(type(self.primitive)) else self.primitive.infer

    def type_on(self, types: tuple[Type, ...]) -> Type:
        """The type that it gives. Raises `RuleError`."""
        check_inputs(self.primitive, types)
        return self._infer(types)


@dataclass(eq=False)
class Recipe:
    """Blocks, in an order in which they can be made of one value. `end` is the value that they give, `size` is that of
    `purses`."""

    wires: tuple[Wire, ...]
    end: int
    size: int

    @cached_property
    def label(self) -> Label:
        return _label(self.wires, 1, (self.end,))


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
    def peaks(self) -> tuple[int, int]:
        """The peak of memory in bytes, and that where somebody else still needs what the piece reads first."""
        wires, ends = _spliced(self)
        types = [*self.inputs, *(wire.type for wire in wires)]
        return _peaks(wires, types, ends, len(self.inputs))


def is_too_large(type: Type) -> bool:
    """Whether a network may not have a map like this."""
    if not isinstance(type, Map):
        return False
    return type.channels > MAX_CHANNELS or type.height > MAX_CHANNELS or max(type.width, *type.stride) > MAX_CHANNELS


def types_in(recipe: Recipe, source: Type) -> list[Type]:
    """The types of all values of a recipe that reads this one. Raises `RuleError`."""
    types = [source]
    for what, sources, _ in recipe.wires:
        assert isinstance(what, Block)
        types.append(what.type_on(tuple([types[one] for one in sources])))
    return types


def _label(wires: tuple[Wire, ...], first: int, ends: tuple[int, ...]) -> Label:
    read = {*ends, *(source for wire in wires for source in wire.sources)}
    if not read.issuperset(range(first, first + len(wires))):
        return UNKNOWN
    labels = [wire.what.label for wire in wires]
    sources = [*[()] * first, *(wire.sources for wire in wires)]
    if first == 1 and ends == (len(wires),) and all(wire.sources == (at,) for at, wire in enumerate(wires)):
        trails = [label.trail for label in labels if label.trail is not None]  # in series, as most are
        if len(trails) == len(labels) and all(label.is_plain for label in labels):
            return Label(b"".join(trails))
    trail, is_plain = trail_within(first, labels, sources, ends)
    return Label(trail, True, is_plain)


def _peaks(wires: tuple[Wire, ...], types: list[Type], ends: tuple[int, ...], first: int) -> tuple[int, int]:
    inside: list[tuple[int, int] | None] = []
    for what, sources, _ in wires:
        if isinstance(what, Recipe):
            source = types[sources[0]]
            inside.append(_peaks(what.wires, types_in(what, source), (what.end,), 1))
        else:
            inside.append(what.peaks if isinstance(what, Piece) else None)
    read = [*[()] * first, *(wire.sources for wire in wires)]
    return peaks_within(first, inside, read, [num_bytes(type) for type in types], ends)


def _spliced(piece: Piece) -> tuple[tuple[Wire, ...], tuple[int, ...]]:
    """The wires of a piece and its ends, with those of pieces that read more than one value in their place."""
    if not any(isinstance(wire.what, Piece) and len(wire.what.inputs) > 1 for wire in piece.wires):
        return piece.wires, piece.ends
    found: list[Wire] = []
    first = len(piece.inputs)
    places = list(range(first))
    for what, sources, type in piece.wires:
        read = [places[source] for source in sources]
        if isinstance(what, Piece) and len(what.inputs) > 1:
            wires, (end,) = _spliced(what)
            for wire in wires:
                found.append(Wire(wire.what, tuple([read[source] for source in wire.sources]), wire.type))
                read.append(first + len(found) - 1)
            places.append(read[end])
        else:
            found.append(Wire(what, tuple(read), type))
            places.append(first + len(found) - 1)
    return tuple(found), tuple([places[end] for end in piece.ends])
