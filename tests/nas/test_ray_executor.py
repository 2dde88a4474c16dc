"""What Ray adds to the contract of executors: workers that die, a cluster to close, and nothing of Ray to be seen."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ray._private import utils as ray_utils

from nas.executors.ray import RayExecutor
from nas.executors.ray_session import CORE, RayError, _exit, _ProcessState
from nas.trials import Completed, Event, Failed, Job, Lost, Progress
from tests.nas.processes import await_end, descendants, end, heed_ctrl_c, name
from tests.nas.scripts import drive, run

ROOT = Path(__file__).parents[2]
LINUX = sys.platform == "linux"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.skipif(not LINUX, reason="reads /proc")
def test_a_closed_executor_leaves_no_process_no_file_and_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the other tests of this file, which share an executor: only one can be open."""
    environment, before = dict(os.environ), descendants(os.getpid())
    handler, mode = signal.getsignal(signal.SIGTERM), CORE.get_authentication_mode()
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary, monkeypatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        patch.setattr(tempfile, "tempdir", temporary)
        executor = RayExecutor(run, capacity=2)
        processes = set(descendants(os.getpid())) - set(before)
        executor.close()
        executor.close()
        left = [*tmp_path.iterdir(), *Path(temporary).iterdir()]
    assert left == []
    assert processes
    assert await_end(processes) == set()
    assert dict(os.environ) == environment
    assert signal.getsignal(signal.SIGTERM) is handler
    assert CORE.get_authentication_mode() == mode


def heed(number: int, frame: object) -> None:
    """A handler of somebody's own."""


@pytest.mark.parametrize(
    ("before", "kept"),
    [(signal.SIG_IGN, signal.SIG_IGN), (heed, heed), (signal.SIG_DFL, _exit)],
    ids=["ignored", "heeded", "free"],
)
def test_a_signal_that_is_ignored_or_heeded_stays_so(before: signal.Handlers, kept: object) -> None:
    first = signal.signal(signal.SIGTERM, before)
    try:
        state = _ProcessState({})
        ray_utils.set_sigterm_handler(signal.SIG_DFL)  # as Ray does while it starts
        meanwhile = signal.getsignal(signal.SIGTERM)
        assert meanwhile == kept or (kept == signal.SIG_IGN and callable(meanwhile))  # processes would inherit SIG_IGN
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as its core does
        state.keep_handler()
        assert signal.getsignal(signal.SIGTERM) == kept
        state.restore()
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGTERM, first)


class Unloadable:
    """A trainer that no worker can load."""

    def __call__(self, job: Job) -> Iterator[Event]:
        raise NotImplementedError

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("not a trainer",)


def test_workers_that_cannot_be_started_end_the_executor_and_cost_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.executors.ray_lanes.PLACING_SECONDS", 0.1)
    monkeypatch.setattr("nas.executors.ray_lanes.STARTING_SECONDS", 0.0)
    with RayExecutor(Unloadable(), capacity=1) as executor:
        executor.submit(Job(0, "ok", seed=0, epochs=1))
        with pytest.raises(RayError, match=r"no worker can be started: .*not a trainer"):
            wait_for_events(executor)


def wait_for_events(executor: RayExecutor) -> None:
    while not executor.events(1.0):
        pass


class Counted:
    """A trainer with images, which counts how often it is pickled, and says where a worker has the images."""

    def __init__(self) -> None:
        self.images = np.zeros(20_000_000, np.uint8)
        self.num_pickled = 0

    def __call__(self, job: Job) -> Iterator[Event]:
        yield Progress(
            job.trial, 1, 0.5, {"pid": float(os.getpid()), "is_shared": float(not self.images.flags.owndata)}
        )
        time.sleep(0.2)
        yield Completed(job.trial)

    def __getstate__(self) -> dict[str, object]:
        self.num_pickled += 1
        return vars(self)


