from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from importer.bucket import prepare
from importer.bucket.followers import warnings_for_replacement
from importer.server.connection import Connection, Server

from .conftest import Load, die, found, make_bucket, names_of

pytestmark = pytest.mark.influxd


def permissions(server: Server, *, bucket_id: str | None = None) -> list[dict[str, Any]]:
    resource = {"type": "buckets", "orgID": server.org_id, **({"id": bucket_id} if bucket_id else {})}
    return [{"action": action, "resource": resource} for action in ("read", "write")]


@pytest.fixture
def authorize(server: Server) -> Iterator[Any]:
    made: list[str] = []

    def authorize(description: str, rights: list[dict[str, Any]]) -> dict[str, Any]:
        body = {"orgID": server.org_id, "description": description, "permissions": rights}
        answer: dict[str, Any] = server.call("POST", "/api/v2/authorizations", body=body)
        made.append(answer["id"])
        return answer

    yield authorize
    for made_id in made:
        server.call("DELETE", f"/api/v2/authorizations/{made_id}")


def test_a_token_that_is_limited_to_the_old_bucket_is_named_but_not_shown(
    server: Server, name: str, begin: Load, authorize: Any
) -> None:
    old = make_bucket(server, name)
    limited = authorize("the gulls' reader", permissions(server, bucket_id=old.id))
    authorize("another's", permissions(server))
    warnings = begin(if_exists="replace").commit(0, 0)
    assert len(warnings) == 1
    assert "the gulls' reader" in warnings[0]
    assert limited["id"] in warnings[0]
    assert limited["token"] not in warnings[0]


def test_a_replication_of_the_old_bucket_is_named(server: Server, name: str) -> None:
    old = make_bucket(server, name)
    remote = server.call(
        "POST",
        "/api/v2/remotes",
        body={
            "name": name,
            "orgID": server.org_id,
            "remoteURL": server.connection.url,
            "remoteAPIToken": server.connection.token,
            "remoteOrgID": server.org_id,
            "allowInsecureTLS": False,
        },
    )
    replication = server.call(
        "POST",
        "/api/v2/replications",
        body={
            "name": "gulls to the archive",
            "orgID": server.org_id,
            "remoteID": remote["id"],
            "localBucketID": old.id,
            "remoteBucketName": name,
            "maxQueueSizeBytes": 67_108_860,
        },
    )
    try:
        (warning,) = warnings_for_replacement(server, old.id)
        assert "gulls to the archive" in warning
    finally:
        server.call("DELETE", f"/api/v2/replications/{replication['id']}")
        server.call("DELETE", f"/api/v2/remotes/{remote['id']}")


def test_a_token_that_may_not_look_loads_and_says_that_it_did_not_look(
    server: Server, name: str, authorize: Any, said: list[str]
) -> None:
    old = make_bucket(server, name)
    orgs = [{"action": "read", "resource": {"type": "orgs"}}]
    token = authorize("buckets only", permissions(server) + orgs)["token"]
    with Server(Connection(server.connection.url, token, server.connection.org)) as limited:
        target = prepare(limited, name, "load-1", if_exists="replace", say=said.append)
        (warning,) = target.commit(0, 0)
        die(target)
    assert "may not list" in warning
    assert found(server, name).id != old.id
    assert names_of(server, name) == {""}
