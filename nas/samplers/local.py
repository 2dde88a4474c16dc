"""Local search (White et al. 2020, arXiv 2004.08996) in the neighbours of the best, for any number of running trials."""

from __future__ import annotations

from collections.abc import Set
from random import Random
from typing import TYPE_CHECKING

from nas.records import Decisions
from nas.samplers.drawing import draw_first, draw_new
from nas.samplers.edits import Surroundings
from nas.samplers.sampler import Outcome, Sampler
from nas.samplers.standing import Standing, Tried, tried
from nas.seeds import derive_seed

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

NUM_STARTS = 4
class LocalSampler(Sampler):
    BEAM=3; RESTART=0.1; SWAP=1.0
    def __init__(self, space: Space, budget: Budget, seed: int, num_objectives: int = 1) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed
        self._standing = Standing(num_objectives)
        self._running: dict[int, Decisions] = {}
        self._num_accepted = 0
        self._around: dict[int, Surroundings] = {}
        self._exhausted=set()

    def propose(self, number: int, known: Set[str]) -> Decisions | None:
        seed = derive_seed(self._seed, "local", number)
        if self._num_accepted < NUM_STARTS or not self._standing.front:
            return draw_first(self._space, self._budget, known, seed, self._num_accepted)
        random=Random(seed)
        if random.random()>=self.RESTART:
            n=0
            for one in self._standing.best_first():
                if one.trial in self._exhausted: continue
                n+=1
                if n>self.BEAM: break
                around=self._around.setdefault(one.trial, Surroundings(self._space,self._budget,one.decisions,Random(derive_seed(self._seed,"around",one.trial))))
                found = next(around.new(known), None)
                if found is None and n<=self.SWAP: found = next(around.swaps(known), None)
                if found is not None: return dict(found.decisions)
                self._exhausted.add(one.trial)
        return draw_new(self._space, self._budget, known, seed)

    def accepted(self, trial: int, decisions: Decisions) -> None:
        self._running[trial] = decisions
        self._num_accepted += 1

    def ended(self, trial: int, outcome: Outcome) -> None:
        one = tried(trial, self._running.pop(trial), outcome)
        if one is not None:
            self._standing.add(one)
