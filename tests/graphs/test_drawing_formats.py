"""Pictures in their formats: well formed, equal everywhere, nothing loaded from outside, no name that breaks out."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

import graphs
import search_spaces
from graphs import Graph
from graphs.drawing import FORMATS, Format, draw
from graphs.drawing.dot import dot_text
from graphs.drawing.mermaid import mermaid_text
from graphs.drawing.style import DARK, LIGHT, Palette
from graphs.drawing.svg import xml_text
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden" / "drawing"
SVG = "{http://www.w3.org/2000/svg}"
SMALL = """\
version: 1
name: small
input: {image: {map: [3, 16, 16]}}
net:
  - {name: stem, conv: {out_channels: 8, kernel_size: 3, stride: 2}}
  - name: mixed
    join: concat
    parallel:
      one: [{conv: {out_channels: 4}}]
      two: [{conv: {out_channels: 4}}, {conv: {out_channels: 8, kernel_size: 3}}]
      pool: [{max_pool2d: {kernel_size: 3, stride: 1, padding: 1}}]
  - {name: body, repeat: 3, residual_basic: {out_channels: 20}}
  - global_avg_pool: {}
  - {name: logits, linear: {out_features: 10}}
output: {features: body, logits: logits}
"""
HOSTILE = """</title></svg><script>alert(1)</script>"'`]];}-->#\\n\\"\x00\x1b\n\u2028|end"""


def small() -> Graph:
    return graphs.parse(SMALL)


def hostile() -> Graph:
    """A graph whose name, addresses, inputs and outputs are as bad as texts get, though a document could not say so."""
    graph = small()
    nodes = tuple(replace(node, address=f"{node.address}{HOSTILE}") for node in graph.nodes)
    groups = tuple(replace(group, block=f"{group.block}{HOSTILE}") for group in graph.groups)
    inputs = {f"{name}{HOSTILE}": type for name, type in graph.inputs.items()}
    outputs = {f"{name}{HOSTILE}": value for name, value in graph.outputs.items()}
    document = replace(graph.document, doc=HOSTILE)
    return replace(graph, name=HOSTILE, nodes=nodes, groups=groups, inputs=inputs, outputs=outputs, document=document)


class Seen(HTMLParser):
    """What a page has: tags, attributes, and the texts of its style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self._open = tag if tag in ("style", "script", "title") else ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open] = self.texts.get(self._open, "") + data

    def all_of(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


@pytest.mark.parametrize("format", ["mmd", "dot"])
@pytest.mark.parametrize("depth", [None, 2])
def test_texts_read_well(format: Format, depth: int | None) -> None:
    name = f"small{'' if depth is None else f'_depth{depth}'}.{format}"
    assert_golden(GOLDEN / name, draw(small(), format, depth=depth, fold=depth == 2))


@pytest.mark.parametrize("graph", [small(), hostile()], ids=["plain", "hostile"])
@pytest.mark.parametrize("depth", [None, 0])
def test_svg_is_well_formed_and_has_no_script(graph: Graph, depth: int | None) -> None:
    root = ElementTree.fromstring(draw(graph, "svg", depth=depth))
    assert root.tag == f"{SVG}svg"
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "style", "title", "rect", "text", "tspan", "g", "path"}
    names = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or "href" in name or name == "style" for name in names)


def test_every_box_of_an_svg_tells_all_about_itself() -> None:
    root = ElementTree.fromstring(draw(small(), "svg"))
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    # The stem has 8 kernels of 3x3x3 and a norm of 2*8, at 64 positions; the branches 64 * (32 + 32 + 288), the body
    # six times 64 * 20*20*9, the linear layer 200.
    about = "stem: conv\n3x3 8 /2\noutput map[8, 8, 8], stride 2\n232 parameters, 13,824 MACs (1.0% of 1.419M)\n3 nodes"
    assert about in titles


def test_a_name_and_the_address_beside_it_stay_apart_where_spaces_collapse() -> None:
    root = ElementTree.fromstring(draw(small(), "svg"))
    names = [text for text in root.iter(f"{SVG}text") if text.find(f"{SVG}tspan") is not None]
    words = [" ".join("".join(text.itertext()).split()) for text in names]
    assert "conv stem" in words
    assert all(float(tspan.get("dx", 0)) > 5 for text in names for tspan in text.iter(f"{SVG}tspan"))


def test_one_parameter_and_one_mac_are_no_several() -> None:
    net = "net:\n  - conv2d: {out_channels: 1, kernel_size: 1, bias: false}\n"
    drawn = draw(graphs.parse(f"version: 1\ninput: {{image: {{map: [1, 1, 1]}}}}\n{net}"), "svg")
    assert "1 param · 1 MAC · 100%" in drawn
    assert "1 parameter, 1 MAC (100% of 1)" in drawn


