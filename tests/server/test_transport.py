from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from importer.errors import ServerUnreachableError, TransientServerError
from importer.server.connection import Connection, Server
from tests.fault_proxy import Fault, fault_proxy
from tests.influxd import Influxd


class Call:
    """A call in a thread of its own, and how it ended."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the test judges it
            self.error = error

    def ended_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()


@contextmanager
def listener(*, backlog: int = 8) -> Iterator[tuple[socket.socket, str]]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as mute:
        yield mute, f"127.0.0.1:{mute.getsockname()[1]}"


def test_breaking_off_ends_a_write_and_a_question_under_way_within_a_second_and_later_ones_work(
    influxd: Influxd,
) -> None:
    with fault_proxy(influxd.connection.url) as proxy:
        proxy.faults = [Fault(hangs_seconds=30), Fault(hangs_seconds=30)]
        connection = Connection(proxy.url, influxd.connection.token, influxd.connection.org)
        with Server(connection) as server:
            calls = [Call(lambda: server.call("POST", "/api/v2/write", body={})) for _ in range(2)]
            while len(proxy.writes) < 2:
                time.sleep(0.01)
            began = time.monotonic()
            server.break_off()
            assert all(call.ended_within(5) for call in calls)
            assert time.monotonic() - began < 1
            assert [type(call.error) for call in calls] == [ServerUnreachableError, ServerUnreachableError]
            assert server.health()
            assert server.org_id


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_breaking_off_ends_a_request_that_the_server_has_not_even_greeted(scheme: str) -> None:
    with listener() as (mute, address), Server(Connection(f"{scheme}://{address}", "t", "o")) as server:
        call = Call(server.health)
        accepted, _ = mute.accept()
        accepted.recv(1)
        server.break_off()
        assert call.ended_within(1)
        assert isinstance(call.error, TransientServerError)
        accepted.close()


def test_breaking_off_ends_a_request_that_still_waits_to_be_connected() -> None:
    with listener(backlog=0) as (_, address), socket.socket() as filler:
        filler.connect(("127.0.0.1", int(address.rpartition(":")[2])))
        with Server(Connection(f"http://{address}", "t", "o")) as server:
            call = Call(server.health)
            assert not call.ended_within(0.5)
            server.break_off()
            assert call.ended_within(1)
            assert isinstance(call.error, TransientServerError)
