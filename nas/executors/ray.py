"""Trials on Ray Tune: a `Tuner` in a thread of its own, whose searcher and scheduler only pass on what the driver says.

    driver's thread                      Tune's thread                                     worker processes
    submit(job)    -> Exchange.take   -> Searcher.suggest            -> Trainable.setup or reset_config(job)
    events()       <- Exchange.put    <- TrialScheduler.on_trial_result <- Trainable.step: one epoch
    stop(trial)    -> Exchange.put    -> STOP at the next result

Nothing is decided in Ray. In particular Tune never repeats a trial on its own (`max_failures=0`): a worker that dies is
an event, `Lost`, and the driver's ledger stays the one place that knows which attempt of a trial is running.

A worker is one Tune trial at a time on one CPU, its process is kept for the next one (`reuse_actors`), and the trainer
with its images reaches the workers of a node once, through the object store. The class API of Tune is used, not the
function API, because then the worker holds still between two epochs: a stop costs no part of an epoch, and no thread
has to be waited for. Does not write checkpoints; a repeated attempt starts from the beginning.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle, tune
from ray._private import auto_init_hook, ray_constants
from ray.exceptions import RayActorError
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from blocks.errors import FixpointError
from nas.executors.exchange import Exchange
from nas.trials import Event, Executor, Failed, Job, Lost, OutOfMemory, Progress

Trainer = Callable[[Job], Iterator[Event]]

JOIN_SECONDS = 3.0

# Read by Tune, and by Ray's processes when they start. Tune's own logs, snapshots and console output repeat what the
# ledger and the progress display say, and cost more than a small trial.
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
WRITTEN_BY_RAY = ("RAY_AUTH_MODE", "PYTHONBREAKPOINT")
WORKER_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# One secret for all clusters of this process: Ray's core reads the token once and keeps it.
_TOKEN = secrets.token_hex(32)


class RayError(FixpointError):
    """Ray cannot be started, reached, or has gone down."""


class RayExecutor(Executor):
    """Runs jobs in worker processes of Ray, on this machine or on the cluster at `address`.

    `trainer` is pickled once; it yields the events of one job, `Progress` after every epoch and then exactly one other,
    and is asked for the next only when that epoch is wanted. `capacity` is the number of workers, one CPU each: the
    cores of this machine, or of the cluster, unless given. GPUs are not divided: a worker sees all those of its node.
    On a cluster `storage` is a folder (or URI) that every node reaches; on one machine it is not needed.

    Only one executor of this kind can be open in a process, and the process must not use Ray in another way. The thread
    that makes it must live as long as it does: Linux ends Ray's processes with that thread.

    Raises: RayError.
    """

    def __init__(
        self, trainer: Trainer, *, capacity: int | None = None, address: str | None = None, storage: str | None = None
    ) -> None:
        if ray.is_initialized():
            raise RayError("Ray is in use in this process already", help="close the other executor first")
        self._exchange = Exchange()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._auto_connects = auto_init_hook.enable_auto_connect
        self._folder = _make_folder()
        self._surroundings = _Surroundings({**ENVIRONMENT, **_token(self._folder, address)})
        atexit.register(self.close)
        try:
            _start(address, capacity, self._folder)
            self._capacity = capacity or max(1, int(ray.cluster_resources().get("CPU", 1)))
            self._thread = threading.Thread(
                target=self._tune, args=(trainer, storage or f"{self._folder}/tune"), name="ray-tune", daemon=True
            )
            self._thread.start()
        except BaseException:
            self.close()
            raise

    @property
    def capacity(self) -> int:
        return self._capacity

    def submit(self, job: Job) -> None:
        assert not self._closed, "the executor is closed"
        assert self._exchange.num_unfinished() < self._capacity, "more jobs than capacity"
        self._exchange.submit(job)

    def events(self, timeout_seconds: float) -> list[Event]:
        """See `Executor.events`. Raises: RayError where Ray has gone down as a whole."""
        return self._exchange.events(timeout_seconds)

    def stop(self, trial: int) -> None:
        self._exchange.stop(trial)

    def close(self) -> None:
        """See `Executor.close`. Takes a second or two, whatever the workers are at."""
        if self._closed:
            return
        self._closed = True
        self._exchange.close()
        try:
            if self._thread is not None:
                self._thread.join(JOIN_SECONDS)
        finally:
            auto_init_hook.enable_auto_connect = False  # a thread that still asks for something must not start Ray anew
            ray.shutdown()
            auto_init_hook.enable_auto_connect = self._auto_connects
            self._surroundings.restore()
            _remove(self._folder)
            atexit.unregister(self.close)

    def _tune(self, trainer: Trainer, storage: str) -> None:
        """The whole life of Tune's thread."""
        try:
            tuner = tune.Tuner(
                tune.with_resources(tune.with_parameters(_Worker, trainer=trainer), _resources),
                tune_config=tune.TuneConfig(
                    search_alg=_Jobs(self._exchange, self._capacity),
                    scheduler=_Relay(self._exchange),
                    num_samples=-1,
                    max_concurrent_trials=self._capacity,
                    reuse_actors=True,
                    trial_dirname_creator=lambda trial: str(trial.trial_id),
                ),
                run_config=tune.RunConfig(
                    name="trials",
                    storage_path=storage,
                    failure_config=tune.FailureConfig(max_failures=0),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    stop=_Closing(self._exchange),
                    verbose=0,
                ),
            )
            tuner.fit()
        except _ClosedError:
            pass
        except Exception as error:  # noqa: BLE001 - it has to reach the driver's thread, whatever it is
            self._exchange.fail(_gone_down(error))
        else:
            self._exchange.fail(_gone_down(None))


