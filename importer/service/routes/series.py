"""Time series: batches of points stored, metrics asked for and listed, and how the cache is doing."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from importer.service.bodies import JSON, json_only
from importer.service.parameters import StrictRoute
from importer.service.problems import Fault, Problem, ProblemError, answers, title_of
from importer.service.resources import Resources, TheResources, resources_of
from importer.timeseries.asked import SeriesAnswer, SeriesQuery
from importer.timeseries.listing import Metric
from importer.timeseries.points import BadPointsError, PointsRefusedError, batch_schema

__all__ = ["router"]

router = APIRouter(tags=["time series"], route_class=StrictRoute)


_BATCH_EXAMPLE = {
    "points": [
        {
            "metric": "temperature",
            "timestamp": "2024-05-01T12:00:00.25Z",
            "value": 21.5,
            "tags": {"room": "kitchen"},
        },
        {"metric": "door", "timestamp": "2024-05-01T14:00:07+02:00", "value": "open"},
    ]
}


class Ingested(BaseModel):
    """All points of the batch are stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"stored": 2}]})

    stored: int = Field(description="How many. Of points with the same metric, tags and timestamp, the last one wins.")


class RefusedPoint(BaseModel):
    """A point that InfluxDB refused."""

    index: int = Field(description="Its place in the batch, from 0.")
    reason: str = Field(description="InfluxDB's own.")


class IngestRefused(Problem):
    """Why not all points of a batch are stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": 400,
                    "title": "Bad Request",
                    "detail": "1 of the points cannot be stored as they are; nothing of the batch was stored",
                    "errors": [{"index": 3, "where": "value", "reason": "NaN and infinities cannot be stored"}],
                    "stored": 0,
                    "refused": [],
                }
            ]
        }
    )

    stored: int = Field(default=0, description="How many points are stored: 0 unless InfluxDB itself refused some.")
    refused: list[RefusedPoint] = Field(default=[], description="The points that InfluxDB refused.")


class CacheFigures(BaseModel):
    """How the cache of answers about time series is doing, counted since the service started."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "backend": "in process",
                    "available": True,
                    "entries": 12,
                    "hits": 340,
                    "misses": 20,
                    "invalidations": 8,
                    "errors": 0,
                    "ttl_seconds": 60.0,
                }
            ]
        }
    )

    backend: Literal["in process", "redis"] = Field(description="Where answers are kept.")
    available: bool = Field(description="Whether it can be used now; without it, answers are computed anew.")
    entries: int | None = Field(description="How many answers are kept; null where that cannot be told.")
    hits: int = Field(description="Answers that were found there.")
    misses: int = Field(description="Those that had to be computed.")
    invalidations: int = Field(description="Metrics, or lists of them, whose answers were forgotten as points came.")
    errors: int = Field(description="Calls that failed, or were left out because those before them had failed.")
    ttl_seconds: float = Field(description="For how long an answer is kept at the most.")


@router.post(
    "/ingest",
    status_code=201,
    response_model=Ingested,
    summary="Store a batch of points.",
    responses=answers(400, 409, 415, status_400=IngestRefused),
    dependencies=[Depends(json_only)],
    openapi_extra={
        "requestBody": {"required": True, "content": {JSON: {"schema": batch_schema(), "example": _BATCH_EXAMPLE}}}
    },
)
async def ingest(request: Request) -> Response:
    """All points are checked before any is sent; those that are wrong are named by their places.

    If InfluxDB itself then refuses some, as they are older than the bucket keeps points, the answer says which; the
    others are stored. To send a batch again does no harm. While an import is filling the bucket, it is refused (409).
    """
    stored = await run_in_threadpool(_stored, resources_of(request), await request.body())
    return Response(b'{"stored":%d}' % stored, status_code=201, media_type=JSON)  # as Ingested has it


@router.post(
    "/query",
    summary="Points of a metric, as they are or aggregated.",
    response_model=SeriesAnswer,
    responses=answers(400, 404, 415),
    dependencies=[Depends(json_only)],
)
def query(resources: TheResources, asked: SeriesQuery) -> Response:
    """Points in the order of their times, or a value for each series, or for each interval of each series.

    Numbers and texts of one metric are aggregated apart, but for COUNT. There is no STDDEV of a single value.
    """
    return Response(resources.series().query(asked), media_type=JSON)


@router.get("/metrics", summary="The metrics that there are.", response_model=list[Metric], responses=answers(400))
async def metrics(
    request: Request,
    limit: Annotated[int, Query(description="Metrics of a page.", ge=1, le=1_000)] = 100,
    cursor: Annotated[
        str | None, Query(description="As the `Link` header (`rel=next`) of the page before has it.", max_length=65_535)
    ] = None,
) -> Response:
    """Sorted by name. Where there are more, the `Link` header has the address of the next page (RFC 8288)."""
    resources = resources_of(request)
    series = resources.series_at_hand
    page = None if series is None else series.metrics.page_at_hand(limit, cursor)
    if page is None:  # InfluxDB has to be asked, or Redis
        page = await run_in_threadpool(lambda: resources.series().metrics.page(limit, cursor))
    headers = {}
    if page.next is not None:
        more = urlencode({"limit": limit, "cursor": page.next})
        headers["Link"] = f'<{request.url.path}?{more}>; rel="next"'
    return Response(page.body, media_type=JSON, headers=headers)


@router.get("/cache/info", summary="How the cache is doing.", responses=answers(400))
def cache_info(resources: TheResources) -> CacheFigures:
    """Where answers are kept, and how often that was of use."""
    info = resources.cache.info()
    return CacheFigures(
        backend="redis" if info.backend == "redis" else "in process",
        available=info.available,
        entries=info.entries,
        hits=info.hits,
        misses=info.misses,
        invalidations=info.invalidations,
        errors=info.errors,
        ttl_seconds=info.ttl_seconds,
    )


def _stored(resources: Resources, body: bytes) -> int:
    try:
        return resources.series().ingest(body)
    except BadPointsError as error:
        faults = [Fault(index=each.index, where=each.where, reason=each.reason) for each in error.faults]
        raise _not_ingested(str(error), errors=faults) from None
    except PointsRefusedError as error:
        refused = [RefusedPoint(index=each.index or 0, reason=each.reason) for each in error.refused]
        raise _not_ingested(str(error), stored=error.stored, refused=refused) from None


def _not_ingested(
    detail: str, *, errors: list[Fault] | None = None, stored: int = 0, refused: list[RefusedPoint] | None = None
) -> ProblemError:
    problem = IngestRefused(
        status=400, title=title_of(400), detail=detail, errors=errors or [], stored=stored, refused=refused or []
    )
    return ProblemError(400, detail, problem=problem)
