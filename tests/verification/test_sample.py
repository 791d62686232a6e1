from __future__ import annotations

from importer.ledger.closing import rfc3339
from importer.ledger.report import Report, TimeRange
from importer.limits import MAX_STRING_BYTES
from importer.verification.sample import sample_rows
from tests.influxd import Influxd
from tests.points import P, encoded, write

T = 1_600_000_000 * 10**9


def report(influxd: Influxd, bucket_id: str, start_ns: int | None) -> Report:
    name = influxd.server.call("GET", f"/api/v2/buckets/{bucket_id}")["name"]
    span = None if start_ns is None else TimeRange(start=rfc3339(start_ns), stop=rfc3339(start_ns + 10))
    return Report.model_construct(bucket=name, time_range=span)


def test_the_first_rows_come_back_one_per_point_with_their_tags_and_fields(influxd: Influxd, bucket_id: str) -> None:
    points = [
        P(T + n * 10**9, {"lat": n / 2, "n": n, "ok": True, "s": f'say "{n}"'}, {"bird": "ab"[n % 2]}) for n in range(9)
    ]
    write(influxd.server, bucket_id, encoded(points))
    rows = sample_rows(influxd.connection, report(influxd, bucket_id, T), 3)
    assert [(row["bird"], row["lat"], row["n"], row["ok"], row["s"]) for row in rows] == [
        ("a", "0", "0", "true", 'say "0"'),
        ("b", "0.5", "1", "true", 'say "1"'),
        ("a", "1", "2", "true", 'say "2"'),
    ]
    assert [row["_time"] for row in rows] == [f"2020-09-13T12:26:4{n}.000000000Z" for n in range(3)]
    assert {row["_measurement"] for row in rows} == {"m"}


def test_a_load_without_points_has_no_rows_to_show(influxd: Influxd, bucket_id: str) -> None:
    assert sample_rows(influxd.connection, report(influxd, bucket_id, None), 3) == []


def test_the_longest_texts_can_be_shown(influxd: Influxd, bucket_id: str) -> None:
    write(influxd.server, bucket_id, encoded([P(T, {"s": "x" * MAX_STRING_BYTES})]))
    (row,) = sample_rows(influxd.connection, report(influxd, bucket_id, T), 3)
    assert len(row["s"]) == MAX_STRING_BYTES
