from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from importer.bucket import Target, catalogue, repair
from importer.bucket.counting import count_values
from importer.bucket.settings import BucketSettings
from importer.errors import LoadInterruptedError, ServerUnreachableError
from importer.server.connection import Patience, Server
from importer.server.retry import RetryPolicy

from .conftest import Load, Write, die, found, make_bucket, names_of, points
from .test_swap import make_label, make_mapping, mappings_of

pytestmark = pytest.mark.influxd

STEPS = ["announce", "set aside", "put in place", "carry", "retire", "close"]


class Killed(BaseException):
    """The process is no more."""


def commit_until(target: Target, last_step: str, values: int) -> None:
    def checkpoint(step: str) -> None:
        if step == last_step:
            raise Killed

    with pytest.raises(Killed):
        target.commit(values, values, checkpoint=checkpoint)
    die(target)


@pytest.mark.parametrize("keep_old", [False, True])
@pytest.mark.parametrize("last_step", STEPS)
def test_after_a_crash_at_any_step_one_complete_copy_is_left_under_the_name(
    server: Server, name: str, *, begin: Load, write: Write, said: list[str], last_step: str, keep_old: bool
) -> None:
    old = make_bucket(server, name, BucketSettings(text="gulls"))
    write(old.id, points(3))
    label_id = make_label(server, old.id, name)
    make_mapping(server, old.id, f"{name}-db", "one", default=True)
    target = begin(if_exists="replace", keep_old=keep_old)
    write(target.bucket_id, points(5))

    commit_until(target, last_step, values=5)
    complete = [
        count_values(server, bucket.id) for bucket in catalogue.all_buckets(server) if bucket.name.startswith(name)
    ]
    assert 3 in complete or 5 in complete
    for _ in range(2):
        repair(server, say=said.append)

    live = found(server, name)
    rolled_back = last_step == "announce"
    assert count_values(server, live.id) == (3 if rolled_back else 5)
    assert live.settings.text == "gulls"
    assert live.settings.label_ids == (label_id,)
    assert mappings_of(server, live.id) == [(f"{name}-db", "one", True)]
    assert (live.mark is None) if rolled_back else (live.mark is not None and live.mark.phase == "done")
    assert len(names_of(server, name)) == (2 if keep_old or rolled_back else 1)  # kept, or still to be gone on with
    assert len([line for line in said if name in line]) == (0 if last_step == "close" else 1)


@pytest.mark.parametrize("last_step", STEPS)
def test_after_a_crash_of_the_first_load_its_complete_data_are_put_in_place(
    server: Server, name: str, *, begin: Load, write: Write, said: list[str], last_step: str
) -> None:
    target = begin()
    write(target.bucket_id, points(5))
    commit_until(target, last_step, values=5)
    repair(server, name, say=said.append)
    assert count_values(server, found(server, name).id) == 5
    assert names_of(server, name) == {""}


CHILD = """
import os, signal, sys
from importer.bucket import prepare
from importer.server.connection import Connection, Server
url, token, org, name, last_step = sys.argv[1:]
def checkpoint(step):
    if step == last_step:
        os.kill(os.getpid(), signal.SIGKILL)
target = prepare(Server(Connection(url, token, org)), name, "load-of-child", say=print)
target.commit(0, 0, checkpoint=checkpoint)
"""


