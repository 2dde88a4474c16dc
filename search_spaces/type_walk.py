"""A walk over the steps of a document that makes no network, only what it costs.

The functions of a document (`search_spaces.code_program`) walk its steps as an expansion does, but of a value nothing
is kept except its type, and its number among what was made. They ask a `TypeWalk` for all that depends on decisions and
costs, and it ends as soon as it has cost too much.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

from blocks.types import Map, Type, Vector
from graphs.arguments import Argument
from graphs.assembly import MAX_NODES
from graphs.document import Choice, Step
from graphs.text import Tree
from search_spaces.choosers import BLOCK_SIZE, SIZE, Chooser, OverLimits, Value
from search_spaces.code_expressions import NotLegal
from search_spaces.pieces import Piece, Wire
from search_spaces.quotes import Block
from search_spaces.resolver import Resolver

Function = Callable[..., Any]
Read = tuple[Type, int, Type | None, int]  # a value, and the one that was read for it in the same body


class Lacking(list[Argument]):
    """Values some of which nothing is known of."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        if found is None:
            raise NotLegal
        return found


class TypeWalk:
    """The state of one walk on types alone, whose shared decisions are made: values of parameters and defaults
    (`Lacking` where one has none), positions of open parameters (`picked`), what was made (`wires`), and the number of
    the next value. `source` is the input, where there is one."""

    def __init__(self, resolver: Resolver, chooser: Chooser, settled: Callable[[int], TypeWalk]) -> None:
        self._resolver = resolver
        self._offers = resolver.offers
        self._settled = settled
        self.picked: dict[str, int] = {}
        self.params: list[Argument] = []
        self.defaults: list[Argument] = []
        self.given: tuple[Argument, ...] = ()
        self.source: Value = (Vector(0), 0)
        self.wires: list[Wire] = []
        self.next = 0
        self.use(chooser)

    def use(self, chooser: Chooser) -> None:
        """From now on this chooser decides and adds up; or it is the same, with other limits."""
        self.chooser, self.spent, self.limits = chooser, chooser.spent, chooser.limits

    def settled(self, chooser: Chooser, number: int) -> TypeWalk:
        """A walk whose shared decisions are always the same for a number, with this chooser."""
        walk = copy(self._settled(number))
        walk.wires = []
        walk.use(chooser)
        return walk

    # what is made

    def make(self, block: Block, type: Type, at: int) -> Value:
        """The value of a block that reads one."""
        quote = block.known.get(type) or block.quote(type, (type,))
        spent, limits = self.spent, self.limits
        spent[0] += quote[0]
        spent[1] += quote[1]
        spent[2] += quote[2]
        spent[SIZE] += BLOCK_SIZE
        if spent[0] > limits[0] or spent[1] > limits[1] or spent[2] > limits[2] or spent[SIZE] > limits[SIZE]:
            raise OverLimits
        self.wires.append((block, (at,), quote[3]))
        at = self.next
        self.next = at + 1
        return quote[3], at

    def join(self, block: Block, types: tuple[Type, ...], places: tuple[int, ...]) -> Value:
        """The value of a block that reads several."""
        quote = block.known.get(types) or block.quote(types, types)
        spent = self.spent
        spent[0] += quote[0]
        spent[1] += quote[1]
        spent[2] += quote[2]
        spent[SIZE] += BLOCK_SIZE
        self.go_on()
        return self._wire(block, places, quote[3])

    def piece(
        self, function: Function, types: tuple[Type, ...], places: tuple[int, ...], *arguments: Argument
    ) -> Value:
        """The value of a block that leaves nothing open."""
        outer, before = self.wires, self.next
        made: list[Wire] = []
        self.wires, self.next = made, len(types)
        try:
            read = [one for at, type in enumerate(types) for one in (type, at)]
            type, at = function(self, None, *read, *arguments)
        finally:
            self.wires, self.next = outer, before
        if at < len(types):
            return type, places[at]
        return self._wire(Piece(types, tuple(made), (at,)), places, type)

    def _wire(self, what: Block | Piece, sources: tuple[int, ...], type: Type) -> Value:
        self.wires.append((what, sources, type))
        self.next += 1
        return type, self.next - 1

    def go_on(self) -> None:
        """End the walk where it has cost too much."""
        spent, limits = self.spent, self.limits
        if spent[0] > limits[0] or spent[1] > limits[1] or spent[2] > limits[2] or spent[SIZE] > limits[SIZE]:
            raise OverLimits

    # what is decided

    def value(self, address: str, hole: Tree) -> int:
        """The position of the alternative of a hole where a value stands."""
        return self.chooser.choose(self._offers.value_decision(address, hole))

    def count(self, address: str, step: Step) -> int:
        """How often an open step is repeated that decides at each repetition."""
        decision = self._offers.repeat_decision(address, step)
        return self.times(decision.alternatives[self.chooser.choose(decision)])

    def times(self, count: object) -> int:
        """A number of repetitions."""
        if not isinstance(count, int) or not 0 <= count <= MAX_NODES:
            raise NotLegal
        return count

    def skip(self, step: Step, address: str) -> None:
        """Decide what a step leaves open that is not done."""
        self._resolver.ask_step(step, address, self.chooser.choose)

    def choice(
        self,
        address: str,
        choice: Choice,
        function: Function,
        inside: Type | None,
        types: tuple[Type, ...],
        places: tuple[int, ...],
        key: object,
    ) -> Value:
        """The value of a choice: `function` walks an alternative inside of what reads a type."""
        decision = self._offers.choice_decision(address, choice)
        return self.chooser.alternative(decision, OpenChoice(self, function, inside, types, places, key))

    def repeat(self, address: str, step: Step, function: Function, source: Read, looks_back: bool) -> Read:
        """The value of a step that is repeated an open number of times; and what it read."""
        values, marks, wires = [source], [len(self.wires)], self.wires
        first = self.next - len(wires)

        def once(number: int) -> bool:
            given = values[number]
            type, at = function(number, *given)
            values.append((type, at, given[0], given[1]))
            marks.append(len(wires))
            return number > 0 and bool(type == given[0]) and not (looks_back and given[2] != given[0])

        count = self.chooser.times(self._offers.repeat_decision(address, step), once)
        made = min(count, len(values) - 1)
        del wires[marks[made] :]
        self.next = first + len(wires)
        value = values[made]
        for _ in range(count - made):
            value = self._once_more(range(marks[made - 1], marks[made]), values[made - 1], values[made], value)
        return value

    def _once_more(self, made: range, source: Read, end: Read, last: Read) -> Read:
        """Make anew the wires that led from `source` to `end`, from the last of such values on."""
        first, wires = self.next - len(self.wires), self.wires
        places = {source[3]: last[3], source[1]: last[1]}
        for place in made:
            what, sources, type = wires[place]
            wires.append((what, tuple([places.get(one, one) for one in sources]), type))
            places[first + place] = first + len(wires) - 1
        self.next = first + len(wires)
        return end[0], places.get(end[1], end[1]), last[0], last[1]


