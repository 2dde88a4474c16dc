"""Scenes in the language of Graphviz."""

from __future__ import annotations

from graphs.drawing.clusters import Line, lines
from graphs.drawing.labels import details, shape, step_of
from graphs.drawing.scene import Frame, edges
from graphs.drawing.style import LIGHT
from graphs.graph import Graph


def dot(scene: Frame, graph: Graph) -> str:
    """The text of a directed graph: frames are clusters, fills the shares of MACs."""
    boxes = list(scene.boxes())
    text = [
        f"digraph {dot_text(graph.name)} {{",
        f'  graph [rankdir=TB, fontname="monospace", fontsize=11, color="{LIGHT.frame}", style="dashed,rounded"];',
        f'  node [shape=box, style="filled,rounded", fontname="monospace", fontsize=11, color="{LIGHT.edge}"];',
        f'  edge [fontname="monospace", fontsize=10, color="{LIGHT.edge}"];',
    ]
    text += [_line(line, graph) for line in lines(scene, graph)]
    for edge in edges(scene, graph):
        label = f" [label={dot_text(shape(edge.type))}]" if boxes[edge.source].changes else ""
        text.append(f"  n{edge.source} -> n{edge.target}{label};")
    return "\n".join([*text, "}"]) + "\n"


def dot_text(*words: str) -> str:
    """Lines of text as one quoted string; what Graphviz would read as an escape or an end is kept from that."""
    clean = ("".join(letter if letter.isprintable() else "\ufffd" for letter in word) for word in words)
    return '"' + "\\n".join(word.replace("\\", "\\\\").replace('"', '\\"') for word in clean) + '"'


def _line(line: Line, graph: Graph) -> str:
    indent = "  " * (line.depth + 1)
    if line.box is not None:
        block = line.box.kind == "block"
        fill = LIGHT.steps[step_of(line.box.macs, graph.costs().macs)] if block else LIGHT.terminal
        shaped = "" if block else ", shape=oval"
        about = dot_text(*details(line.box, graph).split("\n"))
        label = dot_text(*line.words)
        return f'{indent}n{line.number} [label={label}, fillcolor="{fill}", tooltip={about}{shaped}];'
    if line.frame:
        return f"{indent}subgraph cluster_{line.number} {{\n{indent}  label={dot_text(*line.words)};"
    return f"{indent}}}"
