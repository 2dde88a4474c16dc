"""Places for everything in a scene. Every frame is laid out on its own, and then is one box in the frame around it.

Lengths are in pixels, y grows downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from graphs.drawing.labels import shape
from graphs.drawing.layering import Layered, layered
from graphs.drawing.lettering import Lettering, frame_title, lettering, text_width
from graphs.drawing.placing import Link, place, spread
from graphs.drawing.scene import Box, Frame
from graphs.graph import Graph

Point = tuple[float, float]

GAP = 22.0  # between boxes side by side
INSET = 14.0  # from a frame to what is in it
TITLE = 26.0  # above what is in a frame
LABEL = 18.0  # below a box whose type is written there
STRAIGHT, CURVED, STEEPNESS = 16.0, 26.0, 12.0
APART = 14.0  # two arrows on one box


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box with its text; `x` and `y` are its upper left corner."""

    box: Box
    text: Lettering
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PlacedFrame:
    """A visible frame; `x` and `y` are its upper left corner."""

    frame: Frame
    title: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Route:
    """An edge, or its piece inside one frame: from point to point downwards. `arrow`: it ends at a box."""

    points: tuple[Point, ...]
    arrow: bool


@dataclass(frozen=True, slots=True)
class Label:
    """The type of a value, right of its edge; `x` is its left end, `y` its base line."""

    text: str
    x: float
    y: float


@dataclass(slots=True)
class Layout:
    """Everything in its place. `enters` and `leaves` are, by value, where edges cross the upper and the lower side;
    they leave `base` below the upper side."""

    width: float = 0.0
    height: float = 0.0
    base: float = 0.0
    boxes: list[PlacedBox] = field(default_factory=list)
    frames: list[PlacedFrame] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    enters: dict[int, float] = field(default_factory=dict)
    leaves: dict[int, float] = field(default_factory=dict)

    def include(self, other: Layout, dx: float, dy: float) -> None:
        """Take over what another layout has, moved."""
        self.boxes += [replace(one, x=one.x + dx, y=one.y + dy) for one in other.boxes]
        self.frames += [replace(one, x=one.x + dx, y=one.y + dy) for one in other.frames]
        self.labels += [replace(one, x=one.x + dx, y=one.y + dy) for one in other.labels]
        self.routes += [Route(tuple((x + dx, y + dy) for x, y in one.points), one.arrow) for one in other.routes]


def lay_out(scene: Frame, graph: Graph) -> Layout:
    """The layout of a scene."""
    return _Floor(scene, graph, scene.address).layout()


def _box_layout(box: Box, graph: Graph, around: str) -> Layout:
    text = lettering(box, graph, around)
    label = shape(box.type) if box.changes and box.gives else ""
    width = max(text.width, 2 * (text_width(label) + 12) if label else 0)
    made = Layout(width, text.height + (LABEL if label else 0), text.height)
    made.boxes.append(PlacedBox(box, text, (width - text.width) / 2, 0, text.width, text.height))
    if label:
        made.labels.append(Label(label, width / 2 + 7, text.height + 13))
    made.enters = dict.fromkeys(box.reads, width / 2)
    made.leaves = dict.fromkeys(box.gives, width / 2)
    return made


