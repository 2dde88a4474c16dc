"""One way to draw for all formats."""

from __future__ import annotations

from typing import Literal, get_args

from graphs.drawing.detail import choose_detail, draw_at
from graphs.drawing.dot import dot
from graphs.drawing.html import html
from graphs.drawing.mermaid import mermaid
from graphs.drawing.page import page
from graphs.drawing.parts import tree
from graphs.drawing.svg import svg
from graphs.graph import Graph

Format = Literal["svg", "html", "mmd", "dot"]
FORMATS: tuple[Format, ...] = get_args(Format)


def draw(graph: Graph, format: Format, *, depth: int | None = None, fold: bool | None = None) -> str:
    """The text of a picture, equal for equal graphs.

    `depth` counts blocks inside blocks: 1 draws the document's own steps, 0 every node; what is readable where it is
    None. `fold` draws equal repetitions that follow one another once; where it is None, in pictures of many boxes.
    """
    if format == "html":
        return html(page(graph, depth, fold), graph)
    whole = tree(graph)
    scene = draw_at(graph, whole, choose_detail(graph, whole, depth, fold))
    return {"svg": svg, "mmd": mermaid, "dot": dot}[format](scene, graph)
