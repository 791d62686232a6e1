"""Steps of a bench as lines of a table, each as soon as it has ended."""

from __future__ import annotations

from collections.abc import Iterator

from importer.stress.records import MIXES, RouteFigures, Step

__all__ = ["heading", "lines"]

_COLUMNS = ("clients", "route", "req/s", "points/s", "p50 ms", "p90", "p95", "p99", "max", "errors")
_PATHS = {"ingest": "POST /ingest", "query": "POST /query", "metrics": "GET /metrics"}
_FORMAT = "{:>7}  {:<8} {:>9} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}  {}"


def heading(step: Step) -> Iterator[str]:
    """What is asked for, and the names of the columns."""
    yield f"Asked for: {', '.join(_PATHS[route] for route in MIXES[step.mix])}"
    yield _FORMAT.format(*_COLUMNS)


def lines(step: Step) -> Iterator[str]:
    """A line for each route, and one that says what CPU it took."""
    for number, route in enumerate(step.routes):
        yield _FORMAT.format("" if number else step.clients, *_figures(route))
    requests = sum(route.requests + sum(route.errors.values()) for route in step.routes)
    each = f", {1000 * step.client_cpu_seconds / requests:.2f} ms a request" if requests else ""
    service = "" if step.service_cpu_seconds is None else f"; the service {step.service_cpu_seconds:.2f} s"
    yield f"         CPU in {step.seconds:.1f} s: the clients {step.client_cpu_seconds:.2f} s{each}{service}"


def _figures(route: RouteFigures) -> tuple[str, ...]:
    took = route.latency_ms
    shown = ("-",) * 5 if took is None else (took.p50, took.p90, took.p95, took.p99, took.max)
    errors = ", ".join(f"{number:,} {kind}" for kind, number in route.errors.items()) or "0"
    return (
        route.route,
        f"{route.requests_per_second:,.1f}",
        f"{route.points_per_second:,.0f}" if route.route == "ingest" else "-",
        *(each if isinstance(each, str) else f"{each:,.2f}" for each in shown),
        errors,
    )
