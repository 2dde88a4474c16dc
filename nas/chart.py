"""The complexity chart as SVG: accuracy against operations, parameters as area. After Canziani 2017 (An Analysis of
Deep Neural Network Models for Practical Applications), figure 2.

Operations are 2 * MACs, on a logarithmic scale. Lengths are in pixels; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10, pi, sqrt

from graphs.drawing.style import DARK, FONT, LIGHT, Palette
from graphs.drawing.svg import text_on_lines, xml_text
from nas.chart_labels import LABEL_SIZE, Blob, PlacedLabel, place_labels

SMALL, LARGE = (1120.0, 760.0), (1760.0, 1120.0)  # width and height, for few points and for many
MOST_IN_SMALL = 32
LEFT, RIGHT, TOP, BOTTOM = 70.0, 190.0, 84.0, 64.0
PIXELS_PER_MILLION = 30.0  # of area
LEGEND = (5_000_000, 25_000_000, 100_000_000)
TICKS = (1, 2, 5)
TITLE = "Accuracy, operations and parameters"

# Hues apart from their neighbours, none of them lost on white or on black; families take them in order.
HUES = (
    "#e6194b", "#4363d8", "#f58231", "#3cb44b", "#911eb4", "#00a5a5", "#f032e6", "#808000", "#7f7fff",
    "#9a6324", "#00795a", "#e8a800", "#d1478a", "#5c6b7a", "#1f9bde", "#a0302f", "#8fb339", "#7a5fb5",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """A network: top-1 in per cent, parameters, and operations, which are 2 * MACs."""

    name: str
    family: str
    top1: float
    flops: int
    params: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values stand in a picture of this size: x by the logarithm of operations, y by per cent."""

    width: float
    height: float
    first_flops: float
    last_flops: float
    least: float
    most: float

    @property
    def right(self) -> float:
        return self.width - RIGHT

    @property
    def bottom(self) -> float:
        return self.height - BOTTOM

    def x(self, flops: float) -> float:
        share = log10(flops / self.first_flops) / log10(self.last_flops / self.first_flops)
        return LEFT + share * (self.right - LEFT)

    def y(self, top1: float) -> float:
        return self.bottom - (top1 - self.least) / (self.most - self.least) * (self.bottom - TOP)


def complexity_chart(points: Sequence[Point], families: Sequence[str], note: str) -> str:
    """The whole file. There is at least one point.

    `families` are all that there are, each of which has the same colour in every picture; `note` stands below the title
    and says what is shown.
    """
    scale = _scale(points)
    drawn_families = {point.family for point in points}
    size = f'width="{_n(scale.width)}" height="{_n(scale.height)}"'
    box = f'viewBox="0 0 {_n(scale.width)} {_n(scale.height)}"'
    hues = {family: HUES[index % len(HUES)] for index, family in enumerate(families) if family in drawn_families}
    drawn = sorted(points, key=lambda point: (-point.params, point.name))  # the small ones on top
    blobs = [Blob(point.name, scale.x(point.flops), scale.y(point.top1), _radius(point.params)) for point in drawn]
    area = (LEFT + 4, TOP, scale.right + 30, scale.bottom - 4)
    labels = place_labels(blobs, area)
    return (
        "\n".join(
            [
                f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" aria-label="{TITLE}">',
                f"<style>\n{_css()}\n</style>",
                f"<title>{TITLE}</title>",
                f'<rect class="paper" {size}/>',
                f'<text class="head" x="{_n(LEFT)}" y="30">{TITLE}</text>',
                f'<text class="faint" x="{_n(LEFT)}" y="52">{xml_text(note)}</text>',
                *_axes(scale),
                *(_blob(point, blob, hues[point.family]) for point, blob in zip(drawn, blobs, strict=True)),
                *map(_dot, blobs),
                *(line for label in labels for line in _label(label)),
                *_legend(hues, scale),
                "</svg>",
            ]
        )
        + "\n"
    )


def _scale(points: Sequence[Point]) -> Scale:
    """Room for all points with their blobs."""
    flops, top1 = [point.flops for point in points], [point.top1 for point in points]
    width, height = SMALL if len(points) <= MOST_IN_SMALL else LARGE
    return Scale(width, height, min(flops) / 1.35, max(flops) * 1.45, floor(min(top1) - 2), ceil(max(top1) + 2))


