from __future__ import annotations

import pytest

from importer.bucket import catalogue
from importer.bucket.counting import count_values
from importer.bucket.settings import BucketSettings
from importer.bucket.shards import DAY
from importer.errors import BucketExistsError, ConfigurationError
from importer.server.connection import Server

from .conftest import Load, Write, found, make_bucket, names_of, points
from .test_counting import write_to_storage

pytestmark = pytest.mark.influxd


def test_a_target_that_is_absent_is_created_and_marked(server: Server, name: str, load: Load) -> None:
    target = load(values=4)
    live = found(server, name)
    assert live.id == target.bucket_id
    assert live.mark is not None
    assert (live.mark.role, live.mark.phase, live.mark.points, live.mark.values) == ("live", "done", 4, 4)
    assert not target.replaces
    assert names_of(server, name) == {""}


def test_a_bucket_that_the_importer_made_is_replaced_unasked(server: Server, name: str, load: Load) -> None:
    load("load-1", values=3)
    second = load("load-2", values=5)
    assert second.replaces
    assert count_values(server, found(server, name).id) == 5
    assert names_of(server, name) == {""}


def test_a_bucket_that_the_importer_did_not_make_is_not_replaced_unasked(
    server: Server, name: str, begin: Load
) -> None:
    make_bucket(server, name)
    with pytest.raises(BucketExistsError, match=r"no load of the importer.*--if-exists replace"):
        begin()
    assert names_of(server, name) == {""}


def test_a_marked_bucket_that_somebody_renamed_is_theirs(server: Server, load: Load, begin: Load) -> None:
    live = found(server, load().target)
    assert live.mark is not None
    catalogue.update(server, live.id, "", live.mark.__class__("live", "x", "other", "done", values=3))
    with pytest.raises(BucketExistsError, match="no load of the importer"):
        begin("load-2")


def test_a_bucket_that_somebody_wrote_to_since_is_not_replaced_unasked(
    name: str, load: Load, begin: Load, write: Write
) -> None:
    write(load(values=3).bucket_id, "m,by=somebody v=1i 1")
    with pytest.raises(BucketExistsError, match=r"more than 3 values.*written to it since") as refusal:
        begin("load-2")
    assert name in str(refusal.value)


def test_a_value_of_another_type_in_another_shard_group_is_seen_though_the_count_is_the_same(
    server: Server, begin: Load, write: Write
) -> None:
    first = begin("load-1", shard_duration_seconds=DAY)
    write(first.bucket_id, "m n=1i 0")
    first.commit(1, 1)
    write(first.bucket_id, f"m n=1.5 {10 * DAY * 10**9}")
    assert count_values(server, first.bucket_id) == 1, "the server counts both now: the types need no look"
    with pytest.raises(BucketExistsError, match=r"several types of m\.n \(float, integer\): somebody has written"):
        begin("load-2")


@pytest.mark.parametrize("line", ["m,by=somebody v=1i 1", f"m,by=x v=1.5 {10**18}", "other w=true 1"])
def test_what_is_written_after_the_last_look_is_kept_with_its_bucket(
    server: Server, name: str, *, load: Load, begin: Load, write: Write, line: str
) -> None:
    first = load("load-1", shard_duration_seconds=DAY)
    second = begin("load-2")

    def write_late(step: str) -> None:
        if step == "announce":
            write(first.bucket_id, line)

    (warning,) = [w for w in second.commit(0, 0, checkpoint=write_late) if "kept" in w]
    kept = catalogue.get(server, first.bucket_id)
    assert kept is not None
    assert kept.mark is None
    assert kept.name.startswith(f"{name}.old-2")
    assert f"the bucket that was {name!r} h" in warning
    assert "somebody has written to it since" in warning
    assert warning.endswith(f"kept as {kept.name!r}")
    assert found(server, name).id == second.bucket_id


def test_what_is_written_after_the_last_look_goes_with_a_bucket_that_was_to_be_replaced_in_any_case(
    server: Server, name: str, load: Load, begin: Load, write: Write
) -> None:
    first = load("load-1")
    second = begin("load-2", if_exists="replace")
    second.commit(0, 0, checkpoint=lambda step: write(first.bucket_id, "m w=1i 1") if step == "announce" else None)
    assert names_of(server, name) == {""}


