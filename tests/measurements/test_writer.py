"""Measurements into a real server, through a proxy that can be told to go wrong."""

from __future__ import annotations

import gc
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import importer
from importer import ConfigurationError, Measurement, MeasurementError, MeasurementWriter, NotAcknowledgedError
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.errors import AuthorizationError, NotFoundError, ServerUnreachableError
from importer.measurements import RefusedMeasurement
from importer.measurements import sender as sending
from tests.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.influxd import Influxd
from tests.loading import BIRDS, ROOT, Trial, birds_csv
from tests.points import query, write

DAY_NS = 86_400 * 10**9
START = 1_700_000_000 * 10**9
NEVER = 1_000.0


@dataclass
class Reading(Measurement):
    number: int
    value: Any = 1.0
    room: str = "kitchen"
    time: int | None = None
    name: str = "reading"

    def tags(self) -> dict[str, Any]:
        return {"room": self.room}

    def fields(self) -> dict[str, Any]:
        return {"v": self.value, "n": self.number}


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[FaultProxy]:
    with fault_proxy(influxd.connection.url) as proxy:
        yield proxy


Open = Callable[..., MeasurementWriter]


@pytest.fixture
def opened(trial: Trial, proxy: FaultProxy) -> Iterator[Open]:
    """Makes writers into the test's bucket, through the proxy, that flush only when they are told to."""
    made: list[MeasurementWriter] = []

    def make(**options: Any) -> MeasurementWriter:
        usual = {"create": True, "flush_seconds": NEVER, "wait_seconds": 0.3}
        connection = replace(trial.connection, url=proxy.url)
        made.append(MeasurementWriter(trial.bucket, connection=connection, **(usual | options)))
        return made[-1]

    yield make
    proxy.rule = lambda _: None
    for writer in made:
        writer._sender.finish(give_up=True)
        writer._closed = True


def stored(trial: Trial) -> dict[int, Any]:
    """The values of the field ``v``, by number; each series and instant once."""
    flux = """from(bucketID: id) |> range(start: 0, stop: 2200-01-01T00:00:00Z)
        |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")"""
    rows = query(trial.server, flux, id=trial.bucket_id)
    return {row["n"]: row.get("v") for row in rows if row["_measurement"] == "reading"}


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


def test_all_that_was_written_is_there_once_the_writer_is_closed(trial: Trial, proxy: FaultProxy, opened: Open) -> None:
    with opened(batch_size=70) as writer:
        for number in range(200):
            writer.write(Reading(number, number / 2, room=f"room {number % 3}, \\ = "))
    assert stored(trial) == {number: number / 2 for number in range(200)}
    assert (writer.acknowledged, writer.pending, writer.unsent(), writer.refused) == (200, 0, (), ())
    assert max(request.body.count(b"\n") for request in proxy.writes) <= 70
    with pytest.raises(MeasurementError, match="closed"):
        writer.write(Reading(1))
    writer.close()


def test_flush_waits_for_the_servers_answer(trial: Trial, opened: Open) -> None:
    writer = opened()
    writer.write(Reading(1))
    assert (writer.pending, stored(trial)) == (1, {})
    writer.flush()
    assert (writer.pending, stored(trial)) == (0, {1: 1.0})


def test_a_timer_sends_what_no_batch_was_filled_with(opened: Open) -> None:
    writer = opened(flush_seconds=0.05)
    writer.write(Reading(1))
    wait_for(lambda: writer.acknowledged == 1)


def test_what_a_measurement_says_is_copied_when_it_is_written(trial: Trial, opened: Open) -> None:
    reading = Reading(1)
    with opened() as writer:
        writer.write(reading)
        reading.number, reading.value = 2, "changed"
    assert stored(trial) == {1: 1.0}


def test_the_same_series_and_time_is_one_point_and_the_last_written_wins(trial: Trial, opened: Open) -> None:
    with opened(batch_size=2) as writer:
        for value in range(5):
            writer.write(Reading(7, float(value), time=START))
    assert stored(trial) == {7: 4.0}


