"""What is drawn, without places: boxes, frames around them, and the values they hand on.

A scene is cut at a level of detail: every part is closed, a box, or open, a frame with what is inside it. Equal
repetitions can be folded into one that says how often it stands there; closed ones also where they are equal but for
the shapes that they are given, as the layers of a DenseNet are. The box has the type of what the last of them gives.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from blocks.types import Type
from graphs.drawing.parts import ROOT, Part, likeness, node_of
from graphs.graph import Graph

Kind = Literal["block", "input", "output"]


@dataclass(frozen=True, slots=True)
class Box:
    """A closed part, an input or an output.

    `reads` are values from outside it, each once, in order; `gives` those of its own that something else reads. `count`
    is how many equal repetitions it stands for; `params` and `macs` are those of all of them. `type` is that of what it
    gives, and `changes` says that the type differs from what it reads.
    """

    kind: Kind
    address: str
    block: str
    nodes: tuple[int, ...]
    reads: tuple[int, ...]
    gives: tuple[int, ...]
    type: Type
    changes: bool
    params: int = 0
    macs: int = 0
    count: int = 1
    last: str = ""  # the address of the last repetition, where there are several
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """An open part with its members, each after all that it reads. A branch has a frame nobody sees."""

    address: str
    block: str
    members: tuple[Box | Frame, ...]
    reads: tuple[int, ...]
    gives: tuple[int, ...]
    count: int = 1
    last: str = ""
    repeats: int | None = None
    visible: bool = True

    def boxes(self) -> Iterator[Box]:
        """All boxes, also those of frames inside."""
        for member in self.members:
            if isinstance(member, Box):
                yield member
            else:
                yield from member.boxes()


@dataclass(frozen=True, slots=True)
class Edge:
    """A value on its way between two boxes of a scene, by their places in `Frame.boxes`."""

    source: int
    target: int
    type: Type


def stage(
    graph: Graph, part: Part, is_open: Callable[[Part], bool], *, fold: bool = False, similar: bool = False
) -> Frame:
    """The scene of what is inside a part, with boxes for what comes in and goes out. `is_open` is asked of every part
    with something inside, but of structural ones, which are open always. `similar`: closed repetitions are folded
    whatever their shapes."""
    return _Stage(graph, part, is_open, fold, similar).frame()


def edges(scene: Frame, graph: Graph) -> list[Edge]:
    """The edges between the boxes of a scene, in the order of their targets."""
    boxes = list(scene.boxes())
    giver = {value: place for place, box in enumerate(boxes) for value in box.gives}
    types = dict(enumerate(graph.types)) | {box.gives[-1]: box.type for box in boxes if box.count > 1 and box.gives}
    return [Edge(giver[value], place, types[value]) for place, box in enumerate(boxes) for value in box.reads]


@dataclass
class _Stage:
    """The cutting of one scene. `alias` has, for nodes of folded repetitions, those of the one that stands for them."""

    graph: Graph
    part: Part
    is_open: Callable[[Part], bool]
    fold: bool
    similar: bool
    alias: dict[int, int] = field(default_factory=dict)
    readers: dict[int, set[int]] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)

    def frame(self) -> Frame:
        """The whole scene, framed by nothing."""
        if self.fold:
            self._fold(self.part)
        for reader, node in enumerate(self.graph.nodes, start=len(self.graph.inputs)):
            for source in node.sources:
                if reader not in self.alias:
                    self.readers.setdefault(self._value(source), set()).add(reader)
        self.outputs = self._outputs()
        for value in self.outputs.values():
            self.readers.setdefault(value, set()).add(-1)
        reads = self._reads(self.part.nodes)
        if self.part.address == ROOT:
            reads = tuple(range(len(self.graph.inputs)))
        inputs = tuple(self._terminal("input", self.graph.address(value), value) for value in reads)
        outputs = tuple(self._terminal("output", name, value) for name, value in self.outputs.items())
        members = (*inputs, *self._members(self.part), *outputs)
        return Frame(self.part.address, self.part.block, members, (), (), visible=False)

    def _outputs(self) -> dict[str, int]:
        """What leaves the scene, by the name it goes by."""
        if self.part.address == ROOT:
            return {name: self._value(value) for name, value in self.graph.outputs.items()}
        inside = set(self.part.nodes)
        read = {
            source
            for reader, node in enumerate(self.graph.nodes, start=len(self.graph.inputs))
            for source in node.sources
            if reader not in inside
        }
        leaving = [number for number in self.part.nodes if number in read or number in self.graph.outputs.values()]
        names = ["out"] if len(leaving) == 1 else [f"out {place}" for place in range(1, len(leaving) + 1)]
        return {name: self._value(number) for name, number in zip(names, leaving, strict=True)}

    def _terminal(self, kind: Kind, name: str, value: int) -> Box:
        reads, gives = ((), (value,)) if kind == "input" else ((value,), ())
        return Box(kind, name, kind, (), reads, gives, self.graph.types[value], changes=False)

    def _members(self, part: Part) -> tuple[Box | Frame, ...]:
        members: list[Box | Frame] = []
        for run in self._runs(part):
            if run[0].block == "parallel" and run[0].structural and run[0].repeats is None:
                members += self._members(run[0])  # its branches stand in the frame that it stands in
            else:
                members.append(self._member(run))
        return tuple(members)

    def _member(self, run: list[Part]) -> Box | Frame:
        part, last = run[0], run[-1].address if len(run) > 1 else ""
        reads, gives = self._reads(part.nodes), self._gives(part.nodes)
        if part.structural or (part.opens and self.is_open(part)):
            visible = part.block != "branch"
            members = self._members(part)
            return Frame(part.address, part.block, members, reads, gives, len(run), last, part.repeats, visible)
        costs = self.graph.costs().nodes
        rows = [costs[number - len(self.graph.inputs)] for one in run for number in one.nodes]
        end = part.nodes.index(gives[-1]) if gives else -1
        type = self.graph.types[run[-1].nodes[end]]
        return Box(
            "block",
            part.address,
            part.block,
            part.nodes,
            reads,
            gives,
            type,
            any(type != self.graph.types[value] for value in reads[:1]),
            sum(row.params for row in rows),
            sum(row.macs for row in rows),
            len(run),
            last,
            part.opens,
        )

    def _reads(self, nodes: tuple[int, ...]) -> tuple[int, ...]:
        inside = set(nodes)
        found = (self._value(source) for number in nodes for source in node_of(self.graph, number).sources)
        return tuple(dict.fromkeys(value for value in found if value not in inside))

    def _gives(self, nodes: tuple[int, ...]) -> tuple[int, ...]:
        inside = set(nodes)
        return tuple(number for number in nodes if self.readers.get(number, set()) - inside)

    def _value(self, value: int) -> int:
        return self.alias.get(value, value)

    def _fold(self, part: Part) -> None:
        for run in self._runs(part):
            for other in run[1:]:
                self.alias.update(zip(other.nodes, run[0].nodes, strict=True))
            self._fold(run[0])

    def _runs(self, part: Part) -> list[list[Part]]:
        """The parts inside a part, equal repetitions that follow one another together."""
        if not self.fold or part.repeats is None:
            return [[inner] for inner in part.parts]
        return [list(run) for _, run in groupby(part.parts, key=self._likeness)]

    def _likeness(self, part: Part) -> Hashable:
        closed = not part.structural and not (part.opens and self.is_open(part))
        return likeness(self.graph, part, typed=not (self.similar and closed))
