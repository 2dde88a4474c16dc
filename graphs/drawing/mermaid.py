"""Scenes as Mermaid flowcharts, which code hosts draw in Markdown."""

from __future__ import annotations

from graphs.drawing.clusters import Line, lines
from graphs.drawing.labels import shape, step_of
from graphs.drawing.scene import Box, Frame, edges
from graphs.drawing.style import LIGHT
from graphs.graph import Graph

# What means something to Mermaid inside quotes: entities, quotes, tags, Markdown strings. Written by code point.
_SPECIAL = '#&"<>`\\;\n\r'


def mermaid(scene: Frame, graph: Graph) -> str:
    """The text of a flowchart: frames are subgraphs, classes the shares of MACs."""
    boxes = list(scene.boxes())
    text = ["flowchart TD"]
    text += [_line(line, graph) for line in lines(scene, graph)]
    for edge in edges(scene, graph):
        label = f'|"{shape(edge.type)}"|' if boxes[edge.source].changes else ""
        text.append(f"  n{edge.source} -->{label} n{edge.target}")
    used = {_class(box, graph) for box in boxes}
    fills = {**{f"s{step}": fill for step, fill in enumerate(LIGHT.steps)}, "terminal": LIGHT.terminal}
    text += [
        f"  classDef {name} fill:{fill},stroke:{LIGHT.edge},color:{LIGHT.ink}"
        for name, fill in fills.items()
        if name in used
    ]
    return "\n".join(text) + "\n"


def mermaid_text(text: str) -> str:
    """A text for a label in quotes."""
    return "".join(f"#{ord(letter)};" if letter in _SPECIAL or not letter.isprintable() else letter for letter in text)


def _line(line: Line, graph: Graph) -> str:
    indent = "  " * (line.depth + 1)
    words = "<br/>".join(mermaid_text(word) for word in line.words)
    if line.box is not None:
        opening, closing = ("[", "]") if line.box.kind == "block" else ("([", "])")
        return f'{indent}n{line.number}{opening}"{words}"{closing}:::{_class(line.box, graph)}'
    return f'{indent}subgraph f{line.number}["{words}"]' if line.frame else f"{indent}end"


def _class(box: Box, graph: Graph) -> str:
    return f"s{step_of(box.macs, graph.costs().macs)}" if box.kind == "block" else "terminal"
