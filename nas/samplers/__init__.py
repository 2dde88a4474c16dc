"""Samplers: which point of a space to try next.

    drawing   budgeted draws of new points
    sampler   the contract: `Sampler`
    random    budgeted random search
    tpe       Optuna's tree-structured Parzen estimator

`SAMPLERS` is all there is. Optuna is imported with the sampler that needs it, when a brain is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphs.faults import nearest, one_of
from nas.samplers.random import RandomSampler
from nas.samplers.sampler import Outcome, Sampler
from nas.study import StudyError

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

__all__ = ["SAMPLERS", "Outcome", "RandomSampler", "Sampler", "make_sampler", "refuse_unknown"]

SAMPLERS = ("tpe", "random")


def make_sampler(
    name: str,
    space: Space,
    budget: Budget,
    seed: int,
    *,
    num_objectives: int = 1,
    num_trials: int | None = None,  # noqa: ARG001  what chooses by it comes with `auto`
) -> Sampler:
    """The sampler of this name, for outcomes of so many values; None trials are as many as the time allows.

    Raises: StudyError for one that there isn't.
    """
    refuse_unknown(name)
    if name == "random":
        return RandomSampler(space, budget, seed)
    from nas.samplers.tpe import TPESampler

    return TPESampler(space, budget, seed, num_objectives)


def refuse_unknown(name: str) -> None:
    """Raises: StudyError for a sampler that there isn't."""
    if name not in SAMPLERS:
        help = nearest(name, SAMPLERS) or f"there is {one_of(SAMPLERS)}"
        raise StudyError.at("sampler", f"there is no sampler `{name}`", help=help)
