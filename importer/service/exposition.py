"""The service's own figures, as Prometheus reads them."""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import Scope

__all__ = ["EXPOSITION_TYPE", "Figures"]

EXPOSITION_TYPE: Final = CONTENT_TYPE_LATEST
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Figures:
    """Counts requests.

    Attributes:
        registry: where other parts of the service may add figures of their own.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "importer_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "importer_http_request_seconds",
            "From the request's head to the end of the answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._running = Gauge("importer_http_requests_running", "Requests under way.", registry=self.registry)

    def begun(self) -> None:
        """Count a request that came."""
        self._running.inc()

    def ended(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one that is answered.

        Args:
            scope: of the request, with the route that took it.
            status: of the answer; 0: there was none.
            seconds: that it took.
        """
        self._running.dec()
        # As it is declared: what clients put in its place would make a series of figures each.
        route = getattr(scope.get("route"), "path", "") or "none"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """All figures."""
        return generate_latest(self.registry)
