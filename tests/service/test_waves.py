"""Waves by HTTP, stored in and read from a real InfluxDB."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from influxdb_client.client.write_api import SYNCHRONOUS
from starlette.testclient import TestClient

from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.measurements.opening import opened_bucket
from tests.influxd import Influxd
from tests.loading import Trial, birds_csv, rows_of
from tests.service_app import ServiceMaker


@pytest.fixture
def surf(influxd: Influxd, fresh_bucket_name: str) -> str:
    """An empty bucket."""
    opened_bucket(influxd.server, fresh_bucket_name, create=True)
    return fresh_bucket_name


Insert = Callable[..., dict[str, Any]]


@pytest.fixture
def insert(service: TestClient, surf: str) -> Insert:
    """Records a wave that has to be accepted."""

    def sent(location: str, height: float, moment: str | None = None) -> dict[str, Any]:
        answer = service.post(f"/write/{surf}/insert", json={"location": location, "height": height, "time": moment})
        assert answer.status_code == 201, answer.text
        stored: dict[str, Any] = answer.json()
        return stored

    return sent


def found(service: TestClient, surf: str, **query: Any) -> list[tuple[str, float]]:
    answer = service.get(f"/read/{surf}/query", params=query)
    assert answer.status_code == 200, answer.text
    return [(record["location"], record["height"]) for record in answer.json()["records"]]


def test_a_wave_is_stored_under_its_place_in_lower_case_and_the_answer_is_what_is_stored(
    influxd: Influxd, surf: str, insert: Insert
) -> None:
    stored = insert("  Hawaii North Shore ", 1.25, "2024-05-01T14:00:00.123456789+02:00")
    assert stored == {
        "bucket": surf,
        "location": "hawaii north shore",
        "height": 1.25,
        "time": "2024-05-01T12:00:00.123456789Z",
    }
    bucket = catalogue.find(influxd.server, surf)
    assert bucket is not None
    (row,) = rows_of(influxd.server, bucket.id).to_dicts()
    assert (row["_measurement"], row["location"], row["_field"]) == ("surf_heights", "hawaii north shore", "height")
    assert (row["_time"], row["_value"]) == ("2024-05-01T12:00:00.123456789Z", "1.25")


def test_a_wave_without_a_time_is_of_now(insert: Insert) -> None:
    before = time.time_ns()
    stored = insert("hawaii", 1)["time"]
    seconds, fraction = re.fullmatch(r"(.*?)(?:\.(\d+))?Z", stored).groups()  # type: ignore[union-attr]
    whole = int(time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S"))) - time.timezone
    assert before <= whole * 10**9 + int((fraction or "").ljust(9, "0")) <= time.time_ns()


def test_the_least_height_compares_values_and_the_place_is_found_in_whatever_case(
    service: TestClient, surf: str, insert: Insert
) -> None:
    for place, height in (("Hawaii", 0.5), ("Hawaii", 10), ("Malibu", 9), ("Malibu", -1), ("Malibu", 2)):
        insert(place, height)
    assert found(service, surf, min_height=2) == [("hawaii", 10), ("malibu", 9), ("malibu", 2)]
    assert found(service, surf, location="HAWAII ") == [("hawaii", 0.5), ("hawaii", 10)]
    assert found(service, surf, location="hawaii", min_height=0.6) == [("hawaii", 10)]
    assert found(service, surf, min_height=-1) == found(service, surf) == found(service, surf, location="")
    assert found(service, surf, location="nowhere") == []


def test_waves_of_all_time_are_listed_unless_start_and_stop_say_otherwise(
    service: TestClient, surf: str, insert: Insert
) -> None:
    first, last = "1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775806Z"
    for height, moment in enumerate([first, "2001-01-01T00:00:00Z", "2024-05-01T00:00:00Z", last]):
        insert("hawaii", height, moment)
    listed = service.get(f"/read/{surf}/list").json()
    assert [record["time"] for record in listed["records"]] == [
        first,
        "2001-01-01T00:00:00Z",
        "2024-05-01T00:00:00Z",
        last,
    ]
    assert (listed["bucket"], listed["truncated"]) == (surf, False)

    def heights(**query: str) -> list[float]:
        answer = service.get(f"/read/{surf}/list", params=query)
        assert answer.status_code == 200, answer.text
        return [record["height"] for record in answer.json()["records"]]

    assert heights(start="2001-01-01", stop="2024-05-01") == [1]
    assert heights(start="2024-05-01T02:00:00+02:00") == [2, 3]
    assert heights(stop="2001-01-01T00:00:00.000000001Z") == [0, 1]
    assert heights(start="-10m", stop="now") == []


def test_more_waves_than_the_limit_are_cut_and_the_answer_says_so(
    service: TestClient, surf: str, insert: Insert
) -> None:
    for second in range(3):
        insert("hawaii", second, f"2024-05-01T00:00:0{second}Z")
    for route in ("list", "query"):
        cut = service.get(f"/read/{surf}/{route}", params={"limit": 2}).json()
        assert ([record["height"] for record in cut["records"]], cut["truncated"]) == ([0, 1], True)
        whole = service.get(f"/read/{surf}/{route}", params={"limit": 3}).json()
        assert (len(whole["records"]), whole["truncated"]) == (3, False)


PLACES = [
    'x" or r.location != "',
    "x' OR 1=1 --",
    r"back\slash and ${r.location}",
    "$start",
    "ümläut, =comma",
    'a"b',
    "日本",
]


def test_signs_of_query_languages_in_a_place_are_that_places_name(
    service: TestClient, surf: str, insert: Insert
) -> None:
    for place in PLACES:
        insert(place, 2)
    for place in PLACES:
        assert found(service, surf, location=place) == [(place.lower(), 2)]


WRONG_WAVES: list[tuple[Any, str]] = [
    ({"location": "hawaii"}, "body.height"),
    ({"height": 1}, "body.location"),
    ({"location": "", "height": 1}, "body.location"),
    ({"location": 7, "height": 1}, "body.location"),
    ({"location": "hawaii", "height": "1"}, "body.height"),
    ({"location": "hawaii", "height": True}, "body.height"),
    ({"location": "hawaii", "height": None}, "body.height"),
    ({"location": "hawaii", "height": 1, "hieght": 2}, "body.hieght"),
    ({"location": "hawaii", "height": 1, "time": "2024-05-01T12:00:00"}, "body.time"),
    ({"location": "hawaii", "height": 1, "time": 7}, "body.time"),
    ([], "body"),
]


def test_a_wrong_wave_is_refused_and_the_answer_names_the_part(service: TestClient, surf: str) -> None:
    for sent, where in WRONG_WAVES:
        answer = service.post(f"/write/{surf}/insert", json=sent)
        assert answer.status_code == 400, (sent, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["where"] for error in answer.json()["errors"]] == [where]
    assert found(service, surf) == []


UNSTORABLE = [
    b'{"location": "hawaii", "height": NaN}',
    b'{"location": "hawaii", "height": -Infinity}',
    b'{"location": "hawaii", "height": 1e400}',
    b'{"location": "hawaii", "height": 1' + b"0" * 400 + b"}",
    b'{"location": "  ", "height": 1}',
    b'{"location": "ends in a backslash\\\\", "height": 1}',
    b'{"location": "two\\nlines", "height": 1}',
    b'{"location": "\\ud800", "height": 1}',
    b'{"location": "hawaii", "height": 1, "time": "2024-13-45T00:00:00Z"}',
    b'{"location": "hawaii", "height": 1, "time": "9999-01-01T00:00:00Z"}',
    b'{"location": "' + b"x" * 70_000 + b'", "height": 1}',
    b"no JSON",
    b"\xff\xfe",
    b"",
]


def test_what_influxdb_cannot_hold_is_refused_and_nothing_is_stored(service: TestClient, surf: str) -> None:
    for body in UNSTORABLE:
        answer = service.post(f"/write/{surf}/insert", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, (body, answer.text)
        assert answer.json()["detail"]
    assert found(service, surf) == []


def test_a_wave_that_is_not_sent_as_json_is_refused(service: TestClient, surf: str) -> None:
    text = '{"location": "hawaii", "height": 1}'
    for headers in ({"Content-Type": "text/plain"}, {}):
        for path in (f"/write/{surf}/insert", "/query", "/ingest", "/inspections"):
            answer = service.post(path, content=text, headers=headers)
            assert (answer.status_code, "application/json" in answer.json()["detail"]) == (415, True), answer.text


WRONG_FILTERS: list[dict[str, Any]] = [
    {"min_height": "high"},
    {"min_height": "nan"},
    {"limit": 0},
    {"limit": 10_001},
    {"start": "yesterday"},
    {"start": "2024-05-02", "stop": "2024-05-01"},
]


def test_a_wrong_filter_is_refused(service: TestClient, surf: str) -> None:
    for query in WRONG_FILTERS:
        answer = service.get(f"/read/{surf}/query", params=query)
        assert answer.status_code == 400, (query, answer.text)
        assert answer.json()["detail"]


def test_a_bucket_that_does_not_exist_is_404_and_is_not_made(
    service: TestClient, influxd: Influxd, fresh_bucket_name: str
) -> None:
    answers = [
        service.post(f"/write/{fresh_bucket_name}/insert", json={"location": "hawaii", "height": 1}),
        service.get(f"/read/{fresh_bucket_name}/query"),
        service.get(f"/read/{fresh_bucket_name}/list"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert fresh_bucket_name in answers[0].json()["detail"]
    assert catalogue.find(influxd.server, fresh_bucket_name) is None


def test_nothing_is_written_into_the_servers_own_buckets(service: TestClient) -> None:
    answer = service.post("/write/_monitoring/insert", json={"location": "hawaii", "height": 1})
    assert answer.status_code == 400, answer.text


def test_an_influxdb_that_does_not_answer_is_503_and_after_its_return_all_is_well(
    own_influxd: Callable[[], Influxd], make_service: ServiceMaker
) -> None:
    influxd = own_influxd()
    service = make_service(find=lambda: influxd.connection)
    wave = {"location": "hawaii", "height": 1}
    assert service.post("/write/default/insert", json=wave).status_code == 201
    influxd.stop()
    answers = [
        service.post("/write/default/insert", json=wave),
        service.get("/read/default/query"),
        service.get("/read/default/list"),
        service.get("/ready"),
    ]
    assert [answer.status_code for answer in answers] == [503] * 4
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert service.get("/health").status_code == 200
    influxd.restart()
    assert service.get("/ready").status_code == 200
    assert len(service.get("/read/default/list").json()["records"]) == 1


def test_heights_of_another_type_are_told_of_and_not_overwritten(
    service: TestClient, influxd: Influxd, surf: str
) -> None:
    bucket = catalogue.find(influxd.server, surf)
    assert bucket is not None
    writing = influxd.server.client.write_api(write_options=SYNCHRONOUS)
    writing.write(bucket.id, record="surf_heights,location=hawaii height=1i 1")
    # Of a time so far away that the server itself would take it.
    answer = service.post(f"/write/{surf}/insert", json={"location": "hawaii", "height": 1.5})
    assert answer.status_code == 400, answer.text
    assert "integer" in answer.json()["detail"]
    assert rows_of(influxd.server, bucket.id).height == 1


def test_a_wave_for_a_bucket_that_a_load_is_about_to_replace_is_409(service: TestClient, trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    answers: list[Any] = []

    class WhileLoading:
        def update(self, snapshot: Any) -> None:
            if snapshot.phase == "load" and not answers:
                wave = {"location": "hawaii", "height": 1}
                thread = threading.Thread(
                    target=lambda: answers.append(service.post(f"/write/{trial.bucket}/insert", json=wave))
                )
                thread.start()
                thread.join()

    trial.load(trial.csv(birds_csv(20)), progress=WhileLoading())
    assert answers[0].status_code == 409, answers[0].text
    assert service.post(f"/write/{trial.bucket}/insert", json={"location": "x", "height": 1}).status_code == 201


def test_a_bucket_into_which_a_wave_was_written_is_no_longer_replaced_unasked(
    service: TestClient, trial: Trial
) -> None:
    trial.load(trial.csv(birds_csv(10)))
    assert service.post(f"/write/{trial.bucket}/insert", json={"location": "x", "height": 1}).status_code == 201
    bucket = catalogue.find(trial.server, trial.bucket)
    assert bucket is not None
    assert bucket.mark is None
    assert isinstance(bucket.settings, BucketSettings)
