"""Colours of the values of a graph: values of one colour read and are read alike.

Every value gets a colour from its label and the colours of what it reads (as a Merkle tree does), then one from its own
and its readers' colours, then from what it reads again, and so on until the colours get no finer. In most graphs each
value has a colour of its own then. Where several have one, `graphs.symmetry` says what is left open; it also says how
large a symmetric part may be for that to be exact. A graph whose colours still get finer after `MAX_COLOURS` of them
were made is known by those that it has: a zigzag of some hundred equal nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from graphs.symmetry import Links, Part, open_parts, singles, with_groups

LENGTH = 16
MAX_COLOURS = 200_000


@dataclass(frozen=True, slots=True)
class Wiring:
    """Values by number, in topological order: what each is, what it reads, and whether it matters in which order.

    `outputs` are values in the order of the outputs, `groups` are values that have one weight.
    """

    labels: Sequence[bytes]
    sources: Sequence[Sequence[int]]
    ordered: Sequence[bool]
    outputs: Sequence[int]
    groups: Sequence[Sequence[int]]


def certificate(wiring: Wiring) -> bytes:
    """The same for graphs that are alike, and for no others."""
    colours, stable = _refined(wiring)
    content = sorted(colours)
    if stable and len(set(colours)) < len(colours):
        content += [part.certificate for part in _open_parts(wiring, colours)]
    content += sorted(digest(b"".join(sorted(colours[value] for value in group))) for group in wiring.groups)
    return digest(b"".join(content))


def order(wiring: Wiring) -> list[int]:
    """All values in an order in which those of graphs that are alike stand for each other."""
    colours = refined(wiring)
    return [*singles(dict(enumerate(colours))), *(v for part in _open_parts(wiring, colours) for v in part.order)]


def refined(wiring: Wiring) -> list[bytes]:
    """A colour for every value, as fine as colours get."""
    return _refined(wiring)[0]


def digest(content: str | bytes) -> bytes:
    """Some bytes for a text."""
    return blake2b(content.encode() if isinstance(content, str) else content, digest_size=LENGTH).digest()


def _refined(wiring: Wiring) -> tuple[list[bytes], bool]:
    """The colours, and whether they are as fine as colours get."""
    colours = _upwards(wiring, _downwards(wiring, _with_groups(list(wiring.labels), wiring.groups)))
    for sweep in range(max(2, MAX_COLOURS // len(colours))):
        mixed = _with_groups(colours, wiring.groups)
        finer = _upwards(wiring, mixed) if sweep % 2 else _downwards(wiring, mixed)
        if len(set(finer)) in (len(finer), len(set(colours))):
            return finer, True
        colours = finer
    return colours, False


def _open_parts(wiring: Wiring, colours: list[bytes]) -> list[Part]:
    sources = {
        value: [(slot if wiring.ordered[value] else -1, source) for slot, source in enumerate(read)]
        for value, read in enumerate(wiring.sources)
    }
    return open_parts(dict(enumerate(colours)), Links(sources, wiring.groups), digest)


def _with_groups(colours: list[bytes], groups: Sequence[Sequence[int]]) -> list[bytes]:
    return list(with_groups(dict(enumerate(colours)), groups, digest).values()) if groups else colours


def _downwards(wiring: Wiring, labels: list[bytes]) -> list[bytes]:
    """Colours of values and of all that they are made from."""
    colours: list[bytes] = []
    for label, read, ordered in zip(labels, wiring.sources, wiring.ordered, strict=True):
        sources = [colours[source] for source in read]
        if read:
            label = digest(label + b"".join(sources if ordered else sorted(sources)))
        colours.append(label)
    return colours


def _upwards(wiring: Wiring, labels: list[bytes]) -> list[bytes]:
    """Colours of values and of all that is made from them."""
    outputs: dict[int, list[int]] = {}
    for place, value in enumerate(wiring.outputs):
        outputs.setdefault(value, []).append(place)
    colours = list(labels)
    readers: list[list[bytes]] = [[] for _ in labels]
    for value in range(len(labels) - 1, -1, -1):
        ends = f"{outputs.get(value, '')}".encode()
        colour = colours[value] = digest(labels[value] + ends + b"".join(sorted(readers[value])))
        for slot, source in enumerate(wiring.sources[value]):
            readers[source].append((str(slot).encode() if wiring.ordered[value] else b"*") + colour)
    return colours
