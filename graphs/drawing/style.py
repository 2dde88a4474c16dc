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
    steps: tuple[str, ...]


LIGHT = Palette(
    paper="#ffffff",
    ink="#10181f",
    faint="#4a5661",
    edge="#5b6875",
    frame="#9aa7b3",
    terminal="#fff3d1",
    steps=("#f3f5f7", "#e4eff9", "#c5ddf3", "#9cc6ea", "#72addf", "#4f95d2"),
)
DARK = Palette(
    paper="#0f1419",
    ink="#f2f6fa",
    faint="#a9b6c2",
    edge="#8b99a6",
    frame="#51606d",
    terminal="#4a3b12",
    steps=("#222a31", "#1b3348", "#1a4263", "#1c517d", "#206198", "#2671b2"),
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
{scope} .type, {scope} .around {{ stroke-width: 4; paint-order: stroke; stroke-linejoin: round; }}
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
        f"{scope} .type, {scope} .around {{ fill: {palette.faint}; stroke: {palette.paper}; }}",
        f"{scope} .terminal {{ fill: {palette.terminal}; }}",
    ]
    rules += [f"{scope} .s{step} {{ fill: {fill}; }}" for step, fill in enumerate(palette.steps)]
    return "\n".join(rules)
