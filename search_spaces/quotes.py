"""What blocks cost and give on some types, each found once."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from blocks.errors import RuleError
from blocks.primitive import Primitive
from blocks.types import Map, Type, num_bytes
from graphs.arguments import Argument
from graphs.assembly import MAX_CHANNELS
from graphs.calls import infer_type, make_block
from graphs.costs import block_cost
from graphs.document import Document
from search_spaces.chains import Costs
from search_spaces.getters import NotLegal
from search_spaces.programs import Program
from search_spaces.purses import BLOCK_SIZE, NO_COSTS, Overspent, Quote, is_over
from search_spaces.resolver import Resolver

MAX_KNOWN = 500_000

_UNKNOWN = Quote(NO_COSTS, None)


class Quotes:
    """What is remembered of one document."""

    def __init__(self, document: Document, resolver: Resolver) -> None:
        self.resolver = resolver
        self.program = Program(document, resolver)
        self._known: dict[object, Quote | None] = {}
        self.floors: dict[tuple[object, int], Costs] = {}
        self.tables: dict[str, object] = {}

    def quote(self, key: object, room: Costs, find: Callable[[], Quote]) -> Quote:
        """What something costs and gives, found once. Raises `NotLegal`, and `Overspent` where there is no room."""
        known = self._known.get(key, _UNKNOWN)
        if known is not _UNKNOWN:
            if known is None:
                raise NotLegal
            if known.type is not None:
                return known
            if is_over(known.costs, room):
                raise Overspent
        try:
            found: Quote | None = find()
        except NotLegal:
            found = None
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[key] = found
        if found is None:
            raise NotLegal
        if found.type is None:
            raise Overspent
        return found


def block_quote(kind: type[Primitive], values: tuple[tuple[str, Argument], ...], types: tuple[Type, ...]) -> Quote:
    """What a primitive with these arguments costs and gives. Raises `NotLegal`."""
    try:
        block = make_block(kind, values)
        type = infer_type(block, types)
    except (ValidationError, RuleError):
        raise NotLegal from None
    if isinstance(type, Map) and max(*type.shape, *type.stride) > MAX_CHANNELS:
        raise NotLegal
    cost = block_cost(block, types)
    return Quote((cost.params, cost.macs, num_bytes(type), BLOCK_SIZE), type)
