"""A field that is integer in one year and float in another: one type everywhere, or refused before the first write.

The server would take both, each in its own shard group, and then leave a part of the rows out of its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from influxdb_client import Point
from influxdb_client.client.write_api import SYNCHRONOUS

from importer import BucketExistsError, ConfigurationError, RejectBudget, RejectBudgetError, Report
from importer.bucket.schema import field_types
from tests.loading import Trial

DAY = 86_400
YEAR_2019, YEAR_2020 = 1_546_300_800, 1_577_836_800
ROWS = 500
SHARDS = {"shard_duration_seconds": 30 * DAY}

INTEGERS = [str(n) for n in range(ROWS)]
FLOATS = [f"{n}.5" for n in range(ROWS)]
WHOLE = [f"{n}.0" for n in range(ROWS)]

Values = list[str]


def year_csv(start: int, values: Iterable[str]) -> str:
    rows = (f"{start + n * 3_600},b{n % 7},{value}" for n, value in enumerate(values))
    return "\n".join(["t,bird,v", *rows]) + "\n"


def two_years(trial: Trial, first: Values, second: Values) -> list[Path]:
    return [
        trial.csv(year_csv(YEAR_2019, first), "2019.csv"),
        trial.csv(year_csv(YEAR_2020, second), "2020.csv"),
    ]


def mapping(kind: str | None) -> dict[str, Any]:
    return {
        "measurement": "birds",
        "time": {"column": "t", "format": "unix_s"},
        "tags": {"bird": {"column": "bird"}},
        "fields": {"v": {"column": "v"} | ({"type": kind} if kind else {})},
    }


def by_function(row: dict[str, str]) -> Point:
    """What a careless function does: an integer where the text looks like one."""
    text = row["v"]
    value: Any = int(text) if text.isdigit() else float(text) if text[0].isdigit() else text
    return Point("birds").tag("bird", row["bird"]).field("v", value).time(int(row["t"]), "s")  # type: ignore[arg-type]


def stored(trial: Trial) -> tuple[set[str], dict[str, Values]]:
    """The types of the field in all shard groups, and its values in each year as Flux gives them back."""
    types = field_types(trial.server, trial.bucket_id)
    rows = trial.rows()
    years = {
        year: rows.filter(rows["_time"].str.starts_with(year)).sort("_time")["_value"].to_list()
        for year in ("2019", "2020")
    }
    return set(types["birds", "v"]), years


@pytest.mark.promise(
    fault="one field integer in one year and float in another",
    promise="one type everywhere: values that do not fit it are rejects, all others are stored and read back",
    seen="the rejects with line and column; too many of them: exit 3, the bucket as it was",
)
@pytest.mark.parametrize("kind", ["float", None])
@pytest.mark.parametrize(("first", "second"), [(INTEGERS, FLOATS), (FLOATS, INTEGERS)])
def test_a_float_field_takes_the_integers_of_the_other_year(
    trial: Trial, kind: str | None, first: Values, second: Values
) -> None:
    report = trial.load(two_years(trial, first, second), mapping=mapping(kind), **SHARDS)
    assert (report.status, report.points_written) == ("verified", 2 * ROWS)
    assert stored(trial) == ({"float"}, {"2019": first, "2020": second})


@pytest.mark.parametrize(("first", "second"), [(INTEGERS, FLOATS), (FLOATS, INTEGERS)])
def test_an_integer_field_rejects_the_floats_of_the_other_year_and_keeps_the_integers(
    trial: Trial, first: Values, second: Values
) -> None:
    sources = two_years(trial, first, second)
    with pytest.raises(RejectBudgetError, match="not an integer in"):
        trial.load(sources, mapping=mapping("integer"), **SHARDS)
    assert trial.buckets == set()
    report = trial.load(sources, mapping=mapping("integer"), max_rejects="50%", **SHARDS)
    assert (report.status, report.points_written, report.rejected) == ("verified", ROWS, ROWS)
    kept = {"2019": first if first is INTEGERS else [], "2020": second if second is INTEGERS else []}
    assert stored(trial) == ({"integer"}, kept)


def test_an_integer_field_takes_the_whole_numbers_of_the_other_year(trial: Trial) -> None:
    report = trial.load(two_years(trial, INTEGERS, WHOLE), mapping=mapping("integer"), **SHARDS)
    assert report.points_written == 2 * ROWS
    assert stored(trial) == ({"integer"}, {"2019": INTEGERS, "2020": INTEGERS})


@pytest.mark.parametrize(
    ("first", "second", "kind", "rejected"),
    [
        (["true"] * ROWS, INTEGERS, "boolean", ROWS - 2),  # 0 and 1 are booleans, too
        (["none"] * ROWS, FLOATS, "string", 0),
        (FLOATS, ["none"] * ROWS, "float", ROWS),
    ],
)
def test_the_first_value_decides_the_type_of_a_field_without_one(
    trial: Trial, first: Values, second: Values, kind: str, rejected: int
) -> None:
    report = trial.load(two_years(trial, first, second), mapping=mapping(None), max_rejects="50%", **SHARDS)
    assert (report.status, report.rejected) == ("verified", rejected)
    types, years = stored(trial)
    assert types == {kind}
    assert years["2019"] == first
    assert len(years["2020"]) == ROWS - rejected


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(
    ("first", "second", "kind", "rejected"),
    [(INTEGERS, FLOATS, "integer", ROWS), (FLOATS, INTEGERS, "float", 0), (INTEGERS, ["x"] * ROWS, "integer", ROWS)],
)
def test_the_first_value_of_a_function_decides_whatever_the_writers(
    trial: Trial, *, first: Values, second: Values, kind: str, rejected: int, workers: int
) -> None:
    report = trial.load(
        two_years(trial, first, second),
        mapper=by_function,
        max_rejects="50%",
        workers=workers,
        block_bytes=1_024,
        **SHARDS,
    )
    assert (report.status, report.rejected, report.points_rejected) == ("verified", rejected, 0)
    assert stored(trial) == ({kind}, {"2019": first, "2020": second if not rejected else []})


def append(trial: Trial, values: Values, **how: Any) -> Report:
    return trial.load(trial.csv(year_csv(YEAR_2020, values), "2020.csv"), if_exists="append", **how)


def test_appending_with_another_type_is_refused_before_the_first_write(trial: Trial) -> None:
    trial.load(two_years(trial, INTEGERS, [])[0], mapping=mapping("integer"), **SHARDS)
    before = trial.state_now()
    with pytest.raises(ConfigurationError, match=r"birds\.v as integer, the mapping says float"):
        append(trial, FLOATS, mapping=mapping("float"))
    assert trial.state_now() == before
    assert trial.buckets == {""}


@pytest.mark.parametrize("how", [{"mapping": mapping(None)}, {"mapper": by_function}], ids=["untyped", "function"])
def test_appending_without_a_type_keeps_to_the_one_that_the_bucket_has(trial: Trial, how: dict[str, Any]) -> None:
    trial.load(two_years(trial, INTEGERS, [])[0], mapping=mapping("integer"), **SHARDS)
    half = [text for pair in zip(FLOATS[::2], INTEGERS[1::2], strict=True) for text in pair]
    report = append(trial, half, max_rejects=RejectBudget(ROWS // 2), **how)
    assert (report.status, report.rejected, report.points_rejected) == ("verified", ROWS // 2, 0)
    assert stored(trial) == ({"integer"}, {"2019": INTEGERS, "2020": INTEGERS[1::2]})


def spoil(trial: Trial) -> None:
    """Somebody writes a float where the load had written integers, in a shard group of its own."""
    line = f"birds,bird=b0 v=1.5 {YEAR_2020 * 10**9}"
    trial.server.client.write_api(SYNCHRONOUS).write(trial.bucket, record=line)
    assert field_types(trial.server, trial.bucket_id)["birds", "v"] == {"integer", "float"}


def test_a_bucket_with_both_types_is_neither_appended_to_nor_replaced_unasked_and_one_type_after_a_replacement(
    trial: Trial,
) -> None:
    sources = two_years(trial, INTEGERS, FLOATS)
    trial.load(sources[0], mapping=mapping("integer"), **SHARDS)
    spoil(trial)
    before = trial.bucket_id
    attempts: list[tuple[type[Exception], Callable[[], Report]]] = [
        (ConfigurationError, lambda: append(trial, FLOATS, mapping=mapping("float"))),
        (ConfigurationError, lambda: append(trial, FLOATS, mapping=mapping(None))),
        (ConfigurationError, lambda: append(trial, FLOATS, mapper=by_function)),
        (BucketExistsError, lambda: trial.load(sources, mapping=mapping("float"))),
    ]
    for error, attempt in attempts:
        with pytest.raises(error, match=r"several types"):
            attempt()
    assert trial.bucket_id == before
    assert trial.buckets == {""}
    report = trial.load(sources, mapping=mapping("float"), if_exists="replace")
    assert report.points_written == 2 * ROWS
    assert stored(trial) == ({"float"}, {"2019": INTEGERS, "2020": FLOATS})
