"""A bucket that was built is one like any other from then on."""

from __future__ import annotations

import csv
import io
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from influxdb_client import Dialect

from importer.backups.restoring import restore
from importer.backups.saving import backup
from importer.moments import as_text
from importer.tsm import Reader
from tests.backups.points import write
from tests.bulk.generated import ALL_TYPES, DAY_NS, START_NS, text_of
from tests.bulk.two_ways import TwoWays, flux_lines, held
from tests.influxd import Influxd
from tests.loading import Trial

ROWS = 1_500
GIVEN = "000000001-000000001"
"""The storage file of a shard, as it was sent."""


@pytest.fixture(scope="module")
def server(influxd_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """Of this module's own, to be stopped and killed."""
    running = Influxd(influxd_binary, tmp_path_factory.mktemp("influxd"))
    yield running
    running.close()


@pytest.fixture
def filled(server: Influxd, fresh_bucket_name: str, tmp_path: Path) -> TwoWays:
    """The same data by both ways."""
    found = []
    for name in ("lines", "files"):
        folder = tmp_path / name
        folder.mkdir()
        found.append(Trial(f"{fresh_bucket_name}-{name}", folder, server))
    both = TwoWays(*found)
    rows = [
        ["m 1", START_NS + n * DAY_NS // 10, f"k,{n % 4}", f"l{n % 2}", n / 3, -n, n, n % 3 == 0, f"x{n % 9}"]
        for n in range(ROWS)
    ]
    source = tmp_path / "input.csv"
    source.write_text(text_of(rows))
    both.load(source, mapping=ALL_TYPES, shard_duration_seconds=30 * 86_400)
    return both


def in_both(both: TwoWays, lines: str) -> None:
    for one in (both.lines, both.files):
        write(one, one.bucket_id, lines)


MORE = "\n".join(
    [
        *(f"m\\ 1,k=k\\,{n % 4},l=l{n % 2} f={n}.5,i={n}i {START_NS + n * DAY_NS // 10}" for n in range(0, 300, 7)),
        *(f"m\\ 1,k=new f={n}.5 {START_NS + n * DAY_NS}" for n in range(50)),
        *(f'm\\ 1,k=k\\,1,l=l1 other="o{n}",u={n}u {START_NS + n * DAY_NS + 5}' for n in range(40)),
        *(f"new f={n}.5 {START_NS + n * DAY_NS * 20}" for n in range(-20, 20)),
    ]
)
"""Overwriting points, new series and fields, a new measurement, and shard groups that were not there."""


def test_further_writes_restarts_and_a_power_cut_change_nothing(filled: TwoWays, server: Influxd) -> None:
    before = filled.hold_the_same()
    server.restart()
    assert filled.hold_the_same() == before == 5 * ROWS
    in_both(filled, MORE)
    assert filled.hold_the_same() == before + 50 + 80 + 40
    server.kill()
    server.restart()
    assert filled.hold_the_same() == before + 50 + 80 + 40


def test_what_the_server_compacts_with_later_writes_is_still_the_same(filled: TwoWays, server: Influxd) -> None:
    assert names_of(filled.files) == [[GIVEN]] * 6
    (server.process.folder / "config.toml").write_text('storage-compact-full-write-cold-duration = "1ms"\n')
    try:
        server.restart()
        in_both(filled, MORE)
        values = filled.hold_the_same()
        # The server writes down what it has in memory, beside the files that it was given, and merges all of them.
        backup(filled.files.bucket, to=filled.files.folder / "saved", connection=server.connection)
        deadline = time.monotonic() + 60
        while not all(is_merged(names) for names in names_of(filled.files)[:2]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert all(is_merged(names) for names in names_of(filled.files)[:2])
        assert filled.hold_the_same() == values
        server.restart()
        assert filled.hold_the_same() == values
    finally:
        (server.process.folder / "config.toml").unlink()
        server.restart()


def is_merged(names: list[str]) -> bool:
    return len(names) == 1 and GIVEN not in names


def names_of(trial: Trial) -> list[list[str]]:
    """The storage files of each shard, the first two of which were written to later."""
    return [sorted(path.stem for path in folder.glob("*.tsm")) for folder in shards(trial)]


def test_deletes_find_what_was_built(filled: TwoWays) -> None:
    for predicate, start, stop in (
        ('_measurement="m 1" AND k="k,2"', START_NS, START_NS + 40 * DAY_NS),
        ('l="l1"', START_NS + 60 * DAY_NS, START_NS + 70 * DAY_NS),
        ('_measurement="m 1" AND k="k,3"', 0, START_NS + 1_000 * DAY_NS),
    ):
        for one in (filled.lines, filled.files):
            body = {"predicate": predicate, "start": as_text(start), "stop": as_text(stop)}
            query = {"org": one.connection.org, "bucketID": one.bucket_id}
            one.server.call("POST", "/api/v2/delete", query=query, body=body)
    assert 0 < filled.hold_the_same() < 4 * ROWS


BY_INDEX = {
    "values of a tag": """import "influxdata/influxdb/schema"
        schema.tagValues(bucket: bucket, tag: "k", start: 0)""",
    "keys of a measurement's tags": """import "influxdata/influxdb/schema"
        schema.measurementTagKeys(bucket: bucket, measurement: "m 1", start: 0)""",
    "measurements": """import "influxdata/influxdb/schema"
        schema.measurements(bucket: bucket, start: 0)""",
    "fields": """import "influxdata/influxdb/schema"
        schema.measurementFieldKeys(bucket: bucket, measurement: "m 1", start: 0)""",
    "by tags": """from(bucket: bucket) |> range(start: 0)
        |> filter(fn: (r) => r.k == "k,2" and r.l != "l1" and r._field == "i") |> sum()""",
    "by a pattern": """from(bucket: bucket) |> range(start: 0)
        |> filter(fn: (r) => r.k =~ /[13]$/ and r._field == "f") |> count()""",
}
SHOW = ("SERIES", "MEASUREMENTS", "TAG KEYS", 'TAG VALUES WITH KEY = "k"', "FIELD KEYS")


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
def test_what_the_index_answers_is_the_same(filled: TwoWays, server: Influxd, *, restarted: bool) -> None:
    if restarted:
        server.restart()
    for name, flux in BY_INDEX.items():
        answers = [rows_of_answer(one, flux) for one in (filled.lines, filled.files)]
        assert answers[0] == answers[1], name
        assert len(answers[0]) >= 1, name
    for what in SHOW:
        shown = [
            one.server.call("GET", "/query", query={"db": one.bucket, "q": f"SHOW {what}"})["results"]
            for one in (filled.lines, filled.files)
        ]
        assert shown[0] == shown[1], what
        assert shown[0][0]["series"], what


def rows_of_answer(trial: Trial, flux: str) -> list[dict[str, str]]:
    asked = f'{flux} |> drop(columns: ["_start", "_stop"])'
    dialect = Dialect(header=True, annotations=[])
    data = (
        trial.server.client.query_api().query_raw(asked, dialect=dialect, params={"bucket": trial.bucket}).data.decode()
    )
    found = [row for part in data.split("\r\n\r\n") for row in csv.DictReader(io.StringIO(part))]
    return sorted(
        ({key: value for key, value in row.items() if key not in {"", "result", "table"}} for row in found), key=repr
    )


def test_a_backup_of_it_restores_the_same(filled: TwoWays) -> None:
    files = filled.files
    folder = files.folder / "saved"
    backup(files.bucket, to=folder, connection=files.connection)
    (copy,) = restore(folder, as_name=f"{files.bucket}-copy", connection=files.connection)
    assert (copy.status, copy.values, copy.unchecked) == ("verified", 5 * ROWS, 0)
    restored = Trial(f"{files.bucket}-copy", files.folder, files.influxd)
    assert flux_lines(restored) == flux_lines(filled.lines)
    assert held(restored) == held(filled.lines)


def test_the_servers_own_tools_find_nothing_wrong_and_the_reader_finds_every_value(
    filled: TwoWays, server: Influxd, influxd_binary: Path
) -> None:
    def inspected(*arguments: str) -> str:
        words = [influxd_binary, "inspect", *arguments]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert not done.returncode, done.stderr
        return done.stdout + done.stderr

    engine = server.process.folder / "engine"
    verified = inspected("verify-tsm", "--engine-path", str(engine))
    assert "Broken Blocks: 0 / " in verified
    paths = [path for folder in shards(filled.files) for path in sorted(folder.glob("*.tsm"))]
    values = 0
    for path in paths:
        with Reader(path) as reader:
            counted = {key.key.decode(): reader.points(key)[0].size for key in reader.indexed_keys()}
        values += sum(counted.values())
        dumped = inspected("dump-tsm", "--file-path", str(path), "--index")
        for key in counted:
            series, field = key.split("#!~#")
            assert series in dumped
            assert field in dumped
    assert values == 5 * ROWS
    assert len(paths) == len(shards(filled.files)) == 6
    export: dict[str, Any] = {}
    for name, one in (("lines", filled.lines), ("files", filled.files)):
        path = one.folder / "export.lp"
        inspected(
            *("export-lp", "--engine-path", str(engine), "--bucket-id", one.bucket_id),
            *("--output-path", str(path), "--log-level", "error"),
        )
        export[name] = sorted(line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    assert export["files"] == export["lines"]
    assert len(export["files"]) >= ROWS


def shards(trial: Trial) -> list[Path]:
    """The folders of a bucket's shards, in the order of their making, which is that of time."""
    folder = trial.influxd.process.folder / "engine" / "data" / trial.bucket_id / "autogen"
    return sorted(folder.iterdir(), key=lambda path: int(path.name))
