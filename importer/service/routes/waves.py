"""Waves: recorded, filtered, listed."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from importer.moments import as_text
from importer.reading.window import TimeRange, parse_moment, time_range
from importer.service.answering import about
from importer.service.bodies import json_only
from importer.service.parameters import StrictRoute
from importer.service.problems import answers
from importer.service.resources import TheResources
from importer.waves import FoundWaves, find_waves, record_wave

__all__ = ["router"]

router = APIRouter(tags=["waves"], route_class=StrictRoute)

MOST = 10_000
USUAL = 1_000
TIME_PATTERN: Final = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$"

Bucket = Annotated[str, Path(description="The bucket's name; it has to exist.", min_length=1, examples=["surf"])]
Start = Annotated[
    str | None,
    Query(description="From when, included: RFC 3339, a date, or so long ago (-7d).", examples=["-7d"]),
]
Stop = Annotated[
    str | None,
    Query(description="Until when, not included: in the same forms, or now.", examples=["2024-05-02T00:00:00Z"]),
]
Limit = Annotated[int, Query(description="So many at the most, the oldest first.", ge=1, le=MOST)]


def _with_an_offset(text: str) -> str:
    if re.fullmatch(TIME_PATTERN, text, re.ASCII) is None:
        raise ValueError("RFC 3339 with an offset is needed, such as 2024-05-01T12:00:00.25Z, to the nanosecond")
    return text


Moment = Annotated[str, AfterValidator(_with_an_offset), WithJsonSchema({"type": "string", "pattern": TIME_PATTERN})]


class NewWave(BaseModel):
    """A wave to record."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"location": "Hawaii", "height": 1.25, "time": "2024-05-01T12:00:00Z"}]},
    )

    location: str = Field(description="Where; kept trimmed and in lower case.", min_length=1, strict=True)
    height: float = Field(description="A finite number, in the unit of your choice.", strict=True, allow_inf_nan=False)
    time: Moment | None = Field(default=None, description="When: RFC 3339 with an offset, to the nanosecond. Now.")


class WaveRecord(BaseModel):
    """A wave that is stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"time": "2024-05-01T12:00:00Z", "location": "hawaii", "height": 1.25}]}
    )

    time: str = Field(description="When, RFC 3339 in UTC.")
    location: str = Field(description="Where.")
    height: float = Field(description="How high.")


class StoredWave(WaveRecord):
    """A wave that has just been stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"bucket": "surf", "location": "hawaii", "height": 1.25, "time": "2024-05-01T12:00:00Z"}]
        }
    )

    bucket: str = Field(description="Into which bucket.")


class Waves(BaseModel):
    """Waves of a bucket, the oldest first."""

    bucket: str = Field(description="The bucket that was asked.")
    records: list[WaveRecord] = Field(description="The waves.")
    truncated: bool = Field(description="There are more than the limit.")


@router.post(
    "/write/{bucket}/insert",
    summary="Record the height of a wave.",
    status_code=201,
    responses=answers(400, 404, 409, 415, 503, 504),
    dependencies=[Depends(json_only)],
)
def insert_wave(bucket: Bucket, wave: NewWave, resources: TheResources) -> StoredWave:
    """Answers once InfluxDB has acknowledged it. Two waves at one place and instant are one: the last one wins."""
    with about("body.time"):
        time_ns = None if wave.time is None else parse_moment(wave.time)
    stored = record_wave(resources.server(), bucket, wave.location, wave.height, time_ns)
    return StoredWave(bucket=bucket, location=stored.location, height=stored.height, time=as_text(stored.time_ns))


@router.get(
    "/read/{bucket}/query",
    summary="Find waves by place and height.",
    responses=answers(400, 404, 503, 504),
)
def query_waves(  # noqa: PLR0917 - FastAPI gives them by name
    bucket: Bucket,
    resources: TheResources,
    location: Annotated[
        str | None, Query(description="Only there, in whatever case; empty: everywhere.", examples=["Hawaii"])
    ] = None,
    min_height: Annotated[
        float | None, Query(description="Only waves that are at least so high.", allow_inf_nan=False, examples=[1.0])
    ] = None,
    start: Start = None,
    stop: Stop = None,
    limit: Limit = USUAL,
) -> Waves:
    """Without a start and a stop: of all time."""
    found = find_waves(
        resources.server(),
        bucket,
        location=location if location and location.strip() else None,
        min_height=min_height,
        span=_span(start, stop),
        limit=limit,
    )
    return _waves(bucket, found)


@router.get(
    "/read/{bucket}/list",
    summary="List the waves of a bucket.",
    responses=answers(400, 404, 503, 504),
)
def list_waves(
    bucket: Bucket, resources: TheResources, start: Start = None, stop: Stop = None, limit: Limit = USUAL
) -> Waves:
    """Without a start and a stop: of all time."""
    return _waves(bucket, find_waves(resources.server(), bucket, span=_span(start, stop), limit=limit))


def _span(start: str | None, stop: str | None) -> TimeRange:
    with about("query.start, query.stop"):
        return time_range(start=start or None, stop=stop or None)


def _waves(bucket: str, found: FoundWaves) -> Waves:
    records = [
        WaveRecord(time=as_text(wave.time_ns), location=wave.location, height=wave.height) for wave in found.waves
    ]
    return Waves(bucket=bucket, records=records, truncated=found.truncated)
