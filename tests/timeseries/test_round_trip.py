"""What goes in comes out again: names and values made up, through the real server."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.bucket.shards import MAXIMUM_SECONDS
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.moments import as_text
from importer.timeseries.lines import LineWriter
from importer.timeseries.points import BadPointsError, parsed
from tests.influxd import Influxd
from tests.timeseries.conftest import Kept

SALT = itertools.count()

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.text(
    ' ,="\\\n#\tab', min_size=1, max_size=8
)
VALUE = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53) | TEXT
POINT = st.fixed_dictionaries(
    {
        "metric": TEXT,
        "timestamp": st.integers(MIN_TIME_NS, MAX_TIME_NS) | st.sampled_from([MIN_TIME_NS, MAX_TIME_NS, 0]),
        "value": VALUE,
        "tags": st.dictionaries(TEXT, TEXT, max_size=3),
    }
)


@pytest.fixture
def few_shards(influxd: Influxd, fresh_bucket_name: str) -> None:
    """Times from all centuries would otherwise take hundreds of shard groups."""
    catalogue.create(influxd.server, fresh_bucket_name, BucketSettings(shard_duration_seconds=MAXIMUM_SECONDS), None)


@pytest.mark.usefixtures("few_shards")
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(POINT, min_size=1, max_size=8))
def test_points_are_found_as_they_were_stored_whatever_their_names_and_values(
    kept: Kept, points: list[dict[str, Any]]
) -> None:
    salt = next(SALT)  # no two examples share a metric
    points = _fine([each | {"metric": f"{each['metric']}{salt}"} for each in points])
    if not points:
        return
    assert kept.ingest(*points, precision="ns") == len(points)
    stored: dict[str, dict[Any, Any]] = {}
    for each in points:  # of the same key and kind, the last one wins
        is_text = isinstance(each["value"], str)
        key = each["timestamp"], tuple(sorted(each["tags"].items())), is_text
        stored.setdefault(each["metric"], {})[key] = each["value"] if is_text else float(each["value"])
    for metric, expected in stored.items():
        found = {
            (time, tuple(sorted(tags)), isinstance(value, str)): value for time, value, tags in kept.points(metric)
        }
        assert found == {(as_text(time), *rest): value for (time, *rest), value in expected.items()}
        (told,) = [each for each in kept.metrics(1000) if each["metric"] == metric]
        times = [time for time, *_ in expected]
        assert (told["count"], told["first"], told["last"]) == (len(expected), as_text(min(times)), as_text(max(times)))


def _fine(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the points that are taken."""
    body = json.dumps({"points": points, "precision": "ns"}).encode()
    try:
        LineWriter()(parsed(body))
    except BadPointsError as error:
        bad = {fault.index for fault in error.faults}
        return [each for place, each in enumerate(points) if place not in bad]
    return points
