from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.bucket.settings import BucketSettings
from importer.ledger.windows import Windows
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.server.connection import Server
from tests.influxd import Influxd
from tests.points import new_bucket, write

HOUR_NS = 3600 * 10**9
SINCE_YEAR_ONE_NS = 62_135_596_800 * 10**9

hours = st.integers(1, 36_500 * 24) | st.sampled_from([1, 24, 24 * 7, 24 * 30, 24 * 365, 24 * 3650, 24 * 36_500])
times = st.integers(MIN_TIME_NS, MAX_TIME_NS) | st.sampled_from([MIN_TIME_NS, -1, 0, 1, MAX_TIME_NS])


def number(windows: Windows, time: int) -> int:
    (found,) = windows.numbers(np.array([time], dtype=np.int64))
    assert found == windows.number_of(time)
    return int(found)


@given(hours, times)
def test_a_time_lies_within_its_window_which_begins_at_a_multiple_since_year_one(duration: int, time: int) -> None:
    windows = Windows(duration * HOUR_NS)
    start, stop = windows.bounds(number(windows, time))
    assert start <= time < stop
    since = time + SINCE_YEAR_ONE_NS
    truncated = since - since % windows.duration_ns - SINCE_YEAR_ONE_NS
    assert start == max(truncated, MIN_TIME_NS)
    assert stop == min(truncated + windows.duration_ns, MAX_TIME_NS + 1)


@given(hours, times)
def test_windows_follow_one_another_without_a_gap(duration: int, time: int) -> None:
    windows = Windows(duration * HOUR_NS)
    _, stop = windows.bounds(number(windows, time))
    if stop <= MAX_TIME_NS:
        assert windows.bounds(number(windows, stop))[0] == stop
        assert number(windows, stop) == number(windows, time) + 1


@given(st.sampled_from([1, 5, 24, 24 * 7, 24 * 30, 24 * 365]), st.lists(times, min_size=1, max_size=3))
@settings(max_examples=6, deadline=None)
def test_windows_are_the_shard_groups_of_the_server(influxd: Influxd, duration: int, moments: list[int]) -> None:
    wanted = BucketSettings(shard_duration_seconds=duration * 3600)
    with new_bucket(influxd.server, wanted) as bucket_id:
        write(influxd.server, bucket_id, "\n".join(f"m v=1 {moment}" for moment in moments))
        groups = shard_groups(influxd.server, bucket_id)
    windows = Windows(duration * HOUR_NS)
    starts = {windows.bounds(number(windows, moment))[0] for moment in moments}
    assert starts == {max(group, MIN_TIME_NS) for group in groups}


def shard_groups(server: Server, bucket_id: str) -> set[int]:
    """The starts of a bucket's shard groups (ns)."""
    client: Any = server.client.api_client
    answer = client.call_api("/api/v2/backup/metadata", "GET", _preload_content=False, _return_http_data_only=True)
    parts = bytes(answer.data).split(b'name="buckets"', 1)[1]
    buckets, _ = json.JSONDecoder().raw_decode(parts[parts.index(b"[") :].decode(errors="replace"))
    (bucket,) = (bucket for bucket in buckets if bucket["bucketID"] == bucket_id)
    texts = [group["startTime"] for group in bucket["retentionPolicies"][0]["shardGroups"]]
    starts = pl.Series([text[:19] for text in texts]).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms")
    return {start * 10**6 for start in starts.dt.epoch("ms")}
