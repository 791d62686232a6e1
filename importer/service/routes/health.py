"""Whether the service lives, whether InfluxDB answers it, and its figures."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from importer.service.exposition import EXPOSITION_TYPE
from importer.service.problems import answers
from importer.service.resources import TheResources

__all__ = ["router"]

router = APIRouter(tags=["service"])

EXAMPLE_FIGURES = """# HELP importer_http_requests_total Requests answered.
# TYPE importer_http_requests_total counter
importer_http_requests_total{method="POST",route="/ingest",status="201"} 128.0
"""
FIGURES: dict[str, Any] = {
    "description": "All figures.",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": EXAMPLE_FIGURES}},
}


class Health(BaseModel):
    """The process lives."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "pass"}]})

    status: Literal["pass"] = "pass"


class Ready(BaseModel):
    """InfluxDB answers, and accepts the service's token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "pass", "influxdb": "v2.7.12"}]})

    status: Literal["pass"] = "pass"
    influxdb: str = Field(description="Its version.")


@router.get("/health", summary="Whether the process lives.")
async def health() -> Health:
    """Answered as long as the process lives, whatever else is under way; needs no token."""
    return Health()


@router.get("/ready", summary="Whether InfluxDB answers and accepts the service's token.", responses=answers(503, 504))
def ready(resources: TheResources) -> Ready:
    """InfluxDB is asked for its version and the service's organisation, once a second at the most; needs no token."""
    return Ready(influxdb=resources.ready())


@router.get(
    "/internal/metrics",
    summary="The service's own figures, for Prometheus.",
    response_class=Response,
    responses={200: FIGURES},
)
def exposition(resources: TheResources) -> Response:
    """Requests by route and status, how long they took, what the process uses."""
    return Response(resources.figures.text(), headers={"Content-Type": EXPOSITION_TYPE})
