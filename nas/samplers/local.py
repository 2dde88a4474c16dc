"""Local search (White et al. 2020, arXiv 2004.08996) around the best, for any number of trials running at once.

A climb begins with draws, and goes on with the points around its best trials, in a random order: those one edit away
and, near a bound of the budget, swaps (`nas.samplers.edits`). Whatever turns out better is searched around at once.
Where nothing new is left around the `BEAM` best of a climb, the next best is gone on with, or another one begins.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Container, Iterator
from random import Random
from typing import TYPE_CHECKING

from nas.ends import Outcome
from nas.records import Decisions
from nas.samplers.drawing import draw_first
from nas.samplers.edits import Neighbourhood, num_edits_between
from nas.samplers.sampler import Sampler
from nas.samplers.standing import Tried, tried, updated_front
from nas.seeds import derive_seed

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Point, Space

NUM_STARTS = 3  # draws at the beginning of a climb
BEAM = 3
MAX_CLIMBS = 8  # that are remembered, for the sake of trials that end late


class LocalSampler(Sampler):
    """Of several objectives, a climb goes on around its non-dominated trials: a Pareto local search (Paquete 2004)."""

    def __init__(self, space: Space, budget: Budget, seed: int, num_objectives: int = 1) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed
        self._num_objectives = num_objectives
        self._climbs: list[_Climb] = [_Climb()]
        self._running: dict[int, tuple[Decisions, _Climb]] = {}
        self._num_accepted = 0

    def propose(self, number: int, known: Container[str]) -> Decisions | None:
        seed = derive_seed(self._seed, "local", number)
        if self._climbs[-1].is_begun:
            for climb in self._most_promising_first():
                found = self._next_of(climb, known, Random(seed))
                if found is not None:
                    return dict(found.decisions)
        return draw_first(self._space, self._budget, known, seed, self._num_accepted)

    def accepted(self, trial: int, decisions: Decisions) -> None:
        climb = self._climb_of(decisions)
        climb.num_trials += 1
        self._running[trial] = (decisions, climb)
        self._num_accepted += 1

    def paused(self, trial: int, outcome: Outcome) -> None:
        self._learn(trial, outcome)

    def ended(self, trial: int, outcome: Outcome) -> None:
        self._learn(trial, outcome)
        del self._running[trial]

    def _learn(self, trial: int, outcome: Outcome) -> None:
        decisions, climb = self._running[trial]
        one = tried(trial, decisions, outcome)
        if one is not None:
            climb.add(one, self._num_objectives)

    def _climb_of(self, decisions: Decisions) -> _Climb:
        """The climb that a new trial belongs to: by where it lies, so that a replayed sampler knows it too."""
        latest = self._climbs[-1]
        if not latest.is_begun:
            return latest
        for climb in reversed(self._climbs):
            if any(num_edits_between(one.decisions, decisions) <= 2 for one in climb.best):
                return climb
        self._climbs = [*self._climbs[1 - MAX_CLIMBS :], _Climb()]
        return self._climbs[-1]

    def _most_promising_first(self) -> list[_Climb]:
        """The climbs by their best; of several objectives the latest first."""
        if self._num_objectives > 1:
            return self._climbs[::-1]
        begun = [climb for climb in self._climbs if climb.best]
        return sorted(begun, key=lambda climb: climb.best[0].merit, reverse=True)

    def _next_of(self, climb: _Climb, known: Container[str], random: Random) -> Point | None:
        best = list(climb.best)
        if self._num_objectives > 1:
            random.shuffle(best)
        for one in best:
            for point in self._around(climb, one):
                if point.hash not in known:
                    return point
        return None

    def _around(self, climb: _Climb, one: Tried) -> Iterator[Point]:
        """The points around a trial, always in the same order: what was offered before and was not accepted, as a draw
        that is withdrawn, is offered again."""
        if one.trial not in climb.around:
            random = Random(derive_seed(self._seed, "around", one.trial))
            climb.around[one.trial] = Neighbourhood(self._space, self._budget, one.decisions, random)
        return climb.around[one.trial].mixed()


class _Climb:
    """The best trials of one climb, best first, and the points around them."""

    def __init__(self) -> None:
        self.num_trials = 0
        self.best: list[Tried] = []
        self.around: dict[int, Neighbourhood] = {}

    @property
    def is_begun(self) -> bool:
        """Whether it has something to go on from."""
        return self.num_trials >= NUM_STARTS and bool(self.best)

    def add(self, one: Tried, num_objectives: int) -> None:
        if num_objectives > 1:
            self.best = updated_front(self.best, one)
        else:
            self.best = [other for other in self.best if other.trial != one.trial]
            insort(self.best, one, key=lambda other: tuple(-part for part in other.merit))
            del self.best[BEAM:]
        kept = {other.trial for other in self.best}
        self.around = {trial: points for trial, points in self.around.items() if trial in kept}
