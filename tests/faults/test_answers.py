"""Whole loads while answers get lost, come too late, are refusals or are cut short."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import pytest
from influxdb_client import Point

from importer import ServerError
from tests.fault_proxy import Fault, FaultProxy, Request
from tests.loading import BIRDS_FLAGS, Command, birds_csv

from .conftest import Proxied, at_writes, once_each

ROWS, BLOCK_BYTES = 2_000, 8_192
SOON = "in 2 s"


@pytest.mark.promise(
    fault="reply lost after commit",
    promise="The write is tried again and doubles nothing: a point's key makes a resend the same point.",
    seen="A line for each failed try, `retries` in the report; exit 0.",
)
@pytest.mark.parametrize("lost", [Fault(passed_on=True), Fault(500, passed_on=True), Fault(cut="in head")])
@pytest.mark.usefixtures("short_pauses")
def test_a_write_whose_reply_is_lost_is_repeated_and_changes_nothing(proxied: Proxied, lost: Fault) -> None:
    source = proxied.csv(birds_csv(ROWS))
    undisturbed = proxied.load(source, block_bytes=BLOCK_BYTES)
    digest, writes = proxied.digest(), len(proxied.proxy.writes)
    proxied.proxy.rule = at_writes(range(3, 1_000, 2), lost)
    report = proxied.load(source, block_bytes=BLOCK_BYTES)
    # Half a head is an acknowledgement all the same: its first line says 204.
    assert report.retries == (0 if lost.cut else len(proxied.proxy.writes) - 2 * writes)
    assert (report.retries > 2) is not bool(lost.cut)
    assert report.points_written == undisturbed.points_written == ROWS
    assert proxied.digest() == digest


@pytest.mark.promise(
    fault="429/503 with any Retry-After",
    promise="The pause that the server asks for is kept, but none is longer than 10 s, and all of them together no "
    "longer than `--wait`; an unreadable one counts as none. Meanwhile no more is read than there are slots for.",
    seen="A line for each failed try, `retries` in the report; exit 0.",
)
@pytest.mark.parametrize(
    ("status", "asked", "least", "most"),
    [
        (429, "1", 1, 2),
        (503, "99999", 2, 4),  # as long as --wait
        (429, SOON, 0.9, 4),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", 0.2, 1.2),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", 2, 4),
        (503, "Mon, 01 Jan 2024 00:00:00 +99999999999999", 0.2, 1.2),
        (429, "soon", 0.2, 1.2),
        (503, "-5", 0.2, 1.2),
        (503, "nan", 0.2, 1.2),
        (503, "1e999", 2, 4),
        (503, "", 0.2, 1.2),
    ],
)
@pytest.mark.usefixtures("proxied_environment")
def test_a_load_waits_as_long_as_it_is_asked_to_within_bounds(
    proxied: Proxied, command: Command, *, status: int, asked: str, least: float, most: float
) -> None:
    paused: list[float] = []

    def rule(request: Request) -> Fault | None:
        if request.is_write:
            paused.append(time.monotonic())
        text = email.utils.formatdate(time.time() + 2, usegmt=True) if asked == SOON else asked
        return Fault(status, {"Retry-After": text}, b"busy") if request.is_write and len(paused) == 1 else None

    proxied.proxy.rule = rule
    ended = command("load", proxied.csv(birds_csv(20)), "--bucket", proxied.bucket, *BIRDS_FLAGS, "--wait", "2")
    assert ended.code == 0, ended.err
    assert least <= paused[1] - paused[0] < most
    assert f"try 1 failed: HTTP {status}: busy; next in" in ended.err
    assert proxied.rows().height == 40


@pytest.mark.promise(fault="429/503 with any Retry-After")
@pytest.mark.parametrize("workers", [1, 3])
def test_while_the_server_asks_for_patience_no_more_is_read_than_there_are_slots_for(
    proxied: Proxied, workers: int
) -> None:
    mapped: list[int] = []
    most: list[int] = []

    def counting(row: Any) -> Any:
        mapped.append(1)
        return Point("birds").tag("bird", row["bird"]).field("n", 1).time(int(row["t"]) * 10**9)

    def rule(request: Request) -> Fault | None:
        if request.is_write and len(proxied.proxy.writes) <= 2 * workers:
            most.append(len(mapped))
            return Fault(503, {"Retry-After": "1"})
        return None

    proxied.proxy.rule = rule
    source = proxied.csv(birds_csv(5_000))
    report = proxied.load(source, mapper=counting, block_bytes=BLOCK_BYTES, workers=workers)
    assert (report.status, report.points_written) == ("verified", 5_000)
    rows_in_a_block = BLOCK_BYTES // len("1600000000,b0,47.000,0\n") + 1
    assert max(most) <= rows_in_a_block * (workers + 1)
    assert report.retries == 2 * workers


@pytest.mark.promise(
    fault="bursts of 500, 502 and 504",
    promise="Each try is repeated, with pauses that grow up to 10 s, until `--wait` is over; nothing is lost.",
    seen="A line for each failed try, `retries` in the report; exit 0.",
)
@pytest.mark.usefixtures("short_pauses")
def test_bursts_of_failures_in_every_phase_cost_nothing_but_retries(proxied: Proxied) -> None:
    bursts = [Fault(500, body=b"{}"), Fault(502, body=b"<html>"), Fault(504)]
    seen: dict[tuple[str, str, bytes], int] = {}

    def rule(request: Request) -> Fault | None:
        key = request.method, request.path, request.body
        seen[key] = seen.get(key, -1) + 1
        return bursts[seen[key]] if seen[key] < len(bursts) else None

    source = proxied.csv(birds_csv(200))
    proxied.load(source)
    digest = proxied.digest()
    proxied.proxy.rule = rule
    report = proxied.load(source)
    assert (report.status, report.points_written, report.retries) == ("verified", 200, 3)
    # A sign of life that fails is left to the next one, ten seconds later.
    assert len({key for key, tries in seen.items() if tries < len(bursts)}) <= 1
    assert proxied.digest() == digest


@pytest.mark.promise(
    fault="answer cut short",
    promise="Headers alone, half a body, or less than the length says count as no answer: it is asked again.",
    seen="A line for each failed try; exit 0.",
)
@pytest.mark.parametrize("cut", ["in head", "head", "in body", "length"])
@pytest.mark.usefixtures("short_pauses")
def test_each_answer_to_a_load_that_comes_cut_short_is_asked_for_again(proxied: Proxied, cut: Any) -> None:
    source = proxied.csv(birds_csv(200))
    proxied.load(source)
    digest = proxied.digest()
    proxied.proxy.rule, seen = once_each(Fault(cut=cut), lambda request: (request.method, request.path, request.body))
    report = proxied.load(source)
    assert (report.status, report.points_written) == ("verified", 200)
    assert len(seen) > 10
    assert proxied.digest() == digest
    assert proxied.buckets == {""}


@pytest.mark.promise(
    fault="connection reset before, in the midst of or after a request",
    promise="The request is made again on a new connection, in every phase of a load.",
    seen="A line for each failed try; exit 0.",
)
@pytest.mark.parametrize(
    ("resets", "passed_on"), [("before", False), ("during", True), ("after", False), ("after", True)]
)
@pytest.mark.usefixtures("short_pauses")
def test_each_request_of_a_load_whose_connection_is_reset_is_made_again(
    proxied: Proxied, resets: Any, *, passed_on: bool
) -> None:
    source = proxied.csv(birds_csv(200))
    proxied.load(source)
    digest = proxied.digest()
    fault = Fault(resets=resets, passed_on=passed_on)
    rule, seen = once_each(fault, lambda request: (request.method, request.path, request.size))
    if resets == "after":
        proxied.proxy.rule = rule
    else:
        proxied.proxy.early_rule = rule
    report = proxied.load(source)
    assert (report.status, report.points_written) == ("verified", 200)
    assert len(seen) > 10
    assert proxied.digest() == digest
    assert proxied.buckets == {""}


@pytest.mark.promise(
    fault="lasting 500",
    promise="The load gives up `--wait` seconds after the first failure; the bucket is as it was.",
    seen="`error: HTTP 500: …` after a line for each failed try; exit 1.",
)
@pytest.mark.usefixtures("proxied_environment")
def test_a_server_that_only_fails_ends_the_load_after_the_wait(
    proxied: Proxied, proxy: FaultProxy, command: Command
) -> None:
    load = ("load", proxied.csv(birds_csv(100)), "--bucket", proxied.bucket, *BIRDS_FLAGS, "--wait", "1.5")
    assert command(*load).code == 0
    before = proxied.state_now()
    proxy.rule = lambda request: Fault(500, body=b'{"message":"engine is broken"}') if request.is_write else None
    started = time.monotonic()
    ended = command(*load)
    assert ended.code == 1
    assert 1.5 <= time.monotonic() - started < 6
    assert "error: HTTP 500: engine is broken" in ended.err
    assert proxied.state_now() == before
    assert proxied.buckets == {""}


def test_a_server_that_hangs_for_good_ends_the_load_and_leaves_the_bucket(proxied: Proxied) -> None:
    source = proxied.csv(birds_csv(100))
    proxied.load(source)
    before = proxied.state_now()
    proxied.proxy.rule = lambda request: Fault(resets="after", hangs_seconds=1.0) if request.is_write else None
    with pytest.raises(ServerError, match="no answer from the server"):
        proxied.load(source, wait_seconds=1.5)
    assert proxied.state_now() == before
