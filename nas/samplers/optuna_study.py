"""The decisions of a space as an Optuna study: what the samplers made of Optuna's have in common.

One in-memory study, asked and told by one thread. Every decision that any point may have is one parameter, so that a
sampler is joint over all of them; a point ignores those that it doesn't have. What Optuna suggests is judged before
anybody hears of it: a point over budget or known already is thrown away, and Optuna is asked again.

A study grows slower with its trials, and Optuna forgets none. So after some time the study is begun anew with those
trials that its sampler goes by; time and memory per trial then stay what they are, however long the search is.

The random state of each proposal follows from the seed and the proposal's number, so that a study that is replayed
from a ledger proposes what the first one would have.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.ends import Outcome
from nas.records import Decisions
from nas.samplers.drawing import draw_first, draw_new
from nas.samplers.encoding import is_ordered
from nas.samplers.sampler import Sampler
from nas.seeds import derive_seed
from nas.states import COMPLETE, DIVERGED, PAUSED, REJECTED, STOPPED
from search_spaces.decisions import Alternative
from search_spaces.points import legal_point

if TYPE_CHECKING:
    from graphs import Budget
    from search_spaces import Decision, Space

Params = dict[str, Any]
Distributions = dict[str, BaseDistribution]
MAX_UNORDERED = 5
MAX_FINISHED = 150  # finished trials of a study


class Choice:
    """Picks the parameters of one trial: the first of at most `max_asked` suggestions that `fits`, else those of
    `otherwise()`. If that gives None, `is_found` is False and the parameters mean nothing."""

    def __init__(self, max_asked: int, fits: Callable[[Params], bool], otherwise: Callable[[], Params | None]) -> None:
        self.is_found = True
        self._fits = fits
        self._fitting: Params | None = None
        self._max_asked = max_asked
        self._otherwise = otherwise

    @staticmethod
    def of(params: Params) -> Choice:
        """These, and nothing else."""
        return Choice(0, lambda _: True, lambda: params)

    def fits(self, params: Params) -> bool:
        """Whether these may be chosen; what was said last isn't looked at twice."""
        if self._fitting != params and self._fits(params):
            self._fitting = params
        return self._fitting == params

    def choose(self, suggest: Callable[[], Params | None], space: Distributions) -> Params:
        """The parameters, one for each of the space; `suggest` gives None where it has no more to say."""
        for _ in range(self._max_asked):
            params = suggest()
            if params is None:
                break
            if self.fits(params):
                return params
        drawn = self._otherwise()
        self.is_found = drawn is not None
        return dict.fromkeys(space, 0) if drawn is None else drawn


