from __future__ import annotations

import dataclasses
import signal

import pytest

from importer.bucket import catalogue, repair
from importer.bucket.counting import count_values
from importer.bucket.holding import HeldBucket, this_process
from importer.bucket.leftovers import Leftover, find_leftovers, remove_leftover
from importer.bucket.mark import Mark, Owner
from importer.bucket.names import staging_name
from importer.server.connection import Server

from .conftest import Load, Write, die, found, make_bucket, names_of, points
from .test_repair import commit_until
from .test_staging import start_child

pytestmark = pytest.mark.influxd


def listed(server: Server, name: str) -> list[Leftover]:
    return find_leftovers(server, name, resumable=lambda _mark: False)


def removed(server: Server, name: str, *, named: bool = False) -> list[Leftover | None]:
    return [remove_leftover(server, leftover, named=named) for leftover in listed(server, name)]


def test_what_a_killed_load_has_left_is_listed_and_removed(server: Server, name: str) -> None:
    child = start_child(server.connection, name)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (left,) = listed(server, name)
    assert (left.bucket, left.target, left.load_id) == (staging_name(name), name, "load-of-child")
    assert (left.kind, left.state, left.process) == ("staging", "unfinished", child.pid)
    assert left.host == this_process().host
    assert left.begun.startswith("20")
    assert removed(server, name) == [dataclasses.replace(left, removed=True)]
    assert names_of(server, name) == set()


def test_a_live_load_is_listed_as_in_use_and_not_removed(server: Server, name: str) -> None:
    child = start_child(server.connection, name)
    try:
        (left,) = listed(server, name)
        assert (left.state, left.process) == ("in use", child.pid)
        (kept,) = removed(server, name, named=True)
        assert kept is not None
        assert (kept.state, kept.removed) == ("in use", False)
        assert names_of(server, name) == {".importer-staging"}
    finally:
        child.kill()
        child.wait()


def test_a_load_on_another_machine_is_in_use_until_it_is_silent(server: Server, name: str, begin: Load) -> None:
    target = begin()
    held = found(server, staging_name(name))
    assert held.mark is not None
    elsewhere = dataclasses.replace(held.mark, owner=Owner("elsewhere", "another machine", 1))
    die(target)
    catalogue.update(server, held.id, "", elsewhere)
    (left,) = listed(server, name)
    assert (left.state, left.host) == ("in use", "elsewhere")


def test_a_load_that_went_on_since_it_was_listed_is_left_alone(server: Server, name: str, begin: Load) -> None:
    die(begin("load-1"))
    (left,) = listed(server, name)
    second = begin("load-2")
    assert remove_leftover(server, left, named=True) is None
    assert found(server, staging_name(name)).id == second.bucket_id
    die(second)
    bucket = found(server, staging_name(name))
    assert bucket.mark is not None
    (left,) = listed(server, name)
    resumed = HeldBucket.claim(server, bucket, bucket.mark)
    try:
        kept = remove_leftover(server, left, named=True)
    finally:
        resumed.stop()
    assert kept is not None
    assert (kept.state, kept.removed) == ("in use", False)


def test_the_lock_of_a_dead_appending_load_goes_and_the_bucket_stays(
    server: Server, name: str, *, load: Load, begin: Load
) -> None:
    live = load(values=3)
    die(begin("load-2", if_exists="append"))
    (left,) = listed(server, name)
    assert (left.kind, left.state) == ("lock", "unfinished")
    removed(server, name)
    assert names_of(server, name) == {""}
    assert count_values(server, live.bucket_id) == 3


def test_complete_data_without_a_name_go_only_if_their_target_is_named(
    server: Server, name: str, *, load: Load, begin: Load, write: Write
) -> None:
    load("load-1", values=3)
    second = begin("load-2")
    write(second.bucket_id, points(5))
    commit_until(second, "set aside", values=5)
    make_bucket(server, name)  # somebody takes the name in between
    repair(server, name, say=lambda _line: None)
    assert {(left.kind, left.state) for left in listed(server, name)} == {("staging", "complete"), ("old", "set aside")}
    kept = removed(server, name, named=False)
    assert [left is not None and left.removed for left in kept] == [False, False]
    assert len(names_of(server, name)) == 3
    gone = removed(server, name, named=True)
    assert [left is not None and left.removed for left in gone] == [True, True]
    assert names_of(server, name) == {""}


def test_a_bucket_set_aside_by_a_swap_under_way_is_in_use(
    server: Server, name: str, *, load: Load, begin: Load
) -> None:
    load("load-1")
    second = begin("load-2")
    seen = {}

    def look(step: str) -> None:
        seen[step] = {left.kind: left.state for left in listed(server, name)}
        removed(server, name, named=True)

    second.commit(0, 0, checkpoint=look)
    assert seen["set aside"] == {"staging": "in use", "old": "in use"}
    assert seen["put in place"] == {"old": "in use"}
    assert seen["close"] == {}
    assert found(server, name).id == second.bucket_id


def test_a_bucket_of_the_users_under_the_staging_name_is_listed_and_never_removed(server: Server, name: str) -> None:
    make_bucket(server, staging_name(name))
    (left,) = listed(server, name)
    assert (left.state, left.target, left.load_id) == ("not marked", name, "")
    removed(server, name, named=True)
    assert names_of(server, name) == {".importer-staging"}


def test_a_bucket_that_a_load_has_filled_or_kept_is_no_leftover(server: Server, name: str, load: Load) -> None:
    load("load-1")
    load("load-2", keep_old=True)
    assert listed(server, name) == []


def test_only_of_a_dead_load_it_is_asked_whether_it_can_go_on(server: Server, name: str, begin: Load) -> None:
    asked: list[Mark] = []

    def resumable(mark: Mark) -> bool:
        asked.append(mark)
        return True

    target = begin()
    assert not find_leftovers(server, name, resumable=resumable)[0].resumable
    assert asked == []
    die(target)
    assert find_leftovers(server, name, resumable=resumable)[0].resumable
    assert [mark.load_id for mark in asked] == ["load-1"]
