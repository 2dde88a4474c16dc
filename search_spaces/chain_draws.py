"""Draws of paths through a chain that keep bounds, uniform over all that do, or in proportion to their prior.

Costs are rounded down to cells of a grid, so that the paths that keep the rounded bounds are all that keep the real
ones, and some more. How many completions a state has with so much room left is known for all cells, layer by layer
from the end; a path is drawn from the beginning by these numbers, many paths at once, and dropped where its real
costs break the bounds. With one bound hardly any is; where the cells are as fine as the costs, none. The numbers are
doubles: below 2^53 exact, above that to one part in 10^15 or so.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.bounds import Bounds, extreme
from search_spaces.chains import SUMMED_METRICS, Chain
from search_spaces.points import Decisions, Drawn

CELLS = (1, 8_192, 192, 32)  # along each side of the grid, for no bound, one, two and three
CHUNK = 8_192
MAX_BATCH = 100_000
MAX_IN_VAIN = 1_000_000

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Class:
    """The options of one state that lead to one state at one price: what a draw decides between first."""

    ends: Integers
    shifts: Integers  # (classes, dimensions), in cells
    masses: Doubles
    first: Integers  # of each class its first option, and behind them all the number of options
    options: Integers  # the numbers of the options, class by class
    cumulative: Doubles  # their weights added up, with a 0 before


class Grid:
    """The numbers of completions for one chain and one set of bounds."""

    def __init__(
        self, chain: Chain, bounds: Bounds, *, cells: int = 0, up: bool = False, weighted: bool = True
    ) -> None:
        """`up` rounds costs up, so that the paths that keep the rounded bounds are some of those that keep the real
        ones. `cells` is how many there are along a side; `weighted` counts a path by its prior weight."""
        self._chain = chain
        self._bounds = bounds
        self._cells = cells or CELLS[min(len(bounds.columns), len(CELLS) - 1)]
        self._up = up
        self._weighted = weighted
        self._costs = [np.array([option.costs for option in layer.options], np.int64) for layer in chain.layers]
        self._taken = [[dict(option.taken) for option in layer.options] for layer in chain.layers]
        least = [costs.min(0)[list(bounds.columns)] for costs in self._costs]
        self._steps, self._room, slack = self._choose_cells(least)
        self._shape = tuple(room + 1 for room in self._room)
        self._strides = np.array([int(np.prod(self._shape[at + 1 :])) for at in range(len(self._shape))], np.int64)
        self._classes = [self._classes_of(number, least[number]) for number in range(len(chain.layers))]
        self._ways = self._count_ways(slack)

    @property
    def mass(self) -> float:
        """The number of paths that keep the rounded bounds, each with its weight: no less than that of the real ones,
        or no more where costs are rounded up."""
        if any(room < 0 for room in self._room):
            return 0.0
        return float(self._ways[0][0].reshape(-1)[int(np.dot(self._room, self._strides))])

    def draw(self, number: int, random: np.random.Generator) -> Integers:
        """Paths as the options of each layer, (layers, number); those of them that broke the bounds are out."""
        states = np.zeros(number, np.int64)
        rooms = np.tile(np.array(self._room, np.int64), (number, 1))
        path = np.zeros((len(self._chain.layers), number), np.int64)
        costs = np.zeros((number, len(SUMMED_METRICS)), np.int64)
        for layer in range(len(self._chain.layers)):
            for state in np.unique(states):
                who = np.flatnonzero(states == state)
                for start in range(0, len(who), CHUNK):
                    part = who[start : start + CHUNK]
                    self._draw_options(layer, int(state), part, states, rooms, path, random)
            costs += self._costs[layer][path[layer]]
            states = self._end_states(layer)[path[layer]]
        columns = list(self._bounds.columns)
        lows, highs = np.array(self._bounds.lows, np.int64), np.array(self._bounds.highs, np.int64)
        kept = ((costs[:, columns] <= highs) & (costs[:, columns] >= lows)).all(1)
        return path[:, kept]

    def decisions(self, path: Integers) -> list[Decisions]:
        """The decision sets of paths."""
        taken = self._taken
        found = []
        for row in path.T.tolist():
            decisions: Decisions = {}
            for layer, option in enumerate(row):
                decisions.update(taken[layer][option])
            found.append(decisions)
        return found

    def _choose_cells(self, least: list[Integers]) -> tuple[list[int], list[int], list[int]]:
        """For every bounded figure the size of a cell, the room in cells, and how much of it may be left at the end."""
        steps, rooms, slacks = [], [], []
        for at, column in enumerate(self._bounds.columns):
            fixed = sum(int(row[at]) for row in least)
            most, _ = extreme(self._chain, column, largest=True)
            high = min(self._bounds.highs[at], most) - fixed
            unit = gcd(*(int(np.gcd.reduce(costs[:, column] - costs[:, column].min())) for costs in self._costs)) or 1
            step = unit * max(1, -(-max(high, 0) // (unit * (self._cells - 1))))
            varied = (costs[:, column] - costs[:, column].min() for costs in self._costs)
            inexact = sum(bool((part % step).any()) for part in varied)  # layers that round, by less than a cell
            room = max(high, -step) // step
            low = -(-max(0, self._bounds.lows[at] - fixed) // step)
            steps.append(step)
            rooms.append(room)
            slacks.append(room - low + (-inexact if self._up else inexact))
        return steps, rooms, slacks

    def _classes_of(self, layer: int, least: Integers) -> dict[int, _Class]:
        options = self._chain.layers[layer].options
        columns = list(self._bounds.columns)
        steps = np.array(self._steps, np.int64)
        shifts = (self._costs[layer][:, columns] - least + (steps - 1 if self._up else 0)) // steps
        rows: dict[int, dict[tuple[int, ...], list[int]]] = {}
        for number, option in enumerate(options):
            key = (option.end, *map(int, shifts[number]))
            rows.setdefault(option.start, {}).setdefault(key, []).append(number)
        found = {}
        for state, classes in rows.items():
            keys = np.array(list(classes), np.int64).reshape(len(classes), 1 + len(columns))
            flat = [number for numbers in classes.values() for number in numbers]
            weights = [float(options[number].mass) if self._weighted else 1.0 for number in flat]
            cumulative = np.concatenate([[0.0], np.cumsum(weights)])
            first = np.concatenate([[0], np.cumsum([len(numbers) for numbers in classes.values()])])
            masses = cumulative[first[1:]] - cumulative[first[:-1]]
            found[state] = _Class(keys[:, 0], keys[:, 1:], masses, first, np.array(flat, np.int64), cumulative)
        return found

    def _count_ways(self, slack: list[int]) -> list[Doubles]:
        """For every layer an array (states, *grid): the mass of the completions with so much room left."""
        end = np.zeros((1, *self._shape))
        if all(size > 0 for size in self._shape):
            corner: Any = (0, *(slice(0, max(0, most + 1)) for most in slack))
            end[corner] = 1
        ways = [end]
        for layer in reversed(range(len(self._chain.layers))):
            here = np.zeros((self._chain.num_starts(layer), *self._shape))
            for state, classes in self._classes[layer].items():
                for into, shift, mass in zip(classes.ends, classes.shifts.tolist(), classes.masses, strict=True):
                    if all(step < size for step, size in zip(shift, self._shape, strict=True)):
                        near: Any = (state, *(slice(step, None) for step in shift))
                        far: Any = (
                            into,
                            *(slice(0, size - step) for step, size in zip(shift, self._shape, strict=True)),
                        )
                        here[near] += mass * ways[-1][far]
            ways.append(here)
        return ways[::-1]

    def _draw_options(
        self,
        layer: int,
        state: int,
        who: Integers,
        states: Integers,
        rooms: Integers,
        path: Integers,
        random: np.random.Generator,
    ) -> None:
        """Decide one layer for paths that are in one state."""
        classes = self._classes[layer][state]
        following = self._ways[layer + 1].reshape(-1)
        places, back = np.unique(rooms[who] @ self._strides, return_inverse=True)
        left = np.stack(np.unravel_index(places, self._shape), 1) if self._shape else np.zeros((len(places), 0), int)
        fits = (left[:, None, :] >= classes.shifts[None, :, :]).all(2)
        size = int(np.prod(self._shape))
        into = classes.ends * size - classes.shifts @ self._strides
        cumulative = np.cumsum(
            np.where(fits, following[np.where(fits, places[:, None] + into, 0)], 0) * classes.masses, 1
        )
        tickets = random.random(len(who)) * cumulative[back, -1]
        chosen = np.minimum(_first_above(cumulative, back, tickets), (cumulative < cumulative[:, -1:]).sum(1)[back])
        low, high = classes.cumulative[classes.first[chosen]], classes.cumulative[classes.first[chosen + 1]]
        inside = np.searchsorted(classes.cumulative, low + random.random(len(who)) * (high - low), side="right") - 1
        path[layer, who] = classes.options[np.clip(inside, classes.first[chosen], classes.first[chosen + 1] - 1)]
        rooms[who] -= classes.shifts[chosen]

    def _end_states(self, layer: int) -> Integers:
        return np.array([option.end for option in self._chain.layers[layer].options], np.int64)


def _first_above(rows: Doubles, which: Integers, values: Doubles) -> Integers:
    """For every value the first place in one of the rows, which ascend, that is greater; their length where none is."""
    low, high = np.zeros(len(values), np.int64), np.full(len(values), rows.shape[1])
    for _ in range(int(rows.shape[1]).bit_length()):
        middle = (low + high) // 2
        below = rows[which, np.minimum(middle, rows.shape[1] - 1)] <= values
        unsettled = low < high
        low, high = np.where(below & unsettled, middle + 1, low), np.where(below | ~unsettled, high, middle)
    return low


def draw(grid: Grid, number: int, random: np.random.Generator) -> Drawn | None:
    """So many decision sets; None where nothing keeps the rounded bounds, or none of very many draws the real ones."""
    if not grid.mass > 0:
        return None
    found: list[Decisions] = []
    drawn = accepted = 0
    while len(found) < number:
        wanted = number - len(found)
        batch = wanted if not drawn else min(MAX_BATCH, 64 + int(1.1 * wanted * drawn / max(1, accepted)))
        path = grid.draw(batch, random)
        drawn, accepted = drawn + batch, accepted + path.shape[1]
        found += grid.decisions(path[:, :wanted])
        if not accepted and drawn >= MAX_IN_VAIN:
            return None
    return Drawn(tuple(found), drawn, accepted)
