"""The smallest legal input of a document whose maps come out empty."""

from __future__ import annotations

from collections.abc import Callable

from blocks.types import Map
from graphs.document import Document
from graphs.expansion import expand
from graphs.faults import DocumentError, FaultList
from graphs.heads import without_heads
from graphs.inputs import MAX_SIZE, document_scope, input_types

MAX_STEPS = 2_000  # of a document that is expanded some dozen times to find the size

_SOME_WAY = "take a larger input, a smaller kernel_size, or more padding"
_NO_INPUT = "no input is large enough: take a smaller kernel_size, or more padding"


def add_empty_map_help(document: Document, faults: FaultList) -> None:
    """Put the smallest legal input, where there is one, into the help of every fault of an empty map."""
    empty = [index for index, fault in enumerate(faults.faults) if fault.slug == "empty-map"]
    help = _empty_map_help(document) if empty else ""
    for index in empty:
        faults.advise(index, help)


def smallest_input(document: Document) -> str:
    """The smallest sizes of the maps that a legal document takes, `33 x 33`; empty where no input is a map.

    Several maps shrink by the same number of pixels. What only training needs may need more. Branches that round in
    their own ways meet at some sizes only, which come again each time that the last map is one pixel larger.
    """
    document = without_heads(document)
    scope = document_scope(document, FaultList())
    maps = [type for type in input_types(document, scope, FaultList()) if isinstance(type, Map)]
    if not maps:
        return ""
    least_height, least_width = (1 - min(getattr(type, side) for type in maps) for side in ("height", "width"))

    def fits(height: int, width: int) -> bool:
        return not _slugs(document, (max(least_height, height), max(least_width, width)))

    start = min(least_height, least_width)
    both = start
    if not fits(least_height, least_width):
        both += _least(lambda more: fits(start + more, start + more), -start)
    if both > start:
        # Legal sizes recur every `stride` pixels: the least one is sought among those that far apart.
        stride = _coarsest_stride(document)
        times, lowest = divmod(both - start, stride)
        lowest += start
        both = lowest + stride * _least(lambda more: fits(lowest + stride * more, lowest + stride * more), times)
    height, width = max(least_height, both), max(least_width, both)
    if height > least_height and fits(height - 1, width):
        height = least_height + _least(lambda more: fits(least_height + more, width), height - least_height)
    if width > least_width and fits(height, width - 1):
        width = least_width + _least(lambda more: fits(height, least_width + more), width - least_width)
    return ", ".join(f"{type.height + height} x {type.width + width}" for type in maps)


def _empty_map_help(document: Document) -> str:
    """The help that names the smallest legal input. Width and height are found one after the other: what is enough does
    not grow."""
    if "limit" in _slugs(document, (0, 0)):
        return _SOME_WAY

    def fits(height: int, width: int) -> bool:
        return not _slugs(document, (height, width)) & {"empty-map", "limit"}

    both = 1
    while not fits(both, both):
        both *= 2
        if both >= MAX_SIZE:
            return _NO_INPUT
    width = _least(lambda width: fits(both, width), both)
    height = _least(lambda height: fits(height, width), both)
    types = input_types(document, document_scope(document, FaultList()), FaultList(), (height, width))
    maps = [type for type in types if isinstance(type, Map)]
    return f"the smallest legal input is {', '.join(f'{type.height} x {type.width}' for type in maps)}"


def _coarsest_stride(document: Document) -> int:
    """The pixels of the input between two positions of the map that has the fewest, of a legal document."""
    graph = expand(document, FaultList())
    assert graph is not None
    return max(max(type.stride) for type in graph.types if isinstance(type, Map))


def _least(fits: Callable[[int], bool], high: int) -> int:
    """The least number that fits, of 0 to `high`, which does."""
    low = -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _slugs(document: Document, extra: tuple[int, int]) -> set[str]:
    faults = FaultList()
    try:
        expand(document, faults, extra, MAX_STEPS)
    except DocumentError as error:
        return {fault.slug for fault in error.faults}
    return {fault.slug for fault in faults.faults}
