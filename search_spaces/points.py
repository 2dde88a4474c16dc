"""Points: what the rest of this floor needs to know of a space, and what comes out of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from blocks.errors import FixpointError
from graphs.graph import Graph
from search_spaces.resolution import Alternative, Decision

Decisions = dict[str, Alternative]


class DecisionError(FixpointError):
    """Decisions that are no point of the space."""


@dataclass(frozen=True, slots=True)
class Point:
    """A network of a space, and the decisions that lead to it."""

    decisions: Decisions
    graph: Graph


class PointSource(Protocol):
    """A space as `search_spaces.sampling` sees it; `search_spaces.space.Space` says what each part does."""

    @property
    def name(self) -> str: ...

    @property
    def decisions(self) -> tuple[Decision, ...]: ...

    def decision(self, address: str) -> Decision: ...

    def size(self) -> int: ...

    def materialize(self, decisions: Mapping[str, object]) -> Graph: ...

    def active(self, decisions: Mapping[str, object]) -> Decisions: ...

    def draw(self, random: Random) -> Point | None: ...
