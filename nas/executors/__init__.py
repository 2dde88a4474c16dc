"""Executors: where trials run. The contract is `nas.trials.Executor`.

    inline         this process and thread; the default
    tabular        a table in place of trainings, by a simulated clock
    exchange       where the driver's thread and a scheduler's meet
    last_word      what is said where Ray takes the driver along
    ray_session    Ray in this process, from start to end
    ray_lanes      what Ray Tune is given to run
    ray            worker processes of Ray, on this machine or a cluster

`EXECUTORS` is all there is. Ray is imported when its executor is made.
"""

from __future__ import annotations

from dataclasses import replace

from nas.executors.inline import InlineExecutor
from nas.study import Study
from nas.study_values import EXECUTORS
from nas.trainer import Trainer
from nas.trials import Executor

__all__ = ["EXECUTORS", "InlineExecutor", "make_executor"]


def make_executor(study: Study, trainer: Trainer, name: str = "alone", last_word: str = "") -> Executor:
    """Where the trials of a study run; None workers are as many as there are cores, or places on GPUs.

    With `ray`, trials on `cuda` have a GPU each, unless `trials_per_gpu` says how many share one; `name` is that of the
    run in a storage which serves many, and `last_word` is said where Ray takes this process along.

    Raises: RayError where Ray can't be used.
    """
    if study.executor == "inline":
        return InlineExecutor(trainer)
    from nas.executors.ray import RayExecutor

    trials_per_gpu = study.trials_per_gpu or (1 if study.device == "cuda" else None)
    return RayExecutor(
        replace(trainer, device="cuda") if trials_per_gpu else trainer,
        capacity=study.workers,
        address=study.address,
        storage=study.storage,
        trials_per_gpu=trials_per_gpu,
        name=f"trials-{name}",
        last_word=last_word,
    )
