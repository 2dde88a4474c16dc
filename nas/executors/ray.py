"""Trials on Ray Tune: a `Tuner` in a thread of its own, whose searcher and scheduler only pass on what the driver says.

Nothing is decided in Ray. In particular Tune never repeats a trial on its own (`max_failures=0`): a worker that dies is
an event, `Lost`, and the driver's ledger stays the one place that knows which attempt of a trial is running.

A worker is one Tune trial at a time on one CPU, its process is kept for the next one (`reuse_actors`), and the trainer
with its images reaches the workers of a node once, through the object store. The class API of Tune is used, not the
function API, because then the worker holds still between two epochs: a stop costs no part of an epoch, and no thread
has to be waited for.
"""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from pathlib import Path

import ray
from ray import tune

from nas.executors.exchange import Exchange
from nas.executors.last_word import remove
from nas.executors.ray_lanes import ClosedError, Closing, Jobs, Lanes, Relay, Silent, Worker, resources
from nas.executors.ray_session import RayError, Session, first_line
from nas.trials import Event, Executor, Job, Train

JOIN_SECONDS = 3.0


class RayExecutor(Executor):
    """Runs jobs in worker processes of Ray, on this machine or on the cluster at `address`.

    `trainer` is pickled once; it yields the events of one job, `Progress` after every epoch and then exactly one other,
    and is asked for the next only when that epoch is wanted. `capacity` is the number of workers, one CPU each: as many
    as this machine or the cluster has cores, and places on GPUs, unless given. With `trials_per_gpu` every worker gets
    that part of a GPU and of its memory; without it GPUs are not divided, and a worker sees all those of its node.
    On a cluster `storage` is a folder (or URI) that every node reaches; on one machine it is not needed. What Tune
    keeps in it is called `name`, and gone when this is closed. `last_word` stands on stderr where Ray goes down and
    takes this process along.

    Only one executor of this kind can be open in a process, and the process must not use Ray in another way. The thread
    that makes it must live as long as it does: Linux ends Ray's processes with that thread.

    Raises: RayError.
    """

    def __init__(
        self,
        trainer: Train,
        *,
        capacity: int | None = None,
        address: str | None = None,
        storage: str | None = None,
        trials_per_gpu: int | None = None,
        name: str = "trials",
        last_word: str = "",
    ) -> None:
        self._exchange = Exchange()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._storage = storage if storage is None or "://" in storage else str(Path(storage).resolve())
        self._name = name
        self._session = Session(address, capacity, last_word)
        atexit.register(self.close)
        try:
            self._capacity = _capacity(capacity, trials_per_gpu, is_cluster=address is not None)
            self._thread = threading.Thread(
                target=self._tune,
                args=(trainer, Lanes(self._capacity, trials_per_gpu), self._storage or f"{self._session.folder}/tune"),
                name="ray-tune",
                daemon=True,
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
            self._session.close()
            if self._storage is not None:
                _remove_from(self._storage, self._name)
            atexit.unregister(self.close)

    def _tune(self, trainer: Train, lanes: Lanes, storage: str) -> None:
        """The whole life of Tune's thread."""
        try:
            tuner = tune.Tuner(
                tune.with_resources(tune.with_parameters(Worker, trainer=trainer), resources),
                tune_config=tune.TuneConfig(
                    search_alg=Jobs(self._exchange, lanes),
                    scheduler=Relay(self._exchange, lanes),
                    num_samples=-1,
                    max_concurrent_trials=self._capacity,
                    reuse_actors=True,
                    trial_dirname_creator=lambda trial: str(trial.trial_id),
                ),
                run_config=tune.RunConfig(
                    name=self._name,
                    storage_path=storage,
                    failure_config=tune.FailureConfig(max_failures=0),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    stop=Closing(self._exchange),
                    callbacks=[Silent()],
                    verbose=0,
                ),
            )
            tuner.fit()
        except ClosedError:
            pass
        except Exception as error:  # noqa: BLE001 - it has to reach the driver's thread, whatever it is
            self._exchange.fail(_gone_down(error))
        else:
            self._exchange.fail(_gone_down(None))


def _capacity(asked: int | None, trials_per_gpu: int | None, *, is_cluster: bool) -> int:
    """How many workers there are to be. Raises: RayError where GPUs are divided and there are too few.

    More than the cluster has room for at the moment are left to wait for its growth.
    """
    there_is = ray.cluster_resources()
    num_places = int(there_is.get("CPU", 1))
    if trials_per_gpu:
        num_gpus = int(there_is.get("GPU", 0))
        on_gpus = num_gpus * trials_per_gpu
        num_places = min(num_places, on_gpus)
        if not is_cluster and (asked or 1) > on_gpus:
            raise RayError(
                f"{asked or 1} trials at a time, {trials_per_gpu} on a GPU, need more GPUs than the {num_gpus} here",
                help="use fewer workers, more trials per GPU, or the CPU: --device cpu",
            )
    return asked or max(1, num_places)


def _remove_from(storage: str, name: str) -> None:
    """Deletes what Tune has kept of one run; what can't be deleted stays."""
    if "://" not in storage:
        remove(f"{storage}/{name}")
        return
    from pyarrow.fs import FileSystem  # type: ignore[import-untyped]

    with suppress(OSError, ValueError):
        files, path = FileSystem.from_uri(storage)
        files.delete_dir(f"{path}/{name}")


def _gone_down(error: Exception | None) -> RayError:
    reason = f": {first_line(error)}" if error else ""
    return RayError(f"Ray Tune has ended before the search{reason}", help="`nas resume RUN` goes on from the ledger")
