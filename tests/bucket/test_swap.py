from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from importer.bucket import catalogue, repair
from importer.bucket.counting import count_values
from importer.bucket.settings import BucketSettings
from importer.bucket.shards import DAY
from importer.errors import LoadError, ServerUnreachableError
from importer.server.connection import Server

from .conftest import Load, Write, found, make_bucket, names_of, points

pytestmark = pytest.mark.influxd

Mappings = list[tuple[str, str, bool]]


def make_label(server: Server, bucket_id: str, name: str) -> str:
    label = server.call("POST", "/api/v2/labels", body={"orgID": server.org_id, "name": name})["label"]
    server.call("POST", f"/api/v2/buckets/{bucket_id}/labels", body={"labelID": label["id"]})
    return str(label["id"])


def make_mapping(server: Server, bucket_id: str, database: str, policy: str, *, default: bool) -> None:
    body: dict[str, Any] = {"orgID": server.org_id, "bucketID": bucket_id, "database": database}
    server.call("POST", "/api/v2/dbrps", body={**body, "retention_policy": policy, "default": default})


def mappings_of(server: Server, bucket_id: str) -> Mappings:
    query = {"orgID": server.org_id, "bucketID": bucket_id}
    return sorted(
        (entry["database"], entry["retention_policy"], entry["default"])
        for entry in server.call("GET", "/api/v2/dbrps", query=query)["content"]
        if not entry["virtual"]
    )


def test_text_labels_durations_and_mappings_are_carried_over(server: Server, name: str, load: Load) -> None:
    settings = BucketSettings(400 * DAY, 5 * DAY, "Gulls [2020]")
    old = make_bucket(server, name, settings)
    label_id = make_label(server, old.id, name)
    make_mapping(server, old.id, f"{name}-db", "one", default=False)
    make_mapping(server, old.id, f"{name}-db", "two", default=True)
    before = mappings_of(server, old.id)

    load(values=0, if_exists="replace", fitting_shard_duration_seconds=DAY)

    live = found(server, name)
    assert live.id != old.id
    assert live.settings == BucketSettings(400 * DAY, 5 * DAY, "Gulls [2020]", (label_id,))
    assert mappings_of(server, live.id) == before
    assert catalogue.get(server, old.id) is None


def test_given_durations_go_before_the_old_ones(server: Server, name: str, load: Load) -> None:
    make_bucket(server, name, BucketSettings(400 * DAY, 5 * DAY))
    load(values=0, if_exists="replace", retention_seconds=0, shard_duration_seconds=30 * DAY)
    settings = found(server, name).settings
    assert (settings.retention_seconds, settings.shard_duration_seconds) == (0, 30 * DAY)


def test_a_text_that_is_changed_while_the_load_runs_is_the_one_that_is_kept(
    server: Server, name: str, load: Load, begin: Load
) -> None:
    load("load-1")
    second = begin("load-2")
    live = found(server, name)
    catalogue.update(server, live.id, "new words", live.mark)
    second.commit(0, 0)
    assert found(server, name).settings.text == "new words"


def test_the_old_bucket_is_kept_as_an_ordinary_one_if_asked(server: Server, name: str, load: Load) -> None:
    first = load("load-1", values=3)
    load("load-2", values=2, keep_old=True)
    load("load-3", values=1, keep_old=True)
    old = catalogue.get(server, first.bucket_id)
    assert old is not None
    assert old.name.startswith(f"{name}.old-2")
    assert old.mark is None
    assert count_values(server, old.id) == 3
    assert len(names_of(server, name)) == 3
    assert count_values(server, found(server, name).id) == 1


@pytest.mark.parametrize("keep_old", [False, True])
def test_an_answer_that_gets_lost_on_its_way_does_no_harm(
    server: Server, name: str, *, load: Load, begin: Load, monkeypatch: pytest.MonkeyPatch, keep_old: bool
) -> None:
    load("load-1", values=3)
    second = begin("load-2", keep_old=keep_old)
    done: list[tuple[Any, ...]] = []

    def losing(call: Callable[..., Any]) -> Callable[..., Any]:
        def call_and_lose_the_first_answer(*arguments: Any) -> Any:
            answer = call(*arguments)
            if arguments not in done:
                done.append(arguments)
                raise ServerUnreachableError("lost on its way")
            return answer

        return call_and_lose_the_first_answer

    monkeypatch.setattr(catalogue, "update", losing(catalogue.update))
    monkeypatch.setattr(catalogue, "delete", losing(catalogue.delete))
    second.commit(0, 0)
    monkeypatch.undo()
    assert len(done) == 5
    mark = found(server, name).mark
    assert mark is not None
    assert (mark.load_id, mark.phase) == ("load-2", "done")
    assert len(names_of(server, name)) == (2 if keep_old else 1)


def test_a_bucket_that_takes_the_name_in_the_last_moment_is_left_alone(
    server: Server, name: str, begin: Load, said: list[str]
) -> None:
    target = begin()

    def take_name(step: str) -> None:
        if step == "set aside":
            make_bucket(server, name)

    with pytest.raises(LoadError, match="another bucket took the name"):
        target.commit(0, 0, checkpoint=take_name)
    assert not target.abort(say=said.append)
    assert names_of(server, name) == {""}
    assert found(server, name).mark is None
    assert len(said) == 1


def test_a_name_that_is_taken_between_the_renames_loses_no_data(
    server: Server, name: str, *, load: Load, begin: Load, write: Write, said: list[str]
) -> None:
    load("load-1", values=3)
    second = begin("load-2")
    write(second.bucket_id, points(5))

    def take_name(step: str) -> None:
        if step == "set aside":
            make_bucket(server, name)

    with pytest.raises(LoadError, match=r"is '.*importer-old-load-2'"):
        second.commit(5, 5, checkpoint=take_name)
    assert not second.abort(say=said.append)
    assert names_of(server, name) == {"", ".importer-staging", ".importer-old-load-2"}
    assert any("rename or delete" in line for line in said)
    asked = repair(server, say=said.append)
    assert any("rename or delete" in line and name in line for line in asked)
    assert set(asked) <= set(said)

    catalogue.delete(server, found(server, name).id)
    begin("load-3", if_exists="auto").abort()
    assert names_of(server, name) == {""}
    assert count_values(server, found(server, name).id) == 5
