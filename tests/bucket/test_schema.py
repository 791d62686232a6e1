from __future__ import annotations

import pytest

from importer.bucket import catalogue
from importer.bucket.dbrp import explicit_mappings
from importer.bucket.schema import field_types
from importer.bucket.settings import BucketSettings
from importer.bucket.shards import DAY
from importer.server.connection import Connection, Server

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


def test_a_name_for_the_question_that_was_left_behind_is_used_and_removed(
    server: Server, name: str, write: Write
) -> None:
    bucket = make_bucket(server, name)
    write(bucket.id, "m v=1i 1")
    make_mapping(server, bucket.id, f"importer-{bucket.id}", "autogen", default=True)
    make_mapping(server, make_bucket(server, f"{name}-other").id, name, "autogen", default=True)
    assert explicit_mappings(server, bucket.id) == ()
    assert field_types(server, bucket.id) == {("m", "v"): {"integer"}}
    assert own_mappings(server, bucket.id) == []


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
