"""Blocks, and what they cost and give on some types, each found once."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from pydantic import ValidationError

from blocks.errors import RuleError
from blocks.extensions import infer_extension, is_extension
from blocks.primitive import Primitive, check_inputs
from blocks.types import Map, Type, num_bytes
from graphs.arguments import Argument
from graphs.assembly import MAX_CHANNELS
from graphs.calls import make_block
from graphs.canonical import block_label
from graphs.parts import Label
from search_spaces.code_expressions import NotLegal

MAX_MADE = 5_000  # of one kind, with arguments of the same names


class Quote(NamedTuple):
    """What a block costs on some types, and the type that it gives."""

    params: int
    macs: int
    activation_bytes: int
    type: Type


class Block:
    """A primitive that is made already. `known` are its quotes, by the type that it reads or by those that it reads;
    None where it is not legal."""

    def __init__(self, primitive: Primitive) -> None:
        self.primitive = primitive
        self._is_foreign = is_extension(type(primitive))
        self.known: dict[Type | tuple[Type, ...], Quote | None] = {}

    @cached_property
    def label(self) -> Label:
        return Label(block_label(self.primitive), not self.primitive.commutative)

    def quote(self, key: Type | tuple[Type, ...], types: tuple[Type, ...]) -> Quote:
        """What was not asked for before, or is not legal. Raises `NotLegal`."""
        if key in self.known:
            raise NotLegal
        if len(self.known) >= MAX_MADE:
            self.known.clear()
        self.known[key] = None
        try:
            check_inputs(self.primitive, types)
            found = infer_extension(self.primitive, types) if self._is_foreign else self.primitive.infer(types)
        except RuleError:
            raise NotLegal from None
        if is_too_large(found):
            raise NotLegal
        cost = self.primitive.cost(types)
        quote = self.known[key] = Quote(cost.params, cost.macs, num_bytes(found), found)
        return quote


class Made:
    """The blocks of one kind that were made of arguments of these names; None where these make none."""

    def __init__(self, kind: type[Primitive], names: tuple[str, ...]) -> None:
        self._kind = kind
        self._names = names
        self.known: dict[tuple[Argument, ...], Block | None] = {}

    def block(self, values: tuple[Argument, ...]) -> Block:
        """One that was not asked for before, or is not legal. Raises `NotLegal`."""
        if values in self.known:
            found = self.known[values]
            if found is None:
                raise NotLegal
            return found
        if len(self.known) >= MAX_MADE:
            self.known.clear()
        self.known[values] = None
        try:
            block = Block(make_block(self._kind, tuple(zip(self._names, values, strict=True))))
        except (ValidationError, RuleError):
            raise NotLegal from None
        self.known[values] = block
        return block


def is_too_large(type: Type) -> bool:
    """Whether a network may not have a map like this."""
    if not isinstance(type, Map):
        return False
    return type.channels > MAX_CHANNELS or type.height > MAX_CHANNELS or max(type.width, *type.stride) > MAX_CHANNELS
