"""Fixtures for whole loads: a bucket of a test's own and what it holds, and the command line in and out of process."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from influxdb_client import Dialect

import importer
from importer import LoadOptions, Report
from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket
from importer.cli import main
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.server.connection import Connection, Server
from importer.sink import pacing
from tests.influxd import Influxd

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sample_data" / "bird_migration.csv"
SAMPLE_MAPPING = ROOT / "sample_data" / "bird_migration.toml"

BIRDS: dict[str, Any] = {
    "measurement": "birds",
    "time": {"column": "t", "format": "unix_s"},
    "tags": {"bird": {"column": "bird"}},
    "fields": {"lat": {"column": "lat", "type": "float"}, "n": {"column": "n", "type": "integer"}},
}
BIRDS_FLAGS = ("--measurement", "birds", "--time", "t", "--time-format", "unix_s", "--tag", "bird")
BIRDS_FLAGS += ("--field", "lat:float", "--field", "n:integer")
START = 1_600_000_000


def birds_csv(rows: int, *, bad_lines: Iterable[int] = (), birds: int = 7) -> str:
    """Rows with keys of their own; in the lines that are named (the header is line 1) a latitude is no number."""
    bad, lines = frozenset(bad_lines), ["t,bird,lat,n"]
    for n in range(rows):
        latitude = "north" if n + 2 in bad else f"{47 + n / 1000:.3f}"
        lines.append(f"{START + n * 60},b{n % birds},{latitude},{n}")
    return "\n".join(lines) + "\n"


_EVERYTHING = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
    |> drop(columns: ["_start", "_stop"])"""


def rows_of(server: Server, bucket_id: str) -> pl.DataFrame:
    """Every value of a bucket, as text, in an order that depends on nothing but the values."""
    response = server.client.query_api().query_raw(
        _EVERYTHING,
        dialect=Dialect(header=True, annotations=[], date_time_format="RFC3339Nano"),
        params={"bucket_id": bucket_id, "start": MIN_TIME_NS, "stop": MAX_TIME_NS},
    )
    # A header stands wherever the columns or their types change.
    parts = [part for part in response.data.split(b"\r\n\r\n") if part.strip()]
    if not parts:
        return pl.DataFrame()
    frames = [pl.read_csv(io.BytesIO(part), infer_schema=False).drop("", "result", "table") for part in parts]
    frame = pl.concat(frames, how="diagonal")
    columns = sorted(frame.columns)
    return frame.select(columns).sort(columns)


def digest_of(server: Server, bucket_id: str) -> str:
    """Equal for two buckets if they hold the very same data."""
    return hashlib.sha256(rows_of(server, bucket_id).write_csv().encode()).hexdigest()


class Trial:
    """A bucket name of the test's own, and loads into it.

    Attributes:
        bucket: its name.
        folder: for files.
        state: where loads keep their accounts.
    """

    def __init__(self, bucket: str, folder: Path, influxd: Influxd) -> None:
        self.bucket = bucket
        self.folder = folder
        self.state = folder / "state"
        self.influxd = influxd

    @property
    def server(self) -> Server:
        return self.influxd.server

    @property
    def connection(self) -> Connection:
        return self.influxd.connection

    def csv(self, text: str | bytes, name: str = "birds.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def options(self, **options: Any) -> LoadOptions:
        usual = {"bucket": self.bucket, "rejects": self.folder / "rejects.csv", "state_dir": self.state}
        return LoadOptions(**(usual | options))

    def load(self, source: Any, *, mapping: Any = None, mapper: Any = None, **more: Any) -> Report:
        passed = {name: more.pop(name) for name in ("csv", "progress", "stop", "stdin", "stdout") if name in more}
        if mapper is None:
            passed["mapping"] = BIRDS if mapping is None else mapping
        else:
            passed["mapper"] = mapper
        return importer.load(source, options=self.options(**more), connection=self.connection, **passed)

    @property
    def bucket_id(self) -> str:
        found = catalogue.find(self.server, self.bucket)
        assert found is not None, f"there is no bucket {self.bucket}"
        return found.id

    def all_buckets(self) -> list[Bucket]:
        """All buckets whose name begins with the test's."""
        return [bucket for bucket in catalogue.all_buckets(self.server) if bucket.name.startswith(self.bucket)]

    @property
    def buckets(self) -> set[str]:
        """Endings of their names."""
        return {bucket.name.removeprefix(self.bucket) for bucket in self.all_buckets()}

    def rows(self) -> pl.DataFrame:
        return rows_of(self.server, self.bucket_id)

    def digest(self) -> str:
        return digest_of(self.server, self.bucket_id)

    def state_now(self) -> tuple[str, str]:
        """What must not change where a load fails: which bucket it is, and all that it holds."""
        return self.bucket_id, self.digest()


@pytest.fixture
def request_for_each_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of tests are so small that requests would hold several: then fewer requests meet a fault."""
    monkeypatch.setattr(pacing, "MOST_TOGETHER", 1)


@pytest.fixture
def trial(influxd: Influxd, fresh_bucket_name: str, tmp_path: Path) -> Trial:
    """Loads into a bucket of the test's own."""
    return Trial(fresh_bucket_name, tmp_path, influxd)


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting of the person who runs the tests is seen; the home folder is empty, and the current folder too."""
    for name in list(os.environ):
        if name.startswith(("INFLUX", "IMPORTER_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def environment(no_settings: Path, influxd: Influxd, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """The variables name the tests' server."""
    monkeypatch.setenv("INFLUX_URL", influxd.connection.url)
    monkeypatch.setenv("INFLUX_TOKEN", influxd.connection.token)
    monkeypatch.setenv("INFLUX_ORG", influxd.connection.org)


@pytest.fixture
def command(
    no_settings: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Command]:
    """Run the command line in this process, in the test's own folder."""

    def run(*arguments: str | Path) -> Ended:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["importer", *map(str, arguments)])
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else int(bool(code)), out, err)

    return run


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(no_settings: Path) -> Iterator[Start]:  # noqa: ARG001
    """Start the command line as a process of its own; what is left of it is ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        usual: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        words = [sys.executable, "-c", "from importer.cli import main; main()", *map(str, arguments)]
        started.append(subprocess.Popen(words, **(usual | options)))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
