"""The open parameters of a document, and which of their combinations keep its `where`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from math import prod

from graphs.arguments import Missing, evaluate_expression, names_in, shown
from graphs.document import Document, hole_alternatives, hole_weights
from graphs.faults import FaultList
from graphs.inputs import document_scope
from graphs.text import Scalar, Tree
from search_spaces.decisions import Decision, value_decision

MAX_COMBINATIONS = 20_000


class OpenParams:
    """Decisions of parameters. Those that a condition reads are decided together: one after the other, each among what
    the earlier ones leave.

    Raises `DocumentError` where a condition has no value, nothing keeps it, or there are too many combinations.
    """

    def __init__(self, document: Document) -> None:
        self._holes = {p.name.text: p.default for p in document.params if hole_alternatives(p.default)}
        self._free = {name: value_decision(f"params.{name}", hole) for name, hole in self._holes.items() if hole}
        self._tied = _tied(document) if document.where else []
        self._sizes: dict[tuple[int, ...], list[int]] = {}
        self._masses: dict[tuple[int, ...], list[int]] = {}
        if self._tied:
            self._list_combinations(document)

    @property
    def names(self) -> tuple[str, ...]:
        """The open parameters, in the order of the text."""
        return tuple(self._holes)

    def decision(self, name: str, picked: Mapping[str, int]) -> Decision:
        """The decision of one parameter, after those before it took the positions in `picked`."""
        decision = self._free[name]
        if name not in self._tied:
            return decision
        prefix = tuple(picked[tied] for tied in self._tied[: self._tied.index(name)])
        return replace(decision, sizes=tuple(self._sizes[prefix]), masses=tuple(self._masses[prefix]))

    def outlook(self, name: str) -> Decision:
        """The decision of one parameter, before anything is decided."""
        decision = self._free[name]
        if name not in self._tied:
            return decision
        depth = self._tied.index(name)
        sizes, masses = ([0] * len(decision.sizes) for _ in range(2))
        for counted, under in ((sizes, self._sizes), (masses, self._masses)):
            for prefix, row in under.items():
                if len(prefix) == depth:
                    for position, number in enumerate(row):
                        counted[position] += number
        return replace(decision, sizes=tuple(sizes), masses=tuple(masses))

    def count(self, *, weighted: bool) -> int:
        """The number of combinations, or the sum of their weights."""
        free = (hole_weights(tree) for name, tree in self._holes.items() if tree is not None and name not in self._tied)
        found = prod(sum(weights) if weighted else len(weights) for weights in free)
        return found * sum((self._masses if weighted else self._sizes)[()]) if self._tied else found

    def _list_combinations(self, document: Document) -> None:
        faults = FaultList()
        holes = {name: self._holes[name] for name in self._tied}
        alternatives = [hole_alternatives(tree) or () for tree in holes.values()]
        weights = [hole_weights(tree) for tree in holes.values() if tree is not None]
        total = prod(map(len, alternatives))
        if total > MAX_COMBINATIONS:
            message = f"`where` ties {total:,} combinations of parameters; at most {MAX_COMBINATIONS:,} are looked at"
            faults.add("limit", message, document.where[0].mark, help="open fewer alternatives")
        faults.raise_if_any()
        for positions in product(*(range(len(trees)) for trees in alternatives)):
            picked = {name: trees[at] for name, trees, at in zip(holes, alternatives, positions, strict=True)}
            if not _keeps(document, picked, faults):
                faults.raise_if_any()
                continue
            mass = prod(row[at] for row, at in zip(weights, positions, strict=True))
            for depth, at in enumerate(positions):
                for under, number in ((self._sizes, 1), (self._masses, mass)):
                    under.setdefault(positions[:depth], [0] * len(alternatives[depth]))[at] += number
        if not self._sizes:
            help = f"open other values of {' and '.join(f'`{name}`' for name in self._tied)}"
            faults.add("where", "no combination of parameters keeps `where`", document.where[0].mark, help=help)
        faults.raise_if_any()


def _tied(document: Document) -> list[str]:
    """The open parameters that a condition depends on, also by way of others, in the order of the text."""
    depends: dict[str, set[str]] = {}
    for param in document.params:
        name = param.name.text
        if hole_alternatives(param.default):
            depends[name] = {name}
        else:
            read = names_in(param.default) if param.default is not None else frozenset()
            depends[name] = set().union(*(depends.get(other, set()) for other in read))
    wanted = set().union(*(depends.get(name, set()) for text in document.where for name in names_in(text)))
    return [name for name in document.param_names if name in wanted]


def _keeps(document: Document, picked: Mapping[str, Tree], faults: FaultList) -> bool:
    """Whether the conditions hold with these parameters; a fault where one has no value."""
    first = {p.name.text: trees[0] for p in document.params if (trees := hole_alternatives(p.default))}
    params = tuple(
        replace(param, default={**first, **picked}.get(param.name.text, param.default)) for param in document.params
    )
    scope = document_scope(replace(document, params=params), faults)
    for condition in document.where:
        try:
            value = evaluate_expression(condition, scope, faults)
        except Missing:
            return False
        if not isinstance(value, bool):
            _refuse_number(condition, shown(value), faults)
        if value is not True:
            return False
    return True


def _refuse_number(condition: Scalar, value: str, faults: FaultList) -> None:
    text = condition.text
    message = f"a condition is true or false, `{text}` is {value}"
    faults.add("expression", message, condition.mark, help=f"compare it: {text} > 0")
