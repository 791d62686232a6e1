"""What was built of generated data stays the same as what was written, whatever happens to the two buckets then."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from importer.backups.restoring import restore
from importer.backups.saving import backup
from importer.limits import MIN_TIME_NS
from tests.bulk.generated import ALL_TYPES, DAY_NS, HEADER, Row, rows_of_any, tags_of, text_of, two_keys
from tests.bulk.two_ways import TwoWays, flux_lines, held
from tests.influxd import Influxd
from tests.loading import Trial

# After a restart, the server finds its own first shard group no more if it begins before the first timestamp.
FIRST_NS = MIN_TIME_NS + 3_650 * DAY_NS
some_rows = st.lists(rows_of_any.filter(lambda row: row[1] >= FIRST_NS), min_size=5, max_size=60)
datasets = st.tuples(some_rows, some_rows, two_keys)
"""Rows, those that are written later, and the keys of the tags."""
YEARS = 3_650 * 86_400
SHOW = ("SERIES", "MEASUREMENTS", "TAG KEYS", "FIELD KEYS")


@pytest.fixture
def server(own_influxd: Callable[[], Influxd]) -> Influxd:
    """Of this test's own, to be stopped and killed."""
    return own_influxd()


@given(st.lists(datasets, min_size=2, max_size=2))
@settings(
    max_examples=3,
    phases=[Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_generated_data_is_the_same_by_both_ways_whatever_comes_later(
    server: Influxd, trial: Trial, found: list[tuple[list[Row], list[Row], list[str]]]
) -> None:
    pairs = [(both_ways(trial, server), *each) for each in found]
    values = []
    for both, rows, _, keys in pairs:
        load(both, rows, keys)
        values.append(both.hold_the_same())
        the_index_answers_alike(both, rows, keys)
    server.restart()
    for (both, rows, later, keys), before in zip(pairs, values, strict=True):
        assert both.hold_the_same() == before
        the_index_answers_alike(both, rows, keys)
        for one in (both.lines, both.files):  # further writes, by lines
            one.load(one.csv(text_of(later)), if_exists="append", max_rejects=1_000, mapping=mapping_of(keys))
        assert both.hold_the_same() >= before
        the_index_answers_alike(both, rows, keys)
        a_backup_restores_alike(both)
    server.kill()
    server.restart()
    for both, rows, _, keys in pairs:
        both.hold_the_same()
        the_index_answers_alike(both, rows, keys)


def both_ways(trial: Trial, server: Influxd) -> TwoWays:
    """Two buckets that are not there yet."""
    name = f"{trial.bucket}-{uuid.uuid4().hex[:8]}"
    trials = [Trial(f"{name}-{way}", trial.folder / f"{name}-{way}", server) for way in ("lines", "files")]
    for one in trials:
        one.folder.mkdir()
    return TwoWays(*trials)


def mapping_of(keys: Sequence[str]) -> dict[str, Any]:
    return ALL_TYPES | {"tags": tags_of(keys)}


def load(both: TwoWays, rows: Sequence[Row], keys: Sequence[str]) -> None:
    source = both.files.csv(text_of(rows))
    more = {"block_bytes": 2_000, "max_rejects": 1_000, "shard_duration_seconds": YEARS}
    both.load(source, mapping=mapping_of(keys), **more)


def the_index_answers_alike(both: TwoWays, rows: Sequence[Row], keys: Sequence[str]) -> None:
    """By what tags select, and by what there is of them."""
    for key, mapped in tags_of(keys).items():
        column = HEADER.index(mapped["column"])
        texts = sorted({str(row[column]) for row in rows if row[column]})
        for text in texts[:3]:
            assert flux_lines(both.files, (key, text)) == flux_lines(both.lines, (key, text))
    for what in SHOW:
        shown = [
            one.server.call("GET", "/query", query={"db": one.bucket, "q": f"SHOW {what}"})["results"]
            for one in (both.lines, both.files)
        ]
        assert shown[0] == shown[1]
        assert "error" not in shown[0][0]
        assert bool(shown[0][0].get("series")) is (both.hold_the_same() > 0) or what == "TAG KEYS"


def a_backup_restores_alike(both: TwoWays) -> None:
    files = both.files
    saved = files.folder / "saved"
    backup(files.bucket, to=saved, connection=files.connection)
    (copy,) = restore(saved, as_name=f"{files.bucket}-copy", connection=files.connection)
    assert copy.status == "verified"
    restored = Trial(f"{files.bucket}-copy", files.folder, files.influxd)
    assert flux_lines(restored) == flux_lines(both.lines)
    assert held(restored) == held(both.lines)