def _axes(scale: Scale) -> Iterator[str]:
    bottom, right = scale.bottom, scale.right
    decades = range(floor(log10(scale.first_flops)), ceil(log10(scale.last_flops)) + 1)
    for value in (step * 10.0**decade for decade in decades for step in TICKS):
        if scale.first_flops <= value <= scale.last_flops:
            x = _n(scale.x(value))
            yield f'<path class="grid" d="M{x} {_n(TOP)}V{_n(bottom)}"/>'
            yield f'<text class="tick" text-anchor="middle" x="{x}" y="{_n(bottom + 20)}">{value / 1e9:g}</text>'
    step = 5 if scale.most - scale.least > 10 else 1
    for per_cent in range(ceil(scale.least / step) * step, int(scale.most) + 1, step):
        y = scale.y(per_cent)
        yield f'<path class="grid" d="M{_n(LEFT)} {_n(y)}H{_n(right)}"/>'
        yield f'<text class="tick" text-anchor="end" x="{_n(LEFT - 8)}" y="{_n(y + 4)}">{per_cent}</text>'
    yield f'<path class="axis" d="M{_n(LEFT)} {_n(TOP)}V{_n(bottom)}H{_n(right)}"/>'
    middle = _n((LEFT + right) / 2)
    words = "operations for one image, in billions: 2 x MACs; logarithmic"
    yield f'<text class="axis-title" text-anchor="middle" x="{middle}" y="{_n(scale.height - 16)}">{words}</text>'
    turned = f"translate(22 {_n((TOP + bottom) / 2)}) rotate(-90)"
    yield f'<text class="axis-title" text-anchor="middle" transform="{turned}">top-1 accuracy, %</text>'


def _radius(params: int) -> float:
    """Of the blob whose area stands for the parameters."""
    return sqrt(params / 1e6 * PIXELS_PER_MILLION / pi)


def _blob(point: Point, blob: Blob, hue: str) -> str:
    figures = f"{point.flops / 1e9:.3g} G operations, {point.params / 1e6:.3g} M parameters"
    words = xml_text(f"{point.name}: {point.top1:g} %, {figures}")
    place = f'cx="{_n(blob.x)}" cy="{_n(blob.y)}" r="{_n(blob.radius)}"'
    return f'<circle class="blob" {place} fill="{hue}" stroke="{hue}"><title>{words}</title></circle>'


def _dot(blob: Blob) -> str:
    """The centre of a blob, where its values are read."""
    return f'<circle class="dot" cx="{_n(blob.x)}" cy="{_n(blob.y)}" r="1.8"/>'


def _label(label: PlacedLabel) -> Iterator[str]:
    if label.leader is not None:
        (from_x, from_y), (to_x, to_y) = label.leader
        yield f'<path class="leader" d="M{_n(from_x)} {_n(from_y)}L{_n(to_x)} {_n(to_y)}"/>'
    baseline = label.y + LABEL_SIZE * 0.82
    yield from text_on_lines("name", _n(label.x), _n(baseline), label.name)


def _legend(hues: dict[str, str], scale: Scale) -> Iterator[str]:
    x, y = scale.right + 44, TOP + 4
    yield f'<text class="legend-title" x="{_n(x)}" y="{_n(y)}">family</text>'
    for family, hue in hues.items():
        y += 19
        yield f'<circle class="blob" cx="{_n(x + 6)}" cy="{_n(y - 4)}" r="6" fill="{hue}" stroke="{hue}"/>'
        yield f'<text x="{_n(x + 20)}" y="{_n(y)}">{xml_text(family)}</text>'
    y += 40
    yield f'<text class="legend-title" x="{_n(x)}" y="{_n(y)}">parameters</text>'
    y += 8
    for params in LEGEND:
        radius = _radius(params)
        y += radius + 6
        yield f'<circle class="size" cx="{_n(x + _radius(LEGEND[-1]))}" cy="{_n(y)}" r="{_n(radius)}"/>'
        words = f"{params // 1_000_000} M"
        yield f'<text x="{_n(x + 2 * _radius(LEGEND[-1]) + 10)}" y="{_n(y + 4)}">{words}</text>'
        y += radius


def _css() -> str:
    dark = "\n".join(f"  {line}" for line in _colours(DARK).splitlines())
    shapes = f"""\
svg.chart text {{ font-family: {FONT}; font-size: 12px; }}
svg.chart .name {{ font-size: {LABEL_SIZE:g}px; }}
svg.chart .rim {{ stroke-width: 3; stroke-linejoin: round; }}
svg.chart .head {{ font-size: 19px; font-weight: 700; }}
svg.chart .axis-title {{ font-size: 13px; }}
svg.chart .legend-title {{ font-weight: 700; }}
svg.chart .blob {{ fill-opacity: .38; stroke-opacity: .9; stroke-width: 1; }}
svg.chart .size {{ fill: none; stroke-width: 1; }}
svg.chart .grid, svg.chart .axis, svg.chart .leader {{ fill: none; stroke-width: .8; }}
svg.chart .grid {{ stroke-opacity: .25; }}
svg.chart .leader {{ stroke-opacity: .75; }}"""
    return f"{shapes}\n{_colours(LIGHT)}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _colours(palette: Palette) -> str:
    return f"""\
svg.chart .paper {{ fill: {palette.paper}; }}
svg.chart text {{ fill: {palette.ink}; }}
svg.chart .rim {{ fill: {palette.paper}; stroke: {palette.paper}; }}
svg.chart .faint, svg.chart .tick {{ fill: {palette.faint}; }}
svg.chart .dot {{ fill: {palette.ink}; }}
svg.chart .grid, svg.chart .leader, svg.chart .size {{ stroke: {palette.edge}; }}
svg.chart .axis {{ stroke: {palette.ink}; }}"""


def _n(value: float) -> str:
    """A length with at most one digit after the point, the same everywhere."""
    return f"{value:.1f}".removesuffix(".0")