@pytest.mark.parametrize("last_step", ["set aside", "put in place"])
def test_a_process_that_is_killed_in_its_swap_is_replaced_by_a_repair(
    server: Server, name: str, load: Load, said: list[str], last_step: str
) -> None:
    load("load-1", values=3)
    arguments = [server.connection.url, server.connection.token, server.connection.org, name, last_step]
    killed = subprocess.run([sys.executable, "-c", CHILD, *arguments], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    repair(server, say=said.append)
    mark = found(server, name).mark
    assert mark is not None
    assert (mark.load_id, mark.phase, mark.owner) == ("load-of-child", "done", None)
    assert names_of(server, name) == {""}


def test_the_next_load_repairs_before_it_begins(server: Server, name: str, load: Load, begin: Load) -> None:
    load("load-1", values=3)
    second = begin("load-2")
    commit_until(second, "set aside", values=0)
    third = load("load-3", values=2)
    assert found(server, name).id == third.bucket_id
    assert names_of(server, name) == {""}


def test_the_old_bucket_gets_its_name_and_mark_back_if_the_new_one_is_gone(
    server: Server, name: str, load: Load, begin: Load, said: list[str]
) -> None:
    first = load("load-1", values=3)
    before = found(server, name).mark
    assert before is not None
    second = begin("load-2")
    commit_until(second, "set aside", values=0)
    catalogue.delete(server, second.bucket_id)
    repair(server, say=said.append)
    live = found(server, name)
    assert live.id == first.bucket_id
    assert live.mark is not None
    assert (live.mark.role, live.mark.load_id, live.mark.values) == ("live", "load-1", 3)
    load("load-3")


def test_a_swap_that_is_under_way_is_left_alone(
    server: Server, name: str, load: Load, begin: Load, said: list[str]
) -> None:
    load("load-1")
    second = begin("load-2")
    seen = []

    def look(step: str) -> None:
        before = names_of(server, name)
        repair(server, say=said.append)
        seen.append((step, names_of(server, name) == before))

    second.commit(0, 0, checkpoint=look)
    assert seen == [(step, True) for step in STEPS]
    assert said == []


def test_a_bucket_that_is_staged_and_not_complete_is_left_for_its_load(
    server: Server, name: str, begin: Load, said: list[str]
) -> None:
    die(begin())
    repair(server, say=said.append)
    assert names_of(server, name) == {".importer-staging"}
    assert said == []


def test_a_commit_that_fails_halfway_is_completed_by_the_abort(
    server: Server, name: str, *, load: Load, begin: Load, write: Write, said: list[str]
) -> None:
    load("load-1", values=3)
    second = begin("load-2")
    write(second.bucket_id, points(5))

    def fail(step: str) -> None:
        if step == "set aside":
            raise RuntimeError

    with pytest.raises(RuntimeError):
        second.commit(5, 5, checkpoint=fail)
    assert second.abort(say=said.append)
    assert count_values(server, found(server, name).id) == 5
    assert names_of(server, name) == {""}


@pytest.mark.parametrize(("last_step", "in_place"), [("announce", False), ("put in place", True), ("close", True)])
def test_an_abort_tells_which_data_are_in_place(
    server: Server, name: str, *, load: Load, begin: Load, last_step: str, in_place: bool
) -> None:
    load("load-1", values=3)
    second = begin("load-2")

    def fail(step: str) -> None:
        if step == last_step:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        second.commit(0, 0, checkpoint=fail)
    assert second.abort() is in_place
    assert (found(server, name).id == second.bucket_id) is in_place
    assert names_of(server, name) == {""}


def test_a_repair_keeps_what_was_written_after_the_last_look_and_says_so(
    server: Server, name: str, *, load: Load, begin: Load, write: Write, said: list[str]
) -> None:
    first = load("load-1", values=3)
    second = begin("load-2")
    commit_until(second, "set aside", values=0)
    write(first.bucket_id, "m,by=somebody v=1i 1")
    asked = repair(server, name, say=said.append)
    assert any("kept as" in line for line in asked)
    assert set(asked) < set(said)
    assert count_values(server, first.bucket_id) == 4
    assert len(names_of(server, name)) == 2


def test_a_repair_that_asks_nothing_of_the_user_returns_nothing(server: Server, name: str, begin: Load) -> None:
    commit_until(begin(), "announce", values=0)
    said: list[str] = []
    assert repair(server, name, say=said.append) == []
    assert len(said) == 1


def test_a_repair_that_is_told_to_stop_while_it_waits_stops(
    server: Server, name: str, begin: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_until(begin(), "announce", values=0)

    def interrupted(_seconds: float) -> None:
        raise LoadInterruptedError

    def away(*_arguments: object) -> None:
        raise ServerUnreachableError("away")

    server.patience = Patience(RetryPolicy(20.0), lambda _line: None, interrupted)
    monkeypatch.setattr("importer.bucket.swap.set_aside", away)
    with pytest.raises(LoadInterruptedError):
        repair(server, name, say=lambda _line: None)


def test_a_crash_is_found_among_more_buckets_than_a_page_holds(
    server: Server, name: str, begin: Load, said: list[str]
) -> None:
    target = begin()
    commit_until(target, "announce", values=0)
    others = [make_bucket(server, f"{name}-{number:03}") for number in range(230)]
    listed = [bucket.id for bucket in catalogue.all_buckets(server)]
    assert len(listed) == len(set(listed))
    assert set(listed) > {bucket.id for bucket in others}
    repair(server, say=said.append)
    assert found(server, name).id == target.bucket_id
