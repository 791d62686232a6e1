from __future__ import annotations

import pytest

from importer.encoding.series import SeriesIndex
from importer.errors import ServerUnreachableError
from importer.ledger.expectation import Expectation
from importer.ledger.windows import Windows
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.server.connection import Connection, Server
from importer.verification.compare import Comparison, compare
from importer.verification.counting import count_by_window, count_distinct, count_values
from tests.bucket.test_counting import write_to_storage
from tests.influxd import Influxd
from tests.points import P, Unsigned, encoded, write

WEEK_NS = 7 * 86_400 * 10**9
SECOND = 10**9
T = 1_600_000_000 * SECOND
POINTS = [
    P(T + day * WEEK_NS // 7, {"f": day / 2, "i": day, "u": Unsigned(day), "b": day > 3, "s": f"text {day}"}, {"k": k})
    for day in range(40)
    for k in ("x", "y")
]


def expectation_of(points: list[P]) -> Expectation:
    series = SeriesIndex(1_000)
    lines = encoded(points, series)
    expectation = Expectation(Windows(WEEK_NS))
    expectation.add(lines.frame, lines.fields, series.measurements)
    return expectation


def compared(influxd: Influxd, bucket_id: str, points: list[P]) -> Comparison:
    return compare(influxd.server, bucket_id, expectation_of(points), series=2)


def loaded(influxd: Influxd, bucket_id: str, points: list[P]) -> Comparison:
    write(influxd.server, bucket_id, encoded(points))
    return compared(influxd, bucket_id, points)


def test_a_bucket_that_holds_all_of_it_has_no_differences(influxd: Influxd, bucket_id: str) -> None:
    found = loaded(influxd, bucket_id, POINTS)
    assert found.differences == ()
    assert found.stored == {("m", name): 80 for name in "fiubs"}


@pytest.mark.parametrize("moment", [MIN_TIME_NS, MIN_TIME_NS + 1, -1, 0, MAX_TIME_NS - 1, MAX_TIME_NS])
def test_points_at_the_ends_of_time_are_seen(influxd: Influxd, bucket_id: str, moment: int) -> None:
    found = loaded(influxd, bucket_id, [P(moment, {"v": 1.0}), P(5, {"v": 1.0})])
    assert found.differences == ()
    assert found.stored == {("m", "v"): 2}


@pytest.mark.parametrize("series", [2, 10_000])
def test_windows_are_counted_together_unless_that_makes_too_many_tables(
    influxd: Influxd, bucket_id: str, series: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(influxd.server, bucket_id, encoded(POINTS))
    asked: list[str] = []
    ask = Server.query
    monkeypatch.setattr(Server, "query", lambda self, flux, params: asked.append(flux) or ask(self, flux, params))
    assert compare(influxd.server, bucket_id, expectation_of(POINTS), series=series).differences == ()
    windows = len(expectation_of(POINTS).counts)
    assert sum("aggregateWindow" in flux for flux in asked) == (1 if series == 2 else 0)
    assert len(asked) == (1 if series == 2 else windows) + 3  # the gaps before and behind, and the last nanosecond


def test_counts_by_window_are_those_of_each_window(influxd: Influxd, bucket_id: str) -> None:
    write(influxd.server, bucket_id, encoded(POINTS))
    windows = Windows(WEEK_NS)
    numbers = sorted(expectation_of(POINTS).counts)
    start_ns, stop_ns = windows.bounds(numbers[0])[0], windows.bounds(numbers[-1])[1]
    counted = count_by_window(influxd.server, bucket_id, start_ns, stop_ns, windows)
    assert counted == {n: count_values(influxd.server, bucket_id, *windows.bounds(n)) for n in numbers}


def test_a_range_that_was_deleted_is_found_missing_window_by_window(influxd: Influxd, bucket_id: str) -> None:
    write(influxd.server, bucket_id, encoded(POINTS))
    influxd.server.client.delete_api().delete(
        "2020-09-20T00:00:00Z", "2020-09-25T00:00:00Z", 'k="x"', bucket_id, influxd.connection.org
    )
    found = compared(influxd, bucket_id, POINTS)
    assert {difference.name for difference in found.differences} == {("m", name) for name in "fiubs"}
    for difference in found.differences:
        assert difference.stored < difference.expected
        assert difference.stop_ns - difference.start_ns == WEEK_NS
    assert found.stored["m", "f"] == 75
    assert "m.b from 2020-09-14T00:00:00Z to 2020-09-21T00:00:00Z: 13 values stored, 14 expected" in [
        str(difference) for difference in found.differences
    ]


@pytest.mark.parametrize(
    "moment",
    [MIN_TIME_NS, T - 500 * WEEK_NS, T + WEEK_NS + 1, T + 500 * WEEK_NS, MAX_TIME_NS - 1, MAX_TIME_NS],
)
def test_a_point_too_many_is_found_wherever_it_stands(influxd: Influxd, bucket_id: str, moment: int) -> None:
    write(influxd.server, bucket_id, f"m,k=x f=1 {moment}")
    (difference,) = loaded(influxd, bucket_id, POINTS).differences
    assert difference.name == ("m", "f")
    assert difference.stored == difference.expected + 1
    assert difference.start_ns <= moment < difference.stop_ns


@pytest.mark.parametrize("line", ["other f=1", "m g=1", "m,k=z f=1", "m f=1"])
def test_a_value_of_another_measurement_field_or_series_is_found(influxd: Influxd, bucket_id: str, line: str) -> None:
    write(influxd.server, bucket_id, f"{line} {T + 1}")
    (difference,) = loaded(influxd, bucket_id, POINTS).differences
    assert difference.stored == difference.expected + 1


def test_a_value_of_another_type_in_another_shard_group_is_hidden_by_queries_but_not_by_counts_per_group(
    influxd: Influxd, bucket_id: str
) -> None:
    # So comparing does not find it: types are fixed before the first write, and nobody else may write there.
    points = [P(T + n * WEEK_NS, {"v": float(n)}) for n in range(6)]
    lines = [f"m v={n}{'i' if n == 3 else ''} {point.time_ns}" for n, point in enumerate(points)]
    write(influxd.server, bucket_id, "\n".join(lines))
    assert count_values(influxd.server, bucket_id, MIN_TIME_NS, MAX_TIME_NS + 1)["m", "v"] < 6
    assert compared(influxd, bucket_id, points).differences == ()


def test_a_value_that_is_missing_in_one_window_and_too_many_in_another_is_no_balance(
    influxd: Influxd, bucket_id: str
) -> None:
    write(influxd.server, bucket_id, f"m v=1 {T}")
    found = compared(influxd, bucket_id, [P(T + 10 * WEEK_NS, {"v": 1.0})])
    assert [(item.expected, item.stored) for item in found.differences] == [(0, 1), (1, 0)]
    assert found.stored["m", "v"] == 1


def test_an_empty_bucket_is_what_a_load_of_nothing_expects(influxd: Influxd, bucket_id: str) -> None:
    assert compared(influxd, bucket_id, []) == Comparison({}, ())  # type: ignore[arg-type]


def test_the_server_counting_a_block_twice_is_not_believed(influxd: Influxd, bucket_id: str) -> None:
    points = [P(second * SECOND, {"v": second}) for second in range(3_000)]
    write(influxd.server, bucket_id, encoded(points))
    write_to_storage(influxd.server, bucket_id)
    late = P(SECOND + 5, {"v": 1})
    write(influxd.server, bucket_id, encoded([late]))
    assert count_values(influxd.server, bucket_id, 0, WEEK_NS)["m", "v"] > 3_001, "the server has been mended"
    found = compared(influxd, bucket_id, [*points, late])
    assert found.differences == ()
    assert found.stored == {("m", "v"): 3_001}


def test_a_block_that_is_counted_twice_does_not_hide_a_point_too_many(influxd: Influxd, bucket_id: str) -> None:
    points = [P(second * SECOND, {"v": second}) for second in range(3_000)]
    write(influxd.server, bucket_id, encoded(points))
    write_to_storage(influxd.server, bucket_id)
    write(influxd.server, bucket_id, encoded([P(SECOND + 5, {"v": 1})]))
    (difference,) = compared(influxd, bucket_id, points).differences
    assert (difference.expected, difference.stored) == (3_000, 3_001)


def test_names_of_any_kind_are_counted_under_their_own(influxd: Influxd, bucket_id: str) -> None:
    name, key = 'a "quoted", ${name} = \\x', 'field, "one" = é'
    points = [P(T, {key: 1.0}, {"result": "r", "table": "t", "error": "e"}, name)]
    assert loaded(influxd, bucket_id, points) == Comparison({(name, key): 1}, ())  # type: ignore[arg-type]
    assert count_distinct(influxd.server, bucket_id, (name, key), MIN_TIME_NS, MAX_TIME_NS + 1) == 1


def test_empty_texts_of_others_are_counted_rightly(influxd: Influxd, bucket_id: str) -> None:
    write(influxd.server, bucket_id, "\n".join(f'm s="{text}" {n}' for n, text in enumerate(["a", "", "b", "", "c"])))
    assert count_values(influxd.server, bucket_id, 0, 10)["m", "s"] == 5
    assert count_distinct(influxd.server, bucket_id, ("m", "s"), 0, 10) == 5


def test_progress_rises_to_the_whole(influxd: Influxd, bucket_id: str) -> None:
    shares: list[float] = []
    compare(influxd.server, bucket_id, expectation_of(POINTS), series=10_000, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 5


def test_a_server_that_is_gone_is_an_error_and_no_difference() -> None:
    with Server(Connection("http://127.0.0.1:1", "t", "o")) as server, pytest.raises(ServerUnreachableError):
        compare(server, "0123456789abcdef", expectation_of(POINTS), series=2)
