"""Optuna's tree-structured Parzen estimator (Watanabe 2023, arXiv 2304.11127), for one objective or several."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from nas.samplers.optuna_study import Choice, Distributions, OptunaSampler, Params
from nas.samplers.standing import Tried, updated_front

NUM_BEST = 25  # trials that a study is begun anew with,
NUM_LATEST = 75  # and those that ended last
NUM_ROUNDS = 4  # of candidates that are drawn from one estimate


class TPESampler(OptunaSampler):
    """TPE that is joint over all decisions.

    It is estimated from all trials up to 150, and then from the best of all and from those that ended last, 100 to 150
    together; the best tenth of them is what is good. Of the candidates of one estimate the best that is new and within
    the budget is proposed.
    """

    name = "tpe"
    num_startup = 12
    max_asked = 3

    def _sampler(self, choice: Choice, seed: int) -> BaseSampler:
        return _JointTPE(self._distributions, choice, seed)

    def _kept(self, finished: list[FrozenTrial]) -> list[FrozenTrial]:
        if self._num_objectives > 1:
            front: list[Tried] = []
            for trial in finished:
                if trial.state == TrialState.COMPLETE:
                    front = updated_front(front, Tried(trial.number, {}, tuple(trial.values), (True, 0)))
            best = {one.trial for one in front[-NUM_BEST:]}
        else:
            best = {trial.number for trial in sorted(finished, key=_merit, reverse=True)[:NUM_BEST]}
        latest = {trial.number for trial in finished[-NUM_LATEST:]}
        return [trial for trial in finished if trial.number in best | latest]


def _merit(trial: FrozenTrial) -> tuple[bool, bool, int, float]:
    is_feasible = all(value <= 0 for value in trial.constraints.values())
    if trial.state == TrialState.COMPLETE:
        return (is_feasible, True, 0, trial.values[0])
    step = trial.last_step
    return (is_feasible, False, -1 if step is None else step, 0.0 if step is None else trial.intermediate_values[step])


class _JointTPE(optuna.samplers.TPESampler):
    """TPE over a search space that is known beforehand, for one proposal."""

    def __init__(self, space: Distributions, choice: Choice, seed: int) -> None:
        super().__init__(seed=seed, multivariate=True, n_startup_trials=0)
        self._space = space
        self._choice = choice
        self._random = np.random.RandomState(seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Params:
        return self._choice.choose(
            lambda: super(_JointTPE, self).sample_relative(study, trial, search_space), self._space
        )

    def _compute_acquisition_func(self, samples: dict[str, Any], mpe_below: Any, mpe_above: Any) -> Any:
        """Leaves only the best candidate that fits, of some more than Optuna draws.

        To do without this, and to ask for another estimate after each miss, is as right, and slower.
        """
        values = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        for number in range(NUM_ROUNDS):
            if number:
                samples.update(mpe_below.sample(self._random, len(values)))
                values = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
            for at in np.argsort(-values, kind="stable"):
                params = {name: axis.to_external_repr(samples[name][at].item()) for name, axis in self._space.items()}
                if self._choice.fits(params):
                    return np.where(np.arange(len(values)) == at, 0.0, -np.inf)
        return values
