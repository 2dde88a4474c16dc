"""Random search: draws within the budget, without repetition. The baseline of every other sampler."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from nas.records import Decisions
from nas.samplers.drawing import draw_new
from nas.samplers.sampler import Sampler
from nas.seeds import derive_seed

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space


class RandomSampler(Sampler):
    """Learns nothing."""

    def __init__(self, space: Space, budget: Budget, seed: int) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed

    def propose(self, number: int, known: Container[str]) -> Decisions | None:
        return draw_new(self._space, self._budget, known, derive_seed(self._seed, "random", number))
