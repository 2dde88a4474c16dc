"""Depth-first search over the ways of a walk: what was chosen where, and what has to be undone before another way.

A walk goes through parts (`Trail.in_turn`), each of which may hold others. Where it leads nowhere, the last choice with
a way left takes that, and the innermost part that holds the choice is done again from where it began.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphs.guides import Mismatch


class Trail:
    """The choices of one walk. `lists` are what the walk adds to."""

    def __init__(self, lists: tuple[list[Any], ...]) -> None:
        self._lists = lists
        self._ways: list[list[int]] = []  # the way taken, and how many there are
        self._next = 0  # the choice that comes next
        self._again = 0  # after a dead end: the choice that takes another way
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def choose(self, ways: int) -> int:
        """One of the ways from 0 on: the first one, until that has led nowhere."""
        if ways == 1:
            return 0
        if self._next == len(self._ways):
            self._ways.append([0, ways])
        self._next += 1
        return self._ways[self._next - 1][0]

    @property
    def is_followed(self) -> bool:
        """Whether the walk follows choices that were made before."""
        return self._next < len(self._ways)

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an entry of a table, until this part of the walk is done again."""
        self._undo.append((table, key, table.get(key)))
        table[key] = value

    def turn_back(self) -> Mismatch:
        """The way leads nowhere: what to raise, the last choice with a way left having taken it."""
        while self._ways and self._ways[-1][0] + 1 == self._ways[-1][1]:
            self._ways.pop()
        self._again = len(self._ways) - 1
        if self._ways:
            self._ways[-1][0] += 1
        return Mismatch()

    def in_turn(self, part: Callable[[int], bool]) -> None:
        """Do the parts 0, 1, ... until one says that it was the last. Raises `Mismatch` where no other way is left."""
        begun: list[tuple[int, ...]] = []
        while True:
            begun.append((self._next, len(self._undo), *map(len, self._lists)))
            try:
                if not part(len(begun) - 1):
                    return
            except Mismatch:
                while begun and begun[-1][0] > self._again:
                    begun.pop()
                if not begun:
                    raise
                self._restore(begun.pop())

    def _restore(self, mark: tuple[int, ...]) -> None:
        self._next, undone, *sizes = mark
        while len(self._undo) > undone:
            table, key, value = self._undo.pop()
            if value is None:
                del table[key]
            else:
                table[key] = value
        for changed, size in zip(self._lists, sizes, strict=True):
            del changed[size:]
