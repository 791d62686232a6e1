from __future__ import annotations

import math

import pytest

from importer.bucket.settings import BucketSettings
from importer.errors import ServerError
from importer.records import Outcome
from importer.server.connection import Server
from tests.fault_proxy import Fault, FaultProxy
from tests.influxd import Influxd
from tests.points import P, encoded, new_bucket, query, raw_lines, write

from .conftest import DAY, Sink

DAY_NS = DAY * 10**9
T = 1_600_000_000 * 10**9


def times_in(server: Server, bucket_id: str) -> set[int]:
    flux = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
        |> map(fn: (r) => ({ns: int(v: r._time)}))"""
    rows = query(server, flux, bucket_id=bucket_id, start=-(2**63) + 2, stop=2**63 - 2)
    return {row["ns"] for row in rows}


def rows_of(outcome: Outcome) -> set[int]:
    rows = [refusal.row for refusal in outcome.refusals]
    assert len(rows) == len(set(rows))
    return set(rows)


MALFORMED = {
    "m,k=v": "invalid field format",
    "m v=1.0.0": "invalid number",
    "m,k= v=1": "missing tag value",
    "m v=+5i x": "",
    'm v="a': "",
    'm v="two\nlines" x': "bad timestamp",
    "m,time=x v=1": "reserved tag key",
    "m v='it''s': so": "",
}


@pytest.mark.parametrize("bad", MALFORMED)
def test_a_line_that_cannot_be_parsed_is_named_and_its_neighbours_are_stored(
    influxd: Influxd, sink: Sink, bucket_id: str, bad: str
) -> None:
    texts = [(f"m,n={n} v={n}.5 {n}", n) for n in range(64)]
    texts[17] = (f"{bad} 17", 17)
    (refusal,) = sink()(raw_lines(texts)).refusals
    assert refusal.row == 17
    assert MALFORMED[bad] in refusal.message
    assert times_in(influxd.server, bucket_id) == set(range(64)) - {17}


def test_many_unparsable_lines_are_named_by_one_answer(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    texts = [(f"m,n={n} v={n}{'.x' if n % 3 == 0 else ''} {n}", n) for n in range(600)]
    outcome = sink()(raw_lines(texts))
    assert rows_of(outcome) == set(range(0, 600, 3))
    assert len(proxy.writes) == 2
    assert times_in(influxd.server, bucket_id) == {n for n in range(600) if n % 3}


def test_the_same_bad_line_twice_is_named_twice(sink: Sink) -> None:
    outcome = sink()(raw_lines([("bad 1", 1), ("m v=1 1", 1), ("bad 1", 1)]))
    assert rows_of(outcome) == {0, 2}


def test_a_400_that_names_no_line_is_narrowed_down_by_halving(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    proxy.rule = lambda request: Fault(400, body=b"something is wrong") if b"v=77" in request.body else None
    outcome = sink()(raw_lines([(f"m v={n} {n}", n) for n in range(128)]))
    assert rows_of(outcome) == {77}
    assert outcome.refusals[0].message == "something is wrong"
    assert len(proxy.writes) <= 1 + 2 * 7
    assert times_in(influxd.server, bucket_id) == set(range(128)) - {77}


def test_type_conflicts_over_several_shards_are_named_point_by_point(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    # Each shard group keeps types of its own, so each gets a float first.
    write(influxd.server, bucket_id, "\n".join(f"m v=0.5 {T + day * DAY_NS + 1}" for day in range(0, 70, 7)))
    texts, conflicts = [], set()
    for n in range(700):
        is_integer = n in {3, 4, 5, 133, 420, 699}
        conflicts |= {n} if is_integer else set()
        time = T + n * DAY_NS // 10
        texts.append((f"m,n={n} v={n}{'i' if is_integer else ''} {time}", time))
    outcome = sink()(raw_lines(texts))
    assert rows_of(outcome) == conflicts
    assert {(refusal.column, "already exists as type float" in refusal.message) for refusal in outcome.refusals} == {
        ("v", True)
    }
    stored = times_in(influxd.server, bucket_id)
    assert all((time in stored) == (n not in conflicts) for n, (_, time) in enumerate(texts))
    # Halving down to a row costs two requests a level, for each group of conflicts.
    assert len(proxy.writes) <= 2 * math.ceil(math.log2(700)) * 5


def test_a_batch_of_which_every_point_conflicts_takes_few_requests(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    write(influxd.server, bucket_id, "\n".join(f"m v=0.5 {T + day * DAY_NS}" for day in range(70)))
    texts = [(f"m,n={n} v={n}i {T + n * DAY_NS // 100}", T + n * DAY_NS // 100) for n in range(6_900)]
    outcome = sink(most_refusals=10_000)(raw_lines(texts))
    assert rows_of(outcome) == set(range(6_900))
    groups = 11
    assert len(proxy.writes) <= 2 * groups


def test_each_refused_point_is_given_the_reason_of_its_own_field(influxd: Influxd, sink: Sink, bucket_id: str) -> None:
    odd = r'a\ "b\",c'.replace("\\", "")
    write(influxd.server, bucket_id, encoded([P(T, {odd: 1.5, "w": 1.5})]))
    points = [P(T + n, {odd: n} if n % 2 else {"w": "text"}, {"n": str(n)}) for n in range(10)]
    lines = encoded(points)
    outcome = sink()(lines)
    columns = {lines.frame["record"][refusal.row]: refusal.column for refusal in outcome.refusals}
    assert columns == {n: odd if n % 2 else "w" for n in range(10)}


def test_points_outside_the_retention_are_named_and_the_others_are_stored(influxd: Influxd, sink: Sink) -> None:
    with new_bucket(influxd.server, BucketSettings(retention_seconds=30 * DAY)) as bucket_id:
        now = int(query(influxd.server, 'import "array" array.from(rows: [{v: int(v: now())}])')[0]["v"])
        times = [now - day * DAY_NS for day in (1, 90, 2, 400, 3, 91, 4, 5)]
        outcome = sink(bucket_id=bucket_id, shard_seconds=DAY)(
            raw_lines([(f"m,n={n} v=1 {time}", time) for n, time in enumerate(times)])
        )
        assert rows_of(outcome) == {1, 3, 5}
        assert "retention" in outcome.refusals[0].message
        assert times_in(influxd.server, bucket_id) == {times[n] for n in (0, 2, 4, 6, 7)}


def test_all_kinds_of_refusals_in_one_batch_are_told_apart(influxd: Influxd, sink: Sink, bucket_id: str) -> None:
    write(influxd.server, bucket_id, f"m v=0.5 {T}")
    texts = [(f"m,n={n} v={n}.5 {T + n}", T + n) for n in range(50)]
    texts[7] = (f"m,n=7 v=7i {T + 7}", T + 7)
    texts[8] = (f"m,n=8 v= {T + 8}", T + 8)
    texts[9] = (f'm,n=9 s="{"x" * (2**20 + 1)}" {T + 9}', T + 9)
    outcome = sink()(raw_lines(texts))
    reasons = {refusal.row: (refusal.column, refusal.message) for refusal in outcome.refusals}
    assert set(reasons) == {7, 8, 9}
    assert "type conflict" in reasons[7][1]
    assert "missing field value" in reasons[8][1]
    assert "too long" in reasons[9][1]
    assert (reasons[7][0], reasons[9][0]) == ("v", "s")
    assert times_in(influxd.server, bucket_id) == {T + n for n in range(50)} - {T + 7, T + 8, T + 9}


def test_of_the_points_of_a_key_the_last_good_one_wins_although_the_batch_was_cut(
    influxd: Influxd, sink: Sink, bucket_id: str
) -> None:
    write(influxd.server, bucket_id, f"m bad=0.5 {T}")
    values = [(f"m v={n}i{',bad=1i' if n % 4 == 3 else ''} {T}", T) for n in range(64)]
    outcome = sink()(raw_lines(values))
    assert rows_of(outcome) == set(range(3, 64, 4))
    flux = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
        |> filter(fn: (r) => r._field == "v")"""
    assert [row["_value"] for row in query(influxd.server, flux, bucket_id=bucket_id, start=T, stop=T + 1)] == [62]


def test_the_search_ends_after_as_many_refusals_as_were_asked_for(proxy: FaultProxy, sink: Sink) -> None:
    proxy.rule = lambda _: Fault(400, body=b"no")
    outcome = sink(most_refusals=20)(raw_lines([(f"m v={n} {n}", n) for n in range(4_096)]))
    assert 20 < len(outcome.refusals) <= 40
    assert len(outcome.refusals) + len(outcome.unsent) == 4_096
    assert rows_of(outcome).isdisjoint(outcome.unsent)
    assert len(proxy.writes) < 200


@pytest.mark.parametrize("status", [401, 404, 500])
def test_an_error_in_the_midst_of_the_search_ends_it(proxy: FaultProxy, sink: Sink, status: int) -> None:
    proxy.faults += [Fault(400, body=b"no"), *[Fault(status)] * 100]

    def out_of_time(_: float) -> None:
        raise TimeoutError

    writing = sink(pause=out_of_time)
    with pytest.raises((ServerError, TimeoutError)):
        writing(raw_lines([("m v=1 1", 1), ("m v=2 2", 2)]))
    assert len(proxy.writes) == 2
