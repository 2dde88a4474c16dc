"""Blocks, recipes, and what they cost and give on some types, each found once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from blocks.errors import RuleError
from blocks.types import Type, num_bytes
from graphs.arguments import Argument
from graphs.calls import make_block
from graphs.document import Document
from search_spaces.chains import Costs
from search_spaces.getters import NotLegal
from search_spaces.programs import CallPlan, Program
from search_spaces.purses import BLOCK_SIZE, Overspent, is_over
from search_spaces.recipes import Block, Quote, Recipe, is_too_large
from search_spaces.resolver import Resolver

MAX_KNOWN = 300_000  # blocks and recipes on types
MAX_PIECES = 20_000
MAX_MADE = 50_000

K = TypeVar("K")
V = TypeVar("V")
Key = tuple[int, tuple[Argument, ...], object]  # a call, its arguments, and those of calls inside


class Quotes:
    """What is remembered of one document."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.resolver = resolver
        self.program = Program(document, resolver)
        self.floors: dict[object, dict[int, Costs]] = {}
        self.tables: dict[str, object] = {}
        self._blocks: dict[Key, Block | None] = {}
        self._recipes: dict[Key, Recipe | None] = {}
        self._known: dict[tuple[Block | Recipe, tuple[Type, ...]], Quote | None] = {}
        self._pieces: dict[object, Quote | None] = {}

    def block(self, plan: CallPlan, values: tuple[Argument, ...]) -> Block:
        """The primitive that a call with these arguments is. Raises `NotLegal`."""
        key = (plan.signature, values, None)
        found = self._blocks.get(key)
        return found if found is not None else _find(self._blocks, MAX_MADE, key, lambda: _block(plan, values))

    def recipe(self, key: Key, make: Callable[[], Recipe]) -> Recipe:
        """The recipe of a call, made once. Raises `NotLegal`."""
        found = self._recipes.get(key)
        return found if found is not None else _find(self._recipes, MAX_MADE, key, make)

    def on(self, what: Block | Recipe, types: tuple[Type, ...]) -> Quote:
        """What a block or a recipe costs and gives on these types. Raises `NotLegal`."""
        key = (what, types)
        found = self._known.get(key)
        if found is not None:
            return found
        if isinstance(what, Block):
            return _find(self._known, MAX_KNOWN, key, lambda: _block_quote(what, types))
        return _find(self._known, MAX_KNOWN, key, lambda: self._recipe_quote(what, types))

    def piece(self, key: object, room: Costs, make: Callable[[], Quote]) -> Quote:
        """What a template makes of some types. Raises `NotLegal`, and `Overspent` where there is no room."""
        found = self._pieces.get(key)
        if found is None or (found.type is None and not is_over(found.costs, room)):
            found = _find(self._pieces, MAX_PIECES, key, make)
        if found.type is None:
            raise Overspent
        return found

    def _recipe_quote(self, recipe: Recipe, types: tuple[Type, ...]) -> Quote:
        values = list(types)
        params = macs = activation_bytes = 0
        for what, sources, _ in recipe.wires:
            assert isinstance(what, Block)
            costs, type, _ = self.on(what, tuple([values[source] for source in sources]))
            assert type is not None
            params, macs, activation_bytes = params + costs[0], macs + costs[1], activation_bytes + costs[2]
            values.append(type)
        return Quote((params, macs, activation_bytes, recipe.size), values[recipe.end])


def _find(store: dict[K, V | None], most: int, key: K, make: Callable[[], V]) -> V:
    """What is not known yet, or known to be not legal. Raises `NotLegal`."""
    if key in store and store[key] is None:
        raise NotLegal
    try:
        found: V | None = make()
    except NotLegal:
        found = None
    if len(store) >= most:
        store.clear()
    store[key] = found
    if found is None:
        raise NotLegal
    return found


def _block(plan: CallPlan, values: tuple[Argument, ...]) -> Block:
    assert plan.kind is not None
    try:
        return Block(make_block(plan.kind, tuple(zip(plan.names, values, strict=True))))
    except (ValidationError, RuleError):
        raise NotLegal from None


def _block_quote(block: Block, types: tuple[Type, ...]) -> Quote:
    try:
        type = block.type_on(types)
    except RuleError:
        raise NotLegal from None
    if is_too_large(type):
        raise NotLegal
    cost = block.primitive.cost(types)
    return Quote((cost.params, cost.macs, num_bytes(type), BLOCK_SIZE), type)
