"""Many kinds of bad rows in one file, each between good ones, in every shard group: none gets lost, none takes another
one with it."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from influxdb_client.client.write_api import SYNCHRONOUS

from importer import RejectBudget
from importer.bucket import catalogue
from importer.bucket.names import staging_name
from importer.bucket.shards import DAY
from importer.limits import MAX_STRING_BYTES, shard_group_offset_ns
from importer.records import Lines, Outcome
from importer.sink.influx import InfluxSink
from importer.source.places import RAW_BYTES
from tests.loading import Trial
from tests.test_all_or_nothing import AtPhase

YEARS = (2017, 2018, 2019, 2020)
SHARD_DAYS = 364
CENTURY = 100 * 365 * DAY

MAPPING: dict[str, Any] = {
    "measurement": {"column": "kind"},
    "time": {"column": "t", "format": "%Y-%m-%d %H:%M:%S%.f", "timezone": "Europe/Zurich"},
    "tags": {"station": {"column": "station"}},
    "fields": {
        "f": {"column": "f", "type": "float"},
        "i": {"column": "i", "type": "integer"},
        "u": {"column": "u", "type": "unsigned"},
        "b": {"column": "b", "type": "boolean"},
        "s": {"column": "s", "type": "string"},
        "g": {"column": "g", "type": "float"},
    },
}
COLUMNS = ("kind", "t", "station", "f", "i", "u", "b", "s", "g")
GOOD = ("birds", "{t}", "{station}", "1.5", "-7", "7", "yes", "a, b", "")


@dataclass(frozen=True)
class Kind:
    """A way to be bad: cells that differ from a good row's, and what the rejects file says of it."""

    cells: dict[str, str]
    error_type: str
    says: str
    columns: tuple[str, ...] = ()
    more: bytes = b""
    fewer: int = 0

    @property
    def faulty(self) -> tuple[str, ...]:
        return self.columns or tuple(self.cells)


AT = "{year}-06-01 12:00:00"
KINDS = {
    "too few cells": Kind({}, "ragged", "8 cells where the header has 9", ("",), fewer=1),
    "too many cells": Kind({}, "ragged", "10 cells where the header has 9", ("",), more=b",x"),
    "no number": Kind({"f": "north"}, "float", "'north': not a finite number"),
    "not a number": Kind({"f": "NaN"}, "float", "not a finite number"),
    "infinity": Kind({"f": "-inf"}, "float", "not a finite number"),
    "beyond all floats": Kind({"f": "1e400"}, "float", "not a finite number"),
    "hexadecimal": Kind({"f": "0x10"}, "float", "not a finite number"),
    "decimal comma": Kind({"f": "1,5"}, "float", "not a finite number"),
    "integer too large": Kind({"i": "9223372036854775808"}, "integer", "not an integer in -2^63 to 2^63-1"),
    "integer too small": Kind({"i": "-9223372036854775809"}, "integer", "not an integer"),
    "integer with a fraction": Kind({"i": "1.5"}, "integer", "not an integer"),
    "integer with an exponent": Kind({"i": "1e5"}, "integer", "not an integer"),
    "negative unsigned": Kind({"u": "-1"}, "unsigned", "not an unsigned integer in 0 to 2^64-1"),
    "unsigned too large": Kind({"u": "18446744073709551616"}, "unsigned", "not an unsigned integer"),
    "no boolean": Kind({"b": "maybe"}, "boolean", "not a boolean"),
    "text too long": Kind({"s": "x" * (MAX_STRING_BYTES + 1)}, "string", "longer than 1048576 bytes"),
    "no time": Kind({"t": "yesterday"}, "time_format", "does not fit the format"),
    "no such day": Kind({"t": "{year}-02-30 12:00:00"}, "time_format", "does not fit the format"),
    "time missing": Kind({"t": ""}, "time_missing", "there is no timestamp"),
    "leap second": Kind({"t": "{year}-06-30 23:59:60"}, "time_format", "leap second"),
    "too early": Kind({"t": "1677-09-20 12:00:00"}, "time_range", "1677-09-21 to 2262-04-11"),
    "too late": Kind({"t": "2262-04-12 12:00:00"}, "time_range", "1677-09-21 to 2262-04-11"),
    "finer than asked for": Kind({"t": f"{AT}.0000001"}, "precision", "finer than the precision us"),
    "below a nanosecond": Kind({"t": f"{AT}.0000000001"}, "precision", "digits below a nanosecond"),
    "twice on the clock": Kind({"t": "{october} 02:30:00"}, "ambiguous_time", "occurs twice in Europe/Zurich"),
    "never on the clock": Kind({"t": "{march} 02:30:00"}, "nonexistent_time", "is skipped in Europe/Zurich"),
    "tag with a line break": Kind({"station": "a\nb"}, "tag", "may not hold a line break"),
    "tag with a carriage return": Kind({"station": "a\r\nb"}, "tag", "may not hold a line break"),
    "tag with a backslash at its end": Kind({"station": "a\\"}, "tag", "end in a backslash"),
    "key too long": Kind({"station": "k" * 65_535}, "key_length", "longer than 65,535 bytes", ("",)),
    "no measurement": Kind({"kind": ""}, "measurement", "is empty"),
    "measurement that is a comment": Kind({"kind": "#birds"}, "measurement", "start with #", ("",)),
    "measurement that begins with NUL": Kind({"kind": "\0birds"}, "measurement", "a tab or NUL", ("",)),
    "not UTF-8": Kind({"s": "caf\udce9"}, "encoding", "not UTF-8 at byte 3 of the cell"),
    "two cells at once": Kind({"f": "north", "i": "west"}, "", "not a"),
    "older than the retention": Kind({"t": "1901-06-01 12:00:00"}, "server", "older than the bucket", ("",)),
    "another type on the server": Kind({"g": "2.5"}, "server", "field type conflict"),
}
ERROR_TYPES = {"f": "float", "i": "integer"}


