"""What a command and the server behind it take: time by the clock, on the processors, and memory.

Goes in: a command and a fresh server. Comes out: a :class:`Cost`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from importer.server.connection import Connection
from importer.server.onboarding import onboard
from importer.server.process import InfluxdProcess, free_port, run_influxd, stop_process

__all__ = ["Cost", "FreshServer", "fresh_server", "measured"]

LAUNCHER: Final = Path(__file__).with_name("launch.py")
ROOT: Final = LAUNCHER.parents[1]
PATIENCE_SECONDS: Final = 3600.0
COMPACTS_AT_ONCE: Final = """
storage-cache-snapshot-write-cold-duration = "1s"
storage-compact-full-write-cold-duration = "1s"
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    Attributes:
        code: its exit code.
        out: what it printed.
        err: what it said on standard error.
        wall_seconds: from its start to its end.
        cpu_seconds: of all its processes, user and system.
        peak_bytes: of the resident memory of the largest of them.
        server_cpu_seconds: of the server in the meantime.
        server_peak_bytes: of the server's resident memory.
    """

    code: int
    out: str
    err: str
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    server_cpu_seconds: float
    server_peak_bytes: int


@dataclass(frozen=True, slots=True)
class FreshServer:
    """A server that holds nothing yet, and that is removed afterwards.

    Attributes:
        process: it.
        connection: to it.
        folder: for files of the run.
    """

    process: InfluxdProcess
    connection: Connection
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a command that talks to it; none of the user's own settings are among them."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("INFLUX", "IMPORTER_"))}
        return own | {
            "INFLUX_URL": self.connection.url,
            "INFLUX_HOST": self.connection.url,
            "INFLUX_TOKEN": str(self.connection.token),
            "INFLUX_ORG": self.connection.org,
            "INFLUX_CONFIGS_PATH": str(self.folder / "no-profiles"),
            "PYTHONPATH": str(ROOT),
        }


@contextmanager
def fresh_server(binary: Path, folder: Path, *, compacts_at_once: bool = False) -> Iterator[FreshServer]:
    """A new influxd with a data folder of its own, both gone afterwards.

    Args:
        binary: the influxd.
        folder: where its data folder is made.
        compacts_at_once: its storage files, instead of hours after the last write.

    Raises:
        ServerError: it does not get ready.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    try:
        if compacts_at_once:
            (own / "influxd").mkdir()
            (own / "influxd" / "config.toml").write_text(COMPACTS_AT_ONCE, encoding="utf-8")
        process = run_influxd(binary, own / "influxd", free_port())
        try:
            yield FreshServer(process, onboard(process.url, own / "influxd", origin="the benchmark"), own)
        finally:
            stop_process(process)
    finally:
        shutil.rmtree(own)


def measured(words: list[str], server: FreshServer, *, patience_seconds: float = PATIENCE_SECONDS) -> Cost:
    """Run a command against a server.

    Args:
        words: the command.
        server: which one.
        patience_seconds: it is ended after that.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    into, out, err = (server.folder / name for name in ("cost.json", "out", "err"))
    before = _cpu_seconds(server.process.pid)
    with out.open("wb") as to_out, err.open("wb") as to_err:
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(into), *words],
            cwd=server.folder,
            env=server.environment,
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            start_new_session=True,
        )
        try:
            launcher.wait(patience_seconds)
        except BaseException:
            os.killpg(launcher.pid, signal.SIGKILL)
            launcher.wait()
            raise
    # Before anything is asked of the server, which would cost it time and memory, too.
    used, peak = _cpu_seconds(server.process.pid) - before, _peak_bytes(server.process.pid)
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in (out, err)]
    if not into.exists():
        raise RuntimeError(f"{words[0]} could not be started: {texts[1].strip()}")
    return Cost(
        out=texts[0], err=texts[1], server_cpu_seconds=used, server_peak_bytes=peak, **json.loads(into.read_text())
    )


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process: fields 14 and 15 of proc(5)'s stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
