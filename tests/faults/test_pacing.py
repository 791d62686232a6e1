"""Servers that take less than they are sent: what the load makes of it, and what the report says."""

from __future__ import annotations

import gzip
import io
import math
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import importer
from importer import Report
from importer.sink import pacing
from tests.fault_proxy import Fault, Request
from tests.loading import BIRDS, BIRDS_FLAGS, Command, birds_csv

from .conftest import Proxied

ROWS = 60_000
BLOCK_BYTES = 200_000
"""Some 7,000 rows; nine blocks."""


@pytest.fixture
def quick_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pace measures is as short as the loads of tests are."""
    monkeypatch.setattr(pacing, "WINDOW_REQUESTS", 2)
    monkeypatch.setattr(pacing, "WINDOW_SECONDS", 0.0)
    monkeypatch.setattr(pacing, "LEAST_ROWS", 200)
    monkeypatch.setattr(pacing, "MOST_TOGETHER", 1)  # a request for each block
    monkeypatch.setattr(pacing, "GAIN", 0.0)  # on a busy machine, whether more is better is chance


def lines(request: Request) -> int:
    return request.body.count(b"\n")


def answers(status: int, when: Callable[[Request], bool]) -> Callable[[Request], Fault | None]:
    return lambda request: Fault(status) if request.is_write and when(request) else None


def loaded(proxied: Proxied, **options: Any) -> Report:
    report = proxied.load(proxied.csv(birds_csv(ROWS)), block_bytes=BLOCK_BYTES, **options)
    assert (report.status, report.points_written) == ("verified", ROWS)
    return report


@pytest.mark.promise(
    fault="413 to bodies above a size",
    promise="The body is halved until it is taken, the points of a key together; no later one is as large.",
    seen="`writing` in the report: `batch_bytes`, and `413` among `setbacks`; with `--batch-rows`, a warning; exit 0.",
)
@pytest.mark.parametrize("fixed", [None, 4_000])
def test_after_413_all_is_loaded_by_smaller_requests(proxied: Proxied, fixed: int | None) -> None:
    proxied.proxy.rule = answers(413, lambda request: request.size > 100_000)
    report = loaded(proxied, batch_rows=fixed)
    sizes = [request.size for request in proxied.proxy.writes]
    assert report.writing is not None
    refused = [size for size in sizes if size > 100_000]
    halvings = math.ceil(math.log2(max(sizes) / 100_000))
    assert 1 <= len(refused) == report.writing.setbacks["413"] <= pacing.START_WRITERS * halvings
    assert max(sizes[len(sizes) // 2 :]) <= 100_000
    assert report.writing.batch_bytes <= 100_000
    assert report.writing.requests == len(sizes)
    assert ["413" in warning for warning in report.warnings] == ([] if fixed is None else [True])
    assert report.writing.workers >= 2  # it is no sign of load


@pytest.mark.promise(
    fault="bursts of 429 or 503",
    promise="At once one writer is left, and requests of half as many lines; both come back as far as that is faster.",
    seen="A line for each failed try; `writing` in the report: `429` or `503` among `setbacks`; exit 0.",
)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.usefixtures("short_pauses", "quick_windows")
def test_a_burst_leaves_one_writer_and_later_all_come_back(
    proxied: Proxied, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[int, int]] = []
    set_back, acknowledge = pacing.Pace.set_back, pacing.Pace.acknowledge

    def noting_setback(pace: pacing.Pace, *what: Any) -> None:
        set_back(pace, *what)
        used.append((pace.rows, pace.writers))

    def noting(pace: pacing.Pace, *what: Any) -> None:
        acknowledge(pace, *what)
        used.append((pace.rows, pace.writers))

    monkeypatch.setattr(pacing.Pace, "set_back", noting_setback)
    monkeypatch.setattr(pacing.Pace, "acknowledge", noting)
    count = 0

    def in_burst(_: Request) -> bool:
        nonlocal count
        count += 1
        return count in range(3, 7)

    proxied.proxy.rule = answers(status, in_burst)
    report = loaded(proxied)
    assert report.writing is not None
    assert report.writing.setbacks == {str(status): 4} == {str(status): report.retries}
    assert used[0] == (50_000, 2)
    fewest = min(used, key=lambda each: (each[1], each[0]))
    assert fewest[1] == 1
    assert fewest[0] < 4_000
    after = used[len(used) - 1 - used[::-1].index(fewest) :]
    assert max(writers for _, writers in after) >= 2
    assert max(rows for rows, _ in after) >= 2 * fewest[0]


@pytest.mark.usefixtures("proxied_environment")
def test_the_summary_says_how_it_was_written(proxied: Proxied, command: Command) -> None:
    load = ("load", proxied.csv(birds_csv(20)), "--bucket", proxied.bucket, *BIRDS_FLAGS)
    assert "writing: 2 writers, up to 50,000 lines a request (adaptive), no compression\n" in command(*load).out
    fixed = command(*load, "--workers", "1", "--batch-rows", "7", "--compression", "gzip").out
    assert "writing: 1 writer, up to 7 lines a request (as asked for), gzip\n" in fixed
    assert [lines(request) for request in proxied.proxy.writes if "gzip" not in request.headers.values()] == [20]
    one = command(*load, "--workers", "3").out
    assert "writing: 3 writers (as asked for), up to 50,000 lines a request (adaptive), no compression\n" in one


@pytest.mark.parametrize(("asked", "compression"), [("auto", "gzip"), ("gzip", "gzip"), ("none", "none")])
def test_what_goes_to_another_machine_is_compressed_unless_that_is_not_wanted(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch, asked: Any, compression: str
) -> None:
    find = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **named: find(host.replace("influx.test", "127.0.0.1"), *more, **named),
    )
    url = proxied.proxy.url.replace("127.0.0.1", "influx.test")
    report = importer.load(
        proxied.csv(birds_csv(200)),
        mapping=BIRDS,
        options=proxied.options(compression=asked),
        connection=replace(proxied.connection, url=url, allow_http=True),
    )
    assert (report.status, report.points_written) == ("verified", 200)
    assert report.writing is not None
    assert report.writing.compression == compression
    (request,) = proxied.proxy.writes
    unpacked = gzip.decompress(request.body) if compression == "gzip" else request.body
    assert unpacked.count(b"\n") == 200


def test_the_report_tells_the_seconds_of_each_phase_and_how_shard_groups_were_found(proxied: Proxied) -> None:
    source = proxied.csv(birds_csv(50))
    first = proxied.load(source)
    assert set(first.phases) == {"look", "load", "duplicates", "verify", "swap"}
    assert 0 < sum(first.phases.values()) <= first.elapsed_seconds
    assert first.shard_group is not None
    assert (first.shard_group.seconds, first.shard_group.how) == (
        3_600,
        "fitted to the time span: the time column, read ahead",
    )
    again = proxied.load(source, verify=False)
    assert set(again.phases) == {"look", "load", "duplicates", "swap"}
    assert again.shard_group == first.shard_group
    streamed = proxied.load("-", stdin=io.BytesIO(birds_csv(50).encode()), bucket=f"{proxied.bucket}-2")
    assert streamed.shard_group is not None
    assert streamed.shard_group.how == "fitted to the time span: the first 50 rows, which rise in time"
    asked = proxied.load(source, shard_duration_seconds=86_400)
    assert asked.shard_group is not None
    assert (asked.shard_group.seconds, asked.shard_group.how) == (86_400, "as asked for")
    carried = proxied.load(source)
    assert set(carried.phases) == {"load", "duplicates", "verify", "swap"}
    assert carried.shard_group is not None
    assert (carried.shard_group.seconds, carried.shard_group.how) == (86_400, "as the bucket has them")