class _Worker(tune.Trainable):
    """One worker process: holds the trainer, runs one job after another, and answers `step` with one epoch's events."""

    def setup(self, config: dict[str, Any], trainer: Trainer | None = None) -> None:
        assert trainer is not None
        self._trainer = trainer
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._job: Job = new_config["job"]
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


class _Jobs(Searcher):
    """Tune's question for the next trial, answered from the driver's queue.

    Each job is given a lane, of which there are as many as workers; see `_resources`.
    """

    def __init__(self, exchange: Exchange, capacity: int) -> None:
        super().__init__()
        self._exchange = exchange
        self._free = list(range(capacity))
        self._lanes: dict[str, int] = {}

    def suggest(self, trial_id: str) -> Any:
        job = self._exchange.take()
        if job is None:
            return Searcher.FINISHED if self._exchange.closed else None
        self._lanes[trial_id] = self._free.pop(0)
        return {"job": job, "lane": self._lanes[trial_id]}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._free.append(self._lanes.pop(trial_id))

    def save(self, checkpoint_path: str) -> None:
        """Nothing to keep: the driver's ledger does."""

    def restore(self, checkpoint_path: str) -> None:
        raise NotImplementedError


class _Relay(FIFOScheduler):
    """Tune's results and failures, handed to the driver; the driver's stops, handed to Tune."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._exchange = exchange
        self._kept: set[int] = set()

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Keeps the worker of each lane while it is idle; Tune keeps one alone unless more trials queue.

        There is no public setting. Without this private one trials pay for a new process now and then, nothing else.
        """
        lane = trial.config["lane"]
        cache: Any = getattr(getattr(tune_controller, "_tune_controller", None), "_actor_cache", None)
        if lane not in self._kept and hasattr(cache, "increase_max"):
            self._kept.add(lane)
            cache.increase_max(trial.placement_group_factory)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        goes_on = self._exchange.put(trial.config["job"].trial, result["events"])
        return TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        trial_number = trial.config["job"].trial
        pickled = trial.pickled_error_file
        error = cloudpickle.loads(Path(pickled).read_bytes()) if pickled else Path(trial.error_file).read_text("utf-8")
        text = str(error)
        event: Event = Failed(trial_number, text)
        if isinstance(error, RayActorError) and not error.actor_init_failed:
            # Ray ends a worker before the kernel would, where its node has hardly any memory left.
            is_memory = "low on memory" in text
            event = (OutOfMemory if is_memory else Lost)(trial_number, text)
        self._exchange.put(trial_number, [event])


def _resources(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    """One CPU, less a ten-thousandth for each lane before this one.

    Tune gives an idle worker to any trial that asks for the same, also to one whose own worker is just starting, and
    then drops that. With trials shorter than the start of a worker (seconds, because of torch) the second worker would
    never come up. Requests that differ keep the lanes apart.
    """
    return tune.PlacementGroupFactory([{"CPU": 1 - config["lane"] / 10_000}])


class _ClosedError(BaseException):
    """Leaves Tune's loop at once. Not an `Exception`: on one of those Tune first waits for the ends of all epochs."""


class _Closing(tune.Stopper):
    """Asked by Tune in every turn of its loop."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        if self._exchange.closed:
            raise _ClosedError
        return False


class _Surroundings:
    """What Ray changes or reads in this process: environment, log level, handler of SIGTERM. Until `restore`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {name: os.environ.get(name) for name in (*environment, *WRITTEN_BY_RAY)}
        self._log_level = logging.getLogger("ray").level
        self._handler = signal.getsignal(signal.SIGTERM)
        os.environ.update(environment)

    def restore(self) -> None:
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        logging.getLogger("ray").setLevel(self._log_level)
        if threading.current_thread() is threading.main_thread() and self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)


def _start(address: str | None, capacity: int | None, folder: str) -> None:
    common: dict[str, Any] = {
        "runtime_env": {"env_vars": WORKER_ENVIRONMENT},
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
    }
    reaches_out = ray_constants.ENABLE_RAY_CLUSTER
    try:
        if address:
            ray.init(address, **common)
            return
        # On Linux Ray replaces 127.0.0.1 by the address that other machines see, unless this constant (false on other
        # systems) forbids it; then all its ports listen on the loopback interface alone.
        ray_constants.ENABLE_RAY_CLUSTER = False
        ray.init(
            "local",
            num_cpus=capacity,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=f"{folder}/ray",
            **common,
        )
        if threading.current_thread() is threading.main_thread():
            # Ray's core has put a handler in front that prints a stack trace; Python's alone just exits.
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    except Exception as error:
        where = f"at {address}" if address else "on this machine"
        raise RayError(f"Ray cannot be used {where}: {_first_line(error)}", help="try `--executor inline`") from error
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = reaches_out


def _token(folder: str, address: str | None) -> dict[str, str]:
    """A token for a cluster of our own, which only this user can read; without it Ray would leave one in the home."""
    given = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    if address or given or os.environ.get("RAY_AUTH_MODE") == "disabled":
        return {}
    path = Path(folder) / "token"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(_TOKEN)
    return {"RAY_AUTH_TOKEN_PATH": str(path)}


def _make_folder() -> str:
    """A new folder that only this user can enter; Ray opens its own, inside, to everybody.

    Its sockets lie some 75 characters deep in it, and the path of a socket has at most 103 (macOS) or 107 (Linux).
    """
    place = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="nas-", dir=place if len(place) <= 16 else "/tmp")


def _remove(folder: str) -> None:
    """Deletes a folder in which processes that are just ending may still write for a moment."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(0.1)


def _gone_down(error: Exception | None) -> RayError:
    reason = f": {_first_line(error)}" if error else ""
    return RayError(f"Ray Tune has ended before the search{reason}", help="`nas resume RUN` goes on from the ledger")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
