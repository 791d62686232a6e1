"""Buckets out of the real server and back."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import importer
from importer.backups.restoring import restore
from importer.backups.saving import backup
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.errors import (
    AuthorizationError,
    BucketExistsError,
    LoadInterruptedError,
    NotFoundError,
    ServerError,
    SourceError,
    VerificationError,
)
from importer.server.connection import Connection, translated
from tests.fault_proxy import Fault, Request, fault_proxy
from tests.loading import Trial, birds_csv, digest_of

DAY = 86_400
START_NS = 1_600_000_000 * 10**9
OF_ALL_TYPES = "\n".join(
    f'm\\ 1,by=a\\,{n % 3},at=x\\=y f={n}.25,i={n}i,u={n}u,b={"true" if n % 2 else "false"},s="text \\"{n}\\"\nz" '
    f"{START_NS + n * 10**13 + n}"
    for n in range(400)
)


@pytest.fixture
def filled(trial: Trial) -> Trial:
    """A bucket of all five types over several shard groups, with a description."""
    settings = BucketSettings(shard_duration_seconds=7 * DAY, text="all sorts")
    write(trial, catalogue.create(trial.server, trial.bucket, settings, None).id, OF_ALL_TYPES)
    return trial


def write(trial: Trial, bucket_id: str, lines: str) -> None:
    client: Any = trial.server.client.api_client
    query = [("org", trial.server.connection.org), ("bucket", bucket_id), ("precision", "ns")]
    with translated():
        client.call_api(
            "/api/v2/write",
            "POST",
            query_params=query,
            header_params={"Content-Type": "text/plain"},
            body=lines.encode(),
            _preload_content=False,
        )


def delete_points(trial: Trial, start: str, stop: str) -> None:
    body = {"start": start, "stop": stop, "predicate": '_measurement="m 1"'}
    trial.server.call("POST", "/api/v2/delete", query={"org": trial.connection.org, "bucket": trial.bucket}, body=body)


def saved(trial: Trial, **options: Any) -> Path:
    folder = trial.folder / "saved"
    backup(trial.bucket, to=folder, connection=trial.connection, **options)
    return folder


def test_what_is_restored_under_another_name_and_after_deletion_under_its_own_is_the_very_same(filled: Trial) -> None:
    before, old = filled.digest(), filled.bucket_id
    folder = saved(filled)
    (copy,) = restore(folder, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert (copy.status, copy.values, copy.unchecked) == ("verified", 2_000, 0)
    assert copy.shard_groups > 5
    assert digest_of(filled.server, copy.bucket_id) == before == filled.digest()
    catalogue.delete(filled.server, old)
    (again,) = restore(folder, connection=filled.connection)
    assert again.bucket_id == filled.bucket_id != old
    assert filled.digest() == before
    found = catalogue.find(filled.server, filled.bucket)
    assert found is not None
    assert found.settings == BucketSettings(0, 7 * DAY, "all sorts")
    assert found.mark is None
    assert filled.buckets == {"", "-copy"}
