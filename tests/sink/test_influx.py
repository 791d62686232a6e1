from __future__ import annotations

import email.utils
import gzip
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from importer.encoding.line_protocol import body
from importer.errors import (
    AuthorizationError,
    NotFoundError,
    PayloadTooLargeError,
    RequestRefusedError,
    ServerError,
    ServerUnreachableError,
    TerminalServerError,
    TransientServerError,
)
from importer.records import Lines
from importer.server.connection import Connection, Server
from importer.server.retry import RetryPolicy
from importer.sink import pacing
from importer.sink.influx import InfluxSink
from importer.sink.pacing import Pace
from importer.verification.counting import count_values
from tests.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.influxd import Influxd
from tests.points import P, encoded, new_bucket, stored_texts

from .conftest import DAY, Sink

MANY = [P(second * 10**9, {"v": float(second)}, {"k": "x" * 50}) for second in range(1_000)]


def values_in(server: Server, bucket_id: str) -> int:
    return count_values(server, bucket_id, 0, 10**18).total()


def test_a_block_goes_in_one_request_and_is_stored(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    lines = encoded(MANY)
    outcome = sink()(lines)
    assert (outcome.refusals, outcome.retries, outcome.written, outcome.lines) == ((), 0, True, lines)
    assert len(proxy.writes) == 1
    assert values_in(influxd.server, bucket_id) == 1_000


def test_compressed_bodies_arrive_whole_and_are_smaller(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    lines = encoded(MANY)
    sink(encoding="gzip")(lines)
    (request,) = proxy.writes
    assert request.headers["Content-Encoding"] == "gzip"
    assert len(request.body) * 5 < len(gzip.decompress(request.body)) == len(body(lines.frame["line"]))
    assert values_in(influxd.server, bucket_id) == 1_000


@pytest.mark.parametrize("rows", [1, 7, 1_000, 3_000])
def test_no_request_has_more_lines_than_asked_for(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str, rows: int
) -> None:
    points = MANY[:40] if rows < 10 else MANY
    sink(pace=Pace(batch_rows=rows))(encoded(points))
    assert max(request.body.count(b"\n") for request in proxy.writes) <= rows
    assert len(proxy.writes) == -(-len(points) // rows)
    assert values_in(influxd.server, bucket_id) == len(points)


def test_no_request_is_much_larger_than_the_limit(
    proxy: FaultProxy, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "MOST_BYTES", 10_000)
    sink()(encoded(MANY))
    assert len(proxy.writes) > 5
    assert all(len(request.body) <= 10_000 for request in proxy.writes)


def test_points_with_the_same_key_go_in_the_same_request_and_the_last_one_wins(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    points = [P(n // 10, {"s": str(n)}) for n in range(100)]
    sink(pace=Pace(batch_rows=7))(encoded(points))
    times = [{line.split(b" ")[-1] for line in request.body.splitlines()} for request in proxy.writes]
    assert len(times) > 5
    assert sum(map(len, times)) == len(set.union(*times)) == 10
    found = {point.time_ns: point.fields["s"] for point in stored_texts(influxd.server, bucket_id, 0, 10)}
    assert found == {n: str(10 * n + 9) for n in range(10)}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_and_loses_nothing(
    proxy: FaultProxy, through_proxy: Server, sink: Sink, said: list[str], bucket_id: str, *, status: int
) -> None:
    proxy.faults += [Fault(status, body=b'{"code":"x","message":"later"}')] * 2
    assert sink()(encoded(MANY)).retries == 2
    assert [line.split(";")[0] for line in said] == [f"try {n} failed: HTTP {status}: later" for n in (1, 2)]
    assert values_in(through_proxy, bucket_id) == 1_000


def test_a_reset_connection_is_tried_again(influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str) -> None:
    proxy.faults.append(Fault())
    assert sink()(encoded(MANY)).retries == 1
    assert values_in(influxd.server, bucket_id) == 1_000


def test_a_lost_answer_is_tried_again_and_doubles_nothing(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    proxy.faults += [Fault(passed_on=True), Fault(500, passed_on=True)]
    assert sink()(encoded(MANY)).retries == 2
    assert values_in(influxd.server, bucket_id) == 1_000


def test_no_answer_within_the_time_limit_is_tried_again(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    proxy.faults.append(Fault(hangs_seconds=30))
    connection = Connection(proxy.url, influxd.connection.token, influxd.connection.org)
    with Server(connection, timeout_seconds=0.5) as impatient:
        assert sink(impatient)(encoded(MANY)).retries == 1
    assert values_in(influxd.server, bucket_id) == 1_000


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1", 1.0, 1.0),
        ("99999", 10.0, 10.0),
        ("-5", 0.25, 0.5),
        ("soon", 0.25, 0.5),
        ("", 0.25, 0.5),
        ("Mon, 99 Foo 2020 99:99:99 GMT", 0.25, 0.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.25, 0.5),
    ],
)
def test_the_pause_that_the_server_asks_for_is_kept_where_it_can_be_read(
    proxy: FaultProxy, sink: Sink, pauses: list[float], *, text: str, low: float, high: float
) -> None:
    proxy.faults.append(Fault(429, {"Retry-After": text}))
    sink()(encoded(MANY[:1]))
    assert low <= pauses[0] <= high


def test_a_date_is_read_as_the_pause_until_then(proxy: FaultProxy, sink: Sink, pauses: list[float]) -> None:
    proxy.faults.append(Fault(503, {"Retry-After": email.utils.formatdate(time.time() + 6, usegmt=True)}))
    sink()(encoded(MANY[:1]))
    assert 3 <= pauses[0] <= 6


def test_a_batch_that_is_too_large_is_halved_until_it_is_taken(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    proxy.rule = lambda request: Fault(413) if request.body.count(b"\n") > 300 else None
    outcome = sink()(encoded(MANY))
    assert outcome.refusals == ()
    # The second half is not sent as a whole: as many bytes were refused before.
    assert [request.body.count(b"\n") for request in proxy.writes] == [1000, 500, 250, 250, 250, 250]
    assert values_in(influxd.server, bucket_id) == 1_000


def test_after_a_413_no_later_request_is_as_large(proxy: FaultProxy, sink: Sink, warned: list[str]) -> None:
    proxy.rule = lambda request: Fault(413) if len(request.body) > 40_000 else None
    writing = sink()
    for block in range(3):
        writing(encoded(MANY, number=block))
    sizes = [len(request.body) for request in proxy.writes]
    assert sum(size > 40_000 for size in sizes) == 1
    assert max(sizes[1:]) <= 40_000
    assert (writing.pace.setbacks, writing.pace.writers, warned) == ({"413": 1}, 2, [])


def test_a_413_to_as_many_lines_as_an_option_fixed_is_got_through_with_one_warning(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str, warned: list[str]
) -> None:
    proxy.rule = lambda request: Fault(413) if request.body.count(b"\n") > 300 else None
    writing = sink(pace=Pace(batch_rows=1_000))
    for block in range(2):
        writing(encoded(MANY, number=block))
    assert values_in(influxd.server, bucket_id) == 1_000
    (warning,) = warned
    assert "no requests of 1,000 lines (75,771 bytes; 413), as --batch-rows asks for" in warning


def test_a_batch_that_is_too_large_is_cut_between_keys(proxy: FaultProxy, sink: Sink) -> None:
    points = [P(n // 40, {"s": str(n)}, {"k": "x" * 50}) for n in range(200)]
    proxy.rule = lambda request: Fault(413) if request.body.count(b"\n") > 130 else None
    sink()(encoded(points))
    first, *later = ({line.split(b" ")[-1] for line in request.body.splitlines()} for request in proxy.writes)
    assert [len(times) for times in (first, *later)] == [5, 2, 3]
    assert set.intersection(*later) == set()


def test_points_of_a_single_key_that_are_too_large_together_go_one_after_the_other(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    proxy.rule = lambda request: Fault(413) if request.body.count(b"\n") > 30 else None
    sink()(encoded([P(1, {"s": str(n)}) for n in range(100)]))
    assert [point.fields["s"] for point in stored_texts(influxd.server, bucket_id, 0, 10)] == ["99"]


class Watched:
    """In place of a sink's write service: each call takes a while, and notes how many are under way then."""

    def __init__(self, writing: InfluxSink) -> None:
        self.under_way: list[int] = []
        self._count = 0
        self._lock = threading.Lock()
        self._service, writing._service = writing._service, self

    def post_write(self, **request: Any) -> None:
        with self._lock:
            self._count += 1
            self.under_way.append(self._count)
        try:
            time.sleep(0.03)
            self._service.post_write(**request)
        finally:
            with self._lock:
                self._count -= 1


@pytest.mark.parametrize("writers", [1, 2, 3])
def test_no_more_requests_are_under_way_than_the_pace_allows_whatever_the_number_of_threads(
    sink: Sink, writers: int
) -> None:
    writing = sink(pace=Pace(writers=writers))
    watched = Watched(writing)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(writing, [encoded(MANY[:10], number=n) for n in range(8)]))
    assert max(watched.under_way) == writers


def test_writers_that_are_all_told_to_wait_come_back_one_by_one(proxy: FaultProxy, sink: Sink) -> None:
    slept = threading.Barrier(2)
    proxy.faults += [Fault(429)] * 2
    writing = sink(pause=lambda _: slept.wait(timeout=10))
    watched = Watched(writing)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(writing, [encoded(MANY[:10], number=n) for n in range(2)]))
    assert watched.under_way == [1, 2, 1, 1]
    assert (writing.pace.writers, writing.requests, writing.pace.setbacks) == (1, 4, {"429": 2})


def test_an_answer_that_takes_long_makes_requests_smaller(
    proxy: FaultProxy, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "LATENCY_SECONDS", 0.2)
    monkeypatch.setattr(pacing, "LEAST_ROWS", 10)
    proxy.rule = lambda request: Fault(passed_on=True, status=204, hangs_seconds=0.3) if request.size > 9_000 else None
    writing = sink()
    for block in range(6):
        writing(encoded(MANY, number=block))
    assert len(proxy.writes[0].body) > 50_000
    assert len(proxy.writes[-1].body) <= 9_000
    assert (writing.pace.writers, set(writing.pace.setbacks)) == (1, {"slow"})


def test_a_single_line_that_is_too_large_is_refused_and_its_neighbours_are_stored(
    influxd: Influxd, proxy: FaultProxy, sink: Sink, bucket_id: str
) -> None:
    proxy.rule = lambda request: Fault(413, body=b"too large") if b'"big"' in request.body else None
    points = [P(n, {"s": "big" if n == 5 else "small"}) for n in range(16)]
    (refusal,) = sink()(encoded(points)).refusals
    assert (refusal.row, refusal.message) == (5, "too large")
    assert values_in(influxd.server, bucket_id) == 15


def refused(server: Server, bucket_id: str, lines: Lines) -> ServerError:
    def nobody_pauses(_: float) -> None:
        raise AssertionError("it was tried again")

    sink = InfluxSink(
        server, bucket_id, shard_seconds=DAY, policy=RetryPolicy(), say=lambda _: None, pause=nobody_pauses, warn=print
    )
    with pytest.raises(ServerError) as caught:
        sink(lines)
    return caught.value


def test_a_wrong_token_ends_the_load_at_once(influxd: Influxd, bucket_id: str) -> None:
    with Server(Connection(influxd.connection.url, "wrong", influxd.connection.org)) as server:
        error = refused(server, bucket_id, encoded(MANY[:1]))
    assert (type(error), error.status) == (AuthorizationError, 401)


def test_a_token_that_may_only_read_ends_the_load_at_once(influxd: Influxd, bucket_id: str) -> None:
    resource = {"type": "buckets", "id": bucket_id, "orgID": influxd.server.org_id}
    body = {"orgID": influxd.server.org_id, "permissions": [{"action": "read", "resource": resource}]}
    token = influxd.server.call("POST", "/api/v2/authorizations", body=body)
    with Server(Connection(influxd.connection.url, token["token"], influxd.connection.org)) as server:
        error = refused(server, bucket_id, encoded(MANY[:1]))
    influxd.server.call("DELETE", f"/api/v2/authorizations/{token['id']}")
    assert (type(error), error.status) == (AuthorizationError, 403)


def test_a_bucket_or_organisation_that_is_not_there_ends_the_load_at_once(influxd: Influxd, bucket_id: str) -> None:
    error = refused(influxd.server, "0123456789abcdef", encoded(MANY[:1]))
    assert (type(error), error.status) == (NotFoundError, 404)
    with Server(Connection(influxd.connection.url, influxd.connection.token, "nobody")) as server:
        error = refused(server, bucket_id, encoded(MANY[:1]))
        assert (type(error), error.status) == (NotFoundError, 404)
        with pytest.raises(NotFoundError, match=r"'nobody' not found .* there is: importer"):
            _ = server.org_id


def test_a_refusal_that_comes_while_a_large_body_is_being_sent_is_heard(influxd: Influxd, bucket_id: str) -> None:
    lines = encoded([P(n, {"s": "x" * 1_000_000}) for n in range(9)])
    assert isinstance(refused(influxd.server, "0123456789abcdef", lines), NotFoundError)
    with Server(Connection(influxd.connection.url, "wrong", influxd.connection.org)) as server:
        assert isinstance(refused(server, bucket_id, lines), AuthorizationError)


def test_a_bucket_that_is_deleted_during_the_load_is_not_made_again(influxd: Influxd) -> None:
    with new_bucket(influxd.server) as bucket_id:
        refused_later = encoded(MANY[:1])
        influxd.server.call("DELETE", f"/api/v2/buckets/{bucket_id}")
        assert isinstance(refused(influxd.server, bucket_id, refused_later), NotFoundError)


@pytest.mark.parametrize("status", [302, 405, 415])
def test_an_answer_that_no_retry_can_change_ends_the_load_at_once(
    proxy: FaultProxy, through_proxy: Server, bucket_id: str, status: int
) -> None:
    proxy.faults.append(Fault(status, body=b"no"))
    error = refused(through_proxy, bucket_id, encoded(MANY[:1]))
    assert (type(error), error.status) == (RequestRefusedError, status)


def test_the_errors_of_the_tree_say_whether_trying_again_helps() -> None:
    assert issubclass(ServerUnreachableError, TransientServerError)
    assert issubclass(PayloadTooLargeError, TerminalServerError)
    assert not issubclass(AuthorizationError, TransientServerError)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    nowhere = Connection(f"http://127.0.0.1:{closed_port()}", "t", "o")
    with Server(nowhere) as server, pytest.raises(ServerUnreachableError, match="Connection refused"):
        server.health()


@pytest.mark.parametrize("page", [b"<html>welcome</html>", b'"fine"', b""])
def test_something_that_answers_but_is_no_influxdb_is_said_to_be_that(page: bytes) -> None:
    with fault_proxy("http://127.0.0.1:1") as elsewhere, Server(Connection(elsewhere.url, "t", "o")) as server:
        elsewhere.rule = lambda _: Fault(200, {"Content-Type": "text/html"}, page)
        with pytest.raises(RequestRefusedError, match="did not answer as InfluxDB does"):
            server.health()


def waiting(server: Server, bucket_id: str, said: list[str], seconds: float) -> InfluxSink:
    policy = RetryPolicy(wait_seconds=seconds)
    return InfluxSink(
        server, bucket_id, shard_seconds=DAY, policy=policy, say=said.append, pause=time.sleep, warn=print
    )


def test_a_server_that_is_killed_and_comes_back_in_time_has_it_all(
    own_influxd: Callable[[], Influxd], said: list[str]
) -> None:
    own = own_influxd()
    with new_bucket(own.server) as bucket_id:
        sink = waiting(own.server, bucket_id, said, 60)
        blocks = [encoded(MANY[n * 100 : n * 100 + 100], number=n) for n in range(10)]
        for lines in blocks[:4]:
            sink(lines)
        own.kill()
        restart = threading.Timer(0.7, own.restart)
        restart.start()
        outcomes = [sink(lines) for lines in blocks[4:]]
        restart.join()
        assert outcomes[0].retries >= 1
        assert said
        assert "no answer from the server" in said[0]
        assert values_in(own.server, bucket_id) == 1_000


def test_a_server_that_stays_away_ends_the_load_after_the_wait(said: list[str]) -> None:
    with Server(Connection(f"http://127.0.0.1:{closed_port()}", "t", "o")) as server:
        began = time.monotonic()
        with pytest.raises(ServerUnreachableError):
            waiting(server, "0123456789abcdef", said, 1.0)(encoded(MANY[:1]))
        assert 1.0 <= time.monotonic() - began < 3
    assert len(said) >= 2
