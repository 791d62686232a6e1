"""What is remembered of a local server between commands: its process and its port.

Goes in: a process. Comes out of ``state.json`` in its folder, later and in another command: a
:class:`State`, whose process may have ended since.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from importer.server.onboarding import write_private
from importer.server.process import InfluxdProcess

__all__ = ["State", "forget_process", "read_state", "remember"]


@dataclass(frozen=True, slots=True)
class State:
    """A local server, running or not.

    Attributes:
        port: what it listens on, or listened on last.
        url: its address.
        pid: its process id; None once it was stopped.
        started: when the process was started, in the system's own words; None once it was stopped.
        org: its organisation; None until it is set up.
        version: such as ``2.7.12``; None until it is set up.
    """

    port: int
    url: str
    pid: int | None = None
    started: str | None = None
    org: str | None = None
    version: str | None = None


def read_state(folder: Path) -> State | None:
    """What is remembered of the server in this folder; None if there is nothing."""
    try:
        return State(**json.loads(_path(folder).read_text()))
    except (OSError, ValueError, TypeError):
        # It only spares us the look for a process and a port; what cannot be read is written anew.
        return None


def remember(process: InfluxdProcess, *, org: str | None = None, version: str | None = None) -> None:
    """Keep the process, and what is known of the server by now, in its folder."""
    state = State(
        port=process.port,
        url=process.url,
        pid=process.pid,
        started=process.started,
        org=org,
        version=version,
    )
    _write(process.folder, state)


def forget_process(folder: Path) -> None:
    """Keep the port, for the next start, and nothing else."""
    state = read_state(folder)
    if state is not None:
        _write(folder, State(port=state.port, url=state.url))


def _write(folder: Path, state: State) -> None:
    write_private(_path(folder), json.dumps(asdict(state), indent=2))


def _path(folder: Path) -> Path:
    return folder / "state.json"
