"""A bucket name of its own for each test, and what the tests do to buckets from outside."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from importer.bucket import Target, catalogue, prepare
from importer.bucket.catalogue import Bucket
from importer.bucket.settings import BucketSettings
from importer.server.connection import Patience, Server, translated
from importer.server.retry import RetryPolicy
from tests.influxd import Influxd

Write = Callable[[str, str], None]
Load = Callable[..., Target]


@pytest.fixture
def tries() -> list[str]:
    """A line for each request that had to be made again."""
    return []


@pytest.fixture
def server(influxd: Influxd, tries: list[str]) -> Iterator[Server]:
    with Server(influxd.connection) as server:
        server.patience = Patience(RetryPolicy(20.0, first_pause_seconds=0.02), tries.append)
        yield server


@pytest.fixture
def name(server: Server) -> Iterator[str]:
    """A target's name; every bucket that begins with it is removed after the test."""
    unique = f"birds-{uuid.uuid4().hex[:12]}"
    yield unique
    for bucket in catalogue.all_buckets(server):
        if bucket.name.startswith(unique):
            catalogue.delete(server, bucket.id)


@pytest.fixture
def write(server: Server) -> Write:
    """Write line protocol into the bucket of an id."""

    def write(bucket_id: str, lines: str) -> None:
        client: Any = server.client.api_client
        with translated():
            client.call_api(
                "/api/v2/write",
                "POST",
                query_params=[("org", server.connection.org), ("bucket", bucket_id), ("precision", "ns")],
                header_params={"Content-Type": "text/plain"},
                body=lines.encode(),
                _preload_content=False,
            )

    return write


@pytest.fixture
def said() -> list[str]:
    """The lines that the importer said to the user."""
    return []


@pytest.fixture
def begin(server: Server, name: str, said: list[str]) -> Iterator[Load]:
    """Prepare loads of the test's target; their heartbeats end with the test."""
    begun: list[Target] = []

    def begin(load_id: str = "load-1", **options: Any) -> Target:
        target = prepare(server, name, load_id, say=said.append, **options)
        begun.append(target)
        return target

    yield begin
    for target in begun:
        die(target)


@pytest.fixture
def load(begin: Load, write: Write) -> Load:
    """A whole load of `values` points."""

    def load(load_id: str = "load-1", *, values: int = 3, **options: Any) -> Target:
        target = begin(load_id, **options)
        write(target.bucket_id, points(values))
        target.commit(values, values)
        return target

    return load


def points(number: int) -> str:
    return "\n".join(f"m,by=x v={value}i {1_600_000_000_000_000_000 + value}" for value in range(number))


def die(target: Target) -> None:
    """What a killed process does: nothing any more. The bucket stays as it stands."""
    target._held.stop()


def found(server: Server, name: str) -> Bucket:
    bucket = catalogue.find(server, name)
    assert bucket is not None
    return bucket


def names_of(server: Server, name: str) -> set[str]:
    """The names of all buckets that belong to the test, its own name left out of them."""
    return {bucket.name.removeprefix(name) for bucket in catalogue.all_buckets(server) if bucket.name.startswith(name)}


def make_bucket(server: Server, name: str, settings: BucketSettings | None = None) -> Bucket:
    return catalogue.create(server, name, settings or BucketSettings(), None)
