from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import importer
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.caching.in_process import InProcessCache
from importer.errors import ServerUnreachableError
from importer.server.connection import Connection, Server
from importer.timeseries import bucket as bucket_module
from importer.timeseries.points import PointsRefusedError
from importer.timeseries.series import TimeSeries
from tests.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.influxd import Influxd
from tests.loading import BIRDS, birds_csv
from tests.timeseries.conftest import Kept

DAY = 86_400
HOUR_SECONDS = 3600


def points(metric: str, times: range | list[int], value: Any = 1) -> list[dict[str, Any]]:
    return [{"metric": metric, "timestamp": at, "value": value} for at in times]


def refused(kept: Kept, *batch: dict[str, Any]) -> PointsRefusedError:
    with pytest.raises(PointsRefusedError) as error:
        kept.ingest(*batch, precision="s")
    return error.value


def test_the_bucket_is_made_when_the_first_points_are_stored(kept: Kept) -> None:
    assert catalogue.find(kept.server, kept.bucket) is None
    assert kept.ingest(*points("m", range(3)), precision="s") == 3
    assert catalogue.find(kept.server, kept.bucket) is not None
    assert len(kept.points("m")) == 3


def test_a_bucket_that_was_deleted_meanwhile_is_made_again(kept: Kept) -> None:
    kept.ingest(*points("m", range(3)), precision="s")
    found = catalogue.find(kept.server, kept.bucket)
    assert found is not None
    catalogue.delete(kept.server, found.id)
    assert kept.ingest(*points("m", [7]), precision="s") == 1
    found = catalogue.find(kept.server, kept.bucket)
    assert found is not None


def test_of_points_with_the_same_key_the_last_one_of_the_batch_wins(kept: Kept) -> None:
    batch = [part for at in range(50) for part in points("m", [5], at)]
    kept.ingest(*points("other", [1]), *batch, precision="s")
    assert [value for _, value, _ in kept.points("m")] == [49]


def test_points_of_another_type_than_the_server_has_are_named_and_all_others_stored(kept: Kept) -> None:
    kept.ingest(*points("fine", [0]), precision="s")
    kept.write("bad value=5i 1000000000", "worse value=true 1000000000")
    batch = [part for at in range(60) for part in (*points("fine", [at]), *points("bad", [at]), *points("worse", [at]))]
    error = refused(kept, *batch, *points("bad", [99], "a text"))
    assert error.stored == 61
    assert sorted({fault.index for fault in error.refused}) == [place for place in range(180) if place % 3]
    assert all("already exists as type" in fault.reason for fault in error.refused)
    assert len(kept.points("fine")) == 60
    assert [value for _, value, _ in kept.points("bad")] == [5.0, "a text"]


def test_points_that_are_older_than_the_bucket_keeps_are_named_and_all_others_stored(kept: Kept) -> None:
    settings = BucketSettings(retention_seconds=10 * DAY, shard_duration_seconds=DAY)
    catalogue.create(kept.server, kept.bucket, settings, None)
    now = int(time.time())
    times = [now - days * DAY - HOUR_SECONDS for days in (1, 40, 2, 30, 3)]
    error = refused(kept, *points("m", times))
    assert (error.stored, [fault.index for fault in error.refused]) == (3, [1, 3])
    assert all("older than the bucket keeps points" in fault.reason for fault in error.refused)
    assert len(kept.points("m")) == 3


def test_refused_batches_take_few_requests(influxd: Influxd, fresh_bucket_name: str) -> None:
    with fault_proxy(influxd.connection.url) as proxy, _through(proxy, influxd) as server:
        kept = Kept(TimeSeries(server, fresh_bucket_name, InProcessCache(60.0)), fresh_bucket_name, influxd.server)
        kept.ingest(*points("fine", [0]), precision="s")
        kept.write("bad value=5i 1000000000")
        before = len(proxy.writes)
        batch = [part for at in range(500) for part in (*points("fine", [at]), *points("bad", [at]))]
        assert refused(kept, *batch).stored == 500
        assert len(proxy.writes) - before <= 4


def test_a_write_whose_answer_is_lost_is_an_error_and_can_be_sent_again(
    influxd: Influxd, fresh_bucket_name: str
) -> None:
    with fault_proxy(influxd.connection.url) as proxy, _through(proxy, influxd) as server:
        kept = Kept(TimeSeries(server, fresh_bucket_name, InProcessCache(60.0)), fresh_bucket_name, influxd.server)
        kept.ingest(*points("m", [0]), precision="s")
        assert len(kept.points("m")) == 1
        proxy.faults.append(Fault(passed_on=True))
        with pytest.raises(ServerUnreachableError):
            kept.ingest(*points("m", [1]), precision="s")
        # It was stored, and the answer that was kept before is not given out any more.
        assert len(kept.points("m")) == 2
        assert kept.ingest(*points("m", [1]), precision="s") == 1
        assert len(kept.points("m")) == 2