def test_the_images_go_to_the_object_store_once_and_no_worker_copies_them() -> None:
    trainer = Counted()
    with RayExecutor(trainer, capacity=2) as executor:
        events = drive(executor, [Job(number, "", seed=0, epochs=1) for number in range(6)])
    assert len(workers(events)) == 2
    first = [of_trial[0] for of_trial in events.values()]
    assert all(event.metrics["is_shared"] for event in first if isinstance(event, Progress))
    assert trainer.num_pickled == 1


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "there is no Ray cluster at 127.0.0.1:1: "),
        ("127.0.0.1:port", "there is no Ray cluster at 127.0.0.1:port: "),
        ("ray://127.0.0.1:10001", "there is no Ray cluster at ray://127.0.0.1:10001: "),
    ],
)
def test_an_address_without_a_cluster_is_told_at_once(address: str, message: str) -> None:
    with pytest.raises(RayError, match=message):
        RayExecutor(run, address=address)


def test_auto_without_a_cluster_on_this_machine_asks_for_one_and_not_for_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_none(*_: object, **__: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr("nas.executors.ray_session.ray.init", find_none)
    with pytest.raises(RayError, match="cannot be used at auto: Could not find any") as caught:
        RayExecutor(run, address="auto")
    assert (
        caught.value.help
        == "`auto` is a cluster that was started on this machine; else give HOST:PORT of its head node"
    )


def test_a_relative_storage_is_one_of_the_working_folder_and_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where workers find `run`: they begin in the working folder
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/others").touch()
    with RayExecutor(run, capacity=1, storage="shared", name="trials-mine") as executor:
        assert drive(executor, [Job(0, "ok", seed=0, epochs=1)])[0][-1] == Completed(0)
        assert (tmp_path / "shared/trials-mine").is_dir()
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["others"]


@pytest.mark.skipif(not LINUX, reason="reads /proc")
@pytest.mark.parametrize("service", ["raylet", "gcs_server"])
def test_where_ray_dies_the_driver_does_not_end_without_a_word_or_leave_a_file(service: str, tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as temporary,
        subprocess.Popen(
            [sys.executable, "-m", "tests.nas.ray_driver"],
            cwd=ROOT,
            env={**os.environ, "HOME": str(tmp_path), "TMPDIR": temporary},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as driver,
    ):
        assert driver.stdout is not None
        try:
            assert driver.stdout.readline() == "ready\n"
            processes = set(descendants(driver.pid))
            end(pid for pid in processes if name(pid) == service)
            said = driver.stdout.read()  # also what is said after the end of the driver
            assert driver.wait(20) != 0
        finally:
            driver.kill()
            end(processes)
        assert "go on with: nas resume runs/x" in said
        assert list(Path(temporary).iterdir()) == []


@pytest.fixture(scope="module")
def executor() -> Iterator[RayExecutor]:
    with RayExecutor(run, capacity=2) as executor:
        yield executor


def workers(events: dict[int, list[Event]]) -> set[float]:
    return {event.metrics["pid"] for of_trial in events.values() for event in of_trial if isinstance(event, Progress)}


def test_a_worker_serves_one_trial_after_another(executor: RayExecutor) -> None:
    assert len(workers(drive(executor, [Job(number, "ok", seed=0, epochs=2) for number in range(12)]))) == 2


def test_idle_workers_are_kept_while_the_driver_thinks(executor: RayExecutor) -> None:
    before = workers(drive(executor, [Job(number, "ok", seed=0, epochs=2) for number in range(4)]))
    time.sleep(0.5)
    assert workers(drive(executor, [Job(number, "ok", seed=0, epochs=2) for number in range(4)])) == before


def test_a_dead_worker_is_reported_and_nothing_is_repeated_unasked(executor: RayExecutor) -> None:
    events = drive(executor, [Job(0, "ok die", seed=0, epochs=3), Job(1, "ok", seed=0, epochs=3)])
    progress, lost = events[0]
    assert isinstance(progress, Progress)
    assert progress.epoch == 1
    assert isinstance(lost, Lost)
    assert events[1][-1] == Completed(1)


def test_a_lost_trial_can_be_handed_in_again(executor: RayExecutor) -> None:
    drive(executor, [Job(0, "die", seed=0, epochs=2)])
    [events] = drive(executor, [Job(0, "die", seed=0, epochs=2, attempt=1)]).values()
    assert [type(event) for event in events] == [Progress, Progress, Completed]


def test_an_exception_that_leaves_the_trainer_fails_the_trial_and_not_its_worker(executor: RayExecutor) -> None:
    before = workers(drive(executor, [Job(number, "ok", seed=0, epochs=2) for number in range(4)]))
    [events] = drive(executor, [Job(0, "leak", seed=0, epochs=3)]).values()
    assert len(events) == 1
    assert isinstance(events[0], Failed)
    assert 'raise ValueError("no such epoch")' in events[0].traceback
    assert workers(drive(executor, [Job(number, "ok", seed=0, epochs=2) for number in range(4)])) <= before


@pytest.mark.skipif(not LINUX, reason="reads /proc")
def test_every_port_listens_on_the_loopback_interface_alone(executor: RayExecutor) -> None:
    drive(executor, [Job(number, "ok", seed=0, epochs=2) for number in range(4)])
    addresses = listening([os.getpid(), *descendants(os.getpid())])
    assert addresses
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


@pytest.mark.skipif(not LINUX, reason="reads /proc")
def test_a_worker_uses_one_thread_for_numbers(executor: RayExecutor) -> None:
    [pid] = workers(drive(executor, [Job(0, "ok", seed=0, epochs=1)]))
    environment = Path(f"/proc/{int(pid)}/environ").read_bytes().split(b"\0")
    assert b"OMP_NUM_THREADS=1" in environment
    assert b"RAY_USAGE_STATS_ENABLED=0" in environment


def test_a_worker_has_the_priority_of_the_driver(executor: RayExecutor) -> None:
    [pid] = workers(drive(executor, [Job(0, "ok", seed=0, epochs=1)]))
    assert os.getpriority(os.PRIO_PROCESS, int(pid)) == os.getpriority(os.PRIO_PROCESS, 0)


def test_a_second_executor_beside_an_open_one_is_refused(executor: RayExecutor) -> None:
    with pytest.raises(RayError, match="in use in this process already"):
        RayExecutor(run)
    assert drive(executor, [Job(0, "ok", seed=0, epochs=1)])[0][-1] == Completed(0)


@pytest.mark.skipif(not LINUX, reason="reads /proc")
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_driver_that_is_ended_takes_its_workers_along(blow: signal.Signals, tmp_path: Path) -> None:
    """In the middle of epochs of a minute. Ctrl-C reaches every process of the terminal's group, so it does here."""
    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as temporary,
        subprocess.Popen(
            [sys.executable, "-m", "tests.nas.ray_driver"],
            cwd=ROOT,
            env={**os.environ, "HOME": str(tmp_path), "TMPDIR": temporary},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,
        ) as driver,
    ):
        assert driver.stdout is not None
        try:
            assert driver.stdout.readline() == "ready\n"
            trainers = await_trainers(driver.pid, 2)
            processes = set(descendants(driver.pid))
            assert len(trainers) == 2
            if blow == signal.SIGINT:
                os.killpg(driver.pid, blow)
            else:
                driver.send_signal(blow)
            said = driver.stdout.read()
            driver.wait(20)
        finally:
            driver.kill()
        assert said == {signal.SIGINT: "closed\n", signal.SIGKILL: "go on with: nas resume runs/x\n"}.get(blow, "")
        assert await_end(trainers) == set()
        assert list(tmp_path.iterdir()) == []
        if blow == signal.SIGKILL:  # Ray's two agents, which use no CPU, wait a minute for their cluster
            end(agent for agent in processes if name(agent) in ("ray::DashboardA", "ray::RuntimeEnv"))
        assert list(Path(temporary).iterdir()) == []
        assert await_end(processes) == set()


def await_trainers(driver: int, count: int) -> set[int]:
    """The workers in the middle of an epoch; Ray names a process after its task, a moment after that has begun."""
    deadline = time.monotonic() + 20
    while True:
        trainers = {pid for pid in descendants(driver) if name(pid).startswith("ray::Resource")}
        if len(trainers) >= count or time.monotonic() > deadline:
            return trainers
        time.sleep(0.1)


def listening(pids: list[int]) -> set[str]:
    """The addresses on which these processes wait for connections."""
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(os.readlink(descriptor))
            except OSError:
                continue
    addresses = set()
    for table, family, width in (("tcp", socket.AF_INET, 4), ("tcp6", socket.AF_INET6, 16)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                words = bytes.fromhex(fields[1].partition(":")[0])
                raw = b"".join(words[begin : begin + 4][::-1] for begin in range(0, width, 4))
                addresses.add(socket.inet_ntop(family, raw))
    return addresses
