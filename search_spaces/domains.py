"""What is left of each decision while a network is located, in the terms of constraint programming.

The domain of a decision are the positions of its alternatives that still fit. A table constraint says which
alternatives of several decisions go together: an argument `groups*width` of 64 leaves 1 and 64, or 2 and 32, but not
1 and 32.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from search_spaces.decisions import Decision
from search_spaces.trail import Trail

Domain = tuple[int, ...]
Narrowed = Mapping[str, Domain]  # the domains of the decisions on which a network depends, by address

_Row = tuple[int | None, ...]  # positions of some decisions, None for one that does not matter
_Constraint = tuple[tuple[str, ...], frozenset[_Row]]  # addresses of decisions, and the rows that are allowed


class Domains:
    """The domains of the decisions of one search, and the constraints between them. Every change can be undone by the
    trail of the search."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._narrowed: dict[str, Domain] = {}
        self._constraints: dict[str, tuple[_Constraint, ...]] = {}  # by the address of each of their decisions

    @property
    def narrowed(self) -> Narrowed:
        """The domains of the decisions on which the network depends so far, by address."""
        return MappingProxyType(self._narrowed)

    def of(self, decision: Decision) -> Domain:
        """The domain of a decision."""
        return self._narrowed.get(decision.address) or tuple(range(len(decision.alternatives)))

    def settle(self, address: str, position: int) -> None:
        """Leave one alternative of a decision."""
        self._trail.put(self._narrowed, address, (position,))

    def keep(self, ways: list[dict[str, int]]) -> None:
        """Leave of decisions what occurs in some of these ways to decide them, which are positions by address. Which
        positions go together becomes a constraint."""
        addresses = tuple(dict.fromkeys(address for way in ways for address in way))
        for address in addresses:
            if all(address in way for way in ways):
                self._trail.put(self._narrowed, address, tuple(dict.fromkeys(way[address] for way in ways)))
        if len(addresses) > 1:
            allowed = frozenset(tuple(way.get(address) for address in addresses) for way in ways)
            for address in addresses:
                known = self._constraints.get(address, ())
                self._trail.put(self._constraints, address, (*known, (addresses, allowed)))

    def allow(self, taken: Mapping[str, int]) -> bool:
        """Whether the constraints allow decisions at these positions, as far as the others are settled."""
        for addresses, allowed in {one for address in taken for one in self._constraints.get(address, ())}:
            wanted = [taken.get(address, self._settled(address)) for address in addresses]
            if not any(_is_like(row, wanted) for row in allowed):
                return False
        return True

    def settle_constrained(self) -> None:
        """Settle all decisions that constraints tie, as each allows. Raises `Mismatch` where one allows nothing."""
        for address in list(self._constraints):
            for addresses, allowed in self._constraints[address]:
                wanted = [self._settled(other) for other in addresses]
                if None not in wanted:
                    continue
                rows = [
                    row
                    for row in sorted(allowed, key=str)
                    if _is_like(row, wanted) and self._contain(zip(addresses, row, strict=True))
                ]
                if not rows:
                    raise self._trail.turn_back()
                row = rows[self._trail.choose(len(rows))]
                for other, position in zip(addresses, row, strict=True):
                    if position is not None:
                        self.settle(other, position)

    def _contain(self, positions: Iterable[tuple[str, int | None]]) -> bool:
        return all(
            position is None or position in self._narrowed[address]
            for address, position in positions
            if address in self._narrowed
        )

    def _settled(self, address: str) -> int | None:
        domain = self._narrowed.get(address, ())
        return domain[0] if len(domain) == 1 else None


def _is_like(row: _Row, wanted: list[int | None]) -> bool:
    return all(one is None or other is None or one == other for one, other in zip(row, wanted, strict=True))
