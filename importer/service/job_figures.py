"""Imports among the service's figures."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from importer.jobs.queue import Jobs

__all__ = ["JobFigures"]


class JobFigures(Collector):
    """Counts imports when it is asked for.

    Args:
        jobs: all imports.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """How many imports are in each state."""
        gauge = GaugeMetricFamily("importer_imports", "Imports that are known, by their state.", labels=["state"])
        for state, number in self._jobs.counts().items():
            gauge.add_metric([state], number)
        yield gauge
