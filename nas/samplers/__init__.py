"""Samplers: which point of a space to try next.

    sampler       the contract: `Sampler`
    standing      trials that have ended, compared
    drawing       budgeted draws of new points
    edits         points one or two decisions away from a point
    random        budgeted random search
    evolution     regularized evolution
    local         local search
    optuna_study  the decisions of a space as an Optuna study
    tpe           Optuna's tree-structured Parzen estimator
    nsga          Optuna's NSGA-II

`SAMPLERS` is all there is. All propose points within the budget, and none whose network was accepted before while new
ones are found. Optuna is imported with the samplers that need it, when a brain is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphs.faults import nearest, one_of
from nas.samplers.evolution import EvolutionSampler
from nas.samplers.local import LocalSampler
from nas.samplers.random import RandomSampler
from nas.samplers.sampler import Outcome, Sampler
from nas.study import StudyError

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

__all__ = ["SAMPLERS", "Outcome", "RandomSampler", "Sampler", "make_sampler", "refuse_unknown"]

SAMPLERS = ("tpe", "nsga2", "evolution", "local", "random")


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
    if name == "evolution":
        return EvolutionSampler(space, budget, seed, num_objectives)
    if name == "local":
        return LocalSampler(space, budget, seed, num_objectives)
    if name == "nsga2":
        from nas.samplers.nsga import NSGA2Sampler

        return NSGA2Sampler(space, budget, seed, num_objectives)
    from nas.samplers.tpe import TPESampler

    return TPESampler(space, budget, seed, num_objectives)


def refuse_unknown(name: str) -> None:
    """Raises: StudyError for a sampler that there isn't."""
    if name not in SAMPLERS:
        help = nearest(name, SAMPLERS) or f"there is {one_of(SAMPLERS)}"
        raise StudyError.at("sampler", f"there is no sampler `{name}`", help=help)
