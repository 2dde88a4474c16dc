"""Weights from elsewhere for a network: its own keys or those of a library that its family's map knows, recognised by
themselves, and everything that is wrong told at once before a single weight is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn

from graphs import Graph
from graphs.faults import nearest
from graphs.text import Scalar
from nas.weight_files import WeightFile, WeightsError, open_weights
from search_spaces.weight_maps import KeyMap
from search_spaces.weight_names import Matching, match

OWN = "fixpoint"  # whose names the addresses of a document are
COUNTER = "num_batches_tracked"  # files of before torch 0.4.1 lack it
MOST_SHOWN = 6
MAP_SIDES = 4  # of the weights of a convolution

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]


@dataclass(frozen=True)
class Pretrained:
    """Weights by the keys of what ships of a network, and whose names their file has."""

    state: dict[str, Tensor]
    names_of: str


@dataclass(frozen=True)
class _Comparison:
    """What a network wants, what a file has of it, and the keys whose tensors have another shape there."""

    wanted: Shapes
    found: Matching
    wrong: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return self.found.complete and not self.wrong


def load_pretrained(
    graph: Graph, path: Path, key_maps: Iterable[KeyMap] = (), relatives: Iterable[Graph] = ()
) -> Pretrained:
    """The weights of a file for a network. What only training outputs need is left behind.

    Names and shapes are compared first. Another library may have a convolution for a linear layer, or the other way
    round: the same numbers in the same order. `relatives` are networks with the same maps, of which one may be the one
    that is meant.

    Raises: WeightsError with all that is wrong.
    """
    file, maps = open_weights(path), tuple(key_maps)
    comparison = _compare(graph, file, maps)
    if not comparison.fits:
        fitting = next((other.name for other in relatives if _compare(other, file, maps).fits), None)
        raise _misfit(graph, file, comparison, fitting)
    state: dict[str, Tensor] = {}
    for key, shape in comparison.wanted.items():
        name = comparison.found.names.get(key)
        state[key] = torch.zeros(shape, dtype=torch.int64) if name is None else file.read(name).reshape(shape)
    return Pretrained(state, comparison.found.library)


def _compare(graph: Graph, file: WeightFile, key_maps: Iterable[KeyMap]) -> _Comparison:
    """The file under the names that fit it best."""
    wanted = _shapes(graph.as_shipped.compile(device="meta"))
    trained = _shapes(graph.compile(device="meta"))
    found = min(
        (
            replace(
                found,
                names={key: other for key, other in found.names.items() if key in wanted},
                missing={key: other for key, other in found.missing.items() if _is_needed(key, wanted)},
            )
            for found in _matchings(graph, trained, file, key_maps)
        ),
        key=lambda found: len(found.missing) + len(found.surplus),
    )
    exactly = found.library == OWN
    wrong = [key for key, other in found.names.items() if not _fits(wanted[key], file.shapes[other], exactly=exactly)]
    return _Comparison(wanted, found, tuple(wrong))


def _shapes(module: nn.Module) -> dict[str, Shape]:
    return {key: tuple(like.shape) for key, like in module.state_dict().items()}


def _is_needed(key: str, wanted: Shapes) -> bool:
    return key in wanted and not key.endswith(COUNTER)


def _matchings(graph: Graph, keys: Shapes, file: WeightFile, key_maps: Iterable[KeyMap]) -> Iterator[Matching]:
    """What the file is under each way to call the network's tensors, its own first."""
    held = file.shapes.keys()
    missing = {key: key for key in keys if key not in held}
    surplus = tuple(key for key in held if key not in keys)
    yield Matching(OWN, {key: key for key in keys if key in held}, missing, surplus)
    for key_map in key_maps:
        if key_map.serves(graph.name):
            yield match(graph.name, key_map, keys, held)


def _fits(wanted: Shape, given: Shape, *, exactly: bool) -> bool:
    """Whether weights have the shape that is wanted, or that of a matrix or vector with the same rows."""
    if wanted == given:
        return True
    alike = wanted[:1] == given[:1] and prod(wanted) == prod(given)
    return not exactly and alike and min(len(wanted), len(given)) < MAP_SIDES - 1


def _misfit(graph: Graph, file: WeightFile, comparison: _Comparison, fitting: str | None) -> WeightsError:
    """The error that tells all that is wrong with the names and shapes of a file."""
    wanted, found, wrong = comparison.wanted, comparison.found, comparison.wrong
    whose = "its own names" if found.library == OWN else f"the names of {found.library}"
    if 2 * len(found.names) < min(len(file.shapes), len(wanted)) and not fitting:
        expected = filter(None, (found.names.get(key) or found.missing.get(key) for key in wanted))
        help = f"it knows {whose}, {_begin(expected)}; the file has {_begin(found.surplus or file.shapes)}"
        return WeightsError(f"the tensors of {file.path} have names that {graph.name} does not know", help=help)
    counts = (len(wrong), "of another shape"), (len(found.missing), "missing"), (len(found.surplus), "unknown")
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    headline = f"{file.path} does not fit {graph.name}, by {whose}: {said}"
    if fitting:
        return WeightsError(headline, help=f"it fits {fitting}")
    lines = [
        headline,
        *_few(
            f"`{found.names[key]}` is {_sides(file.shapes[found.names[key]])}: "
            f"{_as(key, found.names[key])}{_sides(wanted[key])} is wanted"
            for key in wrong
        ),
        *_few(
            f"`{other}` is missing{f', for `{key}`' if key != other else ''}{_near(other, found.surplus)}"
            for key, other in found.missing.items()
        ),
        *_few(f"`{key}` is nothing of {graph.name}" for key in found.surplus),
        *(f"  {count}" for count in found.counts),
    ]
    return WeightsError("\n".join(lines), help=_advice(graph, file, comparison))


def _advice(graph: Graph, file: WeightFile, comparison: _Comparison) -> str:
    """What to do: another number of classes, where that is all that is different."""
    wrong, names = comparison.wrong, comparison.found.names
    given = {file.shapes[names[key]][:1] for key in wrong}
    classes = next((param.default for param in graph.document.params if param.name.text == "classes"), None)
    outputs = {comparison.wanted[key][:1] for key in wrong}
    if len(given) == 1 and isinstance(classes, Scalar) and outputs == {(classes.value,)}:
        told = _sides(given.pop())
        return f"the file tells {told} classes apart: --set classes={told}"
    return "a state_dict of this very network is wanted, or of the same one in a library that is known here"


def _begin(keys: Iterable[str]) -> str:
    return ", ".join(f"`{key}`" for key in islice(keys, 2)) + ", ..."


def _as(key: str, other: str) -> str:
    return "" if key == other else f"it is `{key}`, and "


def _near(key: str, surplus: Iterable[str]) -> str:
    near = nearest(key, surplus)
    return f"; {near}" if near else ""


def _few(lines: Iterable[str]) -> Iterator[str]:
    """The first lines, and how many more there are."""
    listed = list(lines)
    yield from (f"  {line}" for line in listed[:MOST_SHOWN])
    if len(listed) > MOST_SHOWN:
        yield f"  and {len(listed) - MOST_SHOWN} more"


def _sides(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a single number"