@dataclass
class _Floor:
    """The layout of one frame: ports for what it reads, its members, ports for what it gives are its vertices."""

    frame: Frame
    graph: Graph
    around: str

    def layout(self) -> Layout:
        frame = self.frame
        inner = frame.address if frame.visible else self.around
        members = [
            _box_layout(one, self.graph, inner) if isinstance(one, Box) else _Floor(one, self.graph, inner).layout()
            for one in frame.members
        ]
        top, bottom = len(frame.reads), len(frame.reads) + len(members)
        self.count = bottom + len(frame.gives)
        self.items = dict(enumerate(members, start=top))
        self.ports = {**dict(enumerate(frame.reads)), **dict(enumerate(frame.gives, start=bottom))}
        self.edges = self._edges(bottom)
        ends = [(source, target) for source, target, _ in self.edges]
        self.plan = layered(self.count, ends, range(top), range(bottom, self.count))
        self._place(self.plan)
        return self._finish()

    def _edges(self, bottom: int) -> list[tuple[int, int, int]]:
        """(source, target, value) of every edge in the frame."""
        giver = {value: vertex for vertex, value in self.ports.items() if vertex < bottom}
        edges = []
        for vertex, member in enumerate(self.frame.members, start=len(self.frame.reads)):
            edges += [(giver[value], vertex, value) for value in member.reads]
            giver.update(dict.fromkeys(member.gives, vertex))
        edges += [(giver[value], vertex, value) for vertex, value in self.ports.items() if vertex >= bottom]
        return edges

    def _place(self, plan: Layered) -> None:
        vertices = [vertex for layer in plan.layers for vertex in layer]
        self.rank = {vertex: rank for rank, layer in enumerate(plan.layers) for vertex in layer}
        self.widths = {vertex: self.items[vertex].width if vertex in self.items else 0.0 for vertex in vertices}
        links: dict[tuple[int, int, float, float], Link] = {}
        for (source, target, value), chain in zip(self.edges, plan.chains, strict=True):
            for upper, lower in pairwise(chain):
                leaves = self._leaves(source, value) if upper == source else 0.0
                enters = self._enters(target, value) if lower == target else 0.0
                links[upper, lower, leaves, enters] = Link(upper, lower, leaves, enters)
        self.x = place(plan.layers, self.widths, list(links.values()), GAP)
        self.anchors = self._anchors()
        self.heights = [
            max((self.items[vertex].height for vertex in layer if vertex in self.items), default=0.0)
            for layer in plan.layers
        ]
        self.tops = [0.0]
        for rank, height in enumerate(self.heights[:-1]):
            self.tops.append(self.tops[-1] + height + self._gap(rank))

    def _leaves(self, vertex: int, value: int) -> float:
        item = self.items.get(vertex)
        return item.leaves[value] - item.width / 2 if item else 0.0

    def _enters(self, vertex: int, value: int) -> float:
        item = self.items.get(vertex)
        return item.enters[value] - item.width / 2 if item else 0.0

    def _anchors(self) -> list[tuple[float, float]]:
        """Where every edge starts and ends; on a box with several inputs its arrows stand apart."""
        starts = [self.x[source] + self._leaves(source, value) for source, _, value in self.edges]
        ends = [self.x[target] + self._enters(target, value) for _, target, value in self.edges]
        for vertex in self.items:
            arriving = [edge for edge, (_, target, _) in enumerate(self.edges) if target == vertex]
            if len(arriving) < 2 or isinstance(self.frame.members[vertex - len(self.frame.reads)], Frame):
                continue
            half = self.items[vertex].boxes[0].width / 2 - APART / 2
            chains = {edge: self.plan.chains[edge] for edge in arriving}
            came = {edge: starts[edge] if len(chain) == 2 else self.x[chain[-2]] for edge, chain in chains.items()}
            arriving.sort(key=lambda edge: came[edge])
            apart = min(APART, 2 * half / (len(arriving) - 1))
            left, right = self.x[vertex] - half, self.x[vertex] + half
            wanted = [min(max(came[edge], left), right) for edge in arriving]
            # Those that come straight from above keep their place.
            weights = [
                10.0 if abs(came[edge] - place) < 1 else 1.0 for edge, place in zip(arriving, wanted, strict=True)
            ]
            places = spread(wanted, [apart] * (len(arriving) - 1), weights, (left, right))
            for edge, end in zip(arriving, places, strict=True):
                ends[edge] = end
        return list(zip(starts, ends, strict=True))

    def _gap(self, rank: int) -> float:
        """The room between a layer and the next one."""
        bend, arrow = 0.0, False
        for edge, chain in enumerate(self.plan.chains):
            first = self.rank[chain[0]]
            if first <= rank < self.rank[chain[-1]]:
                upper, lower = self._pass(edge, rank), self._pass(edge, rank + 1, arriving=True)
                bend = max(bend, abs(upper - lower))
                arrow = arrow or chain[rank + 1 - first] in self.items
        gap = CURVED + min(bend / STEEPNESS, 2 * CURVED) if bend >= 1 else STRAIGHT if arrow else STRAIGHT / 2
        if self.frame.visible and rank == 0 and self.frame.reads:
            return gap + TITLE - STRAIGHT / 2 if bend >= 1 else TITLE
        outermost = rank == 0 or rank == len(self.heights) - 2
        return 0.0 if not self.frame.visible and self.ports and outermost and bend < 1 else gap

    def _pass(self, edge: int, rank: int, *, arriving: bool = False) -> float:
        """Where an edge passes a layer."""
        chain = self.plan.chains[edge]
        place = rank - self.rank[chain[0]]
        if place == 0 and not arriving:
            return self.anchors[edge][0]
        return self.anchors[edge][1] if place == len(chain) - 1 else self.x[chain[place]]

    def _finish(self) -> Layout:
        inset = INSET if self.frame.visible else 0.0
        right = max((self.x[vertex] + self.widths[vertex] / 2 for vertex in self.x), default=0.0)
        title = frame_title(self.frame, self.around) if self.frame.visible else ""
        width = max(right + 2 * inset, text_width(title) + 2 * inset)
        dx = (width - right) / 2
        height = self.tops[-1] + self.heights[-1]
        made = Layout(width, height, height)
        if self.frame.visible:
            made.frames.append(PlacedFrame(self.frame, title, 0, 0, width, made.height))
        for vertex, item in self.items.items():
            made.include(item, self.x[vertex] - item.width / 2 + dx, self.tops[self.rank[vertex]])
        made.routes += [self._route(edge, dx) for edge in range(len(self.edges))]
        bottom = len(self.frame.reads) + len(self.frame.members)
        made.enters = {value: self.x[vertex] + dx for vertex, value in self.ports.items() if vertex < bottom}
        made.leaves = {value: self.x[vertex] + dx for vertex, value in self.ports.items() if vertex >= bottom}
        return made

    def _route(self, edge: int, dx: float) -> Route:
        source, target, _ = self.edges[edge]
        chain, (start, end) = self.plan.chains[edge], self.anchors[edge]
        base = self.items[source].base if source in self.items else 0.0
        top, low = self.tops[self.rank[source]], self.heights[self.rank[source]]
        if self.frame.visible and source < len(self.frame.reads):
            low = TITLE - STRAIGHT / 2  # straight past the title
        points = [(start, top + base), (start, top + low)]
        for vertex in chain[1:-1]:
            rank = self.rank[vertex]
            points += [(self.x[vertex], self.tops[rank]), (self.x[vertex], self.tops[rank] + self.heights[rank])]
        points.append((end, self.tops[self.rank[target]]))
        arrow = target in self.items and isinstance(self.frame.members[target - len(self.frame.reads)], Box)
        return Route(tuple((x + dx, y) for x, y in points), arrow)
