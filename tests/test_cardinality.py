from __future__ import annotations

import gzip
import logging
import random
import re
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from importer import LoadError, cardinality
from importer.cardinality import SeriesWatch, expected_series
from importer.records import Lines, Outcome, PointBatch
from importer.sink.influx import InfluxSink
from importer.source import open as opening
from tests.loading import BIRDS, START, Trial, birds_csv
from tests.mapping.mapped import column_mapper, table


def keys(values: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"measurement": ["m"] * len(values), "tag": [str(value) for value in values]})


@pytest.mark.parametrize("known", [1, 126, 5_000, 50_000])
def test_series_that_come_again_and_again_are_expected_about_as_many_as_there_are(known: int) -> None:
    choose = random.Random(known)  # noqa: S311
    first = [choose.randrange(known) for _ in range(30_000)]
    assert known * 0.9 <= expected_series(keys(first), 3_000_000) <= known * 1.1


@pytest.mark.parametrize("rows_each", [1, 3, 100])
def test_series_that_come_once_and_never_again_are_expected_to_go_on_coming(rows_each: int) -> None:
    found = expected_series(keys([row // rows_each for row in range(30_000)]), 3_000_000)
    assert found == pytest.approx(3_000_000 / rows_each, rel=0.02)


def test_of_points_that_are_all_there_is_their_series_are_counted() -> None:
    assert expected_series(keys(list(range(300))), 300) == 300
    assert expected_series(keys([7]), 1_000_000) == 1
    assert expected_series(keys([]), 0) == 0


def watched(tags: dict[str, str], rows: list[str], *, most: int = 1_000, share: float | None = 0.01) -> list[str]:
    """What is said of the first rows of columns t, v, a and b."""
    mapper = column_mapper(tags={key: {"column": column} for key, column in tags.items()})
    said: list[str] = []

    def encode(batch: PointBatch) -> Lines:
        return Lines(batch.block, batch.frame, batch.fields, (), batch.rows_mapped)

    watch = SeriesWatch(encode, most=most, share_of=lambda _block: share, warn=said.append)
    for number in range(2):
        watch(mapper(table("t,v,a,b\n" + "\n".join(rows) + "\n", mapper, number)))
    return said


def test_the_warning_names_the_tag_with_the_most_values_and_the_limit_once() -> None:
    (said,) = watched({"few": "a", "id": "b"}, [f"{n},1,{n % 3},{n}" for n in range(500)])
    assert said == (
        "about 50,000 series are to be expected of about 50,000 points: the tag 'id' has 500 values in the first 500 "
        "points; make it a field; the load stops at more than --max-series 1,000"
    )


def test_tags_that_are_many_only_together_are_named_together() -> None:
    (said,) = watched({"x": "a", "y": "b"}, [f"{n},1,{n % 25},{n // 25}" for n in range(500)])
    assert "the tags (x, y) have 500 combinations in the first 500 points; make one of them a field" in said


def test_a_stream_is_taken_for_ten_times_its_first_block() -> None:
    (said,) = watched({"id": "b"}, [f"{n},1,0,{n}" for n in range(500)], share=None)
    assert said.startswith("about 5,000 series are to be expected of 5,000 points, should there be so many: ")


def test_of_few_series_nothing_is_said() -> None:
    assert watched({"few": "a"}, [f"{n},1,{n % 30},{n}" for n in range(500)]) == []
    assert watched({}, [f"{n},1,0,0" for n in range(500)]) == []


def by_id(rows: int) -> str:
    return "t,bird,lat,n\n" + "".join(f"{START + n},{n:040},1.5,{n}\n" for n in range(rows))


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened: each warning that was logged, and each block that was sent, in this order."""
    happened: list[str] = []
    send = InfluxSink.together

    def noted(sink: InfluxSink, batch: Sequence[Lines]) -> list[Outcome]:
        happened.extend("sent" for _ in batch)
        return send(sink, batch)

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                happened.append(record.getMessage())

    monkeypatch.setattr(InfluxSink, "together", noted)
    handler = Listening()
    monkeypatch.setattr(logging.getLogger("importer"), "handlers", [handler])
    return happened


@pytest.mark.promise(
    fault="a tag that has a value of its own in (nearly) every row",
    promise="it is warned of before the first write, and no more series than --max-series are ever written",
    seen="a warning that names the tag and how many series to expect; beyond the limit exit 1, the bucket as it was",
)
@pytest.mark.usefixtures("request_for_each_block")
def test_many_series_are_warned_of_before_the_first_write_and_stop_before_the_limit_is_passed(
    trial: Trial, events: list[str]
) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    events.clear()
    source = trial.csv(by_id(60_000), "ids.csv")
    with pytest.raises(LoadError, match="more than 20,000 series") as error:
        trial.load(source, max_series=20_000, block_bytes=1 << 20, workers=1)
    said = "the tag 'bird' has"
    assert said in events[0]
    assert "the load stops at more than --max-series 20,000" in events[0]
    assert events[1:] == ["sent"]  # of some 17,000 rows; with the next block there would be 34,000 series
    report = error.value.report
    assert report is not None
    assert [warning for warning in report.warnings if said in warning]
    assert trial.state_now() == before
    assert trial.buckets == {""}


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_load_of_many_series_within_the_limit_is_warned_of_and_done(
    trial: Trial, events: list[str], ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cardinality, "MANY_SERIES", 20_000)
    monkeypatch.setattr(opening, "READ_BYTES", 1 << 15)  # else a file so small is read, compressed, in one piece
    fields: dict[str, Any] = {"n": {"column": "n", "type": "integer"}}
    text = by_id(40_000).encode()
    source = trial.csv(gzip.compress(text) if ending else text, f"ids.csv{ending}")
    report = trial.load(source, mapping=BIRDS | {"fields": fields}, block_bytes=1 << 20)
    assert re.search(r"about (39|40|41),000 series are to be expected of about \d\d,\d{3} points", events[0])
    assert "sent" in events[1:]
    assert (report.status, report.series) == ("verified", 40_000)
    assert [warning for warning in report.warnings if warning in events[0]]


def test_of_a_few_rows_of_a_large_source_no_more_series_are_expected_than_rows(trial: Trial) -> None:
    report = trial.load(trial.csv(by_id(40_000)), limit=100, max_series=1_000)
    assert (report.series, report.warnings) == (100, [])
