"""Bounds on what a network costs: the limits of every document, and what a document requires of itself."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from blocks.errors import BudgetError
from graphs.budget import METRICS
from graphs.costs import NODE_FIGURES, Costs, Totals
from graphs.document import Document
from graphs.faults import FaultList, nearest, one_of
from graphs.graph import Graph
from graphs.quantities import format_quantity, parse_quantity
from graphs.text import Scalar

MAX_PARAMS = 2**40
MAX_MACS = 2**50

_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*(.+?)\s*")
_SIGNS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of `require`: a figure, and what it is compared with."""

    metric: str
    sign: str
    limit: int
    text: Scalar

    def is_kept(self, costs: Costs | Totals) -> bool:
        """Whether a network of these costs keeps it."""
        return _SIGNS[self.sign](getattr(costs, self.metric), self.limit)


def read_requirements(document: Document, faults: FaultList) -> list[Requirement]:
    """The requirements of a document; those that say nothing are faults."""
    found = []
    for name, bound in document.requirements:
        if name.text not in METRICS:
            help = nearest(name.text, METRICS) or f"there is {one_of(METRICS)}"
            faults.add("unknown-key", f"there is no figure `{name.text}`", name.mark, help=help)
            continue
        match = _BOUND.fullmatch(bound.text)
        try:
            limit = parse_quantity(match[2]) if match else None
        except BudgetError:
            limit = None
        if match is None or limit is None:
            faults.add("bad-value", f"`{bound.text}` is no bound", bound.mark, help='as in "< 5M" or ">= 200k"')
        else:
            found.append(Requirement(name.text, match[1], limit, bound))
    return found


def check_requirements(graph: Graph, requirements: list[Requirement], faults: FaultList) -> None:
    """A fault for every requirement that is not kept, naming the nodes that cost most."""
    for wanted in requirements:
        if not wanted.is_kept(graph.costs()):
            value = getattr(graph.costs(), wanted.metric)
            message = f"{wanted.metric} is {value:,}, required is {wanted.text.text.strip()}"
            faults.add("requirement", message, wanted.text.mark, notes=_largest(graph, wanted.metric))


def check_limits(graph: Graph, faults: FaultList) -> None:
    """A fault for a network that no machine holds."""
    graph = graph.in_training
    for metric, words, most in (("params", "parameters", MAX_PARAMS), ("macs", "MACs", MAX_MACS)):
        value = getattr(graph.costs(), metric)
        if value > most:
            largest = max(zip(graph.nodes, graph.costs().nodes, strict=True), key=lambda pair: getattr(pair[1], metric))
            mark = graph.document.mark if largest[0].mark.source.builtin else largest[0].mark
            message = f"the network has {value:,} {words}; at most {most:,} are taken"
            help = "make the largest of them smaller, or pool before them"
            faults.add("limit", message, mark, help=help, notes=_largest(graph, metric))


def _largest(graph: Graph, metric: str) -> tuple[str, ...]:
    """The three nodes that cost most of a figure; nothing for the peak, which no node has alone."""
    figure = NODE_FIGURES.get(metric)
    if figure is None:
        return ()
    total = sum(getattr(node, figure) for node in graph.costs().nodes) or 1
    ranked = sorted(graph.costs().nodes, key=lambda node: -getattr(node, figure))[:3]
    return tuple(
        f"{node.address} has {getattr(node, figure) / total:.0%} of it, {format_quantity(getattr(node, figure))}"
        for node in ranked
        if getattr(node, figure)
    )
