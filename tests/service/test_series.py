"""Time series over HTTP, with the real InfluxDB behind it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.errors import ConfigurationError
from importer.server.connection import Connection
from importer.service.settings import ServiceSettings
from tests.fault_proxy import Fault, fault_proxy
from tests.influxd import Influxd
from tests.jobs.watching import ended
from tests.loading import BIRDS, Trial, birds_csv
from tests.points import write
from tests.redis_server import RedisServer
from tests.service_app import ServiceMaker

PROBLEM = "application/problem+json"
POINTS = [
    {"metric": "temperature", "timestamp": "2024-05-01T12:00:00.25Z", "value": 21.5, "tags": {"room": "hall"}},
    {"metric": "temperature", "timestamp": "2024-05-01T14:00:01+02:00", "value": 22, "tags": {"room": "attic"}},
    {"metric": "door", "timestamp": "2024-05-01T12:00:07Z", "value": "open"},
]


@pytest.fixture
def client(make_service: ServiceMaker, fresh_bucket_name: str) -> TestClient:
    return make_service(series_bucket=fresh_bucket_name)


@pytest.fixture
def filled(client: TestClient) -> TestClient:
    assert client.post("/ingest", json={"points": POINTS}).status_code == 201
    return client


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    return told


def test_points_are_stored_and_found_again(filled: TestClient) -> None:
    answer = filled.post("/query", json={"metric": "temperature"})
    assert answer.status_code == 200
    assert answer.json() == {
        "metric": "temperature",
        "points": [
            {"time": "2024-05-01T12:00:00.25Z", "value": 21.5, "tags": {"room": "hall"}},
            {"time": "2024-05-01T12:00:01Z", "value": 22.0, "tags": {"room": "attic"}},
        ],
        "next": None,
    }


def test_the_answer_to_a_batch_says_how_many_points_are_stored(client: TestClient) -> None:
    answer = client.post("/ingest", json={"points": POINTS})
    assert (answer.status_code, answer.json()) == (201, {"stored": 3})
    numbers = [{"metric": "m", "timestamp": at, "value": at} for at in range(10_000)]
    answer = client.post("/ingest", json={"points": numbers, "precision": "ms"})
    assert (answer.status_code, answer.json()) == (201, {"stored": 10_000})


def test_metrics_are_listed_with_type_tags_count_and_ends(filled: TestClient) -> None:
    assert filled.get("/metrics").json() == [
        {
            "metric": "door",
            "type": "string",
            "tags": [],
            "count": 1,
            "first": "2024-05-01T12:00:07Z",
            "last": "2024-05-01T12:00:07Z",
        },
        {
            "metric": "temperature",
            "type": "numeric",
            "tags": ["room"],
            "count": 2,
            "first": "2024-05-01T12:00:00.25Z",
            "last": "2024-05-01T12:00:01Z",
        },
    ]


def test_pages_of_metrics_lead_to_one_another(filled: TestClient) -> None:
    filled.post("/ingest", json={"points": [POINTS[0] | {"metric": f"m & {n}"} for n in range(5)]})
    found, address = [], "/metrics?limit=2"
    while address:
        answer = filled.get(address)
        found += [each["metric"] for each in answer.json()]
        address = answer.links.get("next", {}).get("url", "")
    assert found == ["door", *(f"m & {n}" for n in range(5)), "temperature"]


def test_pages_of_points_lead_to_one_another(filled: TestClient) -> None:
    asked = {"metric": "temperature", "limit": 1}
    first = filled.post("/query", json=asked).json()
    second = filled.post("/query", json=asked | {"cursor": first["next"]}).json()
    assert [each["value"] for each in first["points"] + second["points"]] == [21.5, 22.0]
    assert second["next"] is None


def test_aggregations_by_intervals_are_answered(filled: TestClient) -> None:
    asked = {"metric": "temperature", "aggregation": "AVG", "interval": "5m", "tags": {"room": ["hall"]}}
    (point,) = filled.post("/query", json=asked).json()["points"]
    assert point == {"time": "2024-05-01T12:00:00Z", "value": 21.5, "tags": {"room": "hall"}}


def test_a_bad_batch_is_refused_with_each_bad_point_named_and_nothing_stored(client: TestClient) -> None:
    points = [*POINTS, POINTS[0] | {"value": True}, POINTS[0] | {"timestamp": 17}, POINTS[0] | {"metric": "#"}]
    told = problem(client.post("/ingest", json={"points": points}), 400)
    assert [(each["index"], each["where"]) for each in told["errors"]] == [
        (3, "value"),
        (4, "timestamp"),
        (5, "metric"),
    ]
    assert (told["stored"], told["refused"]) == (0, [])
    assert client.get("/metrics").json() == []


def test_numbers_that_json_has_not_are_named_too(client: TestClient) -> None:
    for value in ("NaN", "Infinity", "-Infinity", "1e400", "9007199254740993", "1" * 5000):
        text = json.dumps({"points": POINTS}).replace("21.5", value)
        told = problem(client.post("/ingest", content=text.encode(), headers={"Content-Type": "application/json"}), 400)
        assert told["errors"], value
        assert [each["where"] for each in told["errors"]] in (["value"], ["body"]), value


def test_what_is_no_batch_is_a_bad_request(client: TestClient) -> None:
    for text in (b"", b"{", b"[]", b"null", b'{"points": []}', b"\xff", b'{"points": [' + b"[" * 5000):
        told = problem(client.post("/ingest", content=text, headers={"Content-Type": "application/json"}), 400)
        assert told["errors"], text
        assert told["errors"][0]["index"] is None, text
        assert "Invalid" not in told["errors"][0]["reason"], text


def test_what_influxdb_refuses_is_named_and_the_rest_is_stored(
    client: TestClient, influxd: Influxd, fresh_bucket_name: str
) -> None:
    settings = BucketSettings(retention_seconds=3600 * 48, shard_duration_seconds=3600)
    catalogue.create(influxd.server, fresh_bucket_name, settings, None)
    now = int(time.time())
    points = [{"metric": "m", "timestamp": now - age, "value": 1} for age in (60, 10**7, 120)]
    told = problem(client.post("/ingest", json={"points": points, "precision": "s"}), 400)
    assert told["stored"] == 2
    assert [each["index"] for each in told["refused"]] == [1]
    assert "older than the bucket keeps points" in told["refused"][0]["reason"]
    assert len(client.post("/query", json={"metric": "m"}).json()["points"]) == 2


def test_fields_of_another_type_are_refused_with_the_servers_reason(
    filled: TestClient, influxd: Influxd, fresh_bucket_name: str
) -> None:
    found = catalogue.find(influxd.server, fresh_bucket_name)
    assert found is not None
    write(influxd.server, found.id, "taken value=1i 1714564800000000000")
    told = problem(filled.post("/ingest", json={"points": [POINTS[0] | {"metric": "taken"}, POINTS[0]]}), 400)
    assert (told["stored"], [each["index"] for each in told["refused"]]) == (1, [0])


def test_a_batch_that_is_not_said_to_be_json_is_refused(client: TestClient) -> None:
    for kind in ("text/csv", "application/x-www-form-urlencoded", "multipart/form-data"):
        body = json.dumps({"points": POINTS}).encode()
        told = problem(client.post("/ingest", content=body, headers={"Content-Type": kind}), 415)
        assert "application/json" in told["detail"]


def test_a_batch_that_is_too_large_is_refused(make_service: ServiceMaker, fresh_bucket_name: str) -> None:
    client = make_service(series_bucket=fresh_bucket_name, max_body_bytes=1000)
    problem(client.post("/ingest", json={"points": POINTS * 10}), 413)


WRONG_QUERIES: list[dict[str, Any]] = [
    {},
    {"metric": ""},
    {"metric": 5},
    {"metric": "m", "limit": 0},
    {"metric": "m", "limit": 10_001},
    {"metric": "m", "limit": "5"},
    {"metric": "m", "aggregation": "avg"},
    {"metric": "m", "tags": {"a": 5}},
    {"metric": "m", "tags": {"a": []}},
    {"metric": "m", "more": 1},
    {"metric": "m", "interval": "5m"},
    {"metric": "m", "aggregation": "AVG", "interval": "0s"},
    {"metric": "m", "start": "noon"},
    {"metric": "m", "start": "now", "stop": "-1d"},
    {"metric": "m", "cursor": "???"},
    {"metric": "door", "aggregation": "STDDEV"},
]


def test_wrong_queries_are_bad_requests_that_say_why(filled: TestClient) -> None:
    for asked in WRONG_QUERIES:
        told = problem(filled.post("/query", json=asked), 400)
        assert told["detail"], asked
    headers = {"Content-Type": "application/json"}
    tagged = b'{"metric": "temperature", "tags": {"room": "x"}}'
    for text in (b"[]", b"\xff", b"", tagged.replace(b"room", b"\\udfff"), tagged.replace(b"x", b"\\ud800")):
        problem(filled.post("/query", content=text, headers=headers), 400)
    problem(filled.post("/query", content=b'{"metric": "\\ud800"}', headers=headers), 400)


def test_wrong_pages_of_metrics_are_bad_requests(filled: TestClient) -> None:
    for query in ("limit=0", "limit=1001", "limit=x"):
        problem(filled.get(f"/metrics?{query}"), 400)


def test_a_metric_and_a_bucket_that_are_not_there_are_not_found(client: TestClient) -> None:
    problem(client.post("/query", json={"metric": "temperature"}), 404)
    client.post("/ingest", json={"points": POINTS})
    told = problem(client.post("/query", json={"metric": "humidity"}), 404)
    assert "there is no metric 'humidity'" in told["detail"]


ROUTES: list[Callable[[TestClient], Any]] = [
    lambda client: client.post("/ingest", json={"points": POINTS}),
    lambda client: client.post("/query", json={"metric": "temperature"}),
    lambda client: client.get("/metrics"),
]


@pytest.fixture
def refuser(influxd: Influxd) -> Iterator[str]:
    """An InfluxDB that knows nobody."""
    with fault_proxy(influxd.connection.url) as proxy:
        proxy.rule = lambda _: Fault(status=401, body=b'{"message": "unauthorized access"}')
        yield proxy.url


@pytest.mark.parametrize("ask", ROUTES)
def test_without_influxdb_the_answer_is_503_and_says_when_to_try_again(
    make_service: ServiceMaker, ask: Callable[[TestClient], Any]
) -> None:
    nobody = Connection("http://127.0.0.1:1", "a-token-that-is-shown-nowhere", "org")
    answer = ask(make_service(find=lambda: nobody))
    told = problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert "a-token-that-is-shown-nowhere" not in json.dumps(told)


@pytest.mark.parametrize("ask", ROUTES)
def test_an_influxdb_that_refuses_the_services_token_is_503_and_says_so(
    refuser: str, make_service: ServiceMaker, ask: Callable[[TestClient], Any]
) -> None:
    answer = ask(make_service(find=lambda: Connection(refuser, "a-token", "org")))
    assert "refuses the token" in problem(answer, 503)["detail"]


@pytest.fixture
def slow(influxd: Influxd) -> Iterator[Connection]:
    """An InfluxDB that takes its time."""
    with fault_proxy(influxd.connection.url) as proxy:
        proxy.latency_seconds = 1.0
        yield Connection(proxy.url, influxd.connection.token, influxd.connection.org)


@pytest.mark.parametrize("ask", ROUTES)
def test_a_request_that_takes_too_long_is_given_up(
    slow: Connection, make_service: ServiceMaker, ask: Callable[[TestClient], Any]
) -> None:
    problem(ask(make_service(find=lambda: slow, request_seconds=0.3)), 504)


def test_the_cache_in_the_process_tells_how_it_is_doing(filled: TestClient) -> None:
    for _ in range(3):
        filled.post("/query", json={"metric": "temperature"})
    told = filled.get("/cache/info").json()
    assert (told["backend"], told["available"], told["errors"], told["ttl_seconds"]) == ("in process", True, 0, 60.0)
    assert told["hits"] >= 2
    assert told["invalidations"] == 3
    assert told["entries"] == 2


def test_redis_keeps_answers_where_it_is_named_and_is_not_needed(
    make_service: ServiceMaker, own_redis: Callable[[], RedisServer], fresh_bucket_name: str
) -> None:
    server = own_redis()
    client = make_service(series_bucket=fresh_bucket_name, redis_url=server.url)
    assert client.post("/ingest", json={"points": POINTS}).status_code == 201
    first = client.post("/query", json={"metric": "temperature"}).json()
    assert client.post("/query", json={"metric": "temperature"}).json() == first
    told = client.get("/cache/info").json()
    assert (told["backend"], told["available"], told["errors"]) == ("redis", True, 0)
    assert told["hits"] > 0
    server.stop()
    assert client.post("/ingest", json={"points": POINTS}).status_code == 201
    assert client.post("/query", json={"metric": "temperature"}).json() == first
    assert client.get("/metrics").status_code == 200
    told = client.get("/cache/info").json()
    assert (told["available"], told["entries"], told["errors"] > 0) == (False, None, True)


def test_series_routes_are_documented_with_models_and_all_their_errors(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    expected = {
        ("/ingest", "post"): {"201", "400", "403", "408", "409", "413", "415", "503", "504"},
        ("/query", "post"): {"200", "400", "403", "404", "408", "413", "415", "503", "504"},
        ("/metrics", "get"): {"200", "400", "403", "503", "504"},
        ("/cache/info", "get"): {"200", "400", "403", "503", "504"},
    }
    for (path, method), statuses in expected.items():
        assert set(paths[path][method]["responses"]) == statuses


def test_a_redis_or_bucket_that_cannot_be_is_refused_before_the_service_starts() -> None:
    for settings in ({"redis_url": "http://:a-secret-of-somebody@127.0.0.1"}, {"series_bucket": "_monitoring"}):
        with pytest.raises(ConfigurationError) as error:
            ServiceSettings.of(**settings)
        assert next(iter(settings)).upper() in str(error.value)
        assert "a-secret-of-somebody" not in str(error.value)


def test_a_batch_for_a_bucket_that_a_load_is_about_to_replace_is_409(make_service: ServiceMaker, trial: Trial) -> None:
    client = make_service(series_bucket=trial.bucket)
    trial.load(trial.csv(birds_csv(10)))
    answers: list[Any] = []

    class WhileLoading:
        def update(self, snapshot: Any) -> None:
            if snapshot.phase == "load" and not answers:
                thread = threading.Thread(
                    target=lambda: answers.append(client.post("/ingest", json={"points": POINTS}))
                )
                thread.start()
                thread.join()

    trial.load(trial.csv(birds_csv(20)), progress=WhileLoading())
    assert "a load is at work" in problem(answers[0], 409)["detail"]
    assert client.post("/ingest", json={"points": POINTS}).status_code == 201


def test_an_import_into_the_bucket_of_the_time_series_is_in_the_very_next_answer(
    make_service: ServiceMaker, trial: Trial
) -> None:
    client = make_service(series_bucket=trial.bucket)
    fields = {"value": {"column": "n", "type": "float"}}
    assert client.post("/ingest", json={"points": POINTS}).status_code == 201
    for number, rule in ((5, "replace"), (9, "replace"), (12, "append")):
        client.get("/metrics")
        client.post("/query", json={"metric": "birds"})
        upload = client.post("/uploads", content=birds_csv(number)).json()["upload"]
        wanted = {"upload": upload, "bucket": trial.bucket, "mapping": BIRDS | {"fields": fields}, "if_exists": rule}
        assert ended(client, client.post("/imports", json=wanted).json()["id"])["state"] == "verified"
        assert [(each["metric"], each["count"]) for each in client.get("/metrics").json()] == [("birds", number)]
        assert len(client.post("/query", json={"metric": "birds"}).json()["points"]) == number


def test_the_cache_remembers_long_questions_and_names_that_there_are_not_by_short_keys(service: TestClient) -> None:
    service.post("/ingest", json={"points": [{"metric": "kept", "timestamp": "2024-05-01T12:00:00Z", "value": 1}]})
    assert service.post("/query", json={"metric": "m" * 60_000}).status_code == 404
    assert service.post("/query", json={"metric": "kept", "tags": {"a": ["b" * 60_000]}}).status_code == 200
    cache = service.app.state.resources.cache  # type: ignore[attr-defined]
    assert max(len(group) for group in cache._stamps) < 100
    assert max(len(place.group + place.name) for place in cache._values) < 200
    assert service.post("/query", json={"metric": "m" * 65_536}).status_code == 400
