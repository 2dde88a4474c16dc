"""Scenes as SVG: one file, no script, nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from graphs.drawing.labels import SCALE, details, step_of
from graphs.drawing.layout import Layout, PlacedBox, PlacedFrame, Point, Route, lay_out
from graphs.drawing.lettering import GAP, LINE, MARGIN, NAME_SIZE, text_width
from graphs.drawing.scene import Frame
from graphs.drawing.style import css
from graphs.graph import Graph
from graphs.quantities import format_quantity

BORDER = 20.0
HEAD = 74.0
SWATCH = 14.0
TIP = 7.0

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """A text for XML and HTML, also inside quotes; a letter that XML forbids becomes a replacement character."""
    return escape(_FORBIDDEN.sub("\ufffd", text))


def text_on_lines(kind: str, x: str, y: str, words: str) -> list[str]:
    """A text of this class that lines may cross: below it stands a copy with a rim in the colour of the paper.

    The rim of one text alone is painted over its letters by programs that don't know `paint-order`.
    """
    text = f'x="{x}" y="{y}">{xml_text(words)}</text>'
    return [f'<text class="{kind} rim" aria-hidden="true" {text}', f'<text class="{kind}" {text}']


def svg(scene: Frame, graph: Graph) -> str:
    """The whole file: the picture below a line of totals and the scale of colours."""
    layout = lay_out(scene, graph)
    head, width = _head(graph)
    return "\n".join(_picture(layout, graph, {}, head, width, HEAD, f"<style>\n{css()}\n</style>\n")) + "\n"


def svg_element(scene: Frame, graph: Graph, links: Mapping[str, str]) -> str:
    """The picture alone, to stand in a page with the rules of `css`. `links` are targets by address."""
    return "\n".join(_picture(lay_out(scene, graph), graph, links, [], 0.0, 0.0, ""))


def legend() -> list[str]:
    """The swatches of the scale from the left, with their words."""
    lines, x = [], 0.0
    for step, words in enumerate(SCALE):
        lines.append(f'<rect class="box s{step}" x="{_n(x)}" y="0" width="{_n(SWATCH)}" height="{_n(SWATCH)}" rx="3"/>')
        lines.append(f'<text x="{_n(x + SWATCH + 5)}" y="11">{xml_text(words)}</text>')
        x += SWATCH + 5 + text_width(words) + 14
    return lines


def legend_width() -> float:
    """The room the legend takes."""
    return sum(SWATCH + 19 + text_width(words) for words in SCALE)


def _head(graph: Graph) -> tuple[list[str], float]:
    costs = graph.costs()
    totals = f"{format_quantity(costs.params)} parameters, {format_quantity(costs.macs)} MACs; colour: share of MACs"
    lines = [
        f'<text class="head" x="{_n(BORDER)}" y="26">{xml_text(graph.name)}</text>',
        f'<text class="faint" x="{_n(BORDER)}" y="44">{xml_text(totals)}</text>',
        f'<g transform="translate({_n(BORDER)} 54)">',
        *legend(),
        "</g>",
    ]
    return lines, max(legend_width(), text_width(totals), text_width(graph.name, 16))


def _picture(
    layout: Layout,
    graph: Graph,
    links: Mapping[str, str],
    head: list[str],
    least_width: float,
    top: float,
    style: str,
) -> list[str]:
    width, height = max(layout.width, least_width) + 2 * BORDER, layout.height + 2 * BORDER + top
    size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
    words = xml_text(f"{graph.name}: {len(layout.boxes)} boxes")
    return [
        f'<svg class="net" xmlns="http://www.w3.org/2000/svg" {size} role="group" aria-label="{words}">',
        f"{style}<title>{xml_text(graph.name)}</title>",
        f'<rect class="paper" width="{_n(width)}" height="{_n(height)}"/>',
        *head,
        f'<g transform="translate({_n((width - layout.width) / 2)} {_n(BORDER + top)})">',
        *(_frame(one) for one in layout.frames),
        *(line for one in layout.routes for line in _route(one)),
        *(line for one in layout.labels for line in text_on_lines("type", _n(one.x), _n(one.y), one.text)),
        *(line for one in layout.frames for line in _frame_title(one)),
        *(line for one in layout.boxes for line in _box(one, graph, links.get(one.box.address))),
        "</g>",
        "</svg>",
    ]


def _box(placed: PlacedBox, graph: Graph, link: str | None) -> list[str]:
    box, text = placed.box, placed.text
    colour = f"s{step_of(box.macs, graph.costs().macs)}" if box.kind == "block" else "terminal"
    centre = placed.x + placed.width / 2
    inside = [f"<title>{xml_text(details(box, graph))}</title>"]
    if box.count > 1:
        inside += [_rect(placed, colour, 6), _rect(placed, colour, 3)]
    inside.append(_rect(placed, colour, 0))
    y = placed.y + MARGIN / 2 + 11
    name = xml_text(text.name)
    if text.address:  # some programs leave out a space at the end of a text, and draw one of several
        name += f' <tspan dx="{_n(GAP - text_width(" ", NAME_SIZE))}" font-size="11" font-weight="400">'
        name += f"{xml_text(text.address)}</tspan>"
    inside.append(f'<text class="name" text-anchor="middle" x="{_n(centre)}" y="{_n(y)}">{name}</text>')
    for line in text.lines:
        y += LINE
        inside.append(f'<text text-anchor="middle" x="{_n(centre)}" y="{_n(y)}">{xml_text(line)}</text>')
    if link is None:
        return ["<g>", *inside, "</g>"]
    return [f'<a href="{xml_text(link)}">', *inside, "</a>"]


def _rect(placed: PlacedBox, colour: str, behind: float) -> str:
    round = placed.height / 2 if placed.box.kind != "block" else 5
    place = f'x="{_n(placed.x + behind)}" y="{_n(placed.y - behind)}"'
    size = f'width="{_n(placed.width)}" height="{_n(placed.height)}" rx="{_n(round)}"'
    return f'<rect class="box {colour}" {place} {size}/>'


def _frame(placed: PlacedFrame) -> str:
    place = f'x="{_n(placed.x)}" y="{_n(placed.y)}" width="{_n(placed.width)}" height="{_n(placed.height)}"'
    return f'<rect class="frame" {place} rx="8"/>'


def _frame_title(placed: PlacedFrame) -> list[str]:
    return text_on_lines("around", _n(placed.x + 9), _n(placed.y + 15), placed.title)


def _route(route: Route) -> list[str]:
    lines = [f'<path class="edge" d="{_curve(route.points)}"/>']
    if route.arrow:
        x, y = route.points[-1]
        tip = f"M{_n(x)} {_n(y)}l{_n(-TIP / 2)} {_n(-TIP)}h{_n(TIP)}z"
        lines.append(f'<path class="tip" d="{tip}"/>')
    return lines


def _curve(points: tuple[Point, ...]) -> str:
    """Straight down where two points stand above one another, else a curve that starts and ends downwards."""
    x, y = points[0]
    path = f"M{_n(x)} {_n(y)}"
    for to_x, to_y in points[1:]:
        if abs(to_x - x) < 1:
            path += f"L{_n(to_x)} {_n(to_y)}" if to_y - y > 0 else ""
        else:
            middle = (y + to_y) / 2
            path += f"C{_n(x)} {_n(middle)} {_n(to_x)} {_n(middle)} {_n(to_x)} {_n(to_y)}"
        x, y = to_x, to_y
    return path


def _n(value: float) -> str:
    """A length with at most one digit after the point, the same everywhere."""
    text = f"{value:.1f}"
    return text.removesuffix(".0").replace("-0", "0") if text in ("-0.0", "0.0") else text.removesuffix(".0")