def test_a_text_that_lines_may_cross_stands_on_a_rim_that_is_no_stroke_of_its_own() -> None:
    """Programs that don't know `paint-order` paint a stroke over the letters."""
    text = draw(small(), "svg", depth=1)
    texts = list(ElementTree.fromstring(text).iter(f"{SVG}text"))
    rims = [index for index, one in enumerate(texts) if (one.get("class") or "").endswith(" rim")]
    assert rims
    for index in rims:
        rim, plain = texts[index], texts[index + 1]
        assert (rim.text, rim.get("x"), rim.get("y")) == (plain.text, plain.get("x"), plain.get("y"))
        assert rim.get("class") == f"{plain.get('class')} rim"
        assert rim.get("aria-hidden") == "true"
    assert "paint-order" not in text


def test_types_are_written_where_they_change() -> None:
    root = ElementTree.fromstring(draw(small(), "svg", depth=1, fold=True))
    labels = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "type"]
    # Of the stem, the four convolutions but the one of equal width, the concat, the pool over all positions, the layer.
    assert Counter(labels) == Counter(["8x8x8", "4x8x8", "4x8x8", "8x8x8", "20x8x8", "20", "10"])


@pytest.mark.parametrize("graph", [small(), hostile()], ids=["plain", "hostile"])
def test_a_page_loads_nothing_and_its_links_lead_somewhere(graph: Graph) -> None:
    text = draw(graph, "html")
    page = Seen(text)
    ids = page.all_of("id")
    assert len(ids) == len(set(ids))
    links = page.all_of("href")
    assert links
    assert {link[1:] for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)
    assert not {"src", "srcset", "data", "action", "xlink:href", "style"} & {name for name, _ in page.attributes}
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert not any(name.startswith("on") for name, _ in page.attributes)
    for outside in ("http:", "https:", "//", "url(", "@import"):
        assert outside not in page.texts["style"]
        assert outside not in page.texts["script"]
    assert page.tags["script"] == page.tags["style"] == 1
    assert set(page.all_of("for")) <= set(ids)
    assert set(page.all_of("aria-labelledby")) <= set(ids)


def test_a_page_allows_only_its_own_style_and_script() -> None:
    page = Seen(draw(small(), "html"))
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    for kind in ("style", "script"):
        digest = b64encode(sha256(page.texts[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_every_block_of_a_page_opens_and_its_table_adds_up() -> None:
    graph = small()
    text = draw(graph, "html")
    panels = {part.split(":")[0]: part for part in text.split('tabindex="-1">')[1:]}
    named = [group for group in graph.groups if group.block in ("conv", "residual_basic")]
    blocks = [group.address for group in named if group.repeats is None]
    assert set(blocks) == set(panels)
    # A block of two 3x3 convolutions of 20 channels, with norms, at 64 positions.
    assert f"<td>{2 * (20 * 20 * 9 + 40):,}</td><td>{2 * 64 * 20 * 20 * 9:,}</td>" in panels["body.1"]
    assert 'href="#block-' in panels["body.1"]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("<a & \"b\" 'c'>", "&lt;a &amp; &quot;b&quot; &#x27;c&#x27;&gt;"),
        ("\x00\x1f\ufffe", "\ufffd\ufffd\ufffd"),
        ("naïve 网 🜂", "naïve 网 🜂"),
    ],
)
def test_text_is_kept_from_being_markup(text: str, safe: str) -> None:
    assert xml_text(text) == safe


def test_mermaid_and_graphviz_quote_what_could_end_a_label() -> None:
    assert mermaid_text('a"b#<c>`;\n') == "a#34;b#35;#60;c#62;#96;#59;#10;"
    assert dot_text('a"b\\', "c\nd") == r'"a\"b\\\nc' + "\ufffd" + 'd"'


def test_hostile_names_stay_inside_their_quotes() -> None:
    for line in draw(hostile(), "mmd").splitlines():
        assert line.count('"') in (0, 2)
        assert "<script" not in line
    for line in draw(hostile(), "dot").splitlines():
        assert line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0
        assert line.isprintable()


@pytest.mark.parametrize("format", FORMATS)
def test_equal_graphs_give_equal_pictures(format: Format) -> None:
    assert draw(small(), format) == draw(small(), format) == draw(graphs.parse(small().text()), format)


def test_a_picture_is_the_same_in_every_process() -> None:
    script = (
        "import graphs, search_spaces, hashlib\nfrom graphs.drawing import draw\n"
        "graph = search_spaces.load_network('googlenet')\n"
        "print(hashlib.sha256(draw(graph, 'html').encode()).hexdigest())"
    )
    here = sha256(draw(search_spaces.load_network("googlenet"), "html").encode()).hexdigest()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        there = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert there.stdout.strip() == here


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_colour(palette: Palette) -> None:
    """WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1; lines, 1.4.11: at least 3 to 1."""
    for ground in (palette.paper, palette.terminal, *palette.steps):
        assert contrast(palette.ink, ground) >= 4.5
    assert contrast(palette.faint, palette.paper) >= 4.5
    assert contrast(palette.link, palette.paper) >= 4.5
    assert contrast(palette.edge, palette.paper) >= 3


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_scale_reads_without_colours(palette: Palette) -> None:
    distances = [contrast(step, palette.paper) for step in palette.steps[1:]]
    assert distances == sorted(distances)
    assert all(later / earlier > 1.1 for earlier, later in pairwise(distances))
