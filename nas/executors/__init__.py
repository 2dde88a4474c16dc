"""Executors: where trials run. The contract is `nas.trials.Executor`.

    inline         this process and thread; the default
    tabular        a table in place of trainings, by a simulated clock
    exchange       where the driver's thread and a scheduler's meet
    ray_session    Ray in this process, from start to end
    ray_lanes      what Ray Tune is given to run
    ray            worker processes of Ray, on this machine or a cluster

`EXECUTORS` is all there is. Ray is imported when its executor is made.
"""

from __future__ import annotations

from dataclasses import replace

from graphs.faults import nearest, one_of
from nas.executors.inline import InlineExecutor
from nas.study import Study, StudyError
from nas.trainer import Trainer
from nas.trials import Executor

__all__ = ["EXECUTORS", "InlineExecutor", "make_executor"]

EXECUTORS = ("inline", "ray")


def make_executor(study: Study, trainer: Trainer) -> Executor:
    """Where the trials of a study run; None workers are as many as there are cores, or places on GPUs.

    With `ray`, trials on `cuda` have a GPU each, unless `trials_per_gpu` says how many share one.

    Raises: StudyError, as `refuse_misuse` does; RayError where Ray can't be used.
    """
    refuse_misuse(study)
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
    )


def refuse_misuse(study: Study) -> None:
    """Raises StudyError for an executor that there isn't, or that can't do what is asked; starts nothing."""
    if study.executor not in EXECUTORS:
        help = nearest(study.executor, EXECUTORS) or f"there is {one_of(EXECUTORS)}"
        raise StudyError.at("executor", f"there is no executor `{study.executor}`", help=help)
    if study.executor == "inline":
        _refuse_for_inline(study)
    elif study.trials_per_gpu is not None and study.device not in ("auto", "cuda"):
        message = f"with `trials_per_gpu`, Ray chooses the GPU, and `{study.device}` is none that it could"
        raise StudyError.at("device", message, help="leave `device` out, or say cuda")


def _refuse_for_inline(study: Study) -> None:
    if study.workers not in (None, 1):
        message, help = f"`inline` runs one trial at a time, not {study.workers}", "use `ray` for several workers"
        raise StudyError.at("workers", message, help=help)
    if study.trials_per_gpu not in (None, 1):
        message = f"`inline` runs one trial at a time, not {study.trials_per_gpu} on a GPU"
        raise StudyError.at("trials_per_gpu", message, help="use `ray` for several")
    for key in ("address", "storage"):
        if getattr(study, key):
            raise StudyError.at(key, "`inline` runs on this machine alone", help="use `ray` for a cluster")
