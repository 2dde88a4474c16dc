"""Samplers: which point of a space to try next.

    sampler         the contract: `Sampler`
    standing        trials that were trained, compared
    drawing         budgeted draws of new points
    edits           points one or two decisions away from a point
    random          budgeted random search
    evolution       regularized evolution
    local           local search
    encoding        points as vectors
    optuna_study    the decisions of a space as an Optuna study
    tpe             Optuna's tree-structured Parzen estimator
    nsga            Optuna's NSGA-II
    expected_costs  parameters and MACs predicted from vectors
    surrogate       a Gaussian process over vectors
    scales          values as it can learn them
    candidates      what is chosen from by it
    gp              Bayesian optimization

`SAMPLERS` is all there is; `auto` is one of the others, chosen by `choose`. All propose points within the budget, and
none whose network was accepted before while new ones are found. Optuna and SciPy are imported with the samplers that
need them, when a brain is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.contradictions import unknown_sampler
from nas.ends import Outcome
from nas.samplers.evolution import EvolutionSampler
from nas.samplers.local import LocalSampler
from nas.samplers.random import RandomSampler
from nas.samplers.sampler import Sampler
from nas.study import StudyError
from nas.study_values import SAMPLERS

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Space

__all__ = ["SAMPLERS", "Outcome", "RandomSampler", "Sampler", "make_sampler"]

MAX_TRIALS_OF_GP = 400


def make_sampler(
    name: str,
    space: Space,
    budget: Budget,
    seed: int,
    *,
    num_objectives: int = 1,
    num_trials: int | None = None,
) -> Sampler:
    """The sampler of this name, for outcomes of so many values; None trials are as many as the time allows.

    Raises: StudyError for one that there isn't.
    """
    if name == "auto":
        name = choose(num_objectives, num_trials)
    if name == "gp":
        from nas.samplers.gp import GPSampler

        return GPSampler(space, budget, seed, num_objectives)
    if name == "random":
        return RandomSampler(space, budget, seed)
    if name == "evolution":
        return EvolutionSampler(space, budget, seed, num_objectives)
    if name == "local":
        return LocalSampler(space, budget, seed, num_objectives)
    if name == "nsga2":
        from nas.samplers.nsga import NSGA2Sampler

        return NSGA2Sampler(space, budget, seed, num_objectives)
    if name == "tpe":
        from nas.samplers.tpe import TPESampler

        return TPESampler(space, budget, seed, num_objectives)
    raise StudyError(unknown_sampler(name))


def choose(num_objectives: int, num_trials: int | None) -> str:
    """The sampler that `auto` is: for several objectives TPE, which finds more of a front with as many trials; for one
    the Gaussian process, unless more trials are asked for than it learns from."""
    if num_objectives > 1:
        return "tpe"
    return "gp" if num_trials is None or num_trials <= MAX_TRIALS_OF_GP else "evolution"
