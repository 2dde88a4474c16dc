"""Other black-box optimizers, each behind one contract, to be measured beside ours.

A peer is asked for decisions and told what came of them: a value to be maximized, in percent, and by how much the
budget is broken, relative to it (0 where it is kept). Each is used as its documentation says for alternatives without
an order, with its defaults; where it wants to know how many trials there will be, it is told. Of the budget, Optuna's
are told by a constraint; Nevergrad's and scikit-optimize's by a function that says whether a point keeps it, which they
call before they propose. The others have no means for it: what breaks the budget is told as worse than any accuracy,
the worse the more it breaks it (`penalized`).

Where a library draws from numpy's, Python's or torch's global generator, that is seeded too, so that two searches in
one process must not be interleaved.
"""

from __future__ import annotations

import logging
import random
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar, Protocol

import numpy as np

Decisions = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """What a peer has to know: the alternatives of each decision, how much a point breaks the budget (None: there is
    none), the number of trials, and the seed."""

    alternatives: Mapping[str, Sequence[Any]]
    violation: Callable[[Decisions], float] | None
    trials: int
    seed: int

    def keeps(self, decisions: Decisions) -> bool:
        return self.violation is None or self.violation(decisions) <= 0


class Peer(Protocol):
    """Asked and told in turns."""

    def __init__(self, task: Task) -> None: ...

    def ask(self) -> Decisions: ...

    def tell(self, value: float, violation: float) -> None: ...


def penalized(value: float, violation: float) -> float:
    """A loss for what knows of no constraint: the error in percent, above 100 where the budget is broken."""
    return 100 - value if violation <= 0 else 100 * (1 + violation)


class _Optuna:
    """https://optuna.readthedocs.io: ask and tell, `Trial.set_constraint`."""

    sampler: str

    def __init__(self, task: Task) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.task = task
        sampler = getattr(optuna.samplers, self.sampler)(seed=task.seed)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)

    def ask(self) -> Decisions:
        self.trial = self.study.ask()
        return {name: self.trial.suggest_categorical(name, given) for name, given in self.task.alternatives.items()}

    def tell(self, value: float, violation: float) -> None:
        if self.task.violation is not None:
            self.trial.set_constraint("budget", violation)
        self.study.tell(self.trial, value)


class OptunaTPE(_Optuna):
    sampler = "TPESampler"


class OptunaNSGAII(_Optuna):
    sampler = "NSGAIISampler"


class OptunaGP(_Optuna):
    sampler = "GPSampler"


class SMAC:
    """https://automl.github.io/SMAC3: the facade for hyperparameter optimization (a random forest), ask and tell; no
    point is evaluated twice, as the scenario is said to be deterministic."""

    def __init__(self, task: Task) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        space = ConfigurationSpace(seed=task.seed)
        space.add([Categorical(name, list(given)) for name, given in task.alternatives.items()])
        self.folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            space, deterministic=True, n_trials=task.trials, seed=task.seed, output_directory=self.folder.name
        )
        self.facade = HyperparameterOptimizationFacade(scenario, overwrite=True, logging_level=logging.ERROR)

    def ask(self) -> Decisions:
        self.trial = self.facade.ask()
        return dict(self.trial.config)

    def tell(self, value: float, violation: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self.facade.tell(self.trial, TrialValue(cost=penalized(value, violation)), save=False)


class _Nevergrad:
    """https://facebookresearch.github.io/nevergrad: `Choice`, `register_cheap_constraint`, ask and tell of a loss that
    is never negative, as its penalties are in proportion to it."""

    optimizer: str

    def __init__(self, task: Task) -> None:
        import nevergrad

        warnings.filterwarnings("ignore", module="nevergrad")
        chosen = nevergrad.p.Dict(**{name: nevergrad.p.Choice(given) for name, given in task.alternatives.items()})
        chosen.random_state.seed(task.seed)
        if task.violation is not None:
            chosen.register_cheap_constraint(task.keeps)
        self.search = nevergrad.optimizers.registry[self.optimizer](chosen, budget=task.trials)

    def ask(self) -> Decisions:
        self.candidate = self.search.ask()
        return dict(self.candidate.value)

    def tell(self, value: float, violation: float) -> None:
        self.search.tell(self.candidate, 100 - value, [max(violation, 0.0)])


class NGOpt(_Nevergrad):
    optimizer = "NGOpt"


class DiscreteOnePlusOne(_Nevergrad):
    optimizer = "DiscreteOnePlusOne"


class Hyperopt:
    """https://hyperopt.github.io/hyperopt: `tpe.suggest`, step by step as `fmin` goes."""

    def __init__(self, task: Task) -> None:
        from hyperopt import Trials, base, hp

        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self.task = task
        space = {name: hp.choice(name, list(given)) for name, given in task.alternatives.items()}
        self.domain = base.Domain(lambda _: None, space)
        self.trials = Trials()
        self.seeds = np.random.default_rng(task.seed)

    def ask(self) -> Decisions:
        from hyperopt import base, tpe

        ids = self.trials.new_trial_ids(1)
        self.trials.refresh()
        self.trials.insert_trial_docs(
            tpe.suggest(ids, self.domain, self.trials, self.seeds.integers(2**31 - 1), verbose=False)
        )
        self.trials.refresh()
        (self.trial,) = (one for one in self.trials._dynamic_trials if one["state"] == base.JOB_STATE_NEW)
        chosen = base.spec_from_misc(self.trial["misc"])
        return {name: given[chosen[name]] for name, given in self.task.alternatives.items()}

    def tell(self, value: float, violation: float) -> None:
        from hyperopt import base

        self.trial["state"] = base.JOB_STATE_DONE
        self.trial["result"] = {"status": base.STATUS_OK, "loss": penalized(value, violation)}
        self.trials.refresh()


class HEBO:
    """https://github.com/huawei-noah/HEBO: `suggest` and `observe` of one point."""

    def __init__(self, task: Task) -> None:
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers import hebo

        warnings.filterwarnings("ignore")
        given = [{"name": name, "type": "cat", "categories": list(given)} for name, given in task.alternatives.items()]
        self.search = hebo.HEBO(DesignSpace().parse(given), scramble_seed=task.seed)

    def ask(self) -> Decisions:
        self.point = self.search.suggest(n_suggestions=1)
        return dict(self.point.iloc[0])

    def tell(self, value: float, violation: float) -> None:
        self.search.observe(self.point, np.array([[penalized(value, violation)]]))


class _SyneTune:
    """https://syne-tune.readthedocs.io: a baseline in an `AskTellScheduler`."""

    scheduler: str
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, task: Task) -> None:
        from syne_tune.config_space import choice
        from syne_tune.optimizer import baselines
        from syne_tune.optimizer.schedulers.ask_tell_scheduler import AskTellScheduler

        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        space = {name: choice(list(given)) for name, given in task.alternatives.items()}
        self.search = AskTellScheduler(
            getattr(baselines, self.scheduler)(space, metric="loss", random_seed=task.seed, **self.options)
        )

    def ask(self) -> Decisions:
        self.trial = self.search.ask()
        return dict(self.trial.config)

    def tell(self, value: float, violation: float) -> None:
        self.search.tell(self.trial, {"loss": penalized(value, violation)})


