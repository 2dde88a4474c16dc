"""Regularized evolution (Real et al. 2019, arXiv 1802.01548) without duplicates, within a budget.

The population is the trials that came last to a value. A child is a mutant of its best, of one decision or of two; it
is new and keeps the budget. The original draws a few members and takes their best; with a population this small, and
nothing tried twice, the best of all of them is the better choice, and age alone keeps the population moving.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from random import Random
from typing import TYPE_CHECKING

from nas.ends import Outcome
from nas.records import Decisions
from nas.samplers.drawing import draw_first, draw_new
from nas.samplers.edits import mutant
from nas.samplers.sampler import Sampler
from nas.samplers.standing import Tried, tried, updated_front
from nas.seeds import derive_seed

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

POPULATION = 20
TWO_EDITS = 0.35  # the share of mutants of two decisions


class EvolutionSampler(Sampler):
    """Of several objectives the parent is any of the non-dominated trials, however old."""

    def __init__(self, space: Space, budget: Budget, seed: int, num_objectives: int = 1) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed
        self._num_objectives = num_objectives
        self._population: deque[Tried] = deque(maxlen=POPULATION)
        self._front: list[Tried] = []
        self._running: dict[int, Decisions] = {}
        self._num_accepted = 0

    def propose(self, number: int, known: Container[str]) -> Decisions | None:
        seed = derive_seed(self._seed, "evolution", number)
        if self._num_accepted < POPULATION or not self._population:
            return draw_first(self._space, self._budget, known, seed, self._num_accepted)
        random = Random(seed)
        for parent in self._parents(random):
            num_edits = 2 if random.random() < TWO_EDITS else 1
            child = mutant(self._space, self._budget, known, parent.decisions, num_edits, random)
            if child is not None:
                return child
        return draw_new(self._space, self._budget, known, seed)

    def accepted(self, trial: int, decisions: Decisions) -> None:
        self._running[trial] = decisions
        self._num_accepted += 1

    def paused(self, trial: int, outcome: Outcome) -> None:
        self._learn(trial, self._running[trial], outcome)

    def ended(self, trial: int, outcome: Outcome) -> None:
        self._learn(trial, self._running.pop(trial), outcome)

    def _learn(self, trial: int, decisions: Decisions, outcome: Outcome) -> None:
        """A trial that is told of again, trained further, keeps its age."""
        one = tried(trial, decisions, outcome)
        if one is None:
            return
        place = next((index for index, other in enumerate(self._population) if other.trial == trial), None)
        if place is None:
            self._population.append(one)
        else:
            self._population[place] = one
        if self._num_objectives > 1:
            self._front = updated_front(self._front, one)

    def _parents(self, random: Random) -> list[Tried]:
        """Whom to mutate, and whom else where there is no new mutant of that one."""
        if self._num_objectives > 1:
            return random.sample(self._front, min(3, len(self._front)))
        return sorted(self._population, key=lambda one: one.merit, reverse=True)[:3]
