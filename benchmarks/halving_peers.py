"""Others' successive halving and Hyperband, driven step by step, to be measured beside ours.

Each is a generator: it yields a row and for how many epochs in all it is to be trained, and is sent the accuracy that
the row then has. Rungs are at 4, 12 and 36 of 108 epochs and one trial in three goes on, as with ours, whatever a
library's own defaults are. Optuna's, Ray's and Syne Tune's decide at once whether a trial stops or goes on, and never
come back to it: one that goes on was never interrupted, and costs what is new. SMAC's brackets wait until a rung is
full; what it promotes is continued here, as with ours, though SMAC leaves that to its user.

What learns from how configurations are encoded (BOHB, DEHB, SMAC's random forest) is not here: a row has no encoding.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

from peers import Known

LENGTHS = (4, 12, 36, 108)
ETA = 3
Search = Generator[tuple[int, int], float, None]


def optuna_pruned(pruner: str, draw: Iterator[int], seed: int) -> Search:
    """A pruner of Optuna's: report, should_prune. Hyperband deals its brackets by the name of the study."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = {
        "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=LENGTHS[0], reduction_factor=ETA),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(LENGTHS[0], LENGTHS[-1], reduction_factor=ETA),
    }[pruner]()
    sampler = optuna.samplers.RandomSampler(seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=made, study_name=f"seed {seed}")
    for row in draw:
        trial = study.ask()
        for length in LENGTHS:
            value = yield row, length
            trial.report(value, length)
            if length < LENGTHS[-1] and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, value)


def optuna_halving(draw: Iterator[int], num_rows: int, seed: int) -> Search:  # noqa: ARG001
    return optuna_pruned("halving", draw, seed)


def optuna_hyperband(draw: Iterator[int], num_rows: int, seed: int) -> Search:  # noqa: ARG001
    return optuna_pruned("hyperband", draw, seed)


def ray_asha(draw: Iterator[int], num_rows: int, seed: int) -> Search:  # noqa: ARG001
    """Ray Tune's `ASHAScheduler`, without a cluster: of a trial it wants to know the name alone."""
    from ray.tune.schedulers import ASHAScheduler

    scheduler = ASHAScheduler("epochs", "accuracy", "max", LENGTHS[-1], LENGTHS[0], ETA)
    for number, row in enumerate(draw):
        trial = SimpleNamespace(trial_id=str(number))
        scheduler.on_trial_add(None, trial)
        for length in LENGTHS:
            result = {"epochs": length, "accuracy": (yield row, length)}
            if scheduler.on_trial_result(None, trial, result) == ASHAScheduler.STOP:
                break


def syne_tune_asha(draw: Iterator[int], num_rows: int, seed: int) -> Search:
    """Syne Tune's `ASHA`, which draws no row of its own here."""
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import randint
    from syne_tune.optimizer.baselines import ASHA
    from syne_tune.optimizer.scheduler import SchedulerDecision

    logging.getLogger("syne_tune").setLevel(logging.ERROR)
    scheduler = ASHA(
        {"row": randint(0, num_rows - 1)},
        metric="accuracy",
        do_minimize=False,
        time_attr="epochs",
        max_t=LENGTHS[-1],
        grace_period=LENGTHS[0],
        reduction_factor=ETA,
        random_seed=seed,
    )
    for number, row in enumerate(draw):
        trial = Trial(number, {"row": row}, datetime.now(UTC))
        scheduler.on_trial_add(trial)
        for length in LENGTHS:
            result = {"epochs": length, "accuracy": (yield row, length)}
            if scheduler.on_trial_result(trial, result) == SchedulerDecision.STOP:
                break


def smac_hyperband(draw: Iterator[int], num_rows: int, seed: int) -> Search:  # noqa: ARG001
    """SMAC's facade for Hyperband without a model, which draws its rows itself."""
    from ConfigSpace import ConfigurationSpace, Integer
    from smac import HyperbandFacade, Scenario
    from smac.runhistory.dataclasses import TrialValue

    space = ConfigurationSpace(seed=seed)
    space.add(Integer("row", (0, num_rows - 1)))
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space,
            deterministic=True,
            n_trials=100_000,
            min_budget=LENGTHS[0],
            max_budget=LENGTHS[-1],
            seed=seed,
            output_directory=folder,
        )
        facade = HyperbandFacade(scenario, overwrite=True, logging_level=logging.ERROR)
        while True:
            trial = facade.ask()
            value = yield int(trial.config["row"]), round(trial.budget)
            facade.tell(trial, TrialValue(cost=1 - value), save=False)


PEERS = {
    "Optuna, SuccessiveHalvingPruner": Known(optuna_halving, "optuna", "optuna"),
    "Optuna, HyperbandPruner": Known(optuna_hyperband, "optuna", "optuna"),
    "Ray Tune, ASHAScheduler": Known(ray_asha, "ray", "ray[tune]"),
    "Syne Tune, ASHA": Known(syne_tune_asha, "syne_tune", "syne-tune"),
    "SMAC3, Hyperband": Known(smac_hyperband, "smac", "smac"),
}