@dataclass
class Written:
    """A CSV file as it is made, and all that must become of its rows."""

    text: bytearray = field(default_factory=bytearray)
    lines: int = 0
    rejects: Counter[tuple[str, ...]] = field(default_factory=Counter)
    reasons: dict[int, tuple[str, str]] = field(default_factory=dict)
    stored: set[tuple[str, ...]] = field(default_factory=set)
    rows: int = 0

    def add(self, record: bytes) -> tuple[int, int, str]:
        line, offset = self.lines + 1, len(self.text)
        self.text += record + b"\n"
        self.lines += record.count(b"\n") + 1
        if len(record) < RAW_BYTES:
            return line, offset, record.decode(errors="backslashreplace")
        return line, offset, f"{record[:RAW_BYTES].decode()}… (cut: {len(record) + 1:,} bytes)"

    def good(self, year: int) -> None:
        self.rows += 1
        moment = dt.datetime(year, 6, 1, 10, tzinfo=dt.UTC) + dt.timedelta(microseconds=self.rows)
        local = f"{moment + dt.timedelta(hours=2):%Y-%m-%d %H:%M:%S.%f}"
        station = f"s{self.rows % 5}"
        self.add(_record([cell.format(t=local, station=station) for cell in GOOD]))
        time = f"{moment:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0") + "Z"
        for key, value in (("f", "1.5"), ("i", "-7"), ("u", "7"), ("b", "true"), ("s", "a, b")):
            self.stored.add(("birds", station, time, key, value))

    def bad(self, name: str, kind: Kind, year: int) -> None:
        self.rows += 1
        march, october = (_last_sunday(year, month) for month in (3, 10))
        cells = dict(zip(COLUMNS, GOOD, strict=True)) | {"t": AT, "station": "bad", **kind.cells}
        known = {"year": year, "march": march, "october": october}
        cells["t"] = cells["t"].format(**known)
        line, offset, raw = self.add(_record(list(cells.values())[: 9 - kind.fewer]) + kind.more)
        for column in kind.faulty:
            error_type = kind.error_type or ERROR_TYPES[column]
            self.rejects[str(line), str(offset), column, error_type, raw] += 1
        self.reasons[line] = name, kind.says

    def skipped(self) -> None:
        self.rows += 2
        self.add(b"")
        self.add(b"birds,2020-06-01 12:00:00,s,,,,,,")


