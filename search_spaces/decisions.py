"""What there is to decide: one hole of a document is one decision.

A decision's address is where its hole stands: `stage1.block` for a choice of steps, `stage1.width` for an argument of
`stage1`, `stage1.repeat` for its depth, `stage1.from` for what it reads (`stage1.from.0` in a list of inputs),
`params.activation` for a parameter of the document, `blocks.cell.edge1` inside a block that decides once. Holes of an
alternative stand under its name: `stage1.block.residual.expansion`.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Literal, TypeVar

from graphs.document import Choice, hole_alternatives, hole_weights
from graphs.faults import Mark
from graphs.text import Mapping, Scalar, Sequence, Tree

Alternative = bool | int | float | str | tuple["Alternative", ...] | None
Kind = Literal["value", "step", "repeat", "source"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Decision:
    """One hole. `sizes` is the number of points under each alternative, 0 where a `where` leaves none; `masses` is the
    sum of their prior weights, so that a draw weighted by it is one of the prior's, and uniform where there is none.
    `weights` are the prior's for the alternatives alone.
    """

    address: str
    kind: Kind
    alternatives: tuple[Alternative, ...]
    sizes: tuple[int, ...]
    masses: tuple[int, ...]
    weights: tuple[int, ...]


Choose = Callable[[Decision], int]
Hole = TypeVar("Hole", bound=Mapping | Choice)


class Holes:
    """Whose decision each hole of a document is, the hole being known by its identity."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Decision, Mapping | Choice, tuple[Tree, ...]]] = {}

    def keep(self, decision: Decision, hole: Hole) -> Hole:
        """A hole and its decision."""
        trees = () if isinstance(hole, Choice) else hole_alternatives(hole) or ()
        self._kept[id(hole)] = (decision, hole, trees)
        return hole

    def decision(self, hole: Tree | Choice) -> Decision:
        """The decision of a hole."""
        return self._kept[id(hole)][0]

    def marks(self, address: str) -> tuple[Mark, ...]:
        """Where the holes stand whose decision has an address, in the order of the text."""
        found = {
            hole.key.mark if isinstance(hole, Choice) else hole.mark
            for decision, hole, _ in self._kept.values()
            if decision.address == address
        }
        return tuple(sorted(found, key=lambda mark: (mark.line, mark.column)))

    def alternatives(self, hole: Mapping) -> tuple[Tree, ...]:
        """What may stand at a hole."""
        return self._kept[id(hole)][2]


def value_decision(address: str, hole: Tree, kind: Kind = "value") -> Decision:
    """The decision of a hole where a value stands."""
    alternatives = hole_alternatives(hole) or ()
    weights = hole_weights(hole)
    return Decision(address, kind, tuple(map(plain, alternatives)), (1,) * len(alternatives), weights, weights)


def value_decisions(arguments: Mapping | None, address: str) -> Iterator[Decision]:
    """The decisions of the arguments of one call."""
    for name, tree in arguments.entries if arguments else ():
        if hole_alternatives(tree):
            yield value_decision(f"{address}.{name.text}", tree)


def source_decisions(sources: tuple[Scalar | Mapping, ...] | None, address: str) -> Iterator[Decision]:
    """The decisions of what one step reads."""
    for position, source in enumerate(sources or ()):
        if isinstance(source, Mapping):
            place = f"{address}.from" if len(sources or ()) == 1 else f"{address}.from.{position}"
            yield value_decision(place, source, "source")


def plain(tree: Tree) -> Alternative:
    """An alternative as JSON."""
    if isinstance(tree, Scalar):
        return tree.value
    return tuple(plain(item) for item in tree.items) if isinstance(tree, Sequence) else None


def are_ascending(alternatives: tuple[Alternative, ...]) -> bool:
    """Whether all alternatives are numbers, from the least to the greatest."""
    numbers = [one for one in alternatives if isinstance(one, int | float) and not isinstance(one, bool)]
    return len(numbers) == len(alternatives) and numbers == sorted(numbers)


def choose_exactly(weights: tuple[int, ...], random: Random) -> int:
    """A position in proportion to its weight, exactly, however large the weights are."""
    return bisect(list(accumulate(weights)), random.randrange(sum(weights)))


def every_way(walk: Callable[[Choose], Result]) -> Iterator[Result]:
    """What a walk over decisions gives for every way to decide, the last decision changing first."""
    script: list[int] = []
    while True:
        path: list[tuple[int, int]] = []

        def choose(decision: Decision, script: list[int] = script, path: list[tuple[int, int]] = path) -> int:
            sizes = decision.sizes
            possible = range(len(sizes)) if all(sizes) else [at for at, size in enumerate(sizes) if size]
            index = script[len(path)] if len(path) < len(script) else 0
            path.append((index, len(possible)))
            return possible[index]

        yield walk(choose)
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return
        script = [index for index, _ in path[:-1]] + [path[-1][0] + 1]
