"""Optuna's tree-structured Parzen estimator (Watanabe 2023, arXiv 2304.11127) over the decisions of a space.

One in-memory study, asked and told by one thread. Every decision that any point may have is one parameter, so that the
estimator is joint over all of them; a point ignores those that it doesn't have. Over-budget points are told with their
constraints and never trained: Optuna ranks them below everything feasible, the nearest to the budget first.

The random state of each proposal follows from the seed and the proposal's number, so that a study that is replayed
from a ledger proposes what the first one would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.history import COMPLETE, DIVERGED, REJECTED, STOPPED
from nas.records import Decisions
from nas.samplers.drawing import draw_new
from nas.samplers.sampler import Outcome, Sampler
from nas.seeds import derive_seed
from search_spaces.decisions import Alternative

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Decision, Space

NUM_STARTUP = 12
MAX_MISSES = 20


class TPESampler(Sampler):
    """TPE that begins with `NUM_STARTUP` budgeted draws.

    After `MAX_MISSES` proposals in a row that were over budget or known already, the next is a budgeted draw of a new
    point, told to the study like any other.
    """

    def __init__(self, space: Space, budget: Budget, seed: int, num_objectives: int = 1) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed
        self._axes = {decision.address: _Axis(decision) for decision in space.decisions}
        self._distributions = {
            address: axis.distribution for address, axis in self._axes.items() if not axis.distribution.single()
        }
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self._study = optuna.create_study(directions=["maximize"] * num_objectives)
        finally:
            optuna.logging.set_verbosity(verbosity)
        self._asked: tuple[dict[str, Alternative], Trial] | None = None
        self._running: dict[int, Trial] = {}
        self._num_accepted = 0
        self._num_misses = 0

    def propose(self, number: int, known: Set[str]) -> Decisions | None:
        seed = derive_seed(self._seed, "tpe", number)
        drawn: Mapping[str, Any] | None = None
        if self._num_accepted < NUM_STARTUP or self._num_misses >= MAX_MISSES or not self._distributions:
            drawn = draw_new(self._space, self._budget, known, seed)
            if drawn is None:
                return None
            drawn = self._filled(drawn, seed)
        decisions, _ = self._asked = self._ask(seed, drawn)
        return decisions

    def accepted(self, trial: int, decisions: Decisions) -> None:
        self._running[trial] = self._take(decisions)
        self._num_accepted += 1
        self._num_misses = 0

    def rejected(self, decisions: Decisions, violations: Mapping[str, float]) -> None:
        asked = self._take(decisions)
        self._num_misses += 1
        for bound, violation in violations.items():
            asked.set_constraint(bound, violation)
        self._study.tell(asked, state=TrialState.PRUNED)

    def duplicated(self, decisions: Decisions, outcome: Outcome | None) -> None:
        asked = self._take(decisions)
        self._num_misses += 1
        if outcome is None:
            self._study.tell(asked, state=TrialState.FAIL)
        else:
            self._tell(asked, outcome)

    def ended(self, trial: int, outcome: Outcome) -> None:
        self._tell(self._running.pop(trial), outcome)

    def _tell(self, asked: Trial, outcome: Outcome) -> None:
        if outcome.state == COMPLETE and outcome.values is not None:
            self._study.tell(asked, outcome.values)
        elif outcome.state == STOPPED and outcome.values is not None:
            if len(outcome.values) == 1:  # Optuna has reports for a single objective alone
                asked.report(outcome.values[0], step=outcome.epoch)
            self._study.tell(asked, state=TrialState.PRUNED)
        elif outcome.state in (DIVERGED, REJECTED):
            asked.set_constraint(outcome.state, 1.0)
            self._study.tell(asked, state=TrialState.PRUNED)
        else:
            self._study.tell(asked, state=TrialState.FAIL)

    def _ask(self, seed: int, given: Mapping[str, Any] | None) -> tuple[dict[str, Alternative], Trial]:
        """A trial of the study with every decision suggested; `given` sets them all."""
        fixed = None if given is None else {name: self._axes[name].index(given[name]) for name in self._distributions}
        self._study.sampler = _JointTPE(self._distributions, fixed, seed)
        asked = self._study.ask()
        decisions: dict[str, Alternative] = {}
        for address, axis in self._axes.items():
            chosen = 0 if axis.distribution.single() else axis.suggest(asked)
            decisions[address] = axis.decision.alternatives[chosen]
        return decisions, asked

    def _take(self, decisions: Decisions) -> Trial:
        """The trial of the study for a proposal: the one just asked, or a new one where a ledger is replayed."""
        asked, self._asked = self._asked, None
        if asked is not None and asked[0] == dict(decisions):
            return asked[1]
        assert asked is None, "a proposal was answered with another one's decisions"
        return self._ask(0, decisions)[1]

    def _filled(self, drawn: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A point with the decisions that it doesn't have chosen at random, so that they pull the estimator nowhere."""
        filled = {}
        for address, axis in self._axes.items():
            alternatives = axis.decision.alternatives
            chance = alternatives[derive_seed(seed, "fill", address) % len(alternatives)]
            filled[address] = drawn.get(address, chance)
        return filled


class _Axis:
    """A decision as a parameter: the index of its alternative, ordered where the alternatives are rising numbers."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        alternatives = decision.alternatives
        numbers = [value for value in alternatives if isinstance(value, int | float) and not isinstance(value, bool)]
        self.distribution: BaseDistribution
        if len(numbers) == len(alternatives) > 2 and numbers == sorted(numbers):
            self.distribution = IntDistribution(0, len(alternatives) - 1)
        else:
            self.distribution = CategoricalDistribution(range(len(alternatives)))
        # 1, 1.0 and True are equal as keys of a dict.
        self._indices = {(type(value), value): index for index, value in enumerate(alternatives)}

    def index(self, value: Alternative) -> int:
        return self._indices[type(value), value]

    def suggest(self, trial: Trial) -> int:
        if isinstance(self.distribution, IntDistribution):
            return trial.suggest_int(self.decision.address, self.distribution.low, self.distribution.high)
        return int(trial.suggest_categorical(self.decision.address, range(len(self.decision.alternatives))))


class _JointTPE(optuna.samplers.TPESampler):
    """TPE over a search space that is known beforehand, for one proposal; `fixed` takes the sampling's place."""

    def __init__(self, space: dict[str, BaseDistribution], fixed: dict[str, int] | None, seed: int) -> None:
        super().__init__(seed=seed, multivariate=True, n_startup_trials=0)
        self._space = space
        self._fixed = fixed

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return dict(self._fixed) if self._fixed is not None else super().sample_relative(study, trial, search_space)
