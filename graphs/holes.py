"""Holes where values stand, `{choice: [...]}` and `{range: [low, high], step: n}`: well formed, and allowed at all."""

from __future__ import annotations

from graphs.document import MAX_ALTERNATIVES, hole_alternatives, range_of
from graphs.faults import FaultList, Mark, nearest
from graphs.text import Mapping, Scalar, Sequence, Tree
from graphs.tree_checks import is_value

MAX_WEIGHT = 1_000_000
MAX_SHOWN = 12  # numbers in a help

_KEYS = ("choice", "range", "step", "prior")
_OTHER_NUMBERS = "a range is of integers; list other numbers: {choice: [0.1, 0.2, 0.3]}"


def check_value(name: str, tree: Tree, faults: FaultList, *, holes: bool) -> bool:
    """Whether a tree is a value, or a hole where holes are allowed; a fault where it is neither."""
    if hole_alternatives(tree) is not None:
        return bool(check_hole(tree, faults, holes=holes))
    return not (holes and is_misspelled(tree, faults)) and is_value(name, tree, faults)


def is_misspelled(tree: Tree, faults: FaultList) -> bool:
    """Whether a tree was meant as a hole, which is a fault: a map of one key that is nearly one of a hole's."""
    if not isinstance(tree, Mapping) or len(tree.entries) != 1:
        return False
    [(key, _)] = tree.entries
    meant = nearest(key.text, _KEYS)
    if meant:
        faults.add("unknown-key", f"a choice has no key `{key.text}`", key.mark, help=meant)
    return bool(meant)


def check_hole(tree: Tree, faults: FaultList, *, holes: bool) -> tuple[Tree, ...]:
    """The alternatives of a hole; none, with faults, where it is not well formed or not allowed."""
    assert isinstance(tree, Mapping)
    if not holes:
        refuse_hole(tree.entries[0][0].mark, faults)
        return ()
    for key, _ in tree:
        if key.text not in _KEYS:
            faults.add("unknown-key", f"a choice has no key `{key.text}`", key.mark, help=nearest(key.text, _KEYS))
    alternatives = hole_alternatives(tree) or ()
    step = tree.get("step")
    if isinstance(step, Scalar) and (type(step.value) is not int or step.value < 1):
        help = "step: 1, or more; the range goes from low to high"
        if isinstance(step.value, float):
            help = _OTHER_NUMBERS
        message = f"the step of a range is an integer of at least 1, got {step.text}"
        faults.add("bad-value", message, step.mark, help=help)
    elif not alternatives:
        _refuse_empty(tree, faults)
    seen = set()
    for item in alternatives:
        if not is_value("an alternative", item, faults):
            continue
        plain = _plain(item)
        if plain in seen:
            shown = f"`{item.text}` " if isinstance(item, Scalar) else ""
            faults.add("duplicate-name", f"the alternative {shown}stands here twice", item.mark, help="remove one")
        seen.add(plain)
    prior = tree.get("prior")
    if prior is not None and alternatives:
        _check_prior(prior, len(alternatives), faults)
    return alternatives


def _refuse_empty(hole: Mapping, faults: FaultList) -> None:
    """The fault of a hole without alternatives, or with too many."""
    span = hole.get("range") if hole.get("choice") is None else None
    ends = [getattr(item, "value", None) for item in span.items] if isinstance(span, Sequence) else []
    if span is not None and [*map(type, ends)] != [int, int]:
        faults.add("wrong-shape", "a range goes from one integer to another", span.mark, help=_instead_of(ends))
    elif span is not None and (number := len(range_of(hole))):
        message = f"this leaves {number:,} numbers to choose from, at most {MAX_ALTERNATIVES:,} are possible"
        faults.add("limit", message, hole.mark, help="take a larger `step`, or a narrower range")
    else:
        help = "{choice: [8, 16]}, or {range: [8, 64], step: 8}: low to high"
        faults.add("wrong-shape", "this leaves nothing to choose from", hole.mark, help=help)


def _instead_of(ends: list[object]) -> str:
    """How a range is written that has other ends than two integers: the third of three integers is its step where it
    can be one, and more integers are a choice."""
    if float in map(type, ends):
        return _OTHER_NUMBERS
    numbers = [end for end in ends if type(end) is int]
    if len(numbers) < max(3, len(ends)):
        return "range: [0, 3]"
    low, high, step, *more = numbers
    if not more and 1 <= step <= high - low:
        return f"{{range: [{low}, {high}], step: {step}}}"
    return f"{{choice: {numbers}}}" if len(numbers) <= MAX_SHOWN else "{choice: [...]}"


def check_weight(tree: Tree, faults: FaultList) -> bool:
    """Whether a tree is a weight of an alternative; a fault where not."""
    value = tree.value if isinstance(tree, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WEIGHT:
        return True
    shown = f", got `{tree.text}`" if isinstance(tree, Scalar) else ""
    message = f"a weight is an integer from 1 to {MAX_WEIGHT:,}{shown}"
    faults.add("bad-value", message, tree.mark, help="prior: [3, 1] draws the first three times as often")
    return False


def _check_prior(tree: Tree, number: int, faults: FaultList) -> None:
    if not isinstance(tree, Sequence) or len(tree.items) != number:
        message = f"`prior` has a weight for each of the {number} alternatives"
        faults.add("wrong-shape", message, tree.mark, help=f"prior: [{', '.join(['1'] * min(number, 8))}]")
        return
    for item in tree.items:
        check_weight(item, faults)


def refuse_hole(mark: Mark, faults: FaultList) -> None:
    """The fault of a hole in a network."""
    help = "write one value; a document with choices is for `nas search --space FILE`"
    faults.add("hole", "a choice makes this a search space, not a network", mark, help=help)


def _plain(tree: Tree) -> object:
    """A value that is equal for equal alternatives; 1 and true differ."""
    if isinstance(tree, Scalar):
        return (type(tree.value), tree.value)
    return tuple(map(_plain, tree.items)) if isinstance(tree, Sequence) else None
