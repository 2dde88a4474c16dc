"""Executors: where trials run. The contract is `nas.trials.Executor`.

    inline     this process and thread; the default
    exchange   where the driver's thread and a scheduler's meet
    ray        worker processes of Ray, on this machine or a cluster

`EXECUTORS` is all there is. Ray is imported when its executor is made.
"""

from __future__ import annotations

from blocks.errors import FixpointError
from nas.executors.inline import InlineExecutor
from nas.trainer import Trainer
from nas.trials import Executor

__all__ = ["EXECUTORS", "InlineExecutor", "make_executor"]

EXECUTORS = ("inline", "ray")


def make_executor(
    name: str, trainer: Trainer, workers: int | None = None, address: str | None = None, storage: str | None = None
) -> Executor:
    """The executor of this name; None workers are as many as there are cores.

    Raises: FixpointError, as `refuse_misuse` does, and where Ray can't be used.
    """
    refuse_misuse(name, workers, address, storage)
    if name == "inline":
        return InlineExecutor(trainer)
    from nas.executors.ray import RayExecutor

    return RayExecutor(trainer, capacity=workers, address=address, storage=storage)


def refuse_misuse(name: str, workers: int | None, address: str | None, storage: str | None) -> None:
    """Raises FixpointError for an executor that there isn't, or that can't do what is asked; starts nothing."""
    if name not in EXECUTORS:
        raise FixpointError(f"there is no executor `{name}`", help=f"there is {', '.join(EXECUTORS)}")
    if workers is not None and workers < 1:
        raise FixpointError(f"workers is {workers}", help="at least 1 is needed")
    if name == "inline" and workers not in (None, 1):
        raise FixpointError(f"`inline` runs one trial at a time, not {workers}", help="use `ray` for several workers")
    if name == "inline" and (address or storage):
        raise FixpointError("`inline` runs on this machine alone", help="use `ray` for a cluster")
