"""What an HTML page of a graph shows: the whole at every depth, and every block opened, each with a table of costs."""

from __future__ import annotations

from dataclasses import dataclass

from graphs.drawing.detail import Detail, choose_detail, deepest, draw_at, openable
from graphs.drawing.parts import Part, tree
from graphs.drawing.scene import Frame
from graphs.graph import Graph

MAX_PANELS = 500
MAX_BOXES = 400


@dataclass(frozen=True, slots=True)
class View:
    """The whole network at one level of detail."""

    name: str
    scene: Frame


@dataclass(frozen=True, slots=True)
class Panel:
    """One opened block. `above` are the addresses of the opened blocks around it, the outermost first."""

    part: Part
    scene: Frame
    above: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """`links` are the fragments of panels by address; blocks beyond the limit have none."""

    views: tuple[View, ...]
    panels: tuple[Panel, ...]
    links: dict[str, str]


def page(graph: Graph, depth: int | None, fold: bool | None) -> Page:
    """The views of a graph, the one that was asked for or is readable first, and its panels, outer blocks first."""
    whole = tree(graph)
    blocks = sorted(openable(whole), key=lambda part: part.address.count("."))[:MAX_PANELS]
    links = {part.address: f"#block-{number}" for number, part in enumerate(blocks)}
    panels = []
    for part in blocks:
        above = tuple(other for other in _prefixes(part.address) if other in links)
        panels.append(Panel(part, _inside(graph, part), above))
    return Page(_views(graph, whole, depth, fold), tuple(panels), links)


def _inside(graph: Graph, part: Part) -> Frame:
    """What is inside a block; where that is one block alone, what is inside that."""
    for depth in range(1, deepest(part) + 1):
        scene = draw_at(graph, part, Detail(depth))
        if sum(box.kind == "block" for box in scene.boxes()) > 1:
            break
    return scene


def _views(graph: Graph, whole: Part, depth: int | None, fold: bool | None) -> tuple[View, ...]:
    first = choose_detail(graph, whole, depth, fold)
    views = [View("overview" if depth is None else f"depth {first.depth}", draw_at(graph, whole, first))]
    for level in range(1, deepest(whole) + 1):
        scene = draw_at(graph, whole, choose_detail(graph, whole, level, fold))
        if sum(1 for _ in scene.boxes()) > MAX_BOXES:
            break
        if all(scene != view.scene for view in views):
            views.append(View(f"depth {level}", scene))
    return tuple(views)


def _prefixes(address: str) -> list[str]:
    parts = address.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
