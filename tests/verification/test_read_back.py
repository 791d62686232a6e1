from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.encoding.series import SeriesIndex
from importer.errors import ServerError
from importer.ledger.expectation import Expectation
from importer.ledger.spool import Spool
from importer.ledger.windows import Windows
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, key_trouble
from importer.records import Lines
from importer.verification import read_back as module
from importer.verification.compare import Comparison
from importer.verification.read_back import read_back
from tests.influxd import Influxd
from tests.points import P, encoded, new_bucket, write

WEEK_NS = 7 * 86_400 * 10**9
T = 1_600_000_000 * 10**9


def load(influxd: Influxd, bucket_id: str, points: list[P], spool: Spool, *, keep: slice = slice(None)) -> Comparison:
    """Write points, or some of them, and read all of them back."""
    series = SeriesIndex(1_000)
    expectation = Expectation(Windows(WEEK_NS))
    half = len(points) // 2
    blocks: list[Lines] = [encoded(part, series, n) for n, part in enumerate((points[:half], points[half:]))]
    for n, lines in enumerate(blocks):
        frame = lines.frame.drop("line")
        expectation.add(frame, lines.fields, series.measurements)
        spool.append(n, frame, lines.fields)
    stored = encoded(points[keep])
    if stored.frame.height:
        write(influxd.server, bucket_id, stored)
    return read_back(influxd.server, bucket_id, expectation, spool, series)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


POINTS = [
    P(T + n * WEEK_NS // 10, {"v": float(n)} | ({"s": f"x{n}"} if n % 3 else {}), {"k": str(n % 2)}) for n in range(60)
]


def test_all_that_was_written_is_found_whatever_else_the_bucket_holds(
    influxd: Influxd, bucket_id: str, spool: Spool
) -> None:
    others = [f"m,k={k} v=9,z=1 {T + n * WEEK_NS // 10 + 1}" for n in range(60) for k in (0, 1, 2)]
    write(
        influxd.server, bucket_id, "\n".join([*others, f"other v=1 {T}", f'm,k=0,new=tag v=1,s="y" {T}', f"m v=1 {T}"])
    )
    found = load(influxd, bucket_id, POINTS, spool)
    assert found.differences == ()
    assert found.stored == {("m", "v"): 60, ("m", "s"): 40}


@pytest.mark.parametrize("lost", [0, 1, 31, 59])
def test_a_single_point_that_did_not_arrive_is_found(influxd: Influxd, bucket_id: str, spool: Spool, lost: int) -> None:
    points = [*POINTS[:lost], *POINTS[lost + 1 :], POINTS[lost]]
    # Points of others in the same window do not make up for it.
    write(
        influxd.server, bucket_id, f'm,k=7 v=1,s="x" {POINTS[lost].time_ns}\nm,k=0 v=1,s="x" {POINTS[lost].time_ns + 1}'
    )
    found = load(influxd, bucket_id, points, spool, keep=slice(None, -1))
    assert {item.name for item in found.differences} == {("m", name) for name in POINTS[lost].fields}
    for difference in found.differences:
        assert difference.expected - difference.stored == 1
        assert difference.start_ns <= POINTS[lost].time_ns < difference.stop_ns


def test_a_field_that_did_not_arrive_is_found_although_its_point_did(
    influxd: Influxd, bucket_id: str, spool: Spool
) -> None:
    write(influxd.server, bucket_id, f"m a=1 {T}")
    (difference,) = load(influxd, bucket_id, [P(T, {"a": 1.0, "b": 1.0})], spool, keep=slice(0, 0)).differences
    assert (difference.name, difference.expected, difference.stored) == (("m", "b"), 1, 0)


@pytest.mark.parametrize("moment", [MIN_TIME_NS, MIN_TIME_NS + 1, -1, 0, MAX_TIME_NS - 1, MAX_TIME_NS])
def test_points_at_the_ends_of_time_are_read_back(influxd: Influxd, bucket_id: str, spool: Spool, moment: int) -> None:
    points = [P(moment, {"v": 1.0}, {"k": "a"}), P(moment, {"v": 1.0}, {"k": "b"}), P(5, {"v": 1.0})]
    found = load(influxd, bucket_id, points, spool)
    assert found == Comparison({("m", "v"): 3}, ())  # type: ignore[arg-type]


def test_a_point_at_the_very_end_of_time_that_did_not_arrive_is_found(
    influxd: Influxd, bucket_id: str, spool: Spool
) -> None:
    write(influxd.server, bucket_id, f"m,k=a v=1 {MAX_TIME_NS}")
    points = [P(MAX_TIME_NS, {"v": 1.0}, {"k": "a"}), P(MAX_TIME_NS, {"v": 1.0}, {"k": "b"})]
    (difference,) = load(influxd, bucket_id, points, spool, keep=slice(0, 1)).differences
    assert (difference.expected, difference.stored) == (2, 1)


SPECIAL = ["\\", ",", "=", " ", '"', "\t", "\x00", "#", "'", "\x1f", "\x85", "\u2028", "\ufeff", '""', "🐦", "null"]
texts = st.lists(st.sampled_from(SPECIAL) | st.characters(exclude_categories=("Cs",)), max_size=5).map("".join)
keys = texts.filter(lambda key: not key_trouble("tag", key)) | st.sampled_from(
    ["table", "result", "error", "reference", "measurement", "0", "3", "key", "series", "name", "_x"]
)


@given(st.lists(st.dictionaries(keys, texts, max_size=4), min_size=1, max_size=20))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tags_of_any_kind_are_recognised(influxd: Influxd, tmp_path: Path, tag_sets: list[dict[str, str]]) -> None:
    points = [P(T + n, {"v": "x"}, dict(tags)) for n, tags in enumerate(tag_sets)]
    writable = [point for point in points if not encoded([point]).faults]
    with new_bucket(influxd.server) as bucket_id, TemporaryDirectory(dir=tmp_path) as folder:
        found = load(influxd, bucket_id, writable, Spool(Path(folder)))
    assert found.differences == ()
    assert found.stored["m", "v"] == len(writable)


def test_an_answer_is_read_to_its_end_in_pieces(
    influxd: Influxd, bucket_id: str, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_LINES", 7)
    found = load(influxd, bucket_id, POINTS, spool)
    assert found.differences == ()
    assert found.stored["m", "v"] == 60


def test_an_error_of_the_server_is_an_error_and_no_difference(influxd: Influxd, spool: Spool) -> None:
    with pytest.raises(ServerError):
        load(influxd, "0123456789abcdef", [P(T, {"v": 1.0})], spool, keep=slice(0, 0))