class OptunaSampler(Sampler):
    """A sampler of Optuna's over the decisions of a space.

    Begins with `num_startup` draws. Of `max_asked` suggestions the first that is new and within the budget is proposed,
    a draw where there is none.
    """

    name: str
    num_startup: int
    max_asked: int

    def __init__(self, space: Space, budget: Budget, seed: int, num_objectives: int = 1) -> None:
        self._space = space
        self._budget = budget
        self._seed = seed
        self._num_objectives = num_objectives
        self._axes = {decision.address: _Axis(decision) for decision in space.decisions}
        self._distributions = {
            address: axis.distribution for address, axis in self._axes.items() if not axis.distribution.single()
        }
        self._study = self._new_study()
        self._asked: tuple[Decisions, Trial] | None = None
        self._running: dict[int, tuple[Decisions, Trial]] = {}
        self._paused: dict[int, Decisions] = {}
        self._num_accepted = 0
        self._num_told = 0
        self._num_finished = 0  # in this study

    @abstractmethod
    def _sampler(self, choice: Choice, seed: int) -> BaseSampler:
        """Optuna's sampler for one trial."""

    @abstractmethod
    def _kept(self, finished: list[FrozenTrial]) -> list[FrozenTrial]:
        """The trials that a new study begins with, of all finished ones of the old study."""

    def propose(self, number: int, known: Container[str]) -> Decisions | None:
        seed = derive_seed(self._seed, self.name, number)
        if self._num_accepted < self.num_startup or not self._distributions:
            drawn = draw_first(self._space, self._budget, known, seed, self._num_accepted)
            if drawn is None:
                return None
            choice = Choice.of(self._params_of(drawn, seed))
        else:
            choice = Choice(self.max_asked, lambda params: self._is_new(params, known), lambda: self._draw(known, seed))
        self._asked = self._ask(choice, seed)
        return None if self._asked is None else self._asked[0]

    def withdrawn(self, decisions: Decisions) -> None:
        assert self._asked is not None
        self._study.tell(self._asked[1], state=TrialState.FAIL)
        self._asked = None

    def accepted(self, trial: int, decisions: Decisions) -> None:
        self._running[trial] = self._take(decisions)
        self._num_accepted += 1

    def rejected(self, decisions: Decisions, violations: Mapping[str, float]) -> None:
        _, asked = self._take(decisions)
        for bound, violation in violations.items():
            asked.set_constraint(bound, violation)
        self._finish(asked, state=TrialState.PRUNED)

    def duplicated(self, decisions: Decisions, outcome: Outcome | None) -> None:
        _, asked = self._take(decisions)
        if outcome is None:
            self._finish(asked, state=TrialState.FAIL)
        else:
            self._tell(asked, outcome)

    def paused(self, trial: int, outcome: Outcome) -> None:
        """A trial of a study is told once: one that went on is another one there, which counts for more."""
        running = trial in self._running
        decisions, asked = self._running.pop(trial) if running else self._ask_for(self._paused[trial], trial)
        self._paused[trial] = decisions
        self._tell(asked, outcome)

    def ended(self, trial: int, outcome: Outcome) -> None:
        if outcome.state != STOPPED or trial in self._running:  # else all was said when it paused
            self.paused(trial, outcome)
        del self._paused[trial]

    def _tell(self, asked: Trial, outcome: Outcome) -> None:
        if outcome.state == COMPLETE and outcome.values is not None:
            self._finish(asked, outcome.values)
        elif outcome.state in (PAUSED, STOPPED) and outcome.values is not None:
            if self._num_objectives == 1:
                asked.report(outcome.values[0], step=outcome.epoch)
            self._finish(asked, state=TrialState.PRUNED)
        elif outcome.state in (DIVERGED, REJECTED):
            asked.set_constraint(outcome.state, 1.0)
            self._finish(asked, state=TrialState.PRUNED)
        else:
            self._finish(asked, state=TrialState.FAIL)

    def _finish(self, asked: Trial, values: tuple[float, ...] | None = None, state: TrialState | None = None) -> None:
        self._study.tell(asked, values, state)
        self._num_told += 1
        self._num_finished += 1
        if self._num_finished >= MAX_FINISHED and self._asked is None:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """A study of the trials that count, and of those that are running."""
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        kept = self._kept(self._study.get_trials(deepcopy=False, states=states))
        self._study = self._new_study()
        self._study.add_trials(kept)
        self._num_finished = len(kept)
        for trial, (decisions, _) in self._running.items():
            self._running[trial] = self._ask_for(decisions, trial)

    def _ask(self, choice: Choice, seed: int = 0) -> tuple[Decisions, Trial] | None:
        """A trial of the study with every decision suggested, and its decisions; None where nothing is found."""
        self._study.sampler = self._sampler(choice, seed)
        asked = self._study.ask(self._distributions)
        params = dict(asked.relative_params)
        if not choice.is_found:
            self._study.tell(asked, state=TrialState.FAIL)
            return None
        return self._decisions_of(params), asked

    def _ask_for(self, decisions: Decisions, seed: int) -> tuple[Decisions, Trial]:
        """A trial of the study with these decisions."""
        asked = self._ask(Choice.of(self._params_of(decisions, seed)))
        assert asked is not None
        return asked

    def _take(self, decisions: Decisions) -> tuple[Decisions, Trial]:
        """The trial of the study for a proposal: the one just asked, or a new one where the proposal isn't one of this
        sampler's, or a ledger is replayed."""
        asked, self._asked = self._asked, None
        if asked is not None and dict(decisions).items() <= asked[0].items():
            return asked
        if asked is not None:  # the network is known by other decisions
            self._study.tell(asked[1], state=TrialState.FAIL)
        return self._ask_for(decisions, self._num_told)

    def _is_new(self, params: Params, known: Container[str]) -> bool:
        point = legal_point(self._space, self._decisions_of(params))
        return point is not None and self._budget.admits(point.costs) and point.hash not in known

    def _draw(self, known: Container[str], seed: int) -> Params | None:
        drawn = draw_new(self._space, self._budget, known, seed)
        return None if drawn is None else self._params_of(drawn, seed)

    def _decisions_of(self, params: Params) -> dict[str, Alternative]:
        return {address: axis.decision.alternatives[params.get(address, 0)] for address, axis in self._axes.items()}

    def _params_of(self, decisions: Decisions, seed: int) -> Params:
        """A point with the decisions that it doesn't have chosen at random, so that they pull the sampler nowhere."""
        params: Params = {}
        for address in self._distributions:
            axis = self._axes[address]
            if address in decisions:
                params[address] = axis.index(decisions[address])
            else:
                params[address] = derive_seed(seed, "fill", address) % len(axis.decision.alternatives)
        return params

    def _new_study(self) -> optuna.Study:
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            return optuna.create_study(directions=["maximize"] * self._num_objectives)
        finally:
            optuna.logging.set_verbosity(verbosity)


class _Axis:
    """A decision as a parameter: the index of its alternative.

    It is ordered where the alternatives are rising numbers, and more than `MAX_UNORDERED`: of a few, order says little,
    and an estimate of ordered ones takes several times as long.
    """

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        alternatives = decision.alternatives
        self.distribution: BaseDistribution
        if len(alternatives) > MAX_UNORDERED and is_ordered(alternatives):
            self.distribution = IntDistribution(0, len(alternatives) - 1)
        else:
            self.distribution = _Indices(len(alternatives))
        # 1, 1.0 and True are equal as keys of a dict.
        self._indices = {(type(value), value): index for index, value in enumerate(alternatives)}

    def index(self, value: Alternative) -> int:
        return self._indices[type(value), value]


class _Indices(CategoricalDistribution):
    """Indices of alternatives, from 0. Nothing ever changes it, so it serves as its own copy.

    Optuna copies and compares the distribution of every parameter several times in a trial, and looks every parameter
    of every trial up among the choices: without these shortcuts that is a seventh of the time of a trial.
    """

    def __init__(self, number: int) -> None:
        super().__init__(range(number))

    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        index: int = param_value_in_external_repr
        return index

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    __hash__ = CategoricalDistribution.__hash__

    def __deepcopy__(self, memo: object) -> _Indices:
        return self
