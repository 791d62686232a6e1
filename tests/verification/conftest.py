from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.influxd import Influxd
from tests.points import new_bucket


@pytest.fixture
def bucket_id(influxd: Influxd) -> Iterator[str]:
    with new_bucket(influxd.server) as bucket_id:
        yield bucket_id
