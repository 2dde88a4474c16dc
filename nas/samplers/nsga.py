"""Optuna's NSGA-II (Deb et al. 2002, doi 10.1109/4235.996017), for one objective or several."""

from __future__ import annotations

from random import Random

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas.samplers.optuna_study import Choice, Distributions, OptunaSampler, Params

POPULATION = 16


class NSGA2Sampler(OptunaSampler):
    """NSGA-II with a population of `POPULATION`. Only trials that are complete become parents."""

    name = "nsga2"
    num_startup = POPULATION
    max_asked = 50

    def _sampler(self, choice: Choice, seed: int) -> BaseSampler:
        return _JointNSGA2(self._distributions, choice, seed)

    def _kept(self, finished: list[FrozenTrial]) -> list[FrozenTrial]:
        """The latest generation and its parents, as the generations 1 and 0 of the new study."""
        key = f"{_JointNSGA2.__name__}:generation"
        complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
        generations = [trial.system_attrs[key] for trial in complete]
        latest = max(generations, default=0)
        sampler = _JointNSGA2(self._distributions, Choice.of({}), 0)
        parents = sampler.get_parent_population(self._study, latest)
        members = [trial for trial, one in zip(complete, generations, strict=True) if one == latest]
        return [
            create_trial(
                params=trial.params,
                distributions=trial.distributions,
                values=trial.values,
                system_attrs={key: generation},
            )
            for generation, trials in enumerate([parents, members] if latest else [members])
            for trial in trials
        ]


class _JointNSGA2(NSGAIISampler):
    """NSGA-II over a search space that is known beforehand, for one proposal."""

    def __init__(self, space: Distributions, choice: Choice, seed: int) -> None:
        super().__init__(seed=seed, population_size=POPULATION)
        self._space = space
        self._choice = choice
        self._random = Random(seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Params:
        # Both are noted in the study: also where a ledger is replayed, and nothing is sampled.
        self.get_parent_population(study, self.get_trial_generation(study, trial))

        def suggest() -> Params | None:
            child = super(_JointNSGA2, self).sample_relative(study, trial, search_space)
            return {name: child.get(name, self._mutated(name)) for name in self._space} if child else None

        return self._choice.choose(suggest, self._space)

    def _mutated(self, name: str) -> int:
        axis = self._space[name]
        if isinstance(axis, IntDistribution):
            return self._random.randint(axis.low, axis.high)
        assert isinstance(axis, CategoricalDistribution)
        return self._random.randrange(len(axis.choices))
