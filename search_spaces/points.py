"""Points: what the rest of this floor needs to know of a space, and what comes out of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from blocks.errors import FixpointError
from graphs.graph import Graph
from search_spaces.decisions import Alternative, Decision

Decisions = dict[str, Alternative]


class DecisionError(FixpointError):
    """Decisions that are no point of the space."""


@dataclass(frozen=True, slots=True)
class Point:
    """A network of a space, and the decisions that lead to it."""

    decisions: Decisions
    graph: Graph


def parse_decisions(text: str) -> Decisions:
    """A set of decisions from JSON, as `json.dumps(point.decisions)` writes it. Raises `DecisionError`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DecisionError(f"decisions are JSON: {error}", help='as in {"stage1.width": 16}') from None
    if not isinstance(data, dict):
        raise DecisionError("decisions are a JSON object of addresses and alternatives", help='{"stage1.width": 16}')
    return {address: tuple(value) if isinstance(value, list) else value for address, value in data.items()}


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

    def points(self) -> Iterator[Point]: ...

    def draw(self, random: Random) -> Point | None: ...
