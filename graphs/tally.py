"""Cost-only expansion: the walk of an expansion, in which a block that was expanded before is one node with its totals
(`graphs.parts.Part`).

It reports no faults: where something is wrong, or only a graph can tell, the result is None and the caller expands.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NoReturn

from blocks.merging import Add
from graphs.assembly import MAX_NODES, Assembly, TooLarge
from graphs.frames import Body, Frame, Handle
from graphs.graph import Node
from graphs.parts import Part, summarize, with_limits
from graphs.text import Scalar

MOST = 5_000  # parts that are remembered: of a search no more come again
MAX_NESTING = 32
MAX_ADDRESS = 500

STAND_IN = Add()  # the block of a node that stands for a part; nobody looks at it


class NeedsGraph(TooLarge):
    """Only a graph can tell; ends a cost-only walk."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where an expansion stood when a block began."""

    num_nodes: int
    num_faults: int
    num_steps: int
    depth: int
    length: int


@dataclass
class Tally(Assembly):
    """What an expansion has come to so far. `parts` are the nodes, by index, that stand for a part."""

    parts: dict[int, Part] = field(default_factory=dict)
    depth: int = 0
    length: int = 0

    def clear(self) -> None:
        """Begin anew."""
        self.nodes.clear()
        self.frames.clear()
        self.groups.clear()
        self.read.clear()
        self.spare.clear()
        self.parts.clear()
        self._steps = 0
        self.depth = self.length = 0

    def begin(self) -> Begun:
        """A block begins."""
        begun = Begun(len(self.nodes), len(self.faults.faults), self._steps, self.depth, self.length)
        self.depth = self.length = 0
        return begun

    def note_nesting(self, body: Body) -> None:
        """Something stands in this body."""
        self.depth = max(self.depth, body.depth)
        self.length = max(self.length, len(body.prefix))

    def end(self, begun: Begun, source: Handle, end: Handle, body: Body) -> Part | None:
        """A block that stands in `body` has ended: its nodes as one part; None where that can't be done."""
        depth, length = max(0, self.depth - body.depth), max(0, self.length - len(body.prefix))
        self.depth, self.length = max(self.depth, begun.depth), max(self.length, begun.length)
        if end.value is None or source.value is None or source.type is None:
            return None
        if len(self.faults.faults) > begun.num_faults or self._is_open(begun.num_nodes, source.value, end.value):
            return None
        first, start = len(self.inputs), begun.num_nodes
        place = {source.value: 0} | {first + index: 1 + index - start for index in range(start, len(self.nodes))}
        nodes = [
            Node(node.address, node.block, tuple([place[one] for one in node.sources]), node.type, node.mark)
            for node in self.nodes[start:]
        ]
        parts = {index - start: part for index, part in self.parts.items() if index >= start}
        part = summarize([source.type], nodes, parts, [place[end.value]])
        part = with_limits(part, self._steps - begun.num_steps, depth, length)
        for index in range(start, len(self.nodes)):
            self.parts.pop(index, None)
            self.read.discard(first + index)
            self.spare.discard(first + index)
        del self.nodes[start:], self.frames[start:]
        return part

    def share_weights(self, start: int, address: str, owner: str, name: Scalar, frame: Frame) -> NoReturn:
        """Raises `NeedsGraph`: whose weights a node has, only a graph can tell."""
        raise NeedsGraph

    def whole(self, begun: Begun, end: int) -> Part:
        """All nodes as one part, from the first input to a value."""
        part = summarize(tuple(self.inputs.values()), self.nodes, self.parts, [end])
        return with_limits(part, self._steps - begun.num_steps, self.depth, self.length)

    def place_part(self, part: Part, source: Handle, frame: Frame) -> Handle:
        """A part as one node."""
        assert source.value is not None
        if not part.num_nodes:
            return Handle(source.value, source.type, frame.address, frame.mark)
        if len(self.nodes) >= MAX_NODES:
            raise TooLarge
        self.parts[len(self.nodes)] = part
        self.nodes.append(Node(frame.address, STAND_IN, (source.value,), part.type, frame.mark))
        self.frames.append(frame)
        self.read.add(source.value)
        return Handle(len(self.inputs) + len(self.nodes) - 1, part.type, frame.address, frame.mark)

    def take(self, part: Part, body: Body) -> None:
        """What a part takes of the limits, where it stands in `body`. Raises `TooLarge`."""
        self._steps += part.num_steps
        self.depth = max(self.depth, body.depth + part.depth)
        self.length = max(self.length, len(body.prefix) + part.length)
        if self._steps > self.max_steps or self.depth > MAX_NESTING or self.length > MAX_ADDRESS:
            raise TooLarge

    def repeats(self, begun: int, source: Handle, end: Handle) -> bool:
        """Whether what was made since node `begun` is one node that reads `source`, gives its type, and `end` is it."""
        return (
            end.value == len(self.inputs) + begun == len(self.inputs) + len(self.nodes) - 1
            and self.nodes[-1].sources == (source.value,)
            and end.type == source.type
        )

    def repeat(self, times: int) -> None:
        """The last node so many times more, one after the other."""
        first, node, part = len(self.inputs), self.nodes[-1], self.parts.get(len(self.nodes) - 1)
        if len(self.nodes) + times > MAX_NODES:
            raise TooLarge
        for _ in range(times):
            before = first + len(self.nodes) - 1
            self.read.add(before)
            if part is not None:
                self.parts[len(self.nodes)] = part
            self.nodes.append(Node(node.address, node.block, (before,), node.type, node.mark))
            self.frames.append(self.frames[-1])

    def is_whole(self, ends: set[int]) -> bool:
        """Whether nothing is at fault, and everything is read, is an end, or need not be read."""
        needed = self.read | self.spare | ends
        first = len(self.inputs)
        return not self.faults.faults and all(first + index in needed for index in range(len(self.nodes)))

    def _is_open(self, start: int, source: int, end: int) -> bool:
        """Whether nodes since `start` read what was before them, but for `source`, or some are not read."""
        first = len(self.inputs)
        made = range(first + start, first + len(self.nodes))
        if end != source and end not in made:
            return True
        if any(one != source and one < made.start for node in self.nodes[start:] for one in node.sources):
            return True
        return not (self.read | self.spare | {end}).issuperset(made)


_remembered: dict[Hashable, Part] = {}


def recall_part(key: Hashable) -> Part | None:
    """What this key came to before."""
    return _remembered.get(key)


def remember_part(key: Hashable, part: Part) -> None:
    """Keep a part; the oldest go when there are too many."""
    if len(_remembered) >= MOST:
        del _remembered[next(iter(_remembered))]
    _remembered[key] = part
