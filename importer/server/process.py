"""An influxd process on this machine: start it, wait until it is ready, end it.

Goes in: a binary, a folder of its own and a port. Comes out: an :class:`InfluxdProcess`, which outlives
the command that started it and can be found again by its process id and start time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ServerError, ServerUnreachableError
from importer.server.connection import Connection, Server

__all__ = [
    "InfluxdProcess",
    "free_port",
    "is_alive",
    "run_influxd",
    "spawn_influxd",
    "start_time",
    "stop_process",
    "wait_until_ready",
]

HOST = "127.0.0.1"
READY_TIMEOUT_SECONDS = 60.0
STOP_GRACE_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.05
HEALTH_TIMEOUT_SECONDS = 5.0
LOG_TAIL_LINES = 15
LOG_TAIL_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class InfluxdProcess:
    """A started influxd.

    Attributes:
        pid: its process id.
        started: when it was started, in the system's own words: a process that has the id later differs.
        port: what it listens on, at 127.0.0.1 only.
        folder: its data and its log.
    """

    pid: int
    started: str
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """Where it writes what goes wrong."""
        return self.folder / "influxd.log"


def run_influxd(
    binary: Path, folder: Path, port: int, *, timeout_seconds: float = READY_TIMEOUT_SECONDS
) -> InfluxdProcess:
    """Start influxd and wait until it answers.

    Args:
        binary: the influxd.
        folder: its data and its log; created, for its owner alone.
        port: a free one, see :func:`free_port`.
        timeout_seconds: how long it may take to get ready.

    Raises:
        ServerError: it died or did not get ready; the message ends with its log. It is not left running.
    """
    process = spawn_influxd(binary, folder, port)
    try:
        wait_until_ready(process, timeout_seconds=timeout_seconds)
    except BaseException:
        stop_process(process)
        raise
    return process


def spawn_influxd(binary: Path, folder: Path, port: int) -> InfluxdProcess:
    """Start influxd, detached from this process and its terminal, without waiting for it."""
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    # influxd takes settings from INFLUXD_… and from a config file in its working folder; and the
    # importer's own token is none of its business.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INFLUX")}
    log = os.open(folder / "influxd.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = subprocess.Popen(
            [
                str(binary.absolute()),
                "run",
                *("--bolt-path", str(folder / "influxd.bolt")),
                *("--engine-path", str(folder / "engine")),
                *("--sqlite-path", str(folder / "influxd.sqlite")),
                *("--http-bind-address", f"{HOST}:{port}"),
                *("--log-level", "error"),
                "--reporting-disabled",
            ],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        os.close(log)
    started = start_time(child.pid) or "never"
    # It is meant to outlive this object, which would warn of a child left running.
    child.returncode = 0
    return InfluxdProcess(pid=child.pid, started=started, port=port, folder=folder)


def wait_until_ready(process: InfluxdProcess, *, timeout_seconds: float = READY_TIMEOUT_SECONDS) -> str:
    """Wait until ``/health`` says pass.

    Returns:
        The server's version, such as ``2.7.12``.

    Raises:
        ServerError: it died, or the time is over; the message ends with the server's log.
    """
    deadline = time.monotonic() + timeout_seconds
    connection = Connection(url=process.url, token="", org="")  # health needs neither
    with Server(connection, timeout_seconds=HEALTH_TIMEOUT_SECONDS) as server:
        while True:
            try:
                version = server.health()
            except ServerError as error:
                answer = str(error)
            else:
                # Another server may have been quicker to take the port.
                if is_alive(process):
                    return version.removeprefix("v")
            if not is_alive(process):
                raise ServerUnreachableError(f"influxd ended before it was ready.{_log_tail(process)}")
            if time.monotonic() > deadline:
                raise ServerUnreachableError(
                    f"influxd (process {process.pid}) was not ready at {process.url} after"
                    f" {timeout_seconds:g} s: {answer}.{_log_tail(process)}"
                )
            time.sleep(POLL_INTERVAL_SECONDS)


def stop_process(process: InfluxdProcess, *, grace_seconds: float = STOP_GRACE_SECONDS) -> bool:
    """End the process: politely, then, after ``grace_seconds``, for good.

    Returns:
        Whether there was something to end. A process that only has the same id is left alone.
    """
    if not is_alive(process):
        return False
    for number, patience_seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, grace_seconds)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not is_alive(process):
                # A child of ours keeps its id until it is asked for.
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
                return True
            time.sleep(POLL_INTERVAL_SECONDS)
    raise ServerError(f"influxd (process {process.pid}) does not end, even when killed")


def is_alive(process: InfluxdProcess) -> bool:
    """Whether this very process is still running, not merely one with its id."""
    return start_time(process.pid) == process.started


def free_port(*preferred: int) -> int:
    """The first of the preferred ports that is free on 127.0.0.1, else one that the system picks."""
    for port in (*preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
            # As influxd does it: connections that are still closing are no hindrance, a listener is.
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise ServerError(f"no port is free at {HOST}")


def start_time(pid: int) -> str | None:
    """When the process was started, in the system's own words; None if none of its threads is running."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _start_time_by_ps(pid) if not Path("/proc/self/stat").exists() else None
    # proc(5): after the name, which may hold spaces and brackets, state is field 3, the number of threads
    # field 20, start time field 22. The first thread may end before the others, which still hold ports and files.
    fields = stat.rpartition(")")[2].split()
    has_ended = fields[0] == "X" or (fields[0] == "Z" and int(fields[17]) <= 1)
    return None if has_ended else f"{boot} {fields[19]}"


def _start_time_by_ps(pid: int) -> str | None:
    done = subprocess.run(["ps", "-p", str(pid), "-o", "state=,lstart="], capture_output=True, text=True, check=False)
    state, _, started = done.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _log_tail(process: InfluxdProcess) -> str:
    try:
        data = process.log.read_bytes()[-LOG_TAIL_BYTES:]
    except OSError:
        return ""
    lines = data.decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return f" The end of {process.log}:\n" + "\n".join(f"  | {line}" for line in lines or ["(empty)"])
