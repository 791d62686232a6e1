"""Errors speak of what a request can say."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from importer.measurements.opening import opened_bucket
from importer.service.wording import in_requests_words
from tests.influxd import Influxd
from tests.loading import START, Trial


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
    ],
)
def test_options_of_the_command_line_are_told_as_parts_of_a_request(text: str, said: str) -> None:
    assert in_requests_words(text) == said
