"""The text of a box in lines, and how much room text takes. Lengths are in pixels.

The letters are those of a monospaced font, whose widths are known without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import east_asian_width

from graphs.drawing.labels import arguments, cut, figures, short_address, title
from graphs.drawing.scene import Box, Frame
from graphs.graph import Graph

LETTER = 0.605  # of the size of the font
NAME_SIZE, SMALL_SIZE = 12.0, 11.0
GAP = 2 * SMALL_SIZE * LETTER  # between a name and the address beside it
LINE = 15.0
MARGIN = 10.0
NARROWEST = 84.0


@dataclass(frozen=True, slots=True)
class Lettering:
    """A box in words: its name, its address beside it, and lines below."""

    name: str
    address: str
    lines: tuple[str, ...]

    @property
    def width(self) -> float:
        """Of the box around the text."""
        first = text_width(self.name, NAME_SIZE) + (GAP + text_width(self.address) if self.address else 0.0)
        return max(NARROWEST, first + 2 * MARGIN, *(text_width(line) + 2 * MARGIN for line in self.lines))

    @property
    def height(self) -> float:
        """Of the box around the text."""
        return LINE * (1 + len(self.lines)) + MARGIN


def lettering(box: Box, graph: Graph, around: str) -> Lettering:
    """The text of a box in a frame with the address `around`."""
    if box.kind != "block":
        return Lettering(cut(box.address), "" if box.address == box.kind else box.kind, (arguments(box, graph),))
    name, address = cut(title(box)), cut(short_address(box, around))
    lines = [cut(line) for line in (arguments(box, graph), figures(box, graph)) if line]
    return Lettering(name, "" if address == name else address, tuple(lines))


def frame_title(frame: Frame, around: str) -> str:
    """What stands at the top of a frame: its address, and what it is."""
    return cut(f"{short_address(frame, around)}: {title(frame)}", 60)


def text_width(text: str, size: float = SMALL_SIZE) -> float:
    """The width of a text; a wide letter takes two places."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text) * size * LETTER
