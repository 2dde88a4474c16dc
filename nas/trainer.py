"""What a worker does with a job: trains it epoch by epoch and says so in events.

A trainer is picklable and holds the images, so that an executor sends it to a worker once. torch is imported where the
first job runs, not where the trainer is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.errors import FixpointError
from nas.checkpoints import Checkpoints
from nas.recipe import SMALL_IMAGE, Recipe
from nas.trials import Event, Job, Progress

if TYPE_CHECKING:
    from nas.data import SearchData


@dataclass(frozen=True)
class Trainer:
    """Trains on `data.train`, measures on `data.validation`; `device` is `cpu`, `cuda`, `cuda:1`, ... or `auto`.

    Without `checkpoints`, every job begins from scratch. Where it `measures_latency`, the first epoch
    of a training says it, with its spread (`nas.latency`).
    """

    data: SearchData
    recipe: Recipe
    device: str = "auto"
    checkpoints: Checkpoints | None = None
    measures_latency: bool = False

    def __call__(self, job: Job) -> Iterator[Event]:
        """`Progress` after every epoch, then exactly one other event. Raises nothing but what is no `Exception`."""
        import torch

        import graphs
        from nas.heap import freed_memory_kept
        from nas.latency import measure_latency
        from nas.training import Portion, epochs, outcome

        torch.set_num_threads(1)
        end: Event = job.ending()
        portion = Portion(job.trial, job.last_epoch, job.begin, job.saves, self.checkpoints)
        try:
            graph = graphs.parse(job.architecture, f"trial {job.trial}")
            device = choose_device(self.device, self.data.image_shape)
            with freed_memory_kept():
                for one in epochs(graph, self.data, self.recipe, job.seed, job.epochs, device, portion):
                    metrics = {"train_loss": one.train_loss, "validation_loss": one.validation_loss}
                    if self.measures_latency and one.epoch == 1:
                        metrics |= measure_latency(graph.as_shipped, device).as_metrics()
                    yield Progress(job.trial, one.epoch, one.validation_accuracy, metrics, one.seconds, one.note)
        except Exception as error:  # noqa: BLE001 - whatever a candidate does, it is the trial's outcome and not the worker's end
            end = outcome(job.trial, error)
        # Said only here, where the exception is gone and with it the network: the worker waits in this line for its
        # next job, and what it keeps of the GPU's memory is missing meanwhile to one that ran out of it.
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        yield end


def choose_device(device: str, image_shape: tuple[int, int, int]) -> str:
    """`auto` is the GPU where there is one, but the CPU for images below 24 pixels: kernels of their size don't pay."""
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() and not is_small(image_shape) else "cpu"


def refuse_device(device: str) -> None:
    """Raises FixpointError where torch can't compute on this device here."""
    if device == "auto":
        return
    import torch

    try:
        torch.zeros(1, device=device).add_(1)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).strip().splitlines()[0].rstrip(".")
        help = "cpu, cuda, cuda:1, ..., or auto, which takes what there is"
        raise FixpointError(f"the device `{device}` can't be used: {why}", help=help) from None


def is_small(image_shape: tuple[int, int, int]) -> bool:
    """Whether images (C, H, W) are so small that calling an operation costs more than running it."""
    return min(image_shape[1:]) < SMALL_IMAGE