def test_several_threads_may_write_at_once(trial: Trial, opened: Open) -> None:
    with opened(batch_size=64, max_pending=100) as writer:
        threads = [
            threading.Thread(target=lambda first=first: [writer.write(Reading(first + n)) for n in range(300)])
            for first in range(0, 1_200, 300)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert stored(trial).keys() == set(range(1_200))


@pytest.mark.parametrize(
    "fault",
    [Fault(status=503), Fault(passed_on=True)],
    ids=["503", "answer lost"],
)
def test_a_server_that_is_away_for_a_moment_is_tried_again_and_nothing_is_raised(
    trial: Trial, proxy: FaultProxy, opened: Open, fault: Fault
) -> None:
    with opened(wait_seconds=20) as writer:
        writer.write(Reading(1))
        proxy.faults += [fault, fault]
        writer.flush()
        writer.write(Reading(2))
    assert stored(trial) == {1: 1.0, 2: 1.0}
    assert len(proxy.writes) == 4


def test_a_server_that_stays_away_is_an_error_and_what_is_unsent_is_kept_for_the_next_flush(
    trial: Trial, proxy: FaultProxy, opened: Open
) -> None:
    writer = opened(batch_size=2)
    proxy.rule = lambda request: Fault() if request.is_write else None
    readings = [Reading(number) for number in range(3)]
    writer.write(readings[0])
    with pytest.raises(NotAcknowledgedError, match="1 measurements are not acknowledged, and kept: no answer") as error:
        writer.flush()
    assert isinstance(error.value.__cause__, ServerUnreachableError)
    assert error.value.unsent == writer.unsent() == (readings[0],)
    for reading in readings[1:]:
        writer.write(reading)  # what was raised once is not raised again
    assert writer.unsent() == tuple(readings)
    proxy.rule = lambda _: None
    writer.flush()
    assert (stored(trial), writer.unsent()) == ({0: 1.0, 1: 1.0, 2: 1.0}, ())


def test_an_error_of_the_thread_is_raised_by_the_next_write_which_takes_its_measurement_all_the_same(
    trial: Trial, proxy: FaultProxy, opened: Open
) -> None:
    writer = opened(flush_seconds=0.01)
    proxy.rule = lambda request: Fault(status=401) if request.is_write else None
    writer.write(Reading(1))
    wait_for(lambda: writer._sender._failure is not None)
    with pytest.raises(NotAcknowledgedError, match="refuses the token") as error:
        writer.write(Reading(2))
    assert isinstance(error.value.__cause__, AuthorizationError)
    assert [each.fields()["n"] for each in error.value.unsent] == [1, 2]
    proxy.rule = lambda _: None
    writer.write(Reading(3))
    writer.close()
    assert stored(trial).keys() == {1, 2, 3}


def test_an_error_that_the_thread_itself_has_overcome_is_not_raised(
    trial: Trial, proxy: FaultProxy, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LEAST_PAUSE_SECONDS", 0.01)
    writer = opened(flush_seconds=0.01, wait_seconds=0)
    proxy.faults += [Fault(status=401)]
    writer.write(Reading(1))
    wait_for(lambda: writer.acknowledged == 1)
    writer.close()
    assert stored(trial) == {1: 1.0}


def test_close_raises_where_something_was_not_acknowledged_and_lists_it(proxy: FaultProxy, opened: Open) -> None:
    writer = opened()
    proxy.rule = lambda request: Fault(status=503) if request.is_write else None
    reading = Reading(1)
    writer.write(reading)
    with pytest.raises(NotAcknowledgedError, match="HTTP 503"):
        writer.close()
    assert writer.unsent() == (reading,)
    writer.close()  # it has ended


def test_an_error_of_the_body_is_not_hidden_by_what_could_not_be_written(
    proxy: FaultProxy, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.rule = lambda request: Fault(status=503) if request.is_write else None

    def body() -> None:
        with opened() as writer:
            writer.write(Reading(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as error:
        body()
    assert "besides: 1 measurements are not acknowledged" in error.value.__notes__[0]
    assert "1 measurements are not acknowledged" in caplog.text


def test_memory_is_bounded_a_full_writer_waits_and_loses_nothing(trial: Trial, proxy: FaultProxy, opened: Open) -> None:
    writer = opened(max_pending=50, batch_size=20, wait_seconds=30)
    proxy.latency_seconds, most = 0.05, 0
    for number in range(300):
        writer.write(Reading(number))
        most = max(most, writer.pending)
    assert most == 50
    writer.close()
    assert stored(trial).keys() == set(range(300))


def test_a_full_writer_whose_server_is_away_raises_instead_of_waiting_for_ever(proxy: FaultProxy, opened: Open) -> None:
    writer = opened(max_pending=5)
    proxy.rule = lambda request: Fault() if request.is_write else None
    for number in range(5):
        writer.write(Reading(number))
    with pytest.raises(NotAcknowledgedError, match="no room for more, so the one just written is not taken"):
        writer.write(Reading(5))
    assert writer.pending == 5


def test_long_texts_count_for_the_bound_too(opened: Open, monkeypatch: pytest.MonkeyPatch, proxy: FaultProxy) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 100_000)
    writer = opened()
    for number in range(20):
        writer.write(Reading(number, "x" * 20_000))
    wait_for(lambda: len(proxy.writes) >= 3)
    writer.close()
    assert max(len(request.body) for request in proxy.writes) < 200_000


def conflict(trial: Trial) -> None:
    """Another program makes the field a text, in the shard group of the first days only."""
    write(trial.server, trial.bucket_id, f'reading,room=other v="text",n=0i {START}\n')


def test_refused_measurements_are_raised_with_the_reason_and_all_others_are_written(trial: Trial, opened: Open) -> None:
    writer = opened()
    conflict(trial)
    readings = [Reading(number, time=START + number * DAY_NS * 10) for number in range(1, 5)]
    refused = Reading(9, time=START + 1)
    for reading in (*readings, refused):
        writer.write(reading)
    with pytest.raises(NotAcknowledgedError, match=r"1 measurements were refused.*reading, field v.*conflict") as error:
        writer.flush()
    (told,) = error.value.refused
    assert (told.measurement, told.field) == (refused, "v")
    assert (writer.acknowledged, writer.refused_count, writer.refused, writer.pending) == (4, 1, (told,), 0)
    writer.close()  # it was told already
    assert stored(trial).keys() == {0, 1, 2, 3, 4}


def test_a_callback_gets_the_refused_instead(trial: Trial, opened: Open) -> None:
    got: list[RefusedMeasurement] = []
    with opened(on_refused=got.extend) as writer:
        conflict(trial)
        for number in range(1, 4):
            writer.write(Reading(number, time=START + number))
    assert [each.measurement.fields()["n"] for each in got] == [1, 2, 3]
    assert "conflict" in got[0].reason


def test_an_error_of_the_callback_is_raised_and_the_refused_are_told(trial: Trial, opened: Open) -> None:
    writer = opened(on_refused=lambda _: 1 / 0)
    conflict(trial)
    writer.write(Reading(1, time=START + 1))
    with pytest.raises(NotAcknowledgedError, match=r"division by zero; 1 measurements were refused") as error:
        writer.close()
    assert len(error.value.refused) == 1


@pytest.mark.parametrize(
    ("waits", "said"),
    [
        (lambda writer: writer.flush(), r"flush\(\) or close\(\) in on_refused would wait for itself"),
        (lambda writer: writer.close(), r"flush\(\) or close\(\) in on_refused would wait for itself"),
        (lambda writer: writer.write(Reading(2, "text")), r"write\(\) of more than there is room for in on_refused"),
    ],
)
def test_a_callback_that_would_wait_for_itself_gets_an_error_and_does_not_hang(
    trial: Trial, opened: Open, waits: Callable[[MeasurementWriter], None], said: str
) -> None:
    writer = opened(on_refused=lambda _: waits(writer), max_pending=1)
    conflict(trial)
    closing = threading.Thread(target=lambda: errors.append(_error_of(writer)), daemon=True)
    errors: list[Exception | None] = []
    writer.write(Reading(1, time=START + 1))
    closing.start()
    closing.join(10)
    assert len(errors) == 1
    assert re.search(said, str(errors[0]))


def _error_of(writer: MeasurementWriter) -> Exception | None:
    try:
        writer.close()
    except NotAcknowledgedError as error:
        return error
    return None


def test_refused_at_the_end_is_raised_by_close(trial: Trial, opened: Open) -> None:
    writer = opened()
    conflict(trial)
    writer.write(Reading(1, time=START + 1))
    with pytest.raises(NotAcknowledgedError, match="refused"):
        writer.close()


def test_types_of_the_bucket_are_kept_to_from_the_first_measurement_on(trial: Trial, opened: Open) -> None:
    catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    write(trial.server, trial.bucket_id, f"reading,room=other v=1.5,n=0i {START}\n")
    with opened() as writer:
        writer.write(Reading(1, 20))
        with pytest.raises(MeasurementError, match="'v' began as float"):
            writer.write(Reading(2, "warm"))
    assert stored(trial) == {0: 1.5, 1: 20.0}


def test_a_bucket_that_is_missing_is_made_only_when_asked(trial: Trial) -> None:
    with pytest.raises(NotFoundError, match="there is no bucket"):
        MeasurementWriter(trial.bucket, connection=trial.connection)
    MeasurementWriter(trial.bucket, connection=trial.connection, create=True).close()
    MeasurementWriter(trial.bucket, connection=trial.connection).close()


def test_a_bucket_that_was_written_into_is_no_longer_replaced_unasked(trial: Trial, opened: Open) -> None:
    trial.load(trial.csv(birds_csv(10)), mapping=BIRDS)
    opened().close()
    with pytest.raises(importer.BucketExistsError):
        trial.load(trial.csv(birds_csv(10)), mapping=BIRDS)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"max_pending": 0}, {"flush_seconds": -1}, {"wait_seconds": -1}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="at least"):
        MeasurementWriter("b", **wrong)


def test_a_writer_that_was_dropped_warns_and_its_thread_sends_the_rest(
    trial: Trial, influxd: Influxd, caplog: pytest.LogCaptureFixture
) -> None:
    writer = MeasurementWriter(trial.bucket, connection=influxd.connection, create=True, flush_seconds=NEVER)
    writer.write(Reading(1))
    with caplog.at_level(logging.WARNING):
        del writer
        gc.collect()
    assert "dropped without close()" in caplog.text
    wait_for(lambda: stored(trial) == {1: 1.0})


PROGRAM = """
import os, sys
from importer import Measurement, MeasurementWriter

class One(Measurement):
    name = "reading"
    def tags(self): return {}
    def fields(self): return {"v": 1.0, "n": 1}

writer = MeasurementWriter(sys.argv[1], flush_seconds=1000)
writer.write(One())
if os.fork() == 0:
    try:
        writer.flush()
    except Exception as error:
        print(error)
    sys.exit()  # runs what runs at exit
os.wait()
print("end")
"""


@pytest.mark.usefixtures("environment")
def test_a_program_that_ends_or_forks_without_close_writes_once_and_is_warned(trial: Trial, tmp_path: Path) -> None:
    catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ended = subprocess.run(
        [sys.executable, program, trial.bucket], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert ended.stdout == "this writer belongs to the process that made it: make one in this process, too\nend\n"
    assert ended.stderr.count("without close()") == 1
    assert stored(trial) == {1: 1.0}


@pytest.mark.usefixtures("environment")
def test_the_example_of_the_documentation_works_as_it_stands(trial: Trial) -> None:
    page = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0].replace('"home"', repr(trial.bucket))
    said: dict[str, Any] = {}
    exec(compile(code, "measurements.md", "exec", dont_inherit=True), said)  # noqa: S102 - our own page
    assert said["writer"].acknowledged == 2
    assert trial.rows().height == 3