def test_what_a_lost_write_may_still_change_is_asked_for_each_time_until_it_cannot_any_more(
    influxd: Influxd, fresh_bucket_name: str
) -> None:
    with fault_proxy(influxd.connection.url) as proxy, _through(proxy, influxd) as server:
        series = TimeSeries(server, fresh_bucket_name, InProcessCache(60.0), unsettled_seconds=1.0)
        kept = Kept(series, fresh_bucket_name, influxd.server)
        kept.ingest(*points("m", [0]), *points("other", [0]), precision="s")
        kept.page("other")
        proxy.faults.append(Fault())
        with pytest.raises(ServerUnreachableError):
            kept.ingest(*points("m", [1]), precision="s")
        assert (len(kept.points("m")), kept.metrics()[0]["count"]) == (1, 1)
        kept.write("m value=1 1000000000", "new value=1 1000000000")  # as if it had been on its way until now
        assert (len(kept.points("m")), [each["count"] for each in kept.metrics()]) == (2, [2, 1, 1])
        misses = series._answers._cache.info().misses
        kept.page("other")
        assert series._answers._cache.info().misses == misses
        time.sleep(1.0)
        kept.page("m")
        misses = series._answers._cache.info().misses
        kept.page("m")
        assert series._answers._cache.info().misses == misses


def test_a_server_that_breaks_off_while_refusals_are_looked_for_is_said_to_have_stored_some(
    influxd: Influxd, fresh_bucket_name: str
) -> None:
    with fault_proxy(influxd.connection.url) as proxy, _through(proxy, influxd) as server:
        kept = Kept(TimeSeries(server, fresh_bucket_name, InProcessCache(60.0)), fresh_bucket_name, influxd.server)
        kept.ingest(*points("fine", [0]), precision="s")
        kept.write("bad value=5i 1000000000")
        proxy.faults += [None, Fault()]
        with pytest.raises(ServerUnreachableError, match="some of the points may be stored"):
            kept.ingest(*points("fine", [1]), *points("bad", [1]), precision="s")


def test_a_load_that_replaces_the_bucket_is_what_is_asked_and_written_to_from_then_on(
    make_kept: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch, influxd: Influxd, tmp_path: Any
) -> None:
    monkeypatch.setattr(bucket_module, "REMEMBERED_SECONDS", 0.0)
    kept = make_kept()
    kept.ingest(*points("m", range(3)), precision="s")
    assert len(kept.points("m")) == 3
    path = tmp_path / "birds.csv"
    path.write_text(birds_csv(5))
    mapping = BIRDS | {"fields": {"value": {"column": "lat", "type": "float"}}}
    options = importer.LoadOptions(
        bucket=kept.bucket, if_exists="replace", rejects=tmp_path / "rejects.csv", state_dir=tmp_path
    )
    importer.load(path, mapping=mapping, options=options, connection=influxd.connection)
    assert [each["metric"] for each in kept.metrics()] == ["birds"]
    assert len(kept.points("birds")) == 5
    assert kept.ingest(*points("m", [9]), precision="s") == 1
    assert len(kept.points("m")) == 1


def test_a_load_does_not_replace_unasked_what_points_were_added_to(kept: Kept, influxd: Influxd, tmp_path: Any) -> None:
    path = tmp_path / "birds.csv"
    path.write_text(birds_csv(5))
    options = importer.LoadOptions(bucket=kept.bucket, rejects=tmp_path / "rejects.csv", state_dir=tmp_path)
    importer.load(path, mapping=BIRDS, options=options, connection=influxd.connection)
    kept.ingest(*points("m", [9]), precision="s")
    with pytest.raises(importer.BucketExistsError):
        importer.load(path, mapping=BIRDS, options=options, connection=influxd.connection)
    assert len(kept.points("m")) == 1


def test_batches_at_once_are_all_stored(make_kept: Callable[..., Kept]) -> None:
    kept, errors = make_kept(), []

    def send(number: int) -> None:
        try:
            for round_ in range(5):
                kept.ingest(*points(f"m{number}", range(100 * round_, 100 * round_ + 100)), precision="s")
        except Exception as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [(each["metric"], each["count"]) for each in kept.metrics()] == [(f"m{n}", 500) for n in range(8)]


def _through(proxy: FaultProxy, influxd: Influxd) -> Server:
    return Server(Connection(proxy.url, influxd.connection.token, influxd.connection.org), timeout_seconds=5.0)
