from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from importer.bucket import catalogue
from importer.bucket.dbrp import explicit_mappings
from importer.bucket.influxql import asked
from importer.bucket.schema import field_types
from importer.bucket.settings import BucketSettings
from importer.bucket.shards import DAY
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from tests.fault_proxy import Fault, Request, fault_proxy

from .conftest import Write, make_bucket
from .test_swap import make_mapping

DAY_NS = DAY * 10**9


def own_mappings(server: Server, bucket_id: str) -> list[str]:
    answer = server.call("GET", "/api/v2/dbrps", query={"orgID": server.org_id, "bucketID": bucket_id})
    return [entry["database"] for entry in answer["content"] if entry["database"].startswith("importer-")]


def test_every_type_of_a_field_is_named_in_whatever_shard_group_it_is(server: Server, name: str, write: Write) -> None:
    bucket = make_bucket(server, name, BucketSettings(shard_duration_seconds=DAY))
    values = ["1i", "1.5", "2u", "true", '"x"']
    times = [-(2**63) + 2, 0, 10 * DAY_NS, 20 * DAY_NS, 2**63 - 2]
    for value, time in zip(values, times, strict=True):
        write(bucket.id, f"m n={value} {time}")
    write(bucket.id, 'm\\ é\\,,t=1 f\\ é=1i,v=true 0\nm,t=2 s="" 1')
    assert field_types(server, bucket.id) == {
        ("m", "n"): {"integer", "float", "unsigned", "boolean", "string"},
        ("m", "s"): {"string"},
        ("m é,", "f é"): {"integer"},
        ("m é,", "v"): {"boolean"},
    }


def test_an_empty_bucket_has_no_fields(server: Server, name: str) -> None:
    assert field_types(server, make_bucket(server, name).id) == {}


@pytest.mark.parametrize("suffix", ["", "/autogen", "/2020", "/a/b c"])
def test_the_fields_are_those_of_the_very_bucket_though_its_name_leads_elsewhere(
    server: Server, name: str, write: Write, suffix: str
) -> None:
    buckets = {ending: make_bucket(server, name + ending) for ending in ("", "/autogen", "/2020", "/a/b c")}
    for ending, bucket in buckets.items():
        write(bucket.id, f"m {ending.replace('/', 'x').replace(' ', 'x') or 'plain'}=1i 1")
    bucket = buckets.pop(suffix)
    own = [("m", suffix.replace("/", "x").replace(" ", "x") or "plain")]
    assert list(field_types(server, bucket.id)) == own
    other = make_bucket(server, f"{name}-other")
    for policy in ("2020", "autogen"):
        make_mapping(server, other.id, name, policy, default=True)
        assert list(field_types(server, bucket.id)) == own
        assert own_mappings(server, bucket.id) == []


@pytest.fixture
def nameless(server: Server, name: str, write: Write) -> str:
    """The id of a bucket whose name leads elsewhere."""
    bucket = make_bucket(server, name)
    write(bucket.id, "m v=1i 1")
    make_mapping(server, make_bucket(server, f"{name}-other").id, name, "autogen", default=True)
    return bucket.id


def test_two_questions_about_one_bucket_have_a_name_each_and_none_takes_the_others(
    server: Server, nameless: str
) -> None:
    with asked(server, nameless) as first:
        with asked(server, nameless) as second:
            assert len({first.database, second.database, *own_mappings(server, nameless)}) == 2
            assert explicit_mappings(server, nameless) == ()
        assert len(first.rows("SHOW FIELD KEYS")) == 1
    assert own_mappings(server, nameless) == []


def test_a_server_that_is_away_when_the_name_is_to_be_removed_spoils_no_answer(
    server: Server, nameless: str, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [Fault(503), None, *[Fault(503)] * 9]

    def rule(request: Request) -> Fault | None:
        return faults.pop(0) if request.method == "DELETE" else None

    with (
        fault_proxy(server.connection.url) as proxy,
        Server(replace(server.connection, url=proxy.url)) as away,
        caplog.at_level(logging.WARNING),
    ):
        proxy.rule = rule
        away.patience = Patience(RetryPolicy(0.1, first_pause_seconds=0.01), lambda _: None)
        assert field_types(away, nameless) == {("m", "v"): {"integer"}}
        assert (own_mappings(server, nameless), caplog.messages) == ([], [])
        assert field_types(away, nameless) == {("m", "v"): {"integer"}}
    (left,) = own_mappings(server, nameless)
    assert f"the database name {left}, made for a question, could not be removed" in caplog.messages[-1]


def test_a_token_for_the_buckets_alone_is_enough(server: Server, name: str, write: Write) -> None:
    bucket = make_bucket(server, name)
    write(bucket.id, "m v=1i 1")
    make_mapping(server, make_bucket(server, f"{name}-other").id, name, "autogen", default=True)
    body = {
        "orgID": server.org_id,
        "permissions": [
            {"action": action, "resource": {"type": "buckets", "orgID": server.org_id}} for action in ("read", "write")
        ],
    }
    made = server.call("POST", "/api/v2/authorizations", body=body)
    old = server.connection
    with Server(Connection(old.url, made["token"], old.org)) as limited:
        limited._org_id = server.org_id  # organisations are read by a permission of its own
        assert field_types(limited, bucket.id) == {("m", "v"): {"integer"}}
    assert catalogue.get(server, bucket.id) is not None
    server.call("DELETE", f"/api/v2/authorizations/{made['id']}")
