"""Scenes as nested lists of numbered boxes, for formats that place them by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphs.drawing.lettering import frame_title, lettering
from graphs.drawing.scene import Box, Frame
from graphs.graph import Graph


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a description, `depth` frames deep: a box with its number, the start of a frame, or its end."""

    depth: int
    number: int
    box: Box | None = None
    words: tuple[str, ...] = ()
    frame: Frame | None = None


def lines(scene: Frame, graph: Graph) -> Iterator[Line]:
    """All boxes and visible frames of a scene in order; boxes are numbered as in `Frame.boxes`, frames on their own."""
    counters = [0, 0]
    yield from _lines(scene, graph, scene.address, 0, counters)


def _lines(frame: Frame, graph: Graph, around: str, depth: int, counters: list[int]) -> Iterator[Line]:
    for member in frame.members:
        if isinstance(member, Box):
            text = lettering(member, graph, around)
            yield Line(
                depth, counters[0], member, tuple(word for word in (text.name, text.address, *text.lines) if word)
            )
            counters[0] += 1
        elif not member.visible:
            yield from _lines(member, graph, around, depth, counters)
        else:
            number = counters[1]
            counters[1] += 1
            yield Line(depth, number, None, (frame_title(member, around),), member)
            yield from _lines(member, graph, member.address, depth + 1, counters)
            yield Line(depth, number)
