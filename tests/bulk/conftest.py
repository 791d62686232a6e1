"""Both ways to load, and loads that go through the fault proxy."""

from __future__ import annotations

import pytest

from tests.bulk.two_ways import TwoWays
from tests.faults.conftest import proxied, proxied_environment, proxy, short_pauses
from tests.loading import Trial

__all__ = ["proxied", "proxied_environment", "proxy", "short_pauses"]


@pytest.fixture
def ways(trial: Trial) -> TwoWays:
    """Two buckets of the test's own."""
    found = []
    for name in ("lines", "files"):
        folder = trial.folder / name
        folder.mkdir()
        found.append(Trial(f"{trial.bucket}-{name}", folder, trial.influxd))
    return TwoWays(*found)
