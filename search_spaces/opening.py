"""Choices that are met on a walk without networks, their alternatives to be walked by whoever decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from blocks.types import Map, Type
from search_spaces.bodies import Body
from search_spaces.programs import ActionPlan, CallPlan, ChoicePlan
from search_spaces.purses import Purse, Value
from search_spaces.recipes import Wire


class Walks(Protocol):
    """The walk that met a choice: see `search_spaces.walking.Walker`."""

    wires: list[Wire]

    def action(self, plan: ActionPlan, sources: tuple[Value, ...], address: str, body: Body) -> Value: ...

    def settled(self, purse: Purse, number: int) -> Walks:
        """A walk whose shared decisions are always the same for a number, for another purse."""


class OpenChoice:
    """The alternatives of a choice: see `purses.Alternatives`."""

    def __init__(self, walker: Walks, plan: ChoicePlan, sources: tuple[Value, ...], address: str, body: Body) -> None:
        self._walker = walker
        self._plan = plan
        self._sources = sources
        self._address = address
        self._body = body
        self._mark = len(walker.wires)

    def __call__(self, position: int) -> Value:
        del self._walker.wires[self._mark :]
        name, picked = self._plan.alternatives[position]
        return self._walker.action(picked, self._sources, f"{self._address}.{name}", self._body)

    @property
    def place(self) -> object:
        plan, body = self._plan, self._body
        if not body.address or any(isinstance(one, CallPlan) and one.nodes for _, one in plan.alternatives):
            return None
        names = tuple([item for item in body.names.items() if not item[0].startswith("in.")])
        return id(plan), names, tuple([_floor_of(size) for source in self._sources for size in source.type.shape])

    def rounded(self, purse: Purse, number: int) -> OpenChoice:
        body = replace(self._body, names=dict(self._body.names), values={})
        if body.source is not None:
            body.source = Value(_rounded(body.source.type), 0)
            body.bind_input(body.source)
        sources = tuple([Value(_rounded(source.type), 0) for source in self._sources])
        return OpenChoice(self._walker.settled(purse, number), self._plan, sources, self._address, body)


def _floor_of(size: int) -> int:
    """The greatest power of two that is no more."""
    return 1 << (size.bit_length() - 1)


def _rounded(type: Type) -> Type:
    channels, *sizes = map(_floor_of, type.shape)
    if isinstance(type, Map):
        return replace(type, channels=channels, height=sizes[0], width=sizes[1])
    return replace(type, features=channels)
