"""Regularized evolution (Real et al. 2019, arXiv 1802.01548) without duplicates, within a budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from random import Random
from typing import TYPE_CHECKING

from nas.records import Decisions
from nas.samplers.drawing import draw_first, draw_new
from nas.samplers.edits import mutant
from nas.samplers.sampler import Outcome, Sampler
from nas.samplers.standing import Standing, Tried, tried
from nas.seeds import derive_seed

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

POPULATION = 16
TOURNAMENT = 8
TWO_EDITS = 0.35
MAX_PARENTS = 3


class EvolutionSampler(Sampler):
    """A child is a mutant of the best of some members, drawn at random; the population is the trials that ended last.

    Of several objectives the parent is any of the non-dominated trials, however old.
    """

    def __init__(self, space: Space, budget: Budget, seed: int, num_objectives: int = 1) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed
        self._num_objectives = num_objectives
        self._population: deque[Tried] = deque(maxlen=POPULATION)
        self._standing = Standing(num_objectives)
        self._running: dict[int, Decisions] = {}
        self._num_accepted = 0

    def propose(self, number: int, known: Set[str]) -> Decisions | None:
        seed = derive_seed(self._seed, "evolution", number)
        if self._num_accepted < POPULATION or not self._population:
            return draw_first(self._space, self._budget, known, seed, self._num_accepted)
        random = Random(seed)
        for _ in range(MAX_PARENTS):
            num_edits = 2 if random.random() < TWO_EDITS else 1
            child = mutant(self._space, self._budget, known, self._parent(random).decisions, num_edits, random)
            if child is not None:
                return child
        return draw_new(self._space, self._budget, known, seed)

    def accepted(self, trial: int, decisions: Decisions) -> None:
        self._running[trial] = decisions
        self._num_accepted += 1

    def ended(self, trial: int, outcome: Outcome) -> None:
        one = tried(trial, self._running.pop(trial), outcome)
        if one is not None:
            self._population.append(one)
            self._standing.add(one)

    def _parent(self, random: Random) -> Tried:
        if self._num_objectives > 1:
            return random.choice(self._standing.front)
        members = random.sample(self._population, min(TOURNAMENT, len(self._population)))
        return max(members, key=lambda one: one.merit)
