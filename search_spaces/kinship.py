"""Which hand-designed networks are points of a space, and which of them are near each other.

The distance of two points is the number of decisions that both have and have differently. What only one of them has
lies below an alternative that the other did not take, and counts with it as one, whatever is decided inside. Of a step
that decides at each repetition, each repetition that only one of them has counts as one.

The points of a shipped space are remembered in `spaces/NAME.points.json`, since finding them all takes long. What is
remembered counts for as long as the text of the space is the one that it was found for.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from blocks.types import Map, Vector
from graphs.document import Document, Settings
from graphs.faults import DocumentError, FaultList
from graphs.graph import Graph
from graphs.loading import graph_of
from graphs.text import Mapping, Scalar, Sequence
from search_spaces.catalog import FOLDER, find, load_networks, network_documents
from search_spaces.decisions import Alternative
from search_spaces.departure import NotInSpaceError
from search_spaces.loading import load
from search_spaces.locating import Allowance
from search_spaces.points import Decisions, Point, parse_decisions
from search_spaces.space import Space

Changes = dict[str, tuple[Alternative, Alternative]]


@dataclass(frozen=True, slots=True)
class Relative:
    """A network near another, how far it is, and the decisions that differ: of the other, and its own."""

    name: str
    distance: int
    changes: Changes


def changes_between(start: Decisions, end: Decisions) -> Changes:
    """The decisions that both points have, and have differently."""
    return {
        address: (start[address], end[address])
        for address in start
        if address in end and start[address] != end[address]
    }


def distance_between(start: Decisions, end: Decisions) -> int:
    """How many decisions lie between two points."""
    return sum(_weight(address, pair, {*start, *end}) for address, pair in changes_between(start, end).items())


def space_for(name_or_path: str | Path, graph: Graph, settings: Settings | None = None) -> Space:
    """A space whose `channels`, `size` and `classes`, if it has such, are those of a network."""
    return load(name_or_path, {**_facts(load(name_or_path, settings).document, graph), **(settings or {})})


def _facts(document: Document, graph: Graph) -> dict[str, int]:
    """What a network says of the images that it takes, of that which is a parameter of a document."""
    declared = document.param_names
    return {name: value for name, value in _facts_of(graph).items() if name in declared}


def _facts_of(graph: Graph) -> dict[str, int]:
    """What a network says of the images that it takes, and of their classes."""
    facts: dict[str, int] = {}
    inputs, outputs = list(graph.inputs.values()), [graph.types[value] for value in graph.outputs.values()]
    if len(inputs) == 1 and isinstance(inputs[0], Map):
        facts |= {"channels": inputs[0].channels, "size": inputs[0].height}
    if len(outputs) == 1 and isinstance(outputs[0], Vector):
        facts["classes"] = outputs[0].features
    return facts


def kin(name_or_path: str | Path, graph: Graph, within: int, settings: Settings | None = None) -> list[Relative]:
    """The shipped networks at most so many decisions away from a network, the nearest first; not the network itself.

    Networks for other images are compared at their own size and classes, which are nothing that a space decides. Raises
    `NotInSpaceError` where the network is no point of the space.
    """
    known = shipped_points(name_or_path, settings)
    here = space_for(name_or_path, graph, settings).locate(graph)
    others = ((name, there) for name, there in known.items() if name != graph.name)
    found = [Relative(name, distance_between(here, there), changes_between(here, there)) for name, there in others]
    return sorted((one for one in found if one.distance <= within), key=lambda one: (one.distance, one.name))


def shipped_points(name_or_path: str | Path, settings: Settings | None = None) -> dict[str, Decisions]:
    """The shipped networks that are points of a space, remembered or found."""
    remembered = remembered_points(name_or_path) if not settings else None
    return dict(find_points(name_or_path, settings)) if remembered is None else remembered


def find_points(name_or_path: str | Path, settings: Settings | None = None) -> Iterator[tuple[str, Decisions]]:
    """The shipped networks that are points of a space, each located."""
    fixed = set(settings or {})
    for name, decisions in located(load(name_or_path, settings), fixed):
        if decisions is not None:
            yield name, decisions


def located(
    space: Space, fixed: Container[str] = (), allowance: Allowance | None = None
) -> Iterator[tuple[str, Decisions | None]]:
    """The shipped networks, those of few steps first, each with its decisions, or None where it is no point.

    Each is looked for in the space at its own size and classes, but for the parameters that are `fixed`; so far as an
    `allowance` of steps goes.
    """
    spaces: dict[tuple[tuple[str, int], ...], Space] = {}
    for name, network in sorted(load_networks(), key=lambda item: len(item[1].nodes)):
        if allowance is not None and not allowance.left:
            return
        graph = network.as_shipped
        facts = {name: value for name, value in _facts(space.document, graph).items() if name not in fixed}
        key = tuple(facts.items())
        if key not in spaces:
            spaces[key] = Space(space.document.with_settings(facts, FaultList()))
        try:
            yield name, spaces[key].locate(graph, allowance)
        except NotInSpaceError:
            yield name, None


def networks_among(points: AbstractMapping[str, Point]) -> Iterator[str]:
    """The names whose points are these shipped networks, on the images and with the classes of the point: of the same
    canonical hash.

    A network for other images need not be: where maps are too small for all of its stages, its decisions lead to one
    that has fewer.
    """
    for name, document in network_documents(points):
        graph = points[name].graph
        network = _on_images(document, graph)
        if network is not None and network.hash == graph.hash:
            yield name


def _on_images(document: Document, graph: Graph) -> Graph | None:
    """The network of a document for the images and the classes of a graph; None where that is no legal one."""
    inputs = list(graph.inputs.values())
    if len(inputs) != 1 or len(document.inputs) != 1 or not isinstance(inputs[0], Map):
        return None
    settings = _facts(document, graph)
    [image], [(name, _)], mark = inputs, document.inputs, document.mark
    sizes = Sequence(tuple(Scalar(size, mark) for size in image.shape), mark)
    spec = Mapping(((Scalar("map", mark), sizes), (Scalar("dtype", mark), Scalar(image.dtype, mark))), mark)
    try:
        return graph_of(replace(document, inputs=((name, spec),)), settings).as_shipped
    except DocumentError:
        return None


def remembered_points(name_or_path: str | Path) -> dict[str, Decisions] | None:
    """What is remembered of a space; None where nothing is, or its text is another one now."""
    path = find(name_or_path, "space").path
    file = points_path(path.stem)
    if path.parent != file.parent or not file.is_file():
        return None
    data = json.loads(file.read_text("utf-8"))
    if data["space"] != _digest(path):
        return None
    return {name: parse_decisions(json.dumps(decisions)) for name, decisions in data["networks"].items()}


def points_path(name: str) -> Path:
    """Where the points of a shipped space are remembered."""
    return FOLDER / "spaces" / f"{name}.points.json"


def points_text(path: Path, points: dict[str, Decisions]) -> str:
    """What is remembered of the space of a file: a network a line."""
    rows = (f"    {json.dumps(name)}: {json.dumps(decisions)}" for name, decisions in sorted(points.items()))
    return f'{{\n  "space": "{_digest(path)}",\n  "networks": {{\n' + ",\n".join(rows) + "\n  }\n}\n"


def _weight(address: str, change: tuple[Alternative, Alternative], addresses: set[str]) -> int:
    """How much one change counts: the number of repetitions where each of them decides, else 1."""
    old, new = change
    step = address.removesuffix(".repeat")
    if step == address or not isinstance(old, int) or not isinstance(new, int):
        return 1
    decides = any(one.startswith(f"{step}.{min(old, new)}") for one in addresses)
    return abs(new - old) if decides else 1


def _digest(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()