def _record(cells: list[str]) -> bytes:
    quoted = ('"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell for cell in cells)
    return ",".join(quoted).encode(errors="surrogateescape")


def _last_sunday(year: int, month: int) -> dt.date:
    last = dt.date(year, month, 31)
    return last - dt.timedelta(days=(last.weekday() + 1) % 7)


def bad_between_good() -> Written:
    written = Written()
    written.add(",".join(COLUMNS).encode())
    for name, kind in KINDS.items():
        for year in YEARS:
            written.good(year)
            written.bad(name, kind, year)
            written.good(year)
        written.skipped()
    return written


def rejects_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def staging_id(trial: Trial) -> str:
    found = catalogue.find(trial.server, staging_name(trial.bucket))
    assert found is not None
    return found.id


def remove_the_intruders(trial: Trial) -> None:
    """Else the verification would, rightly, find values that the load has not written."""
    body = {"start": "2017-01-01T00:00:00Z", "stop": "2021-01-01T00:00:00Z", "predicate": 'station="intruder"'}
    query = {"org": trial.connection.org, "bucketID": staging_id(trial)}
    trial.server.call("POST", "/api/v2/delete", query=query, body=body)


@pytest.fixture
def intruder(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes a text where the load will write numbers, in each shard group, just before its first block."""
    send, done = InfluxSink.together, []

    def after_the_intruder(sink: InfluxSink, batch: Sequence[Lines]) -> list[Outcome]:
        if not done:
            done.append(True)
            moments = (int(dt.datetime(year, 6, 1, 10, tzinfo=dt.UTC).timestamp()) * 10**9 for year in YEARS)
            lines_of_text = [f'birds,station=intruder g="text" {moment}' for moment in moments]
            trial.server.client.write_api(SYNCHRONOUS).write(staging_id(trial), record=lines_of_text)
        return send(sink, batch)

    monkeypatch.setattr(InfluxSink, "together", after_the_intruder)


@pytest.mark.promise(
    fault="many kinds of bad rows in one file, spread over 4 shard groups",
    promise="each is in the rejects file with line, column, reason and raw text; every good neighbour is stored",
    seen="the number of rejects in the summary, their places in the rejects file; beyond --max-rejects exit 3",
)
@pytest.mark.usefixtures("intruder")
@pytest.mark.parametrize("block_bytes", [1 << 24, 1 << 16])
def test_each_bad_row_is_in_the_rejects_file_and_every_good_neighbour_is_stored(trial: Trial, block_bytes: int) -> None:
    assert len(KINDS) >= 20
    written = bad_between_good()
    first = trial.csv(bytes(written.text), "many.csv")
    # A quote that is never closed takes the rest of its file: its row is the last one of a file of its own.
    unclosed = b'birds,2020-06-01 12:00:00,s,1.5,"1,2,yes,x,\nmore'
    head = ",".join(COLUMNS).encode() + b"\n"
    last = trial.csv(head + unclosed, "quote.csv")

    report = trial.load(
        [first, last],
        mapping=MAPPING,
        max_rejects=RejectBudget(1_000),
        precision="us",
        retention_seconds=CENTURY,
        shard_duration_seconds=SHARD_DAYS * DAY,
        block_bytes=block_bytes,
        progress=AtPhase("verify", lambda: remove_the_intruders(trial)),
    )

    lines = rejects_of(trial.folder / "rejects.csv")
    ours = [line for line in lines if line["source"] == str(first)]
    names = ("line", "byte_offset", "column", "error_type", "raw")
    assert Counter(tuple(line[name] for name in names) for line in ours) == written.rejects
    for line in ours:
        name, says = written.reasons[int(line["line"])]
        assert says in line["error_message"], name
    (other,) = [line for line in lines if line["source"] != str(first)]
    assert [other[name] for name in names] == ["2", str(len(head)), "", "quote", unclosed.decode()]

    server_kinds = sum(kind.error_type == "server" for kind in KINDS.values())
    bad = len(KINDS) * len(YEARS)
    assert report.status == "verified"
    assert (report.rows_read, report.points_rejected) == (written.rows + 1, server_kinds * len(YEARS))
    assert report.rejected == bad - report.points_rejected + 1
    assert report.skipped == {"blank": len(KINDS), "no_fields": len(KINDS)}
    assert report.rows_mapped == report.rows_read - report.rejected - 2 * len(KINDS)
    assert report.points_written == 2 * bad

    found = trial.rows()
    columns = ("_measurement", "station", "_time", "_field", "_value")
    assert set(found.select(columns).iter_rows()) == written.stored
    assert found.height == len(written.stored)


def test_the_good_neighbours_lie_in_four_shard_groups() -> None:
    duration = SHARD_DAYS * DAY * 10**9
    times = [dt.datetime.fromisoformat(time) for _, _, time, _, _ in bad_between_good().stored]
    offset = shard_group_offset_ns(duration)
    groups = Counter((int(time.timestamp()) * 10**9 - offset) // duration for time in times)
    assert len(groups) == 4
    assert set(groups.values()) == {5 * 2 * len(KINDS)}
