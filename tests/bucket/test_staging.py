from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from importer.bucket import catalogue, holding, prepare
from importer.bucket.mark import Mark, Owner
from importer.bucket.names import staging_name
from importer.bucket.shards import DAY, HOUR
from importer.errors import BucketExistsError, LoadError, LoadInProgressError
from importer.server.connection import Connection, Server

from .conftest import Load, die, found, make_bucket, names_of

pytestmark = pytest.mark.influxd

CHILD = """
import sys, time
from importer.bucket import prepare
from importer.server.connection import Connection, Server
url, token, org, name = sys.argv[1:]
prepare(Server(Connection(url=url, token=token, org=org)), name, "load-of-child", say=print)
print("ready", flush=True)
time.sleep(600)
"""


def start_child(connection: Connection, name: str) -> subprocess.Popen[str]:
    arguments = [connection.url, connection.token, connection.org, name]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_second_load_is_refused_and_told_of_the_first(server: Server, name: str, begin: Load) -> None:
    child = start_child(server.connection, name)
    try:
        with pytest.raises(LoadInProgressError, match=f"load-of-child.*process {child.pid} on .*begun 20"):
            begin("load-2")
        assert names_of(server, name) == {".importer-staging"}
    finally:
        child.kill()
        child.wait()


def test_a_killed_load_is_taken_over_at_once(server: Server, name: str, load: Load, said: list[str]) -> None:
    child = start_child(server.connection, name)
    child.send_signal(signal.SIGKILL)
    child.wait()
    load("load-2")
    assert any("load-of-child" in line and "unfinished" in line for line in said)
    assert names_of(server, name) == {""}


def test_an_appending_load_keeps_others_away_too(load: Load, begin: Load) -> None:
    load()
    begin("load-2", if_exists="append")
    with pytest.raises(LoadInProgressError, match="load-2"):
        begin("load-3", if_exists="replace")
    with pytest.raises(LoadInProgressError, match="load-2"):
        begin("load-3", if_exists="append")


def test_of_many_loads_at_one_moment_one_gets_the_target(server: Server, name: str) -> None:
    barrier = threading.Barrier(8)
    begun = []

    def begin(number: int) -> bool:
        with Server(server.connection) as own:
            barrier.wait()
            try:
                begun.append(prepare(own, name, f"load-{number}", say=lambda _line: None))
            except LoadInProgressError:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == 1
    die(begun[0])


def test_on_another_machine_only_silence_is_death(server: Server, name: str, begin: Load) -> None:
    begin("load-1")
    begun = found(server, staging_name(name))
    assert begun.mark is not None
    elsewhere = replace(begun.mark, load_id="load-2", owner=Owner("elsewhere", "other machine", os.getpid()))
    assert holding.is_alive(replace(begun, mark=elsewhere, idle_seconds=59))
    assert not holding.is_alive(replace(begun, mark=elsewhere, idle_seconds=61))


def test_a_beat_is_seen_by_the_servers_clock(server: Server, name: str, begin: Load) -> None:
    target = begin()
    before = found(server, staging_name(name)).idle_seconds
    threading.Event().wait(2.1)
    silent = found(server, staging_name(name)).idle_seconds
    target._held.beat()
    assert silent >= before + 1
    assert found(server, staging_name(name)).idle_seconds <= 1


def test_a_load_whose_bucket_is_removed_is_told_so(server: Server, begin: Load) -> None:
    target = begin()
    catalogue.delete(server, target.bucket_id)
    assert not target.lost
    target._held.beat()
    assert target.lost
    with pytest.raises(LoadError, match="no longer holds"):
        target.commit(0, 0)


def test_a_load_that_slept_and_was_taken_over_touches_nothing(
    server: Server, name: str, load: Load, begin: Load
) -> None:
    sleeper = begin("load-1")
    die(sleeper)
    second = load("load-2")
    with pytest.raises(LoadError, match="no longer holds"):
        sleeper.commit(0, 0)
    assert not sleeper.abort()
    assert found(server, name).id == second.bucket_id


def test_an_absent_server_does_not_make_a_load_lost(begin: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    target = begin()
    with Server(Connection("http://127.0.0.1:1", "t", "o"), timeout_seconds=1) as nobody:
        monkeypatch.setattr(target._held, "_server", nobody)
        target._held.beat()
    assert not target.lost


def test_a_bucket_of_the_users_under_the_staging_name_is_left_alone(server: Server, name: str, begin: Load) -> None:
    make_bucket(server, staging_name(name))
    with pytest.raises(BucketExistsError, match="did not make it"):
        begin()
    assert names_of(server, name) == {".importer-staging"}


def test_an_aborted_load_leaves_the_live_bucket_as_it_was(server: Server, name: str, load: Load, begin: Load) -> None:
    load("load-1")
    before = found(server, name)
    assert not begin("load-2").abort()
    assert replace(found(server, name), idle_seconds=0) == replace(before, idle_seconds=0)
    assert names_of(server, name) == {""}


def test_the_settings_in_force_are_the_servers_own(begin: Load) -> None:
    target = begin(retention_seconds=7 * DAY, fitting_shard_duration_seconds=HOUR)
    assert (target.retention_seconds, target.shard_duration_seconds) == (7 * DAY, HOUR)


def test_the_servers_own_shard_duration_is_read_back(begin: Load) -> None:
    assert begin().shard_duration_seconds == 7 * DAY


def test_a_mark_without_an_owner_is_nobodys(server: Server, name: str) -> None:
    bucket = make_bucket(server, name)
    assert not holding.is_alive(replace(bucket, mark=Mark("live", "a", name, "done")))