class SyneTuneBORE(_SyneTune):
    scheduler = "BORE"


class SyneTuneREA(_SyneTune):
    """With a population of 20, in place of the default of 100, which would be half of the trials."""

    scheduler = "REA"
    options: ClassVar[dict[str, Any]] = {"population_size": 20, "sample_size": 5}


class ScikitOptimize:
    """https://scikit-optimize.readthedocs.io: `Optimizer` with the defaults of `gp_minimize`, ask and tell."""

    def __init__(self, task: Task) -> None:
        from skopt import Optimizer
        from skopt.space import Categorical

        self.task = task
        warnings.filterwarnings("ignore", module="skopt|sklearn")
        self.search = Optimizer(
            [Categorical(list(given), name=name) for name, given in task.alternatives.items()],
            random_state=task.seed,
            space_constraint=None if task.violation is None else lambda point: task.keeps(self.named(point)),
        )

    def named(self, point: Sequence[Any]) -> Decisions:
        return dict(zip(self.task.alternatives, point, strict=True))

    def ask(self) -> Decisions:
        self.point = self.search.ask()
        return self.named(self.point)

    def tell(self, value: float, violation: float) -> None:
        self.search.tell(self.point, penalized(value, violation))


@dataclass(frozen=True)
class Known:
    """What makes a peer, the module that it needs, and the distribution that has it."""

    make: Callable[..., Any]
    module: str
    distribution: str


PEERS = {
    "optuna TPE": Known(OptunaTPE, "optuna", "optuna"),
    "optuna NSGA-II": Known(OptunaNSGAII, "optuna", "optuna"),
    "optuna GP": Known(OptunaGP, "optuna", "optuna"),
    "SMAC3": Known(SMAC, "smac", "smac"),
    "HEBO": Known(HEBO, "hebo", "HEBO"),
    "Hyperopt TPE": Known(Hyperopt, "hyperopt", "hyperopt"),
    "Syne Tune BORE": Known(SyneTuneBORE, "syne_tune", "syne-tune"),
    "Syne Tune REA": Known(SyneTuneREA, "syne_tune", "syne-tune"),
    "scikit-optimize GP": Known(ScikitOptimize, "skopt", "scikit-optimize"),
    "Nevergrad NGOpt": Known(NGOpt, "nevergrad", "nevergrad"),
    "Nevergrad (1+1)": Known(DiscreteOnePlusOne, "nevergrad", "nevergrad"),
}


def missing(name: str, known: Known) -> str | None:
    """The sentence for a peer that isn't installed."""
    if find_spec(known.module) is not None:
        return None
    return f"{name} is left out, as {known.module} is not installed: pip install {known.distribution}"


def begin(name: str, task: Task) -> Peer:
    """A peer at its start, with the global generators seeded."""
    random.seed(task.seed)
    np.random.seed(task.seed)
    if find_spec("torch") is not None:
        import torch

        torch.manual_seed(task.seed)
    return PEERS[name].make(task)
