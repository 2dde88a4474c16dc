"""Ray in this process, from its start to its end: a cluster of our own, or a connection to one that stands.

Of what Ray does to a process without being asked, nothing is left when a session is closed: environment, log level,
handler of SIGTERM, files in the home or the temporary folder, lines on stdout. Does not run anything on Ray.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray._private import auto_init_hook, ray_constants
from ray._private import utils as ray_utils
from ray._private import worker as ray_worker

from blocks.errors import FixpointError
from nas.executors.last_word import LastWord, remove

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
# A trial is what this machine is there for, and no background job of it: Ray would run workers at niceness 15.
UNLESS_SET = {"RAY_worker_niceness": "0"}
WRITTEN_BY_RAY = ("RAY_AUTH_MODE", "PYTHONBREAKPOINT")
WORKER_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

CONNECTING_SECONDS = 5.0

CORE: Any = ray._raylet  # its stub leaves most of it out


class RayError(FixpointError):
    """Ray cannot be started, reached, or has gone down."""


class Session:
    """Ray is initialised while this is open. `folder` is a new one that only this user can enter, gone afterwards.

    `message` is what stands on stderr where this process ends without closing it (`nas.executors.last_word`).

    Raises: RayError where Ray is in use in this process already, or can't be started or reached.
    """

    def __init__(self, address: str | None, num_cpus: int | None, message: str = "") -> None:
        if ray.is_initialized():
            raise RayError("Ray is in use in this process already", help="close the other executor first")
        self._auto_connects = auto_init_hook.enable_auto_connect
        self.folder = _make_folder()
        unless_set = {name: value for name, value in UNLESS_SET.items() if name not in os.environ}
        self._process_state = _ProcessState({**ENVIRONMENT, **unless_set, **_token(self.folder, address)})
        self._last_word = LastWord(self.folder, message)
        try:
            _start(address, num_cpus, self.folder)
            self._process_state.keep_handler()
            self._last_word.watch(ray.get_runtime_context().gcs_address)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends what was started, or lets go of the cluster. May be called more than once."""
        self._last_word.watch("")
        auto_init_hook.enable_auto_connect = False  # a thread that still asks for something must not start Ray anew
        ray.shutdown()
        auto_init_hook.enable_auto_connect = self._auto_connects
        self._process_state.restore()
        remove(self.folder)
        self._last_word.farewell()


class _ProcessState:
    """What Ray changes or reads in this process: environment, log level, handler of SIGTERM, stdout. Until `restore`.

    Ray prints the troubles of a cluster, such as the last lines of a lost node's log, on stdout, whatever it is told
    about logs; there belongs the one object of `--json`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {name: os.environ.get(name) for name in (*environment, *WRITTEN_BY_RAY)}
        self._log_level = logging.getLogger("ray").level
        self._handler = signal.getsignal(signal.SIGTERM)
        self._prints = getattr(ray_worker, "print_to_stdstream", None)
        os.environ.update(environment)
        _read_environment()
        CORE.AuthenticationTokenLoader.instance().reset_cache()
        if self._prints is not None:
            vars(ray_worker)["print_to_stdstream"] = _silent
        self._sets_handler = getattr(ray_utils, "set_sigterm_handler", None)
        if self._sets_handler is not None:
            vars(ray_utils)["set_sigterm_handler"] = _silent
        # No SIG_IGN while processes are started, which would inherit it.
        self._heed(_silent if self._handler == signal.SIG_IGN else self._handler)

    def keep_handler(self) -> None:
        """Undoes what Ray's core has done to SIGTERM, which prints a stack trace.

        Where nobody heeds the signal, this process ends in order; where it is ignored, it stays so.
        """
        self._heed(self._handler)

    def _heed(self, handler: Any) -> None:
        """Has SIGTERM handled so; where nobody handles it, by an end in order."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _exit if handler in (None, signal.SIG_DFL) else handler)

    def restore(self) -> None:
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _read_environment()
        # Where every request needs a token, threads of Ray that are just ending would end the process without one.
        if CORE.get_authentication_mode() != CORE.AuthenticationMode.TOKEN:
            CORE.AuthenticationTokenLoader.instance().reset_cache()
        logging.getLogger("ray").setLevel(self._log_level)
        if self._prints is not None:
            vars(ray_worker)["print_to_stdstream"] = self._prints
        if self._sets_handler is not None:
            vars(ray_utils)["set_sigterm_handler"] = self._sets_handler
        if threading.current_thread() is threading.main_thread() and self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)


def _read_environment() -> None:
    """Has Ray's core read its settings again.

    It does so once, and keeps them, token included. After a cluster of our own, which has a token, this process would
    refuse all that a cluster without one sends it; and that cancels every worker, before it starts, as one whose owner
    is gone.
    """
    CORE.Config.initialize("")


def _exit(number: int, _: object) -> None:
    """A handler of signals: as the system has it, but that what is open is closed."""
    raise SystemExit(128 + number)


def _silent(*_: object, **__: object) -> None:
    """In place of what prints."""


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its class where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _start(address: str | None, num_cpus: int | None, folder: str) -> None:
    common: dict[str, Any] = {
        "runtime_env": {"env_vars": WORKER_ENVIRONMENT},
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
    }
    if address:
        _refuse_unreachable(address)
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
            num_cpus=num_cpus,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=f"{folder}/ray",
            **common,
        )
    except Exception as error:
        where = f"at {address}" if address else "on this machine"
        help = "is the token here that of the cluster's nodes?" if address else "try `--executor inline`"
        if address == "auto" and isinstance(error, ConnectionError):
            help = "`auto` is a cluster that was started on this machine; else give HOST:PORT of its head node"
        raise RayError(f"Ray cannot be used {where}: {first_line(error)}", help=help) from error
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = reaches_out


def _refuse_unreachable(address: str) -> None:
    """Raises RayError where nobody listens at HOST:PORT, which Ray would take minutes to find out."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECTING_SECONDS).close()
    except (OSError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error).lower()
        raise RayError(f"there is no Ray cluster at {address}: {why}", help="HOST:PORT of its head node") from None


def _token(folder: str, address: str | None) -> dict[str, str]:
    """A token for a cluster of our own, which only this user can read; without it Ray would leave one in the home."""
    given = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    if address or given or os.environ.get("RAY_AUTH_MODE") == "disabled":
        return {}
    path = Path(folder) / "token"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    return {"RAY_AUTH_TOKEN_PATH": str(path)}


def _make_folder() -> str:
    """A new folder that only this user can enter; Ray opens its own, inside, to everybody.

    Its sockets lie some 75 characters deep in it, and the path of a socket has at most 103 (macOS) or 107 (Linux).
    """
    place = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="nas-", dir=place if len(place) <= 16 else "/tmp")
