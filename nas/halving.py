"""Asynchronous successive halving and Hyperband: which trials are trained further. Pure logic, free of torch.

A trial is trained to the first rung of its bracket and pauses there. Whenever something can be trained, the best paused
trial of a rung goes on to the next if it is among the best `1 / eta` of all that came to its rung, the highest rungs
first; if there is none, a new trial is begun (Li et al. 2020, arXiv 1810.05934, algorithm 2). So nothing ever waits for
others. Hyperband has several brackets, and deals the trials to them.

Trials are ranked by their values, each the higher the better: of several objectives by non-dominated sorting, and
within a front by crowding distance (Deb et al. 2002, NSGA-II); then by loss, then the elder first. A trial that broke
off before a rung counts there as the worst. What was ranked so low that it will never go on is `hopeless`, so that its
checkpoint can be given up: at most `MAX_WAITING` trials are paused at a rung.

The state is a function of the calls, in their order. Does not train, and knows of no ledger.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import floor, inf

from nas.fidelity import Fidelity
from nas.fronts import dominates

MAX_WAITING = 100

Values = tuple[float, ...]
Key = tuple[float, ...]


class Halving:
    """Of `num_trials` trials, or of any number if None; `num_best` of them, at least, are kept at each rung."""

    def __init__(self, fidelity: Fidelity, num_epochs: int, num_trials: int | None = None, num_best: int = 1) -> None:
        self._num_epochs = num_epochs
        self._num_best = num_best
        self._brackets = [
            _Bracket(rungs, share, fidelity.eta)
            for rungs, share in zip(fidelity.brackets(num_epochs), fidelity.shares(num_epochs), strict=True)
        ]
        self._bracket_of: dict[int, _Bracket] = {}
        if num_trials is not None:
            shares = [bracket.share for bracket in self._brackets]
            for bracket, num in zip(self._brackets, _deal(num_trials, shares), strict=True):
                bracket.num_expected = num

    def first_stop(self) -> int:
        """The epoch that the next trial is to be trained to at first."""
        return self._next_bracket().stop_after(0, self._num_epochs)

    def begin(self, trial: int) -> None:
        """A trial begins, in the bracket that is the furthest behind its share."""
        self._bracket_of[trial] = bracket = self._next_bracket()
        bracket.num_trials += 1

    def pause(self, trial: int, epoch: int, values: Values, loss: float = inf) -> None:
        """A trial has come to the rung at this epoch."""
        self._bracket_of[trial].rung_at(epoch).add(trial, values, loss)

    def promote(self, trial: int, epoch: int) -> None:
        """A trial that was paused at this epoch goes on."""
        self._bracket_of[trial].rung_at(epoch).waiting.discard(trial)

    def stop(self, trial: int) -> None:
        """A paused trial will never go on."""
        for rung in self._bracket_of[trial].rungs:
            if trial in rung.waiting:
                rung.waiting.discard(trial)
                rung.num_stopped += 1

    def break_off(self, trial: int, epoch: int) -> None:
        """A trial came to an end after this epoch that is none: it diverged, or has no room in memory."""
        later = [rung for rung in self._bracket_of[trial].rungs if rung.epoch > epoch]
        for rung in later:
            if rung is later[0] or trial in rung:  # which it had come to before it had to go back
                rung.add_worst(trial)

    def end(self, trial: int) -> None:
        """A trial is over, and is not told of any more."""
        for rung in self._bracket_of.pop(trial).rungs:
            rung.forget(trial)

    def promotion(self) -> tuple[int, int] | None:
        """A paused trial that is to go on, and to which epoch."""
        for bracket, rung in self._highest_first():
            if (trial := rung.best_waiting(len(rung) // bracket.eta)) is not None:
                return trial, bracket.stop_after(rung.epoch, self._num_epochs)
        return None

    def best_paused(self) -> int | None:
        """The best of those that were trained furthest."""
        for _, rung in self._highest_first():
            if (trial := rung.best_waiting(len(rung))) is not None:
                return trial
        return None

    def hopeless(self) -> int | None:
        """A paused trial that will never go on."""
        for bracket, rung in self._highest_first():
            if (trial := rung.worst_waiting(self._num_kept(bracket, rung))) is not None:
                return trial
        return None

    def paused(self) -> list[int]:
        """All paused trials, in the order of their numbers."""
        return sorted(trial for _, rung in self._highest_first() for trial in rung.waiting)

    def _num_kept(self, bracket: _Bracket, rung: _Rung) -> int | None:
        """How many can be among the best `1 / eta` of a rung in the end; what is stopped before does not come to it."""
        if bracket.num_expected is None:
            return None
        num_stopped = sum(earlier.num_stopped for earlier in bracket.rungs if earlier.epoch < rung.epoch)
        return max(self._num_best, (max(bracket.num_expected, bracket.num_trials) - num_stopped) // bracket.eta)

    def _next_bracket(self) -> _Bracket:
        counts = [bracket.num_trials for bracket in self._brackets]
        return self._brackets[_furthest_behind(counts, [bracket.share for bracket in self._brackets])]

    def _highest_first(self) -> Iterator[tuple[_Bracket, _Rung]]:
        pairs = [(bracket, rung) for bracket in self._brackets for rung in bracket.rungs if rung.waiting]
        yield from sorted(pairs, key=lambda pair: -pair[1].epoch)


def _furthest_behind(counts: Sequence[int], shares: Sequence[float]) -> int:
    """Who gets the next of what is dealt in these shares, given how many each has."""
    return min(range(len(counts)), key=lambda index: (counts[index] + 1) / shares[index])


def _deal(total: int, shares: Sequence[float]) -> list[int]:
    """How many each gets: its quota, rounded down, or more (D'Hondt's method keeps the lower quota), so that only the
    last few are dealt one by one."""
    counts = [max(0, floor(total * share / sum(shares)) - 1) for share in shares]
    for _ in range(total - sum(counts)):
        counts[_furthest_behind(counts, shares)] += 1
    return counts


class _Bracket:
    """Rungs, and the trials that were dealt to them; `share` is that of all trials, `num_expected` in the end."""

    def __init__(self, epochs: tuple[int, ...], share: float, eta: int) -> None:
        self.rungs = [_Rung(epoch) for epoch in epochs]
        self.share = share
        self.eta = eta
        self.num_trials = 0
        self.num_expected: int | None = None

    def rung_at(self, epoch: int) -> _Rung:
        return next(rung for rung in self.rungs if rung.epoch == epoch)

    def stop_after(self, epoch: int, num_epochs: int) -> int:
        """The next rung after this epoch, or the end of the training."""
        return next((rung.epoch for rung in self.rungs if rung.epoch > epoch), num_epochs)


class _Rung:
    """All that came to one rung. `waiting` are those that are paused here."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.waiting: set[int] = set()
        self.num_stopped = 0
        self._num = 0
        self._keys: dict[int, Key] = {}  # of those that are not over
        self._order = _Order()  # of all
        self._seen: dict[int, tuple[Values, float]] = {}  # all, where there are several objectives
        self._has_fronts = False
        self._is_sorted = True

    def __len__(self) -> int:
        return self._num

    def __contains__(self, trial: int) -> bool:
        return trial in self._keys

    def add(self, trial: int, values: Values, loss: float) -> None:
        """A trial that comes here again, as it had to go back, is where it was."""
        if trial in self._keys:
            return
        self._num += 1
        self.waiting.add(trial)
        self._keys[trial] = key = (-values[0], loss, trial)
        if len(values) == 1:
            self._order.insert(key)
        else:
            self._seen[trial] = values, loss
            self._has_fronts, self._is_sorted = True, False

    def add_worst(self, trial: int) -> None:
        """A trial that had come here, and had to go back, is the worst in place of what it was."""
        key = self._keys.pop(trial, None)
        self._num += key is None
        if self._has_fronts:  # behind which it stands whatever its key is
            self._is_sorted &= self._seen.pop(trial, None) is None
            return
        if key is not None:
            self._order.remove(key)
        self._order.insert((inf, inf, trial))

    def forget(self, trial: int) -> None:
        """A trial is over: others are still ranked with it."""
        self._keys.pop(trial, None)

    def best_waiting(self, num_best: int) -> int | None:
        """The best of those that wait, where it is among so many best of all."""
        if not self.waiting or num_best < 1:
            return None
        self._sort()
        best = min(self.waiting, key=self._keys.__getitem__)
        return best if self._order.rank(self._keys[best]) < num_best else None

    def worst_waiting(self, num_best: int | None) -> int | None:
        """The worst of those that wait, where so many of all are better, or too many wait."""
        if not self.waiting:
            return None
        self._sort()
        worst = max(self.waiting, key=self._keys.__getitem__)
        is_beaten = num_best is not None and self._order.rank(self._keys[worst]) >= num_best
        return worst if is_beaten or len(self.waiting) > MAX_WAITING else None

    def _sort(self) -> None:
        """Several objectives: every trial that is added may move the others."""
        if self._is_sorted:
            return
        places = sort_non_dominated({trial: values for trial, (values, _) in self._seen.items()})
        keys = {trial: (front, -gap, self._seen[trial][1], trial) for trial, (front, gap) in places.items()}
        self._keys = {trial: keys[trial] for trial in self._keys}
        self._order = _Order(sorted(keys.values()))
        self._is_sorted = True


