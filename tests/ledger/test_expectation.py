from __future__ import annotations

import polars as pl

from importer.encoding.series import SeriesIndex
from importer.ledger.expectation import Expectation
from importer.ledger.windows import Windows
from tests.points import P, Unsigned, encoded

DAY_NS = 86_400 * 10**9


def test_values_are_counted_per_measurement_field_and_window() -> None:
    series = SeriesIndex(10)
    expectation = Expectation(Windows(DAY_NS))
    points = [
        P(0, {"a": 1.0, "b": "x"}, {"k": "1"}),
        P(1, {"a": 2.0}, {"k": "2"}),
        P(DAY_NS, {"a": 3.0}, {"k": "1"}),
        P(DAY_NS, {"a": Unsigned(3)}, {}, "other"),
    ]
    for n in (0, 1):
        lines = encoded(points[2 * n : 2 * n + 2], series, n)
        expectation.add(lines.frame, lines.fields, series.measurements)
    assert {number: dict(counts) for number, counts in expectation.counts.items()} == {
        0: {("m", "a"): 2, ("m", "b"): 1},
        1: {("m", "a"): 1, ("other", "a"): 1},
    }
    assert expectation.types == {("m", "a"): "float", ("m", "b"): "string", ("other", "a"): "unsigned"}
    assert (expectation.first_ns, expectation.last_ns) == (0, DAY_NS)
    assert (expectation.total(("m", "a")), expectation.values) == (3, 5)


def test_values_that_fell_on_others_are_taken_back() -> None:
    series = SeriesIndex(10)
    expectation = Expectation(Windows(DAY_NS))
    lines = encoded([P(0, {"a": 1.0, "b": "x"}), P(0, {"a": 2.0}), P(DAY_NS, {"a": 2.0})], series)
    expectation.add(lines.frame, lines.fields, series.measurements)
    columns = [field.column for field in lines.fields]
    fallen = pl.DataFrame(
        {"series": [0], "time": [0], columns[0]: [True], columns[1]: [False]}, schema_overrides={"series": pl.UInt32}
    )
    expectation.subtract(fallen, lines.fields, series.measurements)
    assert [dict(expectation.counts[number]) for number in (0, 1)] == [{("m", "a"): 1, ("m", "b"): 1}, {("m", "a"): 1}]


def test_a_block_without_points_changes_nothing() -> None:
    expectation = Expectation(Windows(DAY_NS))
    lines = encoded([P(0, {"a": 1.0}, {"k": "bad\n"})])
    expectation.add(lines.frame, lines.fields, [])
    assert (expectation.values, expectation.first_ns, expectation.types) == (0, None, {})
