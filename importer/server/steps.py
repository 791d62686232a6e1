"""The commands of a build, run one at a time into its log.

Goes in: a :class:`Step`. Comes out: nothing, or a ConfigurationError with the end of the log. A step that
is interrupted ends with everything that it has started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from importer.errors import ConfigurationError
from importer.server.toolchain import WAYS_OUT

__all__ = ["Step", "run_step"]

STOP_GRACE_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.5
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the build.

    Attributes:
        purpose: what it does, in words, for messages.
        command: its arguments.
    """

    purpose: str
    command: tuple[str, ...]


def run_step(step: Step, work: Path, environment: Mapping[str, str], log: IO[bytes]) -> None:
    """Run the command and wait for it.

    Args:
        step: the command.
        work: where it runs.
        environment: its environment variables, all of them.
        log: gets the command and what it prints.

    Raises:
        ConfigurationError: it failed; the message has the end of the log and the ways out.
    """
    log.write(f"\n== {step.purpose}: {' '.join(step.command)}\n".encode())
    log.flush()
    # A session of its own: go, cargo and rustc are ended together, whoever asks for it.
    process = subprocess.Popen(
        step.command,
        cwd=work,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        code = _waited(process)
    except BaseException:
        _end_with_children(process)
        raise
    if code != 0:
        raise _failure(step.purpose, Path(log.name))


def _waited(process: subprocess.Popen[bytes]) -> int:
    """The exit code; Ctrl-C is heeded.

    polars, once imported, makes system calls go on after a signal, so that a plain wait would not end by Ctrl-C.
    """
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(LOOK_EVERY_SECONDS)


def _end_with_children(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_GRACE_SECONDS)
    # The first process may have ended before those that it started.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(purpose: str, log_path: Path) -> ConfigurationError:
    tail = log_path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    lines = "\n".join(f"  | {line}" for line in tail)
    return ConfigurationError(f"Building InfluxDB failed while {purpose}. The end of {log_path}:\n{lines}\n{WAYS_OUT}")