class _Order:
    """Keys in their order, as columns of numbers: a search has many."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        self._columns = [array("d", column) for column in zip(*keys, strict=True)] or [array("d") for _ in range(3)]

    def rank(self, key: Key) -> int:
        """How many keys come before this one."""
        low, high = 0, len(self._columns[0])
        for column, part in zip(self._columns, key, strict=True):
            low, high = bisect_left(column, part, low, high), bisect_right(column, part, low, high)
        return low

    def insert(self, key: Key) -> None:
        """One more."""
        rank = self.rank(key)
        for column, part in zip(self._columns, key, strict=True):
            column.insert(rank, part)

    def remove(self, key: Key) -> None:
        """One that is there less."""
        rank = self.rank(key)
        for column in self._columns:
            del column[rank]


def sort_non_dominated(values: Mapping[int, Values]) -> dict[int, tuple[int, float]]:
    """The front, from 0, and the crowding distance of each; of every value higher is better (Deb et al. 2002).

    Each joins the first front of which nothing dominates it, in an order in which nothing dominates what comes before
    it (Zhang et al. 2015, An Efficient Approach to Nondominated Sorting, doi 10.1109/TEVC.2014.2308305).
    """
    fronts: list[list[int]] = []
    for trial in sorted(values, key=values.__getitem__, reverse=True):
        number = bisect_left(fronts, True, key=lambda front: not _is_behind(trial, front, values))
        if number == len(fronts):
            fronts.append([])
        fronts[number].append(trial)
    return {
        trial: (number, distance)
        for number, front in enumerate(fronts)
        for trial, distance in _crowding(front, values).items()
    }


def _is_behind(trial: int, front: list[int], values: Mapping[int, Values]) -> bool:
    """Whether something on a front dominates a trial; of two values, the second of the last to join is the highest."""
    members = front[-1:] if len(values[trial]) == 2 else reversed(front)
    return any(dominates(values[other], values[trial]) for other in members)


def _crowding(front: list[int], values: Mapping[int, Values]) -> dict[int, float]:
    """The sum over the objectives of the gap between a point's neighbours; without end at the ends."""
    distances = dict.fromkeys(front, 0.0)
    for axis in range(len(values[front[0]])):
        order = sorted(front, key=lambda trial: (values[trial][axis], trial))
        low, high = values[order[0]][axis], values[order[-1]][axis]
        distances[order[0]] = distances[order[-1]] = inf
        for before, trial, after in zip(order, order[1:], order[2:], strict=False):
            gap = (values[after][axis] - values[before][axis]) / (high - low) if high > low else 0.0
            distances[trial] += gap
    return distances
