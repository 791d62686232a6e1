"""The same input by both ways, each into a bucket of its own, and all that can be read of the two."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any

from influxdb_client import Dialect

from importer import Report
from importer.backups.values import Digest, digest_of_window
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from tests.loading import Trial
from tests.test_resume import ledger_of

__all__ = ["TwoWays", "flux_lines", "held", "told"]

_ALL = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))%s
    |> drop(columns: ["_start", "_stop"])"""
_LAST = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))%s |> last()
    |> drop(columns: ["_start", "_stop"])"""
_PLACE = re.compile(rb"^,[^,]*,\d+,")


def flux_lines(trial: Trial, tag: tuple[str, str] | None = None) -> list[bytes]:
    """What Flux says of a bucket, with the types of all columns, in an order that depends on nothing but the values.

    Args:
        tag: key and value; of the points with it alone, as the index finds them.
    """
    key, value = tag or ("", "")
    literal = key.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    chosen = f' |> filter(fn: (r) => r["{literal}"] == value)' if tag else ""
    found: list[bytes] = []
    # A plain read does not see the very last nanosecond; the last value of a series does.
    for flux, stop in ((_ALL, MAX_TIME_NS), (_LAST, MAX_TIME_NS + 1)):
        data = trial.server.client.query_api().query_raw(
            flux.replace("%s", chosen),
            dialect=Dialect(header=True, annotations=["datatype"], date_time_format="RFC3339Nano"),
            params={"bucket_id": trial.bucket_id, "start": MIN_TIME_NS, "stop": stop, "value": value},
        )
        found += sorted({*data.data.split(b"\r\n")} if flux == _LAST else _placed(data.data))
    return found


def _placed(data: bytes) -> list[bytes]:
    return [_PLACE.sub(b",,,", line) for line in data.split(b"\r\n")]


def held(trial: Trial) -> Digest:
    """All values, bit by bit, as InfluxQL gives them; a field has one type in all of the bucket."""
    return digest_of_window(trial.server, trial.bucket_id, MIN_TIME_NS, MAX_TIME_NS + 1, stop=threading.Event())


def told(report: Report) -> dict[str, Any]:
    """The report without what differs between two ways of the same load."""
    found = ledger_of(report)
    del found["building"], found["not_in_bulk"]
    return found


@dataclass(frozen=True)
class TwoWays:
    """Two buckets: one is filled by lines, the other by storage files."""

    lines: Trial
    files: Trial

    def load(self, source: Any, **more: Any) -> Report:
        """Load into both; what the reports and the rejects say must be the same. The report of the bulk way."""
        by_lines = self.lines.load(source, method="write", **more)
        by_files = self.files.load(source, method="bulk", **more)
        assert (by_lines.building, by_files.writing) == (None, None)
        assert told(by_files) == told(by_lines)
        assert rejects(self.files) == rejects(self.lines)
        return by_files

    def hold_the_same(self) -> int:
        """Compare all that can be read; how many values there are."""
        assert flux_lines(self.files) == flux_lines(self.lines)
        by_lines = held(self.lines)
        assert held(self.files) == by_lines
        return by_lines.values


def rejects(trial: Trial) -> list[str]:
    path = trial.folder / "rejects.csv"
    return sorted(path.read_text().splitlines()) if path.exists() else []
