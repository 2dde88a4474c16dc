"""Pages as HTML: one file that loads nothing, with blocks that open beside the picture.

Opening, closing and going deeper are links to fragments, so they work from the keyboard and without a script; the
script adds the Escape key and marks the open block. The page's policy allows its own style and script and nothing else.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from graphs.drawing.labels import address, arguments, shape, share, title
from graphs.drawing.page import Page, Panel
from graphs.drawing.scene import Box, Frame
from graphs.drawing.style import page_css
from graphs.drawing.svg import legend, legend_width, svg_element, xml_text
from graphs.graph import Graph
from graphs.quantities import format_quantity

SCRIPT = """
const mark = () => {
  for (const link of document.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  if (!location.hash.startsWith("#block-")) return;
  for (const link of document.querySelectorAll(`a[href="${location.hash}"]`)) link.setAttribute("aria-current", "true");
  document.querySelector(`${location.hash} h2`)?.focus({preventScroll: true});
};
addEventListener("hashchange", mark);
addEventListener("keydown", (event) => { if (event.key === "Escape") location.hash = "#closed"; });
mark();
"""


def html(page: Page, graph: Graph) -> str:
    """The whole file."""
    style = page_css(len(page.views))
    policy = f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(SCRIPT)}; base-uri 'none'"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{xml_text(graph.name)}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        *_header(page, graph),
        *(line for number, view in enumerate(page.views) for line in _view(number, view.scene, page, graph)),
        "</main>",
        *(line for panel in page.panels for line in _panel(panel, page, graph)),
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _header(page: Page, graph: Graph) -> Iterator[str]:
    costs = graph.costs()
    yield '<span id="closed"></span>'
    yield "<main>"
    yield f"<h1>{xml_text(graph.name)}</h1>"
    if graph.document.doc:
        yield f"<p>{xml_text(graph.document.doc)}</p>"
    totals = f"{costs.params:,} parameters, {format_quantity(costs.macs)} MACs for one image"
    yield f"<p>{totals}. A block that can be opened is a link: choose it to see inside, Escape closes it.</p>"
    for number, view in enumerate(page.views):
        checked = " checked" if number == 0 else ""
        yield f'<input type="radio" name="view" id="show-{number}"{checked}>'
        yield f'<label for="show-{number}">{xml_text(view.name)}</label>'
    words = 'role="img" aria-label="The colour of a block is its share of all MACs"'
    yield f'<svg class="net legend" width="{legend_width():.0f}" height="16" {words}>'
    yield from legend()
    yield "</svg>"


def _view(number: int, scene: Frame, page: Page, graph: Graph) -> Iterator[str]:
    yield f'<section class="view" id="view-{number}">'
    yield '<div class="scroll" tabindex="0" role="region" aria-label="The network">'
    yield svg_element(scene, graph, page.links)
    yield "</div>"
    yield "<details><summary>Costs by block</summary>"
    costs = graph.costs()
    yield from _table(scene, page, graph, costs.params, costs.macs)
    yield "</details>"
    yield "</section>"


def _panel(panel: Panel, page: Page, graph: Graph) -> Iterator[str]:
    part = panel.part
    target = page.links[part.address].removeprefix("#")
    yield f'<section class="panel" id="{target}" aria-labelledby="{target}-name">'
    yield '<nav aria-label="Where this block stands"><a class="close" href="#closed">close</a> '
    yield f"<span>{xml_text(graph.name)}</span>"
    for above in panel.above:
        yield f' / <a href="{page.links[above]}">{xml_text(above)}</a>'
    yield "</nav>"
    yield f'<h2 id="{target}-name" tabindex="-1">{xml_text(part.address)}: {xml_text(part.block)}</h2>'
    yield f'<div class="scroll">{svg_element(panel.scene, graph, page.links)}</div>'
    rows = [graph.costs().nodes[node - len(graph.inputs)] for node in part.nodes]
    yield from _table(panel.scene, page, graph, sum(row.params for row in rows), sum(row.macs for row in rows))
    yield "</section>"


def _table(scene: Frame, page: Page, graph: Graph, params: int, macs: int) -> Iterator[str]:
    yield '<div class="scroll"><table>'
    heads = ("address", "block", "arguments", "output", "params", "MACs", "share")
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield f"<thead><tr>{cells}</tr></thead>"
    yield "<tbody>"
    for box, times in _counted(scene, 1):
        yield _row(box, times, scene.address, page, graph)
    yield "</tbody>"
    sums = f"<td>{params:,}</td><td>{macs:,}</td><td>{xml_text(share(macs, graph.costs().macs))}</td>"
    yield f'<tfoot><tr><th scope="row" colspan="4">together</th>{sums}</tr></tfoot>'
    yield "</table></div>"


def _counted(frame: Frame, times: int) -> Iterator[tuple[Box, int]]:
    """The blocks of a scene, and how often each stands there by the folded frames around it."""
    for member in frame.members:
        if isinstance(member, Frame):
            yield from _counted(member, times * member.count)
        elif member.kind == "block":
            yield member, times


def _row(box: Box, times: int, around: str, page: Page, graph: Graph) -> str:
    link = page.links.get(box.address)
    name = xml_text(address(box).removeprefix(f"{around}."))
    named = f'<a href="{link}">{name}</a>' if link else name
    words = [f"{title(box)}, one of {times}" if times > 1 else title(box), arguments(box, graph), shape(box.type)]
    cells = "".join(f"<td>{xml_text(word)}</td>" for word in words)
    numbers = f"<td>{box.params:,}</td><td>{box.macs:,}</td><td>{xml_text(share(box.macs, graph.costs().macs))}</td>"
    return f'<tr><th scope="row">{named}</th>{cells}{numbers}</tr>'
