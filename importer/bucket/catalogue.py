"""The buckets of the server's organisation, each with its mark.

Goes in: a bucket's id, name or settings. Comes out: :class:`Bucket` records. Every call is one request;
what the server refuses is raised as :mod:`importer.errors` says, except where a function says otherwise.
"""

from __future__ import annotations

import email.utils
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from importer.bucket import mark as marks
from importer.bucket.mark import Mark
from importer.bucket.settings import BucketSettings
from importer.errors import NotFoundError, RequestRefusedError
from importer.server.connection import Server, translated

__all__ = ["Bucket", "Make", "NameTakenError", "all_buckets", "create", "delete", "find", "get", "update"]

PAGE = 100  # the most that the server gives at once
PATH = "/api/v2/buckets"


class NameTakenError(RequestRefusedError):
    """422: a bucket of that name exists. Every caller has its own answer to it."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as the server described it at one moment.

    Attributes:
        id: the server's id: stays through renames.
        name: its name at that moment.
        settings: retention, shard duration, the user's text, labels.
        mark: the importer's mark; None if the importer has nothing to do with it.
        idle_seconds: since its last change, by the server's clock alone.
    """

    id: str
    name: str
    settings: BucketSettings
    mark: Mark | None
    idle_seconds: float

    @property
    def has_fitted_groups(self) -> bool:
        """Whether its shard groups are as long as a load found to fit its data, and nobody has chosen that."""
        fitted = self.mark.fitted_seconds if self.mark else None
        return fitted is not None and fitted == self.settings.shard_duration_seconds


class Make(Protocol):
    """Makes a bucket of a name, or raises NameTakenError: :func:`create`, or another way to the same."""

    def __call__(self, server: Server, name: str, settings: BucketSettings, mark: Mark | None) -> Bucket:
        """The bucket, as it is then."""
        ...


def all_buckets(server: Server) -> Iterator[Bucket]:
    """Every bucket of the organisation, page by page, in the order of their ids.

    The pages go by id, so that buckets that come, go or are renamed meanwhile shift none out of sight.
    """
    # Asked for one organisation's buckets, the server orders them by name and gives nothing at all after
    # an id that is gone; asked for all, it goes on from the next id.
    query = {"limit": str(PAGE)}
    while True:
        answer, now = _ask(server, PATH, query)
        entries = answer["buckets"]
        yield from (_bucket(entry, now) for entry in entries if entry["orgID"] == server.org_id)
        if len(entries) < PAGE:
            return
        query["after"] = entries[-1]["id"]


def find(server: Server, name: str) -> Bucket | None:
    """The bucket of that name, None if there is none."""
    query = {"orgID": server.org_id, "name": name}
    try:
        answer, now = _ask(server, PATH, query)
    except NotFoundError:
        return None
    return next((_bucket(entry, now) for entry in answer["buckets"] if entry["name"] == name), None)


def get(server: Server, bucket_id: str) -> Bucket | None:
    """The bucket of that id, None if it is gone."""
    try:
        answer, now = _ask(server, f"{PATH}/{bucket_id}", {})
    except NotFoundError:
        return None
    return _bucket(answer, now)


def create(server: Server, name: str, settings: BucketSettings, mark: Mark | None) -> Bucket:
    """Make a bucket; its labels are not set.

    Raises:
        NameTakenError: there is one of that name.
    """
    rule: dict[str, Any] = {"type": "expire", "everySeconds": settings.retention_seconds}
    if settings.shard_duration_seconds is not None:
        rule["shardGroupDurationSeconds"] = settings.shard_duration_seconds
    body = {
        "orgID": server.org_id,
        "name": name,
        "description": marks.write(settings.text, mark),
        "retentionRules": [rule],
    }
    try:
        return _bucket(server.call("POST", PATH, body=body), None)
    except RequestRefusedError as error:
        raise _name_taken(error, name) from error


def update(server: Server, bucket_id: str, text: str, mark: Mark | None, name: str | None = None) -> None:
    """Set a bucket's description, and its name with it, in one request.

    Args:
        server: the connection.
        bucket_id: which bucket.
        text: the user's part of the description.
        mark: the importer's part; None clears it.
        name: the new name; None leaves the old one.

    Raises:
        NameTakenError: another bucket has that name; nothing was changed.
        NotFoundError: the bucket is gone.
    """
    body = {"description": marks.write(text, mark)}
    if name is not None:
        body["name"] = name
    try:
        server.call("PATCH", f"{PATH}/{bucket_id}", body=body)
    except RequestRefusedError as error:
        raise _name_taken(error, name) from error


def delete(server: Server, bucket_id: str) -> None:
    """Delete a bucket by its id; one that is gone already is fine."""
    try:
        server.call("DELETE", f"{PATH}/{bucket_id}")
    except NotFoundError:
        return


def _ask(server: Server, path: str, query: dict[str, str]) -> tuple[Any, datetime]:
    """A GET that also gives the server's own time, so that no machine's clock has to be right."""
    client: Any = server.client.api_client  # the library's own layer has no types
    with translated():
        response, _, headers = client.call_api(
            path,
            "GET",
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            _preload_content=False,
            _return_http_data_only=False,
        )
        data = response.data
    return json.loads(data), _moment(headers.get("Date"))


def _moment(date: str | None) -> datetime:
    """An answer's time; a proxy may have left it out, or have added its own, which makes it one without a zone."""
    try:
        moment = email.utils.parsedate_to_datetime(date or "")
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bucket(entry: dict[str, Any], now: datetime | None) -> Bucket:
    rules = entry.get("retentionRules") or [{}]
    text, mark = marks.read(entry.get("description"))
    updated_at = datetime.fromisoformat(entry["updatedAt"])
    return Bucket(
        id=entry["id"],
        name=entry["name"],
        settings=BucketSettings(
            retention_seconds=rules[0].get("everySeconds", 0),
            shard_duration_seconds=rules[0].get("shardGroupDurationSeconds"),
            text=text,
            label_ids=tuple(label["id"] for label in entry.get("labels") or ()),
        ),
        mark=mark,
        idle_seconds=(now - updated_at).total_seconds() if now else 0.0,
    )


def _name_taken(error: RequestRefusedError, name: str | None) -> RequestRefusedError:
    # The only reasons for a 422 here are the two wordings of one name for two buckets.
    if error.status == 422 and ("already exists" in str(error) or "not unique" in str(error)):  # noqa: PLR2004
        return NameTakenError(f"there is already a bucket named {name!r}", status=422)
    return error
