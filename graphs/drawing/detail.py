"""How much a picture shows: which blocks are open, and whether equal repetitions are folded.

A depth counts blocks that stand inside one another: 1 shows the document's own steps, 2 what is inside their blocks, 0
everything. Repetitions, sequences and branches are always open and do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphs.drawing.parts import Part, walk
from graphs.drawing.scene import Frame, stage
from graphs.graph import Graph

FEWEST_BOXES = 4
READABLE_BOXES = 120
FOLDED_FROM = 40
BRANCHES = 3


@dataclass(frozen=True, slots=True)
class Detail:
    """What is open: blocks less than `depth` deep; and, `wiring` blocks deeper, those that only wire others up.

    `fold`: equal repetitions are one; `similar`: those that are equal but for their shapes, too.
    """

    depth: int = 1
    wiring: int = 0
    fold: bool = False
    similar: bool = False


def draw_at(graph: Graph, part: Part, detail: Detail) -> Frame:
    """The scene of a part at a level of detail."""
    opened = {inner.address for inner in _opened(part, detail)}
    return stage(graph, part, lambda inner: inner.address in opened, fold=detail.fold, similar=detail.similar)


def choose_detail(graph: Graph, part: Part, depth: int | None = None, fold: bool | None = None) -> Detail:
    """The level of detail that is readable, where none is given.

    The shallowest depth that shows more than a few boxes; there, blocks that only set others side by side or repeat
    them are opened, as long as the picture stays readable. Pictures of many boxes are folded, and, where they have many
    still, their similar repetitions as well.
    """
    if depth is None:
        chosen = _readable(graph, part, bool(fold))
    else:
        chosen = Detail(depth or max(1, deepest(part)), 0, bool(fold))
    if fold is None and _boxes(graph, part, chosen) > FOLDED_FROM:
        folded = Detail(chosen.depth, chosen.wiring, fold=True)
        many = _boxes(graph, part, folded) > FOLDED_FROM
        return replace(folded, similar=many)
    return chosen


def deepest(part: Part) -> int:
    """The depth that shows every node inside a part on its own."""
    return max((_depth(inner) for inner in part.parts), default=1)


def is_wiring(part: Part) -> bool:
    """Whether a block is made of three or more branches, or of one repeated step."""
    directly = [inner for inner in part.parts if inner.structural]
    side_by_side = any(sum(one.block == "branch" for one in _branches(inner)) >= BRANCHES for inner in directly)
    return side_by_side or any(inner.repeats is not None for inner in directly)


def _readable(graph: Graph, part: Part, fold: bool) -> Detail:
    chosen = Detail(1, 0, fold)
    for depth in range(1, deepest(part) + 1):
        chosen = Detail(depth, 0, fold)
        if _boxes(graph, part, chosen) >= FEWEST_BOXES:
            break
    while True:
        more = Detail(chosen.depth, chosen.wiring + 1, fold)
        if _opened(part, more) == _opened(part, chosen) or _boxes(graph, part, more) > READABLE_BOXES:
            return chosen
        chosen = more


def _boxes(graph: Graph, part: Part, detail: Detail) -> int:
    return sum(box.kind == "block" for box in draw_at(graph, part, detail).boxes())


def _opened(part: Part, detail: Detail) -> list[Part]:
    found: list[Part] = []
    waiting = [(inner, 1, 0) for inner in part.parts]
    while waiting:
        one, depth, wiring = waiting.pop()
        if one.structural:
            waiting += [(inner, depth, wiring) for inner in one.parts]
        elif one.opens and depth < detail.depth:
            found.append(one)
            waiting += [(inner, depth + 1, 0) for inner in one.parts]
        elif one.opens and wiring < detail.wiring and is_wiring(one):
            found.append(one)
            waiting += [(inner, depth + 1, wiring + 1) for inner in one.parts]
    return found


def _depth(part: Part) -> int:
    if not part.opens:
        return 1
    return max(_depth(inner) for inner in part.parts) + (not part.structural)


def _branches(part: Part) -> tuple[Part, ...]:
    """The branches of a `parallel`, those of a single node among them as what they are."""
    if part.block != "parallel":
        return ()
    return tuple(Part(inner.address, "branch", inner.nodes) for inner in part.parts[:-1])


def openable(part: Part) -> list[Part]:
    """All blocks inside a part that have something inside, from the outside inwards."""
    return [inner for inner in walk(part) if inner is not part and inner.opens and not inner.structural]
