"""Colours and lines of pictures, light and dark, as CSS classes. The colour of a box is its share of all MACs: one hue,
darker with more in light, brighter with more in dark, so that it reads without seeing colours."""

from __future__ import annotations

from dataclasses import dataclass

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme; `steps` are the fills of the scale of shares, from none to most."""

    paper: str
    ink: str
    faint: str
    edge: str
    frame: str
    terminal: str
    link: str
    steps: tuple[str, ...]


LIGHT = Palette(
    paper="#ffffff",
    ink="#10181f",
    faint="#4a5661",
    edge="#5b6875",
    frame="#9aa7b3",
    terminal="#fff3d1",
    link="#0b57b7",
    steps=("#f3f5f7", "#e4eff9", "#c5ddf3", "#9cc6ea", "#72addf", "#4f95d2"),
)
DARK = Palette(
    paper="#0f1419",
    ink="#f2f6fa",
    faint="#a9b6c2",
    edge="#8b99a6",
    frame="#51606d",
    terminal="#4a3b12",
    link="#8cc2f5",
    steps=("#22282e", "#172838", "#17395a", "#194c78", "#205f96", "#2671b2"),
)


def css(*, scope: str = "svg.net") -> str:
    """The rules of both themes, for pictures that `scope` selects."""
    dark = "\n".join(f"  {line}" for line in _colours(DARK, scope).splitlines())
    return f"{_shapes(scope)}\n{_colours(LIGHT, scope)}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _shapes(scope: str) -> str:
    return f"""\
{scope} text {{ font-family: {FONT}; font-size: 11px; white-space: pre; }}
{scope} .name {{ font-size: 12px; font-weight: 700; }}
{scope} .head {{ font-size: 16px; font-weight: 700; }}
{scope} .edge {{ fill: none; stroke-width: 1.4; }}
{scope} .frame {{ fill: none; stroke-width: 1; stroke-dasharray: 5 3; }}
{scope} .rim {{ stroke-width: 4; stroke-linejoin: round; }}
{scope} a {{ cursor: pointer; text-decoration: none; }}
{scope} a:hover rect, {scope} a:focus rect {{ stroke-width: 2.5; }}"""


def _colours(palette: Palette, scope: str) -> str:
    rules = [
        f"{scope} .paper {{ fill: {palette.paper}; }}",
        f"{scope} text {{ fill: {palette.ink}; }}",
        f"{scope} .faint {{ fill: {palette.faint}; }}",
        f"{scope} .box {{ stroke: {palette.edge}; }}",
        f"{scope} .edge {{ stroke: {palette.edge}; }}",
        f"{scope} .tip {{ fill: {palette.edge}; }}",
        f"{scope} .frame {{ stroke: {palette.frame}; }}",
        f"{scope} .type, {scope} .around {{ fill: {palette.faint}; }}",
        f"{scope} .rim {{ fill: {palette.paper}; stroke: {palette.paper}; }}",
        f"{scope} .terminal {{ fill: {palette.terminal}; }}",
    ]
    rules += [f"{scope} .s{step} {{ fill: {fill}; }}" for step, fill in enumerate(palette.steps)]
    return "\n".join(rules)


def page_css(num_views: int) -> str:
    """The rules of a page with this many views, one of which is shown."""
    shown = ",\n".join(f"#show-{number}:checked ~ #view-{number}" for number in range(num_views))
    dark = _page_colours(DARK)
    return (
        f"{_PAGE}\n{shown} {{ display: block; }}\n{_page_colours(LIGHT)}\n{css()}\n"
        f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    )


_PAGE = """\
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; }
main { padding: 1rem 1.5rem 3rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.05rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2:focus { outline: none; }
p { margin: .3rem 0; max-width: 50rem; }
input[type=radio] { margin: .8rem .2rem .8rem 0; }
label { margin-right: 1rem; }
.legend { display: block; margin: .3rem 0 1rem; overflow: visible; }
.view { display: none; }
.scroll { overflow-x: auto; }
.scroll > svg { display: block; margin: 0 auto; }
.panel { display: none; position: fixed; top: 0; right: 0; bottom: 0; width: min(46rem, 94vw);
  box-sizing: border-box; overflow: auto; padding: .8rem 1.2rem 2rem; border-style: solid; border-width: 0 0 0 1px; }
.panel:target { display: block; }
.panel .scroll > svg { max-width: 100%; height: auto; }
.close { float: right; }
details { margin: 1rem 0; }
summary { cursor: pointer; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .4rem; text-align: left; border-bottom: 1px solid; white-space: nowrap; font-weight: 400; }
thead th, tfoot th { font-weight: 600; }
td:nth-last-child(-n+3), thead th:nth-last-child(-n+3) { text-align: right; }
svg.net a[aria-current] .box { stroke-width: 3; }
@media (max-width: 75rem) {
  .panel { left: 0; top: auto; width: auto; height: 60vh; border-width: 1px 0 0; }
}
@media (min-width: 75rem) { body:has(.panel:target) main { margin-right: min(46rem, 94vw); } }
@media print { .panel { display: none; } }"""


def _page_colours(palette: Palette) -> str:
    return f"""\
body, .panel {{ color: {palette.ink}; background: {palette.paper}; border-color: {palette.frame}; }}
a {{ color: {palette.link}; }}
th, td {{ border-color: {palette.frame}; }}"""
