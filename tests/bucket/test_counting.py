from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

import pytest

from importer.bucket.counting import count_distinct_values, count_values
from importer.server.connection import Server, translated
from importer.server.retry import RetryPolicy, call_with_retries

from .conftest import Write, make_bucket, points

pytestmark = pytest.mark.influxd

FIRST_TIME = -(2**63) + 2
LAST_TIME = 2**63 - 2


def test_values_of_every_type_series_and_time_are_counted(server: Server, name: str, write: Write) -> None:
    bucket = make_bucket(server, name)
    times = (FIRST_TIME, FIRST_TIME + 1, -1, 0, LAST_TIME - 2, LAST_TIME - 1, LAST_TIME)
    write(bucket.id, "\n".join(f'm,by={by} i=1i,f=1.5,s="x",b=true {t}' for t in times for by in "xy"))
    write(bucket.id, "other u=1u 5")
    assert count_values(server, bucket.id) == 2 * 4 * len(times) + 1
    assert count_distinct_values(server, bucket.id, enough=1000) == 2 * 4 * len(times) + 1


def test_an_empty_bucket_holds_no_values(server: Server, name: str) -> None:
    assert count_values(server, make_bucket(server, name).id) == 0


def test_a_block_that_the_server_reads_twice_is_counted_once_by_distinct_times(
    server: Server, name: str, write: Write
) -> None:
    bucket = make_bucket(server, name)
    write(bucket.id, "\n".join(f"m v=1i {second * 10**9}" for second in range(3000)))
    write_to_storage(server, bucket.id)
    write(bucket.id, f"m v=1i {10**9 + 5}")
    assert count_values(server, bucket.id) >= 3001
    assert count_distinct_values(server, bucket.id, enough=10_000) == 3001


def test_counting_distinct_values_ends_once_there_are_more_than_enough(server: Server, name: str, write: Write) -> None:
    bucket = make_bucket(server, name)
    write(bucket.id, points(5) + "\nn w=1i 1")
    assert 2 < count_distinct_values(server, bucket.id, enough=2) <= 6


def write_to_storage(server: Server, bucket_id: str) -> None:
    """Have the server write its cache to storage blocks, as it does by itself after a while: by a backup."""
    client: Any = server.client.api_client

    def fetch(path: str) -> bytes:
        with translated():
            answer = client.call_api(path, "GET", _preload_content=False, _return_http_data_only=True)
            return bytes(answer.data)

    parts = fetch("/api/v2/backup/metadata").split(b'name="buckets"', 1)[1]
    buckets, _ = json.JSONDecoder().raw_decode(parts[parts.index(b"[") :].decode(errors="replace"))
    for bucket in buckets:
        if bucket["bucketID"] == bucket_id:
            for group in bucket["retentionPolicies"][0]["shardGroups"]:
                for shard in group["shards"]:
                    # It answers 500 while it writes the cache of its own accord.
                    call = partial(fetch, f"/api/v2/backup/shards/{shard['id']}")
                    call_with_retries(call, RetryPolicy(20), say=print, pause=time.sleep)
