from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.influxd import Influxd
from tests.points import new_bucket


@pytest.fixture(scope="module")
def bucket_id(influxd: Influxd) -> Iterator[str]:
    """A bucket for all tests of a module, because a property's examples come by the dozen."""
    with new_bucket(influxd.server) as bucket_id:
        yield bucket_id
