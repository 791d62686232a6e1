"""Every request of a load's bucket work fails once, before the server had it or after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from importer.bucket import catalogue, prepare, repair
from importer.bucket.counting import count_values
from importer.errors import ServerUnreachableError
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from tests.fault_proxy import Fault, FaultProxy, Request
from tests.influxd import Influxd

from .conftest import Load, Write, die, found, names_of, points
from .test_repair import commit_until
from .test_swap import make_label, make_mapping, mappings_of


class Forgetful(FaultProxy):
    """Fails each request when it comes for the first time."""

    def __init__(self, target: str, fault: Fault) -> None:
        super().__init__(target)
        self._fault = fault
        self.seen: set[tuple[str, str, bytes]] = set()

    def fault_for(self, request: Request) -> Fault | None:
        key = request.method, request.path, request.body
        if key in self.seen:
            return None
        self.seen.add(key)
        return self._fault


@pytest.fixture(params=[Fault(503), Fault(), Fault(passed_on=True)], ids=["refused", "reset", "answer lost"])
def forgetful(influxd: Influxd, request: pytest.FixtureRequest) -> Iterator[Forgetful]:
    proxy = Forgetful(influxd.connection.url, request.param)
    yield proxy
    proxy.close()


@pytest.fixture
def shaky(influxd: Influxd, forgetful: Forgetful, tries: list[str]) -> Iterator[Server]:
    connection = Connection(forgetful.url, influxd.connection.token, influxd.connection.org)
    with Server(connection) as server:
        server.patience = Patience(RetryPolicy(20.0, first_pause_seconds=0.02), tries.append)
        yield server


@pytest.mark.parametrize("if_exists", ["auto", "replace"])
def test_a_replacing_load_goes_on_through_absences(
    server: Server,
    name: str,
    *,
    load: Load,
    write: Write,
    shaky: Server,
    forgetful: Forgetful,
    tries: list[str],
    said: list[str],
    if_exists: str,
) -> None:
    first = load("load-1", values=3)
    label_id = make_label(server, first.bucket_id, name)
    make_mapping(server, first.bucket_id, f"{name}-db", "one", default=True)

    target = prepare(shaky, name, "load-2", if_exists=if_exists, say=said.append)  # type: ignore[arg-type]
    write(target.bucket_id, points(5))
    target.commit(5, 5)

    live = found(server, name)
    assert live.id == target.bucket_id
    assert count_values(server, live.id) == 5
    assert live.settings.label_ids == (label_id,)
    assert mappings_of(server, live.id) == [(f"{name}-db", "one", True)]
    assert names_of(server, name) == {""}
    assert len(tries) >= len(forgetful.seen)
    assert said == []


def test_an_appending_load_goes_on_through_absences(
    server: Server, name: str, *, load: Load, shaky: Server, said: list[str]
) -> None:
    first = load("load-1", values=3)
    target = prepare(shaky, name, "load-2", if_exists="append", say=said.append)
    target.commit(0, 0)
    live = found(server, name)
    assert (live.id, live.mark) == (first.bucket_id, None)
    assert names_of(server, name) == {""}


@pytest.mark.parametrize("last_step", ["announce", "set aside", "put in place"])
def test_a_repair_goes_on_through_absences(
    server: Server, name: str, *, load: Load, begin: Load, shaky: Server, said: list[str], last_step: str
) -> None:
    load("load-1", values=3)
    second = begin("load-2")
    commit_until(second, last_step, values=0)
    assert repair(shaky, name, say=said.append) == []
    assert (found(server, name).id == second.bucket_id) is (last_step != "announce")
    left = {".importer-staging"} if last_step == "announce" else set()  # an unfinished load again
    assert names_of(server, name) == {"", *left}


def test_the_patience_ends(server: Server, name: str, begin: Load, tries: list[str]) -> None:
    target = begin()
    with Server(Connection("http://127.0.0.1:1", "t", "o")) as nobody:
        nobody.patience = Patience(RetryPolicy(0.2, first_pause_seconds=0.02), tries.append)
        with pytest.raises(ServerUnreachableError):
            prepare(nobody, name, "load-2", say=print)
        with pytest.raises(ServerUnreachableError):
            repair(nobody, say=print)
    assert all("no answer from the server" in line for line in tries)
    assert len(tries) > 2
    die(target)
    catalogue.delete(server, target.bucket_id)
