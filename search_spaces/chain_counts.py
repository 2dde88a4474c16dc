"""Exact counts of the paths through a chain that keep bounds, by meeting in the middle.

A profile has, for every state, the different sums of costs with which paths come there, and how many come with each.
Two profiles grow from both ends of the chain, the smaller one first; where they meet, pairs are counted by sorting.
What can't keep the bounds any more is dropped on the way, and what can't break them is counted at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_spaces.bounds import Bounds
from search_spaces.chains import Chain

MAX_ROWS = 4_000_000  # of one profile, before equal ones are joined
MAX_PAIRS = 400_000  # rows of a profile where two bounds are counted at once
MAX_PRODUCT = 50_000_000

Rows = NDArray[np.int64]  # (number, columns)
Numbers = NDArray[np.generic]  # of Python's integers where they are large


@dataclass(frozen=True, slots=True)
class _Group:
    """The options between two states with different costs, and how many there are of each."""

    start: int
    end: int
    costs: Rows
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class _Profile:
    costs: Rows
    numbers: Numbers


def count_paths(chain: Chain, bounds: Bounds, *, weighted: bool = False) -> int | None:
    """The number of paths that keep the bounds, or the sum of their weights; None where that takes too much memory."""
    if not bounds.are_possible:
        return 0
    return _Counting(chain, bounds, weighted=weighted).run()


class _Counting:
    def __init__(self, chain: Chain, bounds: Bounds, *, weighted: bool) -> None:
        self._bounds = bounds
        self._total = 0
        self._integers: type = np.int64
        self._layers = [_groups(chain, number, bounds, weighted=weighted) for number in range(len(chain.layers))]
        self._completions = self._count_completions()
        if self._completions[0][0] >= 2**62:
            self._integers = object
        self._rest = self._extremes(forward=False)
        self._before = self._extremes(forward=True)

    def run(self) -> int | None:
        first, last = 0, len(self._layers)
        start = {0: self._nothing()}
        left, right = self._settled(start, 0), dict(start)
        while first < last:
            grow_left = self._work(left, self._layers[first], "start")
            grow_right = self._work(right, self._layers[last - 1], "end")
            if min(grow_left, grow_right) > MAX_ROWS:
                return None
            if grow_left <= grow_right:
                left = self._grown(left, self._layers[first], forward=True)
                first += 1
                left = self._settled(self._possible(left, self._rest[first]), first)
            else:
                right = self._grown(right, self._layers[last - 1], forward=False)
                last -= 1
                right = self._possible(right, self._before[last])
        for state in left.keys() & right.keys():
            pairs = _count_pairs(left[state], right[state], self._bounds)
            if pairs is None:
                return None
            self._total += pairs
        return self._total

    def _nothing(self) -> _Profile:
        costs = np.zeros((1, len(self._bounds.columns)), np.int64)
        return _Profile(costs, np.ones(1, self._integers))

    def _work(self, profiles: dict[int, _Profile], groups: list[_Group], side: str) -> int:
        """The rows of the next profile before equal ones are joined."""
        sizes = {state: len(profile.costs) for state, profile in profiles.items()}
        return sum(sizes.get(getattr(group, side), 0) * len(group.costs) for group in groups)

    def _grown(self, profiles: dict[int, _Profile], groups: list[_Group], *, forward: bool) -> dict[int, _Profile]:
        """The profiles one layer on."""
        found: dict[int, list[_Profile]] = {}
        for group in groups:
            near, far = (group.start, group.end) if forward else (group.end, group.start)
            if near in profiles:
                profile = profiles[near]
                costs = (profile.costs[:, None, :] + group.costs[None, :, :]).reshape(-1, group.costs.shape[1])
                numbers = np.multiply.outer(profile.numbers, group.numbers.astype(self._integers)).reshape(-1)
                found.setdefault(far, []).append(_Profile(costs, numbers))
        return {state: _joined(parts) for state, parts in found.items()}

    def _possible(self, profiles: dict[int, _Profile], rest: dict[int, tuple[Rows, Rows]]) -> dict[int, _Profile]:
        """Without the rows that break the bounds whatever is added."""
        lows, highs = np.array(self._bounds.lows, np.int64), np.array(self._bounds.highs, np.int64)
        found = {}
        for state, profile in profiles.items():
            least, most = rest[state]
            keep = ((profile.costs + least <= highs) & (profile.costs + most >= lows)).all(1)
            if keep.any():
                found[state] = _Profile(profile.costs[keep], profile.numbers[keep])
        return found

    def _settled(self, profiles: dict[int, _Profile], layer: int) -> dict[int, _Profile]:
        """Without the rows that keep the bounds whatever follows, which are counted."""
        lows, highs = np.array(self._bounds.lows, np.int64), np.array(self._bounds.highs, np.int64)
        found = {}
        for state, profile in profiles.items():
            least, most = self._rest[layer][state]
            sure = ((profile.costs + most <= highs) & (profile.costs + least >= lows)).all(1)
            if sure.any():
                self._total += int(sum(map(int, profile.numbers[sure]))) * self._completions[layer][state]
            if not sure.all():
                found[state] = _Profile(profile.costs[~sure], profile.numbers[~sure])
        return found

    def _count_completions(self) -> list[dict[int, int]]:
        """For every layer and state the number of ways from there to the end."""
        found: list[dict[int, int]] = [{0: 1}]
        for groups in reversed(self._layers):
            ways: dict[int, int] = {}
            for group in groups:
                number = sum(map(int, group.numbers)) * found[-1][group.end]
                ways[group.start] = ways.get(group.start, 0) + number
            found.append(ways)
        return found[::-1]

    def _extremes(self, *, forward: bool) -> list[dict[int, tuple[Rows, Rows]]]:
        """For every layer and state the least and the greatest costs from the beginning, or to the end."""
        nothing = np.zeros(len(self._bounds.columns), np.int64)
        found: list[dict[int, tuple[Rows, Rows]]] = [{0: (nothing, nothing)}]
        for groups in self._layers if forward else reversed(self._layers):
            reached: dict[int, tuple[Rows, Rows]] = {}
            for group in groups:
                near, far = (group.start, group.end) if forward else (group.end, group.start)
                if near not in found[-1]:
                    continue
                least, most = found[-1][near][0] + group.costs.min(0), found[-1][near][1] + group.costs.max(0)
                known = reached.get(far, (least, most))
                reached[far] = (np.minimum(known[0], least), np.maximum(known[1], most))
            found.append(reached)
        return found if forward else found[::-1]


def _groups(chain: Chain, layer: int, bounds: Bounds, *, weighted: bool) -> list[_Group]:
    """The options of a layer by their states, those of equal costs as one."""
    found: dict[tuple[int, int], dict[tuple[int, ...], int]] = {}
    for option in chain.layers[layer].options:
        costs = tuple(option.costs[column] for column in bounds.columns)
        numbers = found.setdefault((option.start, option.end), {})
        numbers[costs] = numbers.get(costs, 0) + (option.mass if weighted else 1)
    return [
        _Group(
            start,
            end,
            np.array(list(numbers), np.int64).reshape(len(numbers), len(bounds.columns)),
            np.array(list(numbers.values()), object),
        )
        for (start, end), numbers in found.items()
    ]


def _joined(parts: list[_Profile]) -> _Profile:
    """Rows of equal costs as one."""
    costs = np.concatenate([part.costs for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    if costs.shape[1] == 0:
        order, new = np.arange(len(costs)), np.array([0])
    else:
        order = np.lexsort(costs.T[::-1])
        costs = costs[order]
        new = np.flatnonzero(np.concatenate([[True], (costs[1:] != costs[:-1]).any(1)]))
    return _Profile(costs[new], np.add.reduceat(numbers[order], new))


def _count_pairs(left: _Profile, right: _Profile, bounds: Bounds) -> int | None:
    """The pairs of a row of each whose sum keeps the bounds."""
    lows, highs = np.array(bounds.lows, np.int64), np.array(bounds.highs, np.int64)
    columns = len(bounds.columns)
    if columns == 0:
        return int(left.numbers.sum()) * int(right.numbers.sum())
    if columns == 1:
        order = np.argsort(right.costs[:, 0], kind="stable")
        sums = np.concatenate([[0], np.cumsum(right.numbers[order])])
        sorted_costs = right.costs[order, 0]
        above = np.searchsorted(sorted_costs, highs[0] - left.costs[:, 0], side="right")
        below = np.searchsorted(sorted_costs, lows[0] - left.costs[:, 0], side="left")
        return int((left.numbers.astype(object) * (sums[above] - sums[below])).sum())
    if len(left.costs) * len(right.costs) <= MAX_PRODUCT:
        return _count_product(left, right, lows, highs)
    if columns == 2 and max(len(left.costs), len(right.costs)) <= MAX_PAIRS:
        if len(left.costs) > len(right.costs):
            left, right = right, left
        return _count_dominated(left, right, lows, highs)
    return None


def _count_product(left: _Profile, right: _Profile, lows: Rows, highs: Rows) -> int:
    """By looking at every pair."""
    total = 0
    step = max(1, 2_000_000 // len(right.costs))
    numbers = right.numbers.astype(object)
    for start in range(0, len(left.costs), step):
        sums = left.costs[start : start + step, None, :] + right.costs[None, :, :]
        kept = np.asarray(((sums <= highs) & (sums >= lows)).all(2))
        for row in range(len(kept)):
            if kept[row].any():
                total += int(left.numbers[start + row]) * int(numbers[kept[row]].sum())
    return total


def _count_dominated(left: _Profile, right: _Profile, lows: Rows, highs: Rows) -> int:
    """Two bounds at once: right rows by their first cost, in blocks of doubling size, each sorted by the second.

    The rows whose first cost lies in a range are a difference of two prefixes, and a prefix is a block for every bit of
    its length.
    """
    order = np.argsort(right.costs[:, 0], kind="stable")
    first, second, numbers = right.costs[order, 0], right.costs[order, 1], right.numbers[order].astype(object)
    rank = np.unique(second, return_inverse=True)
    width = len(rank[0]) + 1
    above = np.searchsorted(rank[0], highs[1] - left.costs[:, 1], side="right")
    below = np.searchsorted(rank[0], lows[1] - left.costs[:, 1], side="left")
    ends = np.searchsorted(first, highs[0] - left.costs[:, 0], side="right")
    begins = np.searchsorted(first, lows[0] - left.costs[:, 0], side="left")
    found = np.zeros(len(left.costs), object)
    for level in range(len(first).bit_length()):
        block = np.arange(len(first)) >> level
        keys = block * width + rank[1]
        inside = np.argsort(keys, kind="stable")
        keys, sums = keys[inside], np.concatenate([[0], np.cumsum(numbers[inside])])
        for lengths, sign in ((ends, 1), (begins, -1)):
            has = np.flatnonzero(lengths >> level & 1)
            blocks = ((lengths[has] >> level) - 1) * width
            stop = np.searchsorted(keys, blocks + above[has], side="left")
            start = np.searchsorted(keys, blocks + below[has], side="left")
            found[has] += sign * np.where(stop > start, sums[stop] - sums[start], 0)
    return int((left.numbers.astype(object) * found).sum())
