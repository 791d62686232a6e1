"""Errors speak of what a request can say, in plain words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from importer.jobs.events import Event
from importer.measurements.opening import opened_bucket
from importer.server.connection import Connection
from importer.service.wording import event_in_requests_words, in_requests_words
from tests.influxd import Influxd
from tests.jobs.watching import ended
from tests.loading import BIRDS, START, Trial, birds_csv
from tests.service_app import ServiceMaker

VALIDATORS_OWN = ("Input should", "Field required", "String should", "Extra inputs", "Value error", "pattern", "\\d")


def test_a_bucket_that_may_not_be_replaced_is_refused_in_words_of_the_request(
    service: TestClient, influxd: Influxd, trial: Trial
) -> None:
    opened_bucket(influxd.server, trial.bucket, create=True)
    service.post(f"/write/{trial.bucket}/insert", json={"location": "hawaii", "height": 1})
    upload = service.post("/uploads?name=a.csv", content=f"time,bird,lat\n{START},b1,47.5\n").json()["upload"]
    answer = service.post("/imports", json={"upload": upload, "bucket": trial.bucket})
    assert answer.status_code == 409
    assert '"if_exists": "replace"' in answer.json()["detail"]
    assert "--" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("say --time-format, or --header 'a,b'", 'say "hints.time_format", or "csv.header" \'a,b\''),
        ("name it with --ca-file", "name it with --ca-file (of the service)"),
        ("a-b -- --unknown-one --if-exists", 'a-b -- --unknown-one (on the command line only) "if_exists"'),
        ("gone on with by --resume", "gone on with by POST /imports/{id}/resume"),
        ("waited for 5 s (--wait). Is", "waited for 5 s. Is"),
    ],
)
def test_options_of_the_command_line_are_told_as_parts_of_a_request(text: str, said: str) -> None:
    assert in_requests_words(text) == said


def test_a_job_that_fails_says_in_its_own_terms_what_can_be_done_wherever_it_is_told(
    service: TestClient, trial: Trial
) -> None:
    upload = service.post("/uploads", content=birds_csv(10, bad_lines=[3])).json()["upload"]
    wanted = {"upload": upload, "bucket": trial.bucket, "mapping": BIRDS}
    job = ended(service, service.post("/imports", json=wanted).json()["id"])
    assert job["state"] == "failed"
    events = service.get(f"/imports/{job['id']}/events").text
    (last,) = [each for each in service.get("/imports").json() if each["id"] == job["id"]]
    told = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: ") and '"error":{' in line]
    assert told
    for each in (job, last, *told):
        assert '"max_rejects"' in each["error"]["message"]
        assert '"max_rejects"' in each["report"]["error"]
    assert "--max-rejects" not in events + json.dumps([job, last])


def test_what_a_load_logs_is_told_in_the_terms_of_a_request() -> None:
    said = "no row is left: --allow-empty replaces it, as --max-columns would not"
    log = {"time": "2024-05-01T10:15:00.004Z", "level": "warning", "message": said}
    for kind, named in (("log", '"allow_empty"'), ("progress", "--allow-empty")):
        told = json.loads(event_in_requests_words(Event("run-1", kind, json.dumps(log))))  # type: ignore[arg-type]
        assert named in told["message"]
        assert told | {"message": said} == log


def test_an_inspection_asks_for_parts_of_a_request(service: TestClient) -> None:
    unclear = service.post("/uploads", content="when,v\n01/02/2020 10:00,1\n03/04/2020 10:00,2\n").json()["upload"]
    (question,) = service.post("/inspections", json={"upload": unclear}).json()["inspection"]["questions"]
    assert question["option"] == "hints.time_format"
    answer = {"upload": unclear, "hints": {"time_format": question["choices"][0]["value"]}}
    found = service.post("/inspections", json=answer).json()
    assert found["inspection"]["questions"] == []
    assert '"hints.timezone"' in json.dumps(found).replace('\\"', '"')
    assert "--timezone" not in json.dumps(found)


WRONG: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("/query", {"limit": "5"}, {"body.metric": "it is missing", "body.limit": "a whole number is needed"}),
    ("/query", {"metric": "m", "tags": {"a": 5}}, {"body.tags.a": "a text or a list is needed"}),
    (
        "/query",
        {"metric": "m", "limit": 0, "mor": 1},
        {"body.limit": "at least 1", "body.mor": "there is no such part"},
    ),
    ("/query", {"metric": "m", "aggregation": "avg"}, {"body.aggregation": "one of 'AVG', 'SUM'"}),
    ("/query", {"metric": "m", "interval": "5m"}, {"body.interval": "goes with an aggregation"}),
    ("/query", {"metric": "m", "start": "noon"}, {"body.start, body.stop": "start 'noon' is not understood"}),
    ("/query", {"metric": "m", "cursor": "?"}, {"body.cursor": "`next` of the page before"}),
    (
        "/write/b/insert",
        {"location": "", "height": "1", "time": "noon"},
        {
            "body.location": "a text that is not empty is needed",
            "body.height": "a number is needed",
            "body.time": "RFC 3339 with an offset is needed",
        },
    ),
    ("/write/b/insert", {"location": "a", "height": 1, "time": "2500-01-01T00:00:00Z"}, {"body.time": "cannot be"}),
    ("/imports", {"upload": "a", "max_rejects": []}, {"body.max_rejects": "a whole number or a text is needed"}),
    ("/inspections", {}, {"body": "give exactly one of: upload, path"}),
    ("/inspections", {"upload": "a", "hints": {"tag": ["a"]}}, {"body.hints.tag": "there is no such part"}),
]


@pytest.mark.parametrize(("path", "body", "wrong"), WRONG)
def test_each_part_of_a_body_that_is_wrong_is_named_with_the_reason_in_plain_words(
    service: TestClient, path: str, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    answer = service.post(path, json=body)
    assert answer.status_code == 400, answer.text
    reasons = {each["where"]: each["reason"] for each in answer.json()["errors"]}
    assert reasons.keys() == wrong.keys()
    for where, reason in wrong.items():
        assert reason in reasons[where]
    assert not [word for word in VALIDATORS_OWN if word in answer.text]


@pytest.mark.parametrize(
    ("address", "reasons"),
    [
        ("/metrics?limt=5", {"query.limt": "did you mean 'limit'?"}),
        ("/read/surf/query?min_hight=2&location=x", {"query.min_hight": "did you mean 'min_height'?"}),
        ("/imports?limit=5&zzz=1", {"query.zzz": "there are: limit"}),
        ("/cache/info?a=1", {"query.a": "this route has no parameters"}),
        ("/read/surf/list?start=noon", {"query.start, query.stop": "start 'noon' is not understood"}),
        ("/metrics?limit=x", {"query.limit": "a whole number is needed"}),
    ],
)
def test_parameters_that_there_are_not_are_refused_with_the_one_that_may_be_meant(
    service: TestClient, address: str, reasons: dict[str, str]
) -> None:
    answer = service.get(address)
    assert answer.status_code == 400, answer.text
    found = {each["where"]: each["reason"] for each in answer.json()["errors"]}
    assert found.keys() == reasons.keys()
    assert all(reason in found[where] for where, reason in reasons.items())


def test_every_400_says_in_errors_what_is_wrong(service: TestClient, trial: Trial) -> None:
    upload = service.post("/uploads", content="t,v\n1,2\n").json()["upload"]
    for path, body in (
        ("/inspections", {"upload": upload, "mapping": "not toml ="}),
        ("/inspections", {"upload": upload, "mapping": {"measurement": "m", "fields": {"v": {"column": 5}}}}),
        ("/inspections", {"upload": upload, "csv": {"skip_rows": -1}}),
        ("/imports", {"upload": upload, "bucket": "_monitoring"}),
        ("/imports", {"upload": upload, "bucket": trial.bucket, "retention": "soon"}),
        (f"/write/{trial.bucket}/insert", {"location": " ", "height": 1}),
    ):
        answer = service.post(path, json=body)
        assert answer.status_code == 400, answer.text
        assert [each["reason"] for each in answer.json()["errors"]] == [answer.json()["detail"]]
        assert not [word for word in VALIDATORS_OWN if word in answer.text]


def test_what_is_wrong_with_a_wave_is_told_without_names_of_the_program(service: TestClient, trial: Trial) -> None:
    opened_bucket(trial.server, f"{trial.bucket}-near", create=True)
    missing = service.post(f"/write/{trial.bucket}-naer/insert", json={"location": "a", "height": 1})
    assert missing.status_code == 404
    assert f"did you mean '{trial.bucket}-near'?" in missing.json()["detail"]
    assert "create" not in missing.json()["detail"]
    odd = service.post(f"/write/{trial.bucket}-near/insert", json={"location": "a\nb", "height": 1})
    assert odd.status_code == 400
    assert odd.json()["detail"].startswith("the tag 'location' is ")
    assert "SurfHeight" not in odd.text


def test_an_influxdb_that_is_away_is_told_of_without_the_names_of_libraries(make_service: ServiceMaker) -> None:
    nobody = Connection("http://127.0.0.1:1", "a-token-of-nobody", "org")
    answer = make_service(find=lambda: nobody).get("/ready")
    assert answer.status_code == 503
    assert "Connection refused" in answer.json()["detail"]
    assert "HTTPConnection" not in answer.text


def test_a_wrong_token_is_told_from_none(make_service: ServiceMaker) -> None:
    service = make_service(token="a-token-of-enough-characters")
    none, wrong = service.get("/metrics"), service.get("/metrics", headers={"Authorization": "Bearer another"})
    assert (none.status_code, wrong.status_code) == (401, 401)
    assert none.json()["detail"].startswith("no token was sent")
    assert wrong.json()["detail"].startswith("what was sent is not this service's token")
