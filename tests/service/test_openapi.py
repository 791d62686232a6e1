"""The OpenAPI document, and the service held against it by schemathesis, with the real InfluxDB behind it."""

from __future__ import annotations

import json
import os
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks
from starlette.testclient import TestClient

from importer.measurements.opening import opened_bucket
from importer.service.problems import PROBLEM_TYPE
from tests.influxd import Influxd
from tests.service_app import LiveMaker, ServiceMaker

EXAMPLES = int(os.environ.get("IMPORTER_API_EXAMPLES", "6"))
TOKEN = "a-token-of-enough-characters"

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
]
"""All but that data which fit the document are accepted: it cannot say everything, such as that a start comes before
a stop, or that a file of that number was uploaded. That every route asks for the token is tested apart."""

ANY_BYTES = {"POST /uploads"}
"""Of which no body is wrong."""

NO_HTTP = "Invalid HTTP request received."
"""What the server says to what it cannot read; no route hears of it."""


def document_of(service: TestClient) -> dict[str, Any]:
    document: dict[str, Any] = service.get("/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    return document


def operations_of(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_every_route_says_what_it_does_gives_examples_and_declares_its_error_answers(
    make_service: ServiceMaker,
) -> None:
    document = document_of(make_service(token=TOKEN))
    for name, operation in operations_of(document):
        assert operation["summary"], name
        assert operation["tags"], name
        found = operation["responses"]
        assert "422" not in found, name
        assert any(status < "300" for status in found), name
        if name.endswith(("/health", "/ready")):
            continue
        assert {"401", "403", "503", "504"} <= set(found), name
        if "requestBody" in operation:
            assert {"400", "408", "413"} <= set(found), name
        for status, answer in found.items():
            if status >= "400":
                assert set(answer["content"]) == {PROBLEM_TYPE}, (name, status)
                assert answer["description"], (name, status)
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_model_that_clients_send_or_get_has_an_example(service: TestClient) -> None:
    document = document_of(service)
    schemas = document["components"]["schemas"]

    def has_example(schema: dict[str, Any]) -> bool:
        found = schemas[schema["$ref"].split("/")[-1]] if "$ref" in schema else schema
        inside = [*found.get("properties", {}).values(), *([found["items"]] if "items" in found else [])]
        return "example" in found or "examples" in found or any(has_example(each) for each in inside)

    without = []
    for name, operation in operations_of(document):
        contents = [
            *operation.get("requestBody", {}).get("content", {}).items(),
            *(each for answer in operation["responses"].values() for each in answer.get("content", {}).items()),
        ]
        for kind, content in contents:
            if "json" in kind and not ({"example", "examples"} & set(content) or has_example(content["schema"])):
                without.append((name, content["schema"]))
    assert without == []


def test_the_service_keeps_to_its_document_whatever_it_is_sent(
    make_live_service: LiveMaker, influxd: Influxd, fresh_bucket_name: str
) -> None:
    load_all_checks()
    opened_bucket(influxd.server, fresh_bucket_name, create=True)
    live = make_live_service(series_bucket=f"{fresh_bucket_name}-series", max_upload_bytes=1 << 20)
    api = schemathesis.openapi.from_url(f"{live.url}/openapi.json")
    failures: list[str] = []
    for found in api.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                tried(operation, mode, fresh_bucket_name)
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, operation.label  # nothing can be wrong with it
            except BaseExceptionGroup as group:
                failures += [f"{operation.label}: {each}" for each in group.exceptions]
            except AssertionError as failure:
                failures.append(f"{operation.label}: {failure}")
    assert not failures, "\n\n".join(failures)


def tried(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, bucket: str) -> None:
    """Send made-up requests to a route, half of those that name a bucket to one that exists."""
    parameters = {parameter.name for parameter in operation.path_parameters}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def sent(case: Case) -> None:
        nonlocal number
        number += 1
        if "bucket" in parameters and mode is GenerationMode.POSITIVE and number % 2:
            case.path_parameters["bucket"] = bucket
        answer = case.call(timeout=30)
        if answer.status_code != 400 or answer.text != NO_HTTP:
            case.validate_response(answer, checks=asked)

    number = 0
    asked = [
        check for check in CHECKS if check is not checks.negative_data_rejection or operation.label not in ANY_BYTES
    ]
    sent()
