"""Batches of points as they are sent: JSON, checked as a whole.

Goes in: the bytes of a request's body. Comes out: a :class:`Batch` of the right shape; or an error where there is
no batch at all. What its texts and numbers say is looked at by :mod:`importer.timeseries.lines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from typing_extensions import TypedDict

from importer.errors import ImporterError, RequestRefusedError

__all__ = [
    "MOST_POINTS",
    "BadPointsError",
    "Batch",
    "PointFault",
    "PointsRefusedError",
    "Precision",
    "SentPoint",
    "batch_schema",
    "parsed",
]

MOST_POINTS: Final = 10_000

MOST_ERRORS: Final = 20 * MOST_POINTS
"""That are told apart; each takes memory."""

Precision = Literal["s", "ms", "us", "ns"]


class SentPoint(TypedDict):
    """A point as it is sent."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    metric: Annotated[str, Field(min_length=1, description="What is measured; the measurement in InfluxDB.")]
    timestamp: Annotated[
        int | str,
        Field(
            description="RFC 3339 with an offset, to the nanosecond; or a whole number since 1970, with the batch's "
            "`precision`."
        ),
    ]
    value: Annotated[
        float | int | str,
        Field(description="A finite number (whole ones up to 2^53), or a text that is not empty."),
    ]
    tags: NotRequired[Annotated[dict[str, str], Field(description="What tells its series from others, by key.")]]


class SentBatch(TypedDict):
    """Points that are stored together."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    points: Annotated[list[SentPoint], Field(min_length=1, max_length=MOST_POINTS)]
    precision: NotRequired[Annotated[Precision | None, Field(description="Of timestamps that are whole numbers.")]]


@dataclass(frozen=True, slots=True)
class PointFault:
    """What is wrong with a point.

    Attributes:
        index: its place in the batch, from 0; None: it is about the batch.
        where: the part of it.
        reason: what is wrong.
    """

    index: int | None
    where: str
    reason: str


class BadPointsError(ImporterError):
    """Points that cannot be stored as they are; nothing of the batch was sent.

    Attributes:
        faults: all of them, by their places in the batch.
    """

    def __init__(self, message: str, faults: tuple[PointFault, ...]) -> None:
        super().__init__(message)
        self.faults = faults


class PointsRefusedError(RequestRefusedError):
    """Points that the server refused; the others of the batch are stored.

    Attributes:
        stored: how many are.
        refused: the others, with the server's reasons.
    """

    def __init__(self, message: str, *, stored: int, refused: tuple[PointFault, ...]) -> None:
        super().__init__(message, status=422)
        self.stored = stored
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Batch:
    """Points of the right shape.

    Attributes:
        points: in the order in which they were sent.
        places: of the points in what was sent; None: these are all.
        precision: of times that are whole numbers.
        faults: of the other points.
    """

    points: list[SentPoint]
    places: list[int] | None
    precision: Precision | None
    faults: tuple[PointFault, ...]


_ADAPTER: TypeAdapter[SentBatch] = TypeAdapter(SentBatch)
_POINTS: TypeAdapter[list[SentPoint]] = TypeAdapter(list[SentPoint])

_REASONS: Final = {
    "metric": "a text is needed",
    "timestamp": "RFC 3339 text with an offset, or a whole number, is needed",
    "value": "a number or a text is needed",
    "tags": "an object of texts is needed",
    "points": f"a list of 1 to {MOST_POINTS:,} points is needed",
    "precision": "s, ms, us or ns is needed",
}


def parsed(body: bytes) -> Batch:
    """Read a batch.

    Raises:
        BadPointsError: it is no JSON, or no batch at all.
    """
    try:
        batch = _ADAPTER.validate_json(body)
    except ValidationError as error:
        return _without_bad(body, error)
    return Batch(batch["points"], None, batch.get("precision"), ())


def batch_schema() -> dict[str, Any]:
    """What a batch looks like, as JSON Schema without references."""
    schema = _ADAPTER.json_schema()
    points = schema["properties"]["points"]
    points["items"] = schema.pop("$defs")["SentPoint"]
    points["items"]["properties"]["value"] = {
        "anyOf": [{"type": "number"}, {"type": "string", "minLength": 1}],
        "description": points["items"]["properties"]["value"]["description"],
    }
    return schema


def _without_bad(body: bytes, error: ValidationError) -> Batch:
    """The points that have the right shape, and what is wrong with the others."""
    if error.error_count() > MOST_ERRORS:
        why = f"more than {MOST_ERRORS:,} things are wrong with it"
        raise BadPointsError(f"the batch is wrong; nothing of it was stored: {why}", (PointFault(None, "points", why),))
    found: dict[tuple[int | None, str], PointFault] = {}
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        fault = _fault(each["type"], each["loc"], each["msg"])
        found.setdefault((fault.index, fault.where), fault)
    faults = tuple(found.values())
    bad = {fault.index for fault in faults}
    if None in bad:
        raise BadPointsError("the batch is wrong; nothing of it was stored", faults)
    sent = from_json(body)
    places = [place for place in range(len(sent["points"])) if place not in bad]
    points = _POINTS.validate_python([sent["points"][place] for place in places])
    return Batch(points, places, sent.get("precision"), faults)


def _fault(kind: str, place: tuple[int | str, ...], message: str) -> PointFault:
    if kind == "json_invalid":
        return PointFault(None, "body", f"it is no JSON: {message.removeprefix('Invalid JSON: ')}")
    if len(place) < 2 or place[0] != "points" or not isinstance(place[1], int):  # noqa: PLR2004 - points, index
        part = str(place[0]) if place else "body"
        why = "there is no such part" if kind == "extra_forbidden" else _REASONS.get(part, "an object is needed")
        return PointFault(None, part, why)
    index, *inner = place[1:]
    part = str(inner[0]) if inner else "point"
    if kind == "missing":
        why = "it is missing"
    elif kind == "extra_forbidden":
        why = "there is no such part"
    elif kind == "string_too_short":
        why = "a text that is not empty is needed"
    elif part == "tags" and len(inner) > 1:
        part, why = f"tags.{inner[1]}", "a text is needed"
    else:
        why = _REASONS.get(part, "an object is needed")
    return PointFault(int(index), part, why)
