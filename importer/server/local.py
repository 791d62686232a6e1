"""A local InfluxDB for people who have no other: started when needed, kept, found again.

Goes in: the wish for a server. Comes out: a :class:`LocalServer`, at 127.0.0.1 only, with a data folder
and a token of its own. It outlives the command that started it; ``state.json`` in the folder says which
process and port it is, so that the next command finds it and the next start takes the same port.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from importer.errors import ConfigurationError, ServerError, ServerUnreachableError
from importer.locks import locked
from importer.server.connection import Connection
from importer.server.influxd import find_or_build
from importer.server.onboarding import onboard, read_credentials
from importer.server.process import (
    READY_TIMEOUT_SECONDS,
    InfluxdProcess,
    free_port,
    is_alive,
    spawn_influxd,
    stop_process,
    wait_until_ready,
)
from importer.server.state import forget_process, read_state, remember

__all__ = ["LocalServer", "Status", "connection", "data_folder", "ensure_started", "start", "status", "stop"]

DATA_SETTING = "IMPORTER_DATA_DIR"
USUAL_PORT = 8086
ORIGIN = "local server"
# A free port can be taken by somebody else before influxd gets to it.
START_TRIES = 3
STATUS_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A local server that is ready.

    Attributes:
        url: its address.
        org: its organisation.
        version: such as ``2.7.12``.
        pid: its process id.
        folder: its data, log, state and secrets.
    """

    url: str
    org: str
    version: str
    pid: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of the local server.

    Attributes:
        folder: where its data is or would be.
        server: the running one; None if there is none.
        problem: why there is none although its process runs; None otherwise.
    """

    folder: Path
    server: LocalServer | None
    problem: str | None = None


def data_folder() -> Path:
    """Where the local server lives: below ``IMPORTER_DATA_DIR``, else the user's data folder."""
    given = os.environ.get(DATA_SETTING)
    base = Path(given).expanduser().absolute() if given else platformdirs.user_data_path("importer")
    return base / "server"


def start(
    *,
    folder: Path | None = None,
    binary: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    timeout_seconds: float = READY_TIMEOUT_SECONDS,
) -> LocalServer:
    """The running local server, started, and set up, if need be.

    Args:
        folder: its data folder; :func:`data_folder` if not given.
        binary: the influxd; found or built if not given.
        say: told what is happening, a line at a time.
        timeout_seconds: how long the server may take to get ready.

    Raises:
        ConfigurationError: no influxd; the token of an old data folder is lost.
        ServerError: influxd does not get ready; the message ends with its log.
    """
    folder = (folder or data_folder()).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    running = status(folder=folder).server
    if running is not None and read_credentials(folder) is not None:
        return running
    with locked(folder / "lock", waiting=lambda: say("Waiting for another start of the local server ...")):
        process = _running(folder)
        if process is None:
            binary = binary or find_or_build(say=say)
            say("Starting a local InfluxDB ...")
            process, version = _start_process(binary, folder, timeout_seconds)
        else:
            version = _wait_for_running(process, timeout_seconds)
        org = onboard(process.url, folder, origin=ORIGIN).org
        remember(process, org=org, version=version)
    return LocalServer(url=process.url, org=org, version=version, pid=process.pid, folder=folder)


def stop(*, folder: Path | None = None) -> bool:
    """Stop the local server.

    Returns:
        Whether it was running.
    """
    folder = (folder or data_folder()).absolute()
    if read_state(folder) is None:
        return False
    with locked(folder / "lock"):
        process = _running(folder)
        if process is None:
            return False
        stop_process(process)
        forget_process(folder)
    return True


def status(*, folder: Path | None = None) -> Status:
    """Whether the local server is running, without changing anything."""
    folder = (folder or data_folder()).absolute()
    process = _running(folder)
    if process is None:
        return Status(folder=folder, server=None)
    try:
        version = wait_until_ready(process, timeout_seconds=STATUS_TIMEOUT_SECONDS)
    except ServerError as error:
        return Status(folder=folder, server=None, problem=str(error))
    state = read_state(folder)
    if state is None or state.org is None:
        return Status(
            folder=folder,
            server=None,
            problem=f"influxd runs at {process.url}, but its set-up was cut off; run: importer server start",
        )
    server = LocalServer(url=process.url, org=state.org, version=version, pid=process.pid, folder=folder)
    return Status(folder=folder, server=server)


def connection(*, folder: Path | None = None) -> Connection:
    """How to reach the running local server.

    Raises:
        ConfigurationError: it is not running, or its token is lost.
    """
    now = status(folder=folder)
    if now.server is None:
        raise ConfigurationError(now.problem or "The local server is not running; run: importer server start")
    credentials = read_credentials(now.folder)
    if credentials is None:
        raise ConfigurationError(
            f"The token of the local server in {now.folder} is lost; importer server start says what to do"
        )
    return Connection(url=now.server.url, token=credentials.token, org=credentials.org, origin=ORIGIN)


def ensure_started(say: Callable[[str], None] = lambda _: None) -> Connection:
    """The connection to the local server, which is started if it is not running."""
    return connection(folder=start(say=say).folder)


def _start_process(binary: Path, folder: Path, timeout_seconds: float) -> tuple[InfluxdProcess, str]:
    state = read_state(folder)
    preferred = [USUAL_PORT] if state is None else [state.port, USUAL_PORT]
    for tries_left in reversed(range(START_TRIES)):
        process = spawn_influxd(binary, folder, free_port(*preferred))
        # Before it is ready: if this process dies now, the next start finds that one.
        remember(process)
        try:
            return process, wait_until_ready(process, timeout_seconds=timeout_seconds)
        except BaseException as error:
            stop_process(process)
            forget_process(folder)
            port_was_taken = isinstance(error, ServerUnreachableError) and "address already in use" in str(error)
            if not (port_was_taken and tries_left):
                raise
    raise AssertionError


def _wait_for_running(process: InfluxdProcess, timeout_seconds: float) -> str:
    try:
        return wait_until_ready(process, timeout_seconds=timeout_seconds)
    except ServerError as error:
        raise ServerError(f"{error}\nTo end it and try anew: importer server stop, importer server start") from error


def _running(folder: Path) -> InfluxdProcess | None:
    state = read_state(folder)
    if state is None or state.pid is None or state.started is None:
        return None
    process = InfluxdProcess(pid=state.pid, started=state.started, port=state.port, folder=folder)
    return process if is_alive(process) else None