class OpenChoice:
    """The alternatives of a choice: see `choosers.Alternatives`."""

    def __init__(
        self,
        walk: TypeWalk,
        function: Function,
        inside: Type | None,
        types: tuple[Type, ...],
        places: tuple[int, ...],
        key: object,
    ) -> None:
        self._walk = walk
        self._function = function
        self._inside = inside
        self._types = types
        self._places = places
        self._key = key
        self._mark = len(walk.wires)
        self._next = walk.next

    def __call__(self, position: int) -> Value:
        del self._walk.wires[self._mark :]
        self._walk.next = self._next
        read = [one for value in zip(self._types, self._places, strict=True) for one in value]
        found: Value = self._function(self._walk, position, self._inside, *read)
        return found

    @property
    def place(self) -> object:
        if self._key is None:
            return None
        return self._key, tuple([_floor_of(size) for type in self._types for size in type.shape])

    @property
    def likeness(self) -> tuple[object, int]:
        source = self._types[0]
        return (self._key, _floor_of(source.shape[0])), source.elements // source.shape[0]

    def rounded(self, chooser: Chooser, number: int) -> OpenChoice:
        inside = None if self._inside is None else _rounded(self._inside)
        types = tuple(map(_rounded, self._types))
        walk = self._walk.settled(chooser, number)
        return OpenChoice(walk, self._function, inside, types, (0,) * len(types), self._key)


def _floor_of(size: int) -> int:
    """The greatest power of two that is no more."""
    return 1 << (size.bit_length() - 1)


def _rounded(type: Type) -> Type:
    channels, *sizes = map(_floor_of, type.shape)
    if isinstance(type, Map):
        return replace(type, channels=channels, height=sizes[0], width=sizes[1])
    return replace(type, features=channels)
