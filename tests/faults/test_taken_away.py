"""A bucket that is deleted, or a token that is revoked, while a load is at work."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

import importer
from importer import AuthorizationError, NotFoundError
from importer.bucket import catalogue
from tests.loading import BIRDS, BIRDS_FLAGS, Command, birds_csv

from .conftest import Proxied, at_writes

WORKERS = 2


def staging_id(proxied: Proxied) -> str:
    staging = catalogue.find(proxied.server, f"{proxied.bucket}.importer-staging")
    assert staging is not None
    return staging.id


@pytest.mark.promise(
    fault="bucket deleted in mid-load",
    promise="The load stops: no more than the blocks in flight are sent, the bucket is not made again, and the one "
    "under the target's name is as it was.",
    seen="`error: bucket … not found: what the load was writing to is gone, and is not made again`; exit 1.",
)
def test_a_load_whose_staging_bucket_is_deleted_stops_and_does_not_make_it_again(proxied: Proxied) -> None:
    proxied.load(proxied.csv(birds_csv(100)), shard_duration_seconds=30 * 86_400)
    before = proxied.state_now()
    writes = proxied.proxy.writes
    writes.clear()
    sent_before: list[int] = []

    def delete() -> None:
        catalogue.delete(proxied.server, staging_id(proxied))
        sent_before.append(len(writes))

    proxied.proxy.rule = at_writes(range(5, 6), delete)
    with pytest.raises(NotFoundError):
        proxied.load(proxied.csv(birds_csv(20_000), "new.csv"), block_bytes=8_192, workers=WORKERS, wait_seconds=20)
    # Those in flight, tried again where the server said 500 before it knew that the bucket was gone.
    assert len(writes) - sent_before[0] <= 2 * WORKERS
    assert proxied.state_now() == before
    assert proxied.buckets == {""}


@pytest.mark.promise(fault="bucket deleted in mid-load")
@pytest.mark.usefixtures("proxied_environment")
def test_the_command_says_that_the_bucket_is_gone(proxied: Proxied, command: Command) -> None:
    proxied.proxy.rule = at_writes(range(1, 2), lambda: catalogue.delete(proxied.server, staging_id(proxied)))
    ended = command("load", proxied.csv(birds_csv(100)), "--bucket", proxied.bucket, *BIRDS_FLAGS, "--wait", "20")
    assert ended.code == 1
    assert re.search(r"error: bucket \"\w+\" not found: .* is gone, and is not made again", ended.err)
    assert proxied.buckets == set()


@pytest.mark.promise(
    fault="token revoked in mid-load",
    promise="The load stops: no more than the blocks in flight are sent, and the bucket is as it was. What was loaded "
    "is kept: `--resume` goes on with another token, any other load of the target removes it.",
    seen="`error: the server refuses the token (401): …; the token is from …`, and how to resume; exit 1.",
)
def test_a_load_whose_token_is_revoked_stops_and_leaves_the_bucket(proxied: Proxied) -> None:
    proxied.load(proxied.csv(birds_csv(100)), shard_duration_seconds=30 * 86_400)
    before = proxied.state_now()
    token = _all_access_token(proxied)
    writes = proxied.proxy.writes
    writes.clear()
    sent_before: list[int] = []

    def revoke() -> None:
        proxied.server.call("DELETE", f"/api/v2/authorizations/{token['id']}")
        sent_before.append(len(writes))

    proxied.proxy.rule = at_writes(range(5, 6), revoke)
    with pytest.raises(AuthorizationError, match=r"refuses the token \(401\).*; the token is from test") as error:
        importer.load(
            proxied.csv(birds_csv(20_000), "new.csv"),
            mapping=BIRDS,
            options=proxied.options(block_bytes=8_192, workers=WORKERS),
            connection=replace(proxied.connection, token=token["token"]),
        )
    assert token["token"] not in str(error.value)
    assert len(writes) - sent_before[0] <= WORKERS
    assert proxied.state_now() == before
    report = error.value.report
    assert report is not None
    assert report.status == "failed"
    assert error.value.resumable
    assert proxied.buckets == {"", ".importer-staging"}
    assert proxied.load(proxied.csv(birds_csv(10), "next.csv")).status == "verified"
    assert proxied.buckets == {""}


def _all_access_token(proxied: Proxied) -> Any:
    org_id = proxied.server.org_id
    resources = [{"type": kind, "orgID": org_id} for kind in ("buckets", "labels", "dbrp", "authorizations")]
    resources.append({"type": "orgs", "id": org_id})
    permissions = [{"action": action, "resource": each} for each in resources for action in ("read", "write")]
    return proxied.server.call("POST", "/api/v2/authorizations", body={"orgID": org_id, "permissions": permissions})
