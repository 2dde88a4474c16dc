"""Executors: where trials run. The contract is `nas.trials.Executor`.

    inline         this process and thread; the default
    exchange       where the driver's thread and a scheduler's meet
    ray_session    Ray in this process, from start to end
    ray_lanes      what Ray Tune is given to run
    ray            worker processes of Ray, on this machine or a cluster

`EXECUTORS` is all there is. Ray is imported when its executor is made.
"""

from __future__ import annotations

from graphs.faults import nearest, one_of
from nas.executors.inline import InlineExecutor
from nas.study import StudyError
from nas.trainer import Trainer
from nas.trials import Executor

__all__ = ["EXECUTORS", "InlineExecutor", "make_executor"]

EXECUTORS = ("inline", "ray")


def make_executor(
    name: str, trainer: Trainer, workers: int | None = None, address: str | None = None, storage: str | None = None
) -> Executor:
    """The executor of this name; None workers are as many as there are cores.

    Raises: StudyError, as `refuse_misuse` does; RayError where Ray can't be used.
    """
    refuse_misuse(name, workers, address, storage)
    if name == "inline":
        return InlineExecutor(trainer)
    from nas.executors.ray import RayExecutor

    return RayExecutor(trainer, capacity=workers, address=address, storage=storage)


def refuse_misuse(name: str, workers: int | None, address: str | None, storage: str | None) -> None:
    """Raises StudyError for an executor that there isn't, or that can't do what is asked; starts nothing."""
    if name not in EXECUTORS:
        help = nearest(name, EXECUTORS) or f"there is {one_of(EXECUTORS)}"
        raise StudyError.at("executor", f"there is no executor `{name}`", help=help)
    if name != "inline":
        return
    if workers not in (None, 1):
        message, help = f"`inline` runs one trial at a time, not {workers}", "use `ray` for several workers"
        raise StudyError.at("workers", message, help=help)
    for key, value in {"address": address, "storage": storage}.items():
        if value:
            raise StudyError.at(key, "`inline` runs on this machine alone", help="use `ray` for a cluster")
