"""Points into a bucket and out of it, past all of the importer's own ways."""

from __future__ import annotations

from typing import Any

from importer.server.connection import translated
from tests.loading import Trial

__all__ = ["delete_points", "stored", "write"]


def write(trial: Trial, bucket_id: str, lines: str | bytes) -> None:
    """Write line protocol, as it is."""
    client: Any = trial.server.client.api_client
    query = [("org", trial.server.connection.org), ("bucket", bucket_id), ("precision", "ns")]
    with translated():
        client.call_api(
            "/api/v2/write",
            "POST",
            query_params=query,
            header_params={"Content-Type": "text/plain"},
            body=lines if isinstance(lines, bytes) else lines.encode(),
            _preload_content=False,
        )


def delete_points(trial: Trial, start: str, stop: str) -> None:
    """Of the measurement ``m 1``; both ends are deleted, too."""
    body = {"start": start, "stop": stop, "predicate": '_measurement="m 1"'}
    trial.server.call("POST", "/api/v2/delete", query={"org": trial.connection.org, "bucket": trial.bucket}, body=body)


def stored(trial: Trial, bucket: str, measurement: str) -> list[Any]:
    """All series of a measurement with all of their points, as InfluxQL gives them in one answer."""
    statement = f'SELECT *::field FROM "{measurement}" GROUP BY *'  # noqa: S608 - a test's own names
    answer = trial.server.call("GET", "/query", query={"db": bucket, "q": statement, "epoch": "ns"})
    found: list[Any] = answer["results"][0].get("series", [])
    return found
