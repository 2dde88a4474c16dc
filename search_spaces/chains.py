"""A space as a chain: layers of options, whose costs add up along every path.

A path through all layers is a legal point, its costs are the sums, and so paths can be counted and drawn without a
graph. `search_spaces.unfolding` makes one of a document. `peak_bytes` does not add up: it is for the graph to say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from search_spaces.decisions import Alternative

SUMMED_METRICS = ("params", "macs", "activation_bytes")
MAX_JOINED = 1_500

Taken = tuple[tuple[str, Alternative], ...]
Costs = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One way from a state to a state of the next layer: its costs as in `SUMMED_METRICS`, its prior weight."""

    start: int
    end: int
    costs: Costs
    mass: int
    taken: Taken


@dataclass(frozen=True, slots=True)
class Layer:
    """The options between two states; `names` are the steps that they decide about."""

    names: tuple[str, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Layers, each beginning in the states that the one before ends in; the first and the last have one state."""

    layers: tuple[Layer, ...]

    def num_starts(self, layer: int) -> int:
        """The number of states that a layer begins in; of the number of layers, of those that all end in."""
        if layer == 0 or layer == len(self.layers):
            return 1
        return 1 + max(option.end for option in self.layers[layer - 1].options)


def restrict_to(chain: Chain, item: tuple[str, Alternative]) -> Chain | None:
    """The paths of a chain that take this alternative of a decision; None where there are none."""
    layers = []
    for layer in chain.layers:
        if any(address == item[0] for option in layer.options for address, _ in option.taken):
            layer = replace(layer, options=tuple(option for option in layer.options if item in option.taken))
        layers.append(layer)
    found = prune(_reached(layers))
    return Chain(tuple(found)) if all(layer.options for layer in found) else None


def prune(layers: list[Layer]) -> list[Layer]:
    """Without the options from which no way leads to the end, and with states numbered anew; all ends are one."""
    kept: list[Layer] = []
    alive: dict[int, int] | None = None  # states of the layer behind that lead to the end, and their new numbers
    for layer in reversed(layers):
        options = [
            option if alive is None else replace(option, end=alive[option.end])
            for option in layer.options
            if alive is None or option.end in alive
        ]
        if alive is None:
            options = [replace(option, end=0) for option in options]
        alive = {start: number for number, start in enumerate(sorted({option.start for option in options}))}
        kept.append(Layer(layer.names, tuple(replace(option, start=alive[option.start]) for option in options)))
    return kept[::-1]


def _reached(layers: list[Layer]) -> list[Layer]:
    """Without the options whose state no way leads to."""
    found, states = [], {0}
    for layer in layers:
        options = tuple(option for option in layer.options if option.start in states)
        found.append(replace(layer, options=options))
        states = {option.end for option in options}
    return found


def merge_layers(layers: list[Layer]) -> list[Layer]:
    """With neighbours joined into one where that leaves few options, or no more than there were."""
    found = layers[:1]
    for layer in layers[1:]:
        before = found[-1]
        ways = Counter(option.start for option in layer.options)
        number = sum(ways[option.end] for option in before.options)
        if number <= max(MAX_JOINED, len(before.options), len(layer.options)):
            found[-1] = _joined(before, layer)
        else:
            found.append(layer)
    return found


def _joined(first: Layer, second: Layer) -> Layer:
    """Two layers as one."""
    following: dict[int, list[Option]] = {}
    for option in second.options:
        following.setdefault(option.start, []).append(option)
    options = (
        Option(
            one.start,
            other.end,
            tuple(map(sum, zip(one.costs, other.costs, strict=True))),
            one.mass * other.mass,
            (*one.taken, *other.taken),
        )
        for one in first.options
        for other in following[one.end]
    )
    return Layer((*first.names, *second.names), tuple(options))
