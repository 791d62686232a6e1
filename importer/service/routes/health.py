"""Whether the service lives, and whether InfluxDB answers it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from importer.service.problems import answers
from importer.service.resources import TheResources

__all__ = ["router"]

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """The process lives."""

    status: Literal["pass"] = "pass"


class Ready(BaseModel):
    """InfluxDB answers, and accepts the service's token."""

    status: Literal["pass"] = "pass"
    influxdb: str


@router.get("/health", summary="Whether the process lives.")
def health() -> Health:
    """Answers as long as the process lives; needs no token."""
    return Health()


@router.get("/ready", summary="Whether InfluxDB answers and accepts the token.", responses=answers(503, 504))
def ready(resources: TheResources) -> Ready:
    """Asks InfluxDB for its version, and for the service's organisation; needs no token."""
    server = resources.server()
    version = server.health()
    server.call("GET", "/api/v2/orgs", query={"org": server.connection.org})
    return Ready(influxdb=version)
