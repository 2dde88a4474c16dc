"""Samplers: which point of a space to try next.

    drawing   budgeted draws of new points
    sampler   the contract: `Sampler`
    random    budgeted random search
    tpe       Optuna's tree-structured Parzen estimator

`SAMPLERS` is all there is. Optuna is imported with the sampler that needs it, when a brain is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from nas.samplers.random import RandomSampler
from nas.samplers.sampler import Outcome, Sampler

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

__all__ = ["SAMPLERS", "Outcome", "RandomSampler", "Sampler", "make_sampler"]

SAMPLERS = ("tpe", "random")


def make_sampler(name: str, space: Space, budget: Budget, seed: int) -> Sampler:
    """The sampler of this name. Raises: FixpointError for one that there isn't."""
    if name == "random":
        return RandomSampler(space, budget, seed)
    if name == "tpe":
        from nas.samplers.tpe import TPESampler

        return TPESampler(space, budget, seed)
    raise FixpointError(f"there is no sampler `{name}`", help=f"there is {', '.join(SAMPLERS)}")
