"""Outputs that only training has: auxiliary classifiers (Szegedy et al. 2014, section 5).

What nothing but they need does not ship: a graph leaves it out, and `Graph.trained` has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from graphs.assembly import Assembly
from graphs.document import Document
from graphs.faults import FaultList
from graphs.graph import Graph, prune
from graphs.lexicon import Lexicon
from graphs.ordering import step_names, step_needs


def shipped(trained: Graph) -> Graph:
    """What ships of a network with training outputs; it has the whole as `trained`."""
    heads = {name.text for name, _ in trained.document.training_outputs}
    outputs = {name: value for name, value in trained.outputs.items() if name not in heads}
    return replace(prune(replace(trained, outputs=outputs)), trained=trained)


def refuse_taken_names(document: Document, outputs: Iterable[str], faults: FaultList) -> None:
    """A fault for every training output that has the name of an output."""
    for name, _ in document.training_outputs:
        if name.text in outputs:
            message, help = f"`{name.text}` is the name of an output already", "take another name for it"
            faults.add("duplicate-name", message, name.mark, help=help)


def refuse_idle_heads(graph: Graph, faults: FaultList) -> None:
    """A fault for every training output that needs nothing beyond what ships: there is nothing to train with it."""
    trained, kept = graph.in_training, {node.address for node in graph.nodes}
    for name, source in trained.document.training_outputs:
        value = trained.outputs[name.text] - len(trained.inputs)
        if value < 0 or trained.nodes[value].address in kept:
            message = f"`{name.text}` trains nothing: `output` needs all of `{source.text}` already"
            help = "name a step that `output` does not need, or have it under `output`"
            faults.add("bad-value", message, source.mark, help=help)


def without_heads(document: Document) -> Document:
    """A legal document without its training outputs, and without the steps that only they need."""
    if not document.training_outputs:
        return document
    steps, faults = document.body, FaultList()
    names = step_names(steps, faults, taken=[name.text for name, _ in document.inputs])
    needs = step_needs(steps, names, Lexicon(document, Assembly(faults, 0)).references)

    def reached(outputs: Iterable[str]) -> set[int]:
        found: set[int] = set()
        waiting = [position for position, step in enumerate(steps) if step.name and step.name.text in outputs]
        while waiting:
            position = waiting.pop()
            if position not in found:
                found.add(position)
                waiting += needs[position]
        return found

    kept = reached([source.text for _, source in document.outputs])
    if not document.outputs:
        kept = reached([step.name.text for step in steps[-1:] if step.name])
    lost = reached([source.text for _, source in document.training_outputs]) - kept
    body = tuple(step for position, step in enumerate(steps) if position not in lost)
    return replace(document, body=body, training_outputs=())
