"""What a part of a network comes to, without its nodes: its figures, the type that it gives, and its canonical code.

A part reads one value and gives one. Parts in series add up, and so a network costs what it has of new parts. All of it
is exact: what a network comes to is what its graph says (`graphs.costs`, `graphs.canonical`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

from blocks.primitive import Primitive
from blocks.types import Type, num_bytes
from graphs.canonical import block_label
from graphs.colours import Wiring
from graphs.costs import Totals, block_cost
from graphs.graph import Node
from graphs.series import NOTHING, canonical_code_of


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of a part, alone in a network; `peak_kept_bytes` is the peak where somebody else still needs what it
    reads. `canonical_code` is unknown (None) where it depends on what is around the part. `is_plain` says that the code
    holds wherever the part stands; one that is not plain holds where all ways lead through both of its ends.

    `num_steps`, `depth` and `length` are what making it took of the limits of an expansion: steps, nested blocks, and
    characters of an address.
    """

    type: Type
    params: int = 0
    macs: int = 0
    activation_bytes: int = 0
    peak_bytes: int = 0
    peak_kept_bytes: int = 0
    canonical_code: bytes | None = b""
    is_plain: bool = True
    num_nodes: int = 0
    num_steps: int = 0
    depth: int = 0
    length: int = 0

    @property
    def totals(self) -> Totals:
        """What a budget may bound."""
        return Totals(self.params, self.macs, self.activation_bytes, self.peak_bytes)


def nothing(type: Type) -> Part:
    """The part that gives what it reads."""
    return Part(type, peak_bytes=num_bytes(type), peak_kept_bytes=num_bytes(type))


def in_series(source: Type, parts: Iterable[Part]) -> Part:
    """Parts one after the other, the first of which reads this type."""
    size = num_bytes(source)

    def joined(one: Part, other: Part) -> Part:
        return Part(
            other.type,
            one.params + other.params,
            one.macs + other.macs,
            one.activation_bytes + other.activation_bytes,
            max(one.peak_bytes, other.peak_bytes),
            max(one.peak_kept_bytes, size + other.peak_bytes if one.num_nodes else other.peak_kept_bytes),
            _joined_codes(one.canonical_code, other.canonical_code),
            one.is_plain and other.is_plain,
            one.num_nodes + other.num_nodes,
            one.num_steps + other.num_steps,
            max(one.depth, other.depth),
            max(one.length, other.length),
        )

    return reduce(joined, parts, nothing(source))


def summarize(inputs: Sequence[Type], nodes: Sequence[Node], parts: Mapping[int, Part], ends: Sequence[int]) -> Part:
    """What the nodes that lead to some values come to. `parts` are the nodes, by index, that stand for a part.

    The first input is the one that is read; the type is that of the first end.
    """
    first = len(inputs)
    needed = set(ends)
    for index in range(len(nodes) - 1, -1, -1):
        if index + first in needed:
            needed.update(nodes[index].sources)
    kept = [index for index in range(len(nodes)) if index + first in needed]
    place = {index + first: number for number, index in enumerate(kept, start=first)} | {n: n for n in range(first)}
    sources = [*[()] * first, *(tuple([place[source] for source in nodes[index].sources]) for index in kept)]
    types = [*inputs, *(nodes[index].type for index in kept)]
    whats: list[Primitive | Part] = [parts.get(index) or nodes[index].block for index in kept]
    outputs = tuple(place[end] for end in ends)
    params = macs = activation_bytes = num_nodes = 0
    for number, what in enumerate(whats, start=first):
        if isinstance(what, Part):
            params, macs = params + what.params, macs + what.macs
            activation_bytes, num_nodes = activation_bytes + what.activation_bytes, num_nodes + what.num_nodes
        else:
            cost = block_cost(what, tuple([types[source] for source in sources[number]]))
            params, macs = params + cost.params, macs + cost.macs
            activation_bytes, num_nodes = activation_bytes + num_bytes(types[number]), num_nodes + 1
    inside = [(what.peak_bytes, what.peak_kept_bytes) if isinstance(what, Part) else None for what in whats]
    peak, kept_peak = peaks_within(first, inside, sources, [num_bytes(type) for type in types], outputs)
    code, is_plain = canonical_code_within(first, [_label(what) for what in whats], sources, outputs)
    return Part(types[outputs[0]], params, macs, activation_bytes, peak, kept_peak, code, is_plain, num_nodes=num_nodes)


def _joined_codes(one: bytes | None, other: bytes | None) -> bytes | None:
    return None if one is None or other is None else one + other


def with_limits(part: Part, num_steps: int, depth: int, length: int) -> Part:
    """A part with what making it took."""
    return replace(part, num_steps=num_steps, depth=depth, length=length)


def peaks_within(
    first: int,
    inside: Sequence[tuple[int, int] | None],
    sources: Sequence[tuple[int, ...]],
    sizes: Sequence[int],
    outputs: Sequence[int],
) -> tuple[int, int]:
    """The peak of some nodes, and that where the first input is kept. The first values are inputs; `inside` are those
    two figures of each node that stands for a part, None for others, and `sizes` are in bytes."""
    last = [-1] * len(sizes)
    for value in range(first, len(sizes)):
        for source in sources[value]:
            last[source] = value
    for value in outputs:
        last[value] = len(sizes)
    found = []
    for keeps in (False, True):
        until = [len(sizes), *last[1:]] if keeps else list(last)
        alive = peak = sum(size for size, end in zip(sizes[:first], until, strict=False) if end >= 0)
        for value, part in enumerate(inside, start=first):
            if part is not None:
                [source] = sources[value]
                peak = max(peak, alive - sizes[source] + part[until[source] != value])
            alive += sizes[value]
            if part is None:
                peak = max(peak, alive)
            for source in sources[value]:
                if until[source] == value:
                    alive -= sizes[source]
                    until[source] = -1
        found.append(peak)
    return found[0], found[1]


class Label(NamedTuple):
    """What a node is: of one that stands for a part, its canonical code; None where that is unknown."""

    canonical_code: bytes | None
    is_ordered: bool = True
    is_plain: bool = True


def canonical_code_within(
    first: int, labels: Sequence[Label], sources: Sequence[tuple[int, ...]], outputs: Sequence[int]
) -> tuple[bytes | None, bool]:
    """The canonical code of some nodes, whose first values are inputs, and whether it is plain."""
    codes, ordered = [NOTHING] * first, [True] * first
    special = False
    for code, is_ordered, is_plain in labels:
        if code is None:
            return None, False
        codes.append(code)
        ordered.append(is_ordered)
        special = special or not is_plain
    if special:
        passed = _passed(sources, outputs)
        for value, label in enumerate(labels, start=first):
            if not label.is_plain and not (passed[value] and passed[sources[value][0]]):
                return None, False
    found, is_plain = canonical_code_of(Wiring(codes, sources, ordered, outputs, ()))
    return found, is_plain and not special


def _label(what: Primitive | Part) -> Label:
    if isinstance(what, Part):
        return Label(what.canonical_code, True, what.is_plain)
    return Label(block_label(what), not what.commutative)


def _passed(sources: Sequence[tuple[int, ...]], outputs: Sequence[int]) -> list[bool]:
    """The values that all ways lead through."""
    reach = list(range(len(sources)))
    for value, read in enumerate(sources):
        for source in read:
            reach[source] = value
    for value in outputs:
        reach[value] = max(reach[value], len(sources) - 1)
    furthest, found = 0, []
    for value in range(len(sources)):
        found.append(furthest <= value)
        furthest = max(furthest, reach[value])
    return found
