"""What Ray Tune is given to run: a trainable, a searcher and a scheduler that only pass on what the driver says.

    driver's thread                      Tune's thread                                     worker processes
    submit(job)    -> Exchange.take   -> Jobs.suggest                -> Worker.setup or reset_config(job)
    events()       <- Exchange.put    <- Relay.on_trial_result       <- Worker.step: one epoch
    stop(trial)    -> Exchange.put    -> STOP at the next result

A **lane** is a place for one trial at a time; there are as many as `capacity`. Each keeps its worker process for its
next job. A lane whose worker can't be placed or started, because its node is gone or others use the cluster, gives its
job back, and is left out until the cluster has room again: a job never waits for a node that may not come.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import ray
from ray import cloudpickle, tune
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.util import placement_group_table

from nas.executors.exchange import Exchange
from nas.executors.ray_session import RayError
from nas.trials import Failed, Job, Lost, OutOfMemory, Progress, Train

PLACING_SECONDS = 10.0  # until a job goes to another worker, where its own has found no place, and between two tries
MAX_STARTS = 5  # of workers, one after another and over this time, that all fail
STARTING_SECONDS = 60.0
LANE_STEP = 1e-4  # the smallest part of a resource that Ray counts
GUARDED = 0.95  # of a GPU's memory, which the trials on it share; the rest is for what others hold
CONTEXT_BYTES = 512 << 20  # of every process on a GPU, for CUDA itself, beside what torch counts


class Worker(tune.Trainable):
    """One worker process: holds the trainer, runs one job after another, and answers `step` with one epoch's events."""

    def setup(self, config: dict[str, Any], trainer: Train | None = None) -> None:
        assert trainer is not None
        self._trainer = trainer
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._job: Job = new_config["job"]
        if new_config["trials_per_gpu"]:
            _guard_memory(1 if self._job.alone else new_config["trials_per_gpu"])
        self._events = self._trainer(self._job)  # the network of the job before is freed here
        return True

    def step(self) -> dict[str, Any]:
        try:
            events = [next(self._events)]
            if isinstance(events[0], Progress) and events[0].epoch >= self._job.last_epoch:
                events.append(next(self._events))  # spares a round trip for the last word
        except Exception:  # noqa: BLE001 - a trial may fail in any way; as a value it costs no worker
            events = [Failed(self._job.trial, traceback.format_exc())]
        return {"events": events}


def _guard_memory(num_trials: int) -> None:
    """Gives this process its part of the GPU's memory: a greedy trial runs out of that, and its neighbours don't.

    Ray divides a GPU in its books alone.
    """
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    part = GUARDED / num_trials - CONTEXT_BYTES / total
    torch.cuda.set_per_process_memory_fraction(max(part, LANE_STEP))


class Lanes:
    """Which lanes are free, and which of them have found no place for their worker the last time.

    `trials_per_gpu` is how many trials share a GPU; None where they don't ask for one.
    """

    def __init__(self, capacity: int, trials_per_gpu: int | None = None) -> None:
        self.trials_per_gpu = trials_per_gpu
        self._free = list(range(capacity))
        self._not_before: dict[int, float] = {}

    def __deepcopy__(self, memo: object) -> Lanes:
        """Tune copies its parts; these are one."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """As of `Exchange`: nobody restores what Tune pickles."""
        return Lanes, (0,)

    def take(self) -> int | None:
        """A free lane, one with a place if there is any; None where no job can be placed now."""
        free = [lane for lane in self._free if lane not in self._not_before]
        if not free:
            now = monotonic()
            free = [lane for lane in self._free if now >= self._not_before[lane]]
            if not free or not self._cluster_has_room():
                return None
        self._free.remove(free[0])
        return free[0]

    def give_back(self, lane: int) -> None:
        self._free.append(lane)

    def has_worker(self, lane: int) -> None:
        """The lane's worker runs."""
        self._not_before.pop(lane, None)

    def has_none(self, lane: int, *, wait_seconds: float) -> None:
        """The lane's worker is gone, or was never placed or started; not to be tried again for this time."""
        self._not_before[lane] = monotonic() + wait_seconds

    def _cluster_has_room(self) -> bool:
        room = ray.available_resources()
        has_gpu = not self.trials_per_gpu or room.get("GPU", 0.0) >= 1 / self.trials_per_gpu - LANE_STEP
        return room.get("CPU", 0.0) >= 1 and has_gpu


class Jobs(Searcher):
    """Tune's question for the next trial, answered from the driver's queue, with a lane."""

    def __init__(self, exchange: Exchange, lanes: Lanes) -> None:
        super().__init__()
        self._exchange = exchange
        self._lanes = lanes
        self._taken: dict[str, int] = {}

    def suggest(self, trial_id: str) -> Any:
        lane = self._lanes.take()
        job = self._exchange.take() if lane is not None else None
        if job is None or lane is None:
            if lane is not None:
                self._lanes.give_back(lane)
            return Searcher.FINISHED if self._exchange.closed else None
        self._taken[trial_id] = lane
        return {"job": job, "lane": lane, "trials_per_gpu": self._lanes.trials_per_gpu}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._lanes.give_back(self._taken.pop(trial_id))

    def save(self, checkpoint_path: str) -> None:
        """Nothing to keep: the driver's ledger does."""

    def restore(self, checkpoint_path: str) -> None:
        raise NotImplementedError