def test_a_bucket_that_loses_its_mark_after_the_last_look_is_kept(
    server: Server, name: str, load: Load, begin: Load
) -> None:
    first = load("load-1")

    def unmark(step: str) -> None:
        if step == "announce":
            catalogue.update(server, first.bucket_id, "mine", None)

    warnings = begin("load-2").commit(0, 0, checkpoint=unmark)
    assert any("lost the importer's mark" in warning for warning in warnings)
    assert catalogue.get(server, first.bucket_id) is not None
    assert len(names_of(server, name)) == 2


def test_a_bucket_that_lost_points_is_not_replaced_unasked(server: Server, load: Load, begin: Load) -> None:
    bucket_id = load(values=3).bucket_id
    server.client.delete_api().delete(
        "2020-09-13T12:26:40Z", "2020-09-13T12:26:41Z", '_measurement="m"', bucket=bucket_id
    )
    with pytest.raises(BucketExistsError, match="holds 0 values where its last load stored 3: points were"):
        begin("load-2")


def test_a_write_while_the_load_runs_is_noticed_before_the_swap(
    server: Server, name: str, load: Load, begin: Load, write: Write
) -> None:
    first = load("load-1")
    second = begin("load-2")
    write(first.bucket_id, "m,by=somebody v=1i 1")
    with pytest.raises(BucketExistsError, match="written to it since"):
        second.commit(0, 0)
    assert not second.abort()
    assert found(server, name).id == first.bucket_id
    assert names_of(server, name) == {""}


def test_values_that_the_server_counts_twice_do_not_stop_a_replacement(
    server: Server, begin: Load, load: Load, write: Write
) -> None:
    first = begin("load-1", shard_duration_seconds=DAY)
    write(first.bucket_id, "\n".join(f"m v=1i {second * 10**9}" for second in range(3000)))
    write_to_storage(server, first.bucket_id)
    write(first.bucket_id, f"m v=1i {10**9 + 5}")
    first.commit(3001, 3001)
    assert count_values(server, first.bucket_id) > 3001, "the server no longer counts wrong: drop the re-read"
    load("load-2")


def test_replace_takes_any_bucket(server: Server, name: str, load: Load, write: Write) -> None:
    write(make_bucket(server, name).id, points(9))
    load(values=2, if_exists="replace")
    assert count_values(server, found(server, name).id) == 2


def test_fail_refuses_any_bucket(load: Load, begin: Load) -> None:
    load(if_exists="fail")
    with pytest.raises(BucketExistsError, match="exists"):
        begin("load-2", if_exists="fail")


def test_append_writes_to_the_live_bucket_and_clears_its_mark(
    server: Server, name: str, load: Load, begin: Load, write: Write
) -> None:
    first = load("load-1", values=3)
    live = found(server, name)
    catalogue.update(server, live.id, "gulls", live.mark)
    second = begin("load-2", if_exists="append")
    assert second.appends
    assert second.bucket_id == first.bucket_id
    live = found(server, name)
    assert (live.settings.text, live.mark) == ("gulls", None)
    write(second.bucket_id, "m,by=second v=1i 1")
    assert any("cannot be undone" in warning for warning in second.commit(1, 1))
    assert second.abort(), "what was appended completely is in place, whatever fails afterwards"
    assert count_values(server, first.bucket_id) == 4
    assert names_of(server, name) == {""}
    with pytest.raises(BucketExistsError, match="no load of the importer"):
        begin("load-3")


def test_append_to_nothing_is_a_load_like_any_other(server: Server, name: str, load: Load) -> None:
    target = load(if_exists="append")
    assert not target.appends
    assert found(server, name).mark is not None


def test_append_to_nothing_does_not_replace_a_bucket_that_appears_meanwhile(
    server: Server, name: str, begin: Load
) -> None:
    target = begin(if_exists="append")
    other = make_bucket(server, name)
    with pytest.raises(BucketExistsError):
        target.commit(0, 0)
    target.abort()
    assert found(server, name).id == other.id
    assert names_of(server, name) == {""}


def test_append_cannot_change_the_retention(server: Server, name: str, begin: Load) -> None:
    make_bucket(server, name, BucketSettings(retention_seconds=2 * DAY))
    with pytest.raises(ConfigurationError, match="retention"):
        begin(if_exists="append", retention_seconds=DAY)
    assert begin(if_exists="append", retention_seconds=2 * DAY).retention_seconds == 2 * DAY
