"""What is read of a bucket that was built is what is read of one that was written, value for value."""

from __future__ import annotations

import csv
import itertools
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from importer import LoadError, RejectBudgetError
from importer.bucket import catalogue
from importer.limits import MAX_STRING_BYTES, MAX_TIME_NS, MIN_TIME_NS, key_trouble, measurement_trouble
from tests.bulk.generated import (
    ALL_TYPES,
    DAY_NS,
    FIELDS,
    HEADER,
    HOSTILE,
    START_NS,
    Row,
    rows_of_any,
    tags_of,
    text_of,
    two_keys,
)
from tests.bulk.two_ways import TwoWays
from tests.loading import Trial, birds_csv
from tests.test_resume import UNTYPED, hard_csv


def test_all_types_at_their_ends_and_with_gaps_are_the_same(ways: TwoWays, trial: Trial) -> None:
    floats = [
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        1.7976931348623157e308,
        -1.7976931348623157e308,
        0.1,
        1e21,
        2.2250738585072014e-308,
    ]
    integers = [-(2**63), 2**63 - 1, 0, -1, 1, 2**53 + 1, 2**60, -(2**60) - 1]
    unsigned = [0, 2**64 - 1, 2**63, 1, 2**53 + 1]
    rows = []
    for n in range(3_000):
        values: list[object] = [
            repr(floats[n % len(floats)] if n < 1_000 else n / 7),
            integers[n % len(integers)] if n < 1_500 else n - 2_000,
            unsigned[n % len(unsigned)] if n < 1_500 else n,
            n % 3 == 0,
            HOSTILE[n % len(HOSTILE)] * (1 + n % 4),
        ]
        for nth in range(5):  # each value is missing here and there, and of some rows all but one
            if n % (11 + nth) == nth or (n % 50 == 7 and nth != n // 50 % 5):
                values[nth] = None
        rows.append([f"m{n % 3}", START_NS + n * (1 + n % 5) * 10**11 + n, f"k{n % 7}", n % 2 or None, *values])
    report = ways.load(trial.csv(text_of(rows)), mapping=ALL_TYPES, block_bytes=40_000)
    assert report.status == "verified"
    assert len(report.fields) == 15
    assert ways.hold_the_same() > 12_000


@pytest.mark.parametrize("role", ["measurement", "tag", "tag key", "field key", "string"])
def test_hostile_names_and_texts_are_the_same_in_every_role(ways: TwoWays, trial: Trial, role: str) -> None:
    texts = [
        *HOSTILE,
        *(f"a{text}b" for text in HOSTILE),
        *(f"{text}{other}" for text, other in itertools.pairwise(HOSTILE)),
    ]
    mapping: dict[str, Any] = {
        **ALL_TYPES,
        "tags": {"k": {"column": "k"}},
        "fields": {"s": FIELDS["s"], "f": FIELDS["f"]},
    }
    if role == "measurement":
        texts = [text for text in texts if not measurement_trouble(text)]
    if "key" in role:
        kind = "tags" if role == "tag key" else "fields"
        keys = [text for text in texts if not key_trouble("tag" if kind == "tags" else "field", text)]
        column = {"column": "k"} if kind == "tags" else FIELDS["f"]
        mapping |= {kind: dict.fromkeys(keys, column)}
    rows = [
        [
            text if role == "measurement" else "m",
            START_NS + n * DAY_NS,
            text if role == "tag" else f"k{n % 3}",
            None,
            n / 3,
            None,
            None,
            None,
            text if role == "string" else "x",
        ]
        for n, text in enumerate(texts)
    ]
    report = ways.load(trial.csv(text_of(rows)), mapping=mapping, max_rejects=10)
    assert report.points_written > 30
    assert ways.hold_the_same() >= report.points_written


@pytest.mark.parametrize(("column", "text"), [("m", "a#!~#b"), ("k", "#!~#"), ("k", "a#!~")])
def test_the_mark_between_series_and_field_makes_rejects_of_its_rows_alone(
    ways: TwoWays, trial: Trial, column: str, text: str
) -> None:
    rows = [["m", START_NS + n, f"k{n}", None, n / 3, n, n, n % 2 == 0, text] for n in range(20)]
    rows[7][HEADER.index(column)] = text
    source, files = trial.csv(text_of(rows)), ways.files
    report = files.load(source, mapping=ALL_TYPES, method="bulk", max_rejects=1)
    assert (report.status, report.rejected, report.points_written) == ("verified", 1, 19)
    (reject,) = rejects_of(files)
    assert (reject["line"], reject["error_type"]) == ("9", "tag")
    assert "--method write" in reject["error_message"]
    ways.lines.load(trial.csv(text_of([*rows[:7], *rows[8:]]), "others.csv"), mapping=ALL_TYPES)
    assert ways.hold_the_same() == 19 * 5


@pytest.mark.parametrize("days", [7, 36_500], ids=lambda days: f"{days} days")
def test_times_before_1970_and_the_first_and_last_nanoseconds_are_the_same(
    ways: TwoWays, trial: Trial, days: int
) -> None:
    times = [MIN_TIME_NS, MIN_TIME_NS + 1, MIN_TIME_NS + DAY_NS, -DAY_NS, -1, 0, 1, MAX_TIME_NS - 1, MAX_TIME_NS]
    rows = [["m", at, k, None, n / 3, n, n, None, "x"] for k in "ab" for n, at in enumerate(times)]
    more = {"mapping": ALL_TYPES, "shard_duration_seconds": days * 86_400}
    assert ways.load(trial.csv(text_of(rows)), **more).points_written == 18
    assert ways.hold_the_same() == 18 * 4
    # Written beside what was built, they find its shard groups.
    again = text_of(["m", at, "c", None, n / 5, n, n, None, "y"] for n, at in enumerate(times))
    source = trial.csv(again, "more.csv")
    for one in (ways.lines, ways.files):
        one.load(source, mapping=ALL_TYPES, if_exists="append")
    assert ways.hold_the_same() == 27 * 4


def repeated_rows() -> list[Row]:
    """Keys that occur again: the same, with other fields, with other values; near, and in a block far behind."""
    rows: list[Row] = []
    for n in range(2_000):
        at, k = START_NS + n * DAY_NS // 50, f"k{n % 4}"
        first = ["m", at, k, None, n / 8, n, None, n % 2 == 0, "first"]
        rows.append(first)
        if n % 7 == 0:
            rows.append(first)
        if n % 7 == 1:
            rows.append(["m", at, k, None, None, None, n, None, None])
        if n % 7 == 2:
            rows.append(["m", at, k, None, -0.0, n, None, None, f"second {n % 5}"])
        if n % 7 == 3:
            rows += [["m", at, k, None, 0.0, None, None, None, None], ["m", at, k, None, -0.0, None, None, None, None]]
    for n in range(0, 2_000, 3):
        at, k = START_NS + n * DAY_NS // 50, f"k{n % 4}"
        kind = n // 3 % 3
        rows.append(
            [
                ["m", at, k, None, n / 8, n, None, n % 2 == 0, "first"],
                ["m", at, k, None, None, None, 2**64 - 1 - n, None, None],
                ["m", at, k, None, n / 9, -n, None, None, "third"],
            ][kind]
        )
    return rows


@pytest.mark.parametrize("workers", [1, 3])
def test_keys_that_occur_again_come_to_the_same_and_are_counted_alike(
    ways: TwoWays, trial: Trial, workers: int
) -> None:
    rows = repeated_rows()
    source = trial.csv(text_of(rows[:2_000]), "first.csv"), trial.csv(text_of(rows[2_000:]), "second.csv")
    report = ways.load(list(source), mapping=ALL_TYPES, block_bytes=20_000, workers=workers)
    assert all(report.duplicate_kinds[kind] > 200 for kind in ("identical", "merged", "overwritten"))
    assert report.points_written == 2_000
    assert any("overwrote an earlier one" in warning for warning in report.warnings)
    ways.hold_the_same()


def test_bad_rows_and_types_that_are_decided_late_are_told_alike(ways: TwoWays, trial: Trial) -> None:
    report = ways.load(trial.csv(hard_csv()), mapping=UNTYPED, block_bytes=10_000, max_rejects=1_000)
    assert report.rejected > 5
    assert report.duplicates > 5
    ways.hold_the_same()


def test_points_that_the_server_would_refuse_are_rejects_with_the_same_places(ways: TwoWays, trial: Trial) -> None:
    now = int(time.time()) * 10**9
    rows: list[Row] = []
    for n in range(400):
        text = "é" * (MAX_STRING_BYTES // 2) + ("x" if n == 7 else "") if n in {3, 7} else f"text {n}"
        at = now - (400 * DAY_NS if n % 9 == 4 else DAY_NS) - n
        rows.append(["m", at, f"k{n % 3}", None, n / 3, n, None, None, text])
    source = trial.csv(text_of(rows))
    more = {"mapping": ALL_TYPES, "retention_seconds": 30 * 86_400, "max_rejects": 100}
    reports = [one.load(source, method=way, **more) for one, way in ((ways.lines, "write"), (ways.files, "bulk"))]
    assert [(report.points_rejected, report.rejected) for report in reports] == [(44, 1)] * 2
    for name in ("rows_read", "rows_mapped", "rejected", "points_emitted", "points_written", "duplicates", "fields"):
        assert getattr(reports[0], name) == getattr(reports[1], name)
    found = [
        [(row["line"], row["byte_offset"], row["column"], row["error_type"]) for row in rejects_of(one)]
        for one in (ways.lines, ways.files)
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 45
    ways.hold_the_same()
    for one, way in ((ways.lines, "write"), (ways.files, "bulk")):
        before = one.state_now()
        with pytest.raises(RejectBudgetError, match="rejected where 3 are allowed"):
            one.load(source, method=way, **(more | {"max_rejects": 3}))
        assert one.state_now() == before


def rejects_of(trial: Trial) -> list[dict[str, str]]:
    csv.field_size_limit(4 * MAX_STRING_BYTES)
    with (trial.folder / "rejects.csv").open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["line"]))


def test_many_series_of_few_points_are_the_same(ways: TwoWays, trial: Trial) -> None:
    rows = [
        ["m", START_NS + n * DAY_NS // 100, f"k{n * 7_919 % 2_003}", n % 3, n / 3, n, None, None, None]
        for n in range(4_000)
    ]
    report = ways.load(trial.csv(text_of(rows)), mapping=ALL_TYPES, block_bytes=100_000)
    assert report.series > 3_000
    assert ways.hold_the_same() == 8_000


def test_a_source_without_points_replaces_nothing_unless_told_to(ways: TwoWays) -> None:
    trial = ways.files
    trial.load(trial.csv(birds_csv(10)), method="bulk")
    before = trial.state_now()
    empty = trial.csv(birds_csv(0), "empty.csv")
    with pytest.raises(LoadError, match="the bucket was left as it was; --allow-empty"):
        trial.load(empty, method="bulk")
    assert trial.state_now() == before
    assert trial.load(empty, method="bulk", allow_empty=True).status == "verified"
    assert trial.rows().height == 0


@given(
    st.lists(rows_of_any, min_size=1, max_size=60),
    two_keys,
    st.sampled_from([300, 4_000]),
)
@example([("m", 0, "a", None, "1.0", None, None, None, "x")] * 3, ["k", "l"], 300)
@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_loaded_is_the_same_by_both_ways(
    ways: TwoWays, trial: Trial, rows: list[Row], keys: list[str], block_bytes: int
) -> None:
    for one in (ways.lines, ways.files):
        found = catalogue.find(one.server, one.bucket)
        if found is not None:
            catalogue.delete(one.server, found.id)
    ways.load(
        trial.csv(text_of(rows)),
        mapping=ALL_TYPES | {"tags": tags_of(keys)},
        block_bytes=block_bytes,
        max_rejects=1_000,
        shard_duration_seconds=3_650 * 86_400,
    )
    ways.hold_the_same()