class Relay(FIFOScheduler):
    """Tune's results and failures, handed to the driver; the driver's stops, handed to Tune."""

    def __init__(self, exchange: Exchange, lanes: Lanes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._exchange = exchange
        self._lanes = lanes
        self._kept: set[int] = set()
        self._waiting: dict[str, tuple[Any, float]] = {}
        self._failed_starts: list[float] = []

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Keeps the worker of each lane while it is idle; Tune keeps one alone unless more trials queue.

        There is no public setting. Without this private one trials pay for a new process now and then, nothing else.
        """
        self._waiting[trial.trial_id] = trial, monotonic() + PLACING_SECONDS
        lane = trial.config["lane"]
        cache: Any = getattr(getattr(tune_controller, "_tune_controller", None), "_actor_cache", None)
        if lane not in self._kept and hasattr(cache, "increase_max"):
            self._kept.add(lane)
            cache.increase_max(trial.placement_group_factory)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Asked in every turn of Tune's loop; unlike Tune's own, this does not go through all trials there were."""
        self._take_back_what_is_not_placed(tune_controller)
        return next((trial for trial, _ in self._waiting.values() if trial.status == trial.PENDING), None)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        self._failed_starts.clear()
        goes_on = self._exchange.put(trial.config["job"].trial, result["events"])
        return TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """A worker that died, or could not be started: what a trial does wrong is a value, and comes as a result."""
        job: Job = trial.config["job"]
        has_begun = trial.trial_id not in self._waiting
        self._waiting.pop(trial.trial_id, None)
        self._lanes.has_none(trial.config["lane"], wait_seconds=0 if has_begun else PLACING_SECONDS)
        pickled = trial.pickled_error_file
        error = cloudpickle.loads(Path(pickled).read_bytes()) if pickled else Path(trial.error_file).read_text("utf-8")
        text = str(error)
        if has_begun:
            # Ray ends a worker before the kernel would, where its node has hardly any memory left.
            self._exchange.put(job.trial, [(OutOfMemory if "low on memory" in text else Lost)(job.trial, text)])
            return
        self._exchange.put_back(job)
        self._failed_starts.append(monotonic())
        if len(self._failed_starts) >= MAX_STARTS and monotonic() - self._failed_starts[0] >= STARTING_SECONDS:
            message = f"no worker can be started: {text.strip().splitlines()[-1]}"
            # "Cancelled" is what Ray says of a worker of a driver that asks for a token which the nodes don't have.
            cause = "is the token here that of the cluster's nodes?" if "cancelled" in text else "mend the cluster;"
            self._exchange.fail(RayError(message, help=f"{cause} `nas resume RUN` goes on from the ledger"))

    def _take_back_what_is_not_placed(self, tune_controller: Any) -> None:
        now = monotonic()
        for trial_id, (trial, deadline) in list(self._waiting.items()):
            if trial.status != trial.PENDING:
                del self._waiting[trial_id]
                self._lanes.has_worker(trial.config["lane"])
            elif now > deadline:
                if _waits_for_a_place(trial.placement_group_factory):
                    del self._waiting[trial_id]
                    self._lanes.has_none(trial.config["lane"], wait_seconds=PLACING_SECONDS)
                    tune_controller.stop_trial(trial)
                    self._exchange.put_back(trial.config["job"])
                else:
                    self._waiting[trial_id] = trial, now + PLACING_SECONDS


def resources(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    """One CPU, less a ten-thousandth for each lane before this one, and the trial's part of a GPU.

    Tune gives an idle worker to any trial that asks for the same, also to one whose own worker is just starting, and
    then drops that. With trials shorter than the start of a worker (seconds, because of torch) the second worker would
    never come up. Requests that differ keep the lanes apart.
    """
    bundle = {"CPU": 1 - config["lane"] * LANE_STEP}
    if config["trials_per_gpu"]:
        bundle["GPU"] = 1 / config["trials_per_gpu"]
    return tune.PlacementGroupFactory([bundle])


def _waits_for_a_place(wanted: tune.PlacementGroupFactory) -> bool:
    """Whether Ray has found no node for what a lane asks, which nobody else asks."""
    [bundle] = wanted.bundles
    return any(
        group["state"] in ("PENDING", "RESCHEDULING", "INFEASIBLE")
        and any(abs(one.get("CPU", 0.0) - bundle["CPU"]) < LANE_STEP / 2 for one in group["bundles"].values())
        for group in placement_group_table().values()
    )


class Silent(TrialProgressCallback):
    """In place of Tune's own, which prints on stdout, though it is told to be quiet, and remembers all trials."""

    def log_result(self, *_: object, **__: object) -> None:
        """Nothing: the driver knows it already."""

    def on_trial_complete(self, *_: object, **__: object) -> None:
        """Nothing, too."""


class Closing(tune.Stopper):
    """Asked by Tune in every turn of its loop."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        if self._exchange.closed:
            raise ClosedError
        return False


class ClosedError(BaseException):
    """Leaves Tune's loop at once. Not an `Exception`: on one of those Tune first waits for the ends of all epochs."""
