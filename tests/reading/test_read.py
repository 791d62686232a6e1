from __future__ import annotations

from datetime import UTC, datetime
from inspect import getdoc, signature
from typing import Any

import pandas as pd
import polars as pl
import pytest

import importer
from importer import ConfigurationError, NotFoundError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.reading import frames, points
from importer.reading.selection import Wanted
from importer.reading.window import TimeRange
from tests.bucket.test_counting import write_to_storage
from tests.loading import Trial

from .conftest import Fill

SECOND = 10**9
HOUR = 3600 * SECOND


def read(trial: Trial, **options: Any) -> pl.DataFrame:
    return importer.read(trial.bucket, connection=trial.connection, **options)


@pytest.fixture
def weather(fill: Fill) -> None:
    lines = [
        f'w,city={city},kind=air t={n * 1.25 + shift},n={n}i,ok={str(n % 3 > 0).lower()},s="{n}" {n * 600 * SECOND}'
        for city, shift in (("Oslo", 0), ("Rome", 20), ("Bern", 10))
        for n in range(60)
    ]
    fill(*lines, "w t=99 5", "tide,port=Oslo height=2u 7")


@pytest.mark.usefixtures("weather")
def test_rows_are_pivoted_with_time_measurement_tags_and_a_column_for_each_field(trial: Trial) -> None:
    found = read(trial)
    assert dict(found.schema) == {
        "time": pl.Datetime("ns", "UTC"),
        "measurement": pl.String,
        "city": pl.String,
        "kind": pl.String,
        "port": pl.String,
        "height": pl.UInt64,
        "n": pl.Int64,
        "ok": pl.Boolean,
        "s": pl.String,
        "t": pl.Float64,
    }
    assert found.height == 182
    assert found.row(0)[1:] == ("tide", None, None, "Oslo", 2, None, None, None, None)
    assert found.row(1)[1:] == ("w", "Bern", "air", None, None, 0, False, "0", 10.0)
    assert found["time"][1:].is_sorted()


@pytest.mark.usefixtures("weather")
def test_measurements_tags_and_fields_are_filtered_and_values_of_a_tag_are_alternatives(trial: Trial) -> None:
    assert read(trial, measurement="tide").height == 1
    found = read(trial, tags={"city": ["Oslo", "Rome"], "kind": "air"}, fields=["t", "n"])
    assert (found.height, found.columns) == (120, ["time", "measurement", "city", "kind", "n", "t"])
    assert set(found["city"]) == {"Oslo", "Rome"}
    assert read(trial, tags={"city": ""}, measurement="w")["t"].to_list() == [99.0]
    assert read(trial, tags={"city": "' OR 1=1 --"}).height == 0
    assert read(trial, tags={"city": "Oslo", "port": "Oslo"}).height == 0


@pytest.mark.usefixtures("weather")
def test_a_value_that_no_point_has_in_a_tag_is_warned_of_with_the_nearest(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(trial, tags={"city": ["Olso", "Rome"]}).height == 60
    assert caplog.messages == ["warning: no point has the tag city='Olso'; did you mean 'Oslo'?"]


@pytest.mark.usefixtures("weather")
def test_a_start_is_included_and_a_stop_is_not(trial: Trial) -> None:
    found = read(trial, measurement="w", start="1970-01-01T01:00:00Z", stop="1970-01-01T02:00:00Z")
    assert (found["time"].min(), found["time"].max()) == (
        datetime(1970, 1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 1, 50, tzinfo=UTC),
    )
    assert found.height == 18


def test_a_window_reaches_back_from_now(trial: Trial, fill: Fill) -> None:
    now = int(datetime.now(UTC).timestamp())
    fill(*(f"m v={ago} {(now - ago) * SECOND}" for ago in (-3600, 60, 3500, 3700)))
    assert read(trial, window="1h")["v"].to_list() == [3500.0, 60.0]
    assert read(trial, start="-1h")["v"].to_list() == [3500.0, 60.0, -3600.0]


def in_polars(function: str, column: pl.Expr) -> pl.Expr:
    if function == "spread":
        return column.max() - column.min()
    made: pl.Expr = getattr(column, {"stddev": "std"}.get(function, function))()
    return made


@pytest.mark.usefixtures("weather")
@pytest.mark.parametrize(
    ("most", "functions"),
    [
        (points.MOST_VALUES, ["mean", "median", "stddev", "sum", "min", "max", "spread", "count", "first", "last"]),
        (7, ["mean", "last"]),
    ],
)
def test_windows_hold_what_becomes_of_the_points_in_them(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, functions: list[str], most: int
) -> None:
    monkeypatch.setattr(points, "MOST_VALUES", most)
    bounds = {"measurement": "w", "start": "1970-01-01T00:35:00Z", "stop": "1970-01-01T09:05:00Z", "fields": ["t", "n"]}
    raw = read(trial, **bounds).sort("time")
    windows = pl.from_epoch(pl.col("time").cast(pl.Int64) // HOUR * HOUR, time_unit="ns")
    for function in functions:
        made = [in_polars(function, pl.col(key)) for key in ("n", "t")]
        expected = raw.group_by(windows, "city").agg(made).filter(pl.col("n").is_not_null()).sort("time", "city")
        found = read(trial, aggregate="1h", fn=function, **bounds)
        assert found.height == expected.height > 20, function
        assert found["city"].to_list() == expected["city"].to_list()
        assert found["time"].cast(pl.Int64).to_list() == expected["time"].cast(pl.Int64).to_list()
        for key in ("n", "t"):
            assert found[key].to_list() == pytest.approx(expected[key].to_list()), function
        whole = function in {"sum", "min", "max", "spread", "first", "last", "count"}
        assert found["n"].dtype == (pl.Int64 if whole else pl.Float64)


def test_the_mode_is_the_most_frequent_value_of_whatever_type(trial: Trial, fill: Fill) -> None:
    often, rare = 'i=7i,u=7u,f=0.5,b=true,s="often"', 'i=-1i,u=1u,f=9,b=false,s="rare"'
    fill(*(f"m {values} {n}" for n, values in enumerate((rare, often, often, often, rare))))
    fill(f"m {rare} {HOUR + 1}")
    found = read(trial, aggregate="1h", fn="mode")
    assert found.columns == ["time", "measurement", "b", "f", "i", "s", "u"]
    assert [row[2:] for row in found.rows()] == [(True, 0.5, 7, "often", 7), (False, 9.0, -1, "rare", 1)]


@pytest.mark.usefixtures("weather")
def test_texts_under_a_numeric_function_are_left_out_with_a_warning_or_refused_where_they_are_named(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    found = read(trial, measurement="w", aggregate="1h")
    assert found.columns == ["time", "measurement", "city", "kind", "n", "t"]
    assert "left out, as there is no mean of texts and truth values: 'ok', 's' of 'w'" in caplog.text
    with pytest.raises(ConfigurationError, match=r"no max of 's' of 'w' \(string\): take count, first, last or mode"):
        read(trial, aggregate="1h", fn="max", fields=["s", "t"], measurement="w")
    assert read(trial, aggregate="1w", fn="last", fields="s")["s"].to_list() == ["59"] * 3


@pytest.mark.usefixtures("weather")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measurement": "wx"}, "no measurement 'wx'; did you mean 'w'"),
        ({"tags": {"citty": "Oslo"}}, "no tag 'citty'; did you mean 'city'"),
        ({"fields": "hight"}, "no field 'hight'; did you mean 'height'"),
        ({"aggregate": "30"}, "aggregate '30' is not understood: write a length and a unit"),
        ({"aggregate": "1h", "fn": "maen"}, "no function 'maen'; did you mean mean"),
        ({"fn": "mean"}, "a function .* needs windows"),
        ({"frame": "excel"}, "take polars or pandas"),
    ],
)
def test_what_is_not_there_or_not_understood_gets_an_error_that_names_the_nearest(
    trial: Trial, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(trial, **options)


def test_a_bucket_that_is_not_there_gets_an_error_with_the_nearest_name(trial: Trial, fill: Fill) -> None:
    fill("m v=1 1")
    with pytest.raises(NotFoundError, match=f"no bucket '{trial.bucket}x'; did you mean '{trial.bucket}'"):
        importer.read(f"{trial.bucket}x", connection=trial.connection)


def test_an_empty_bucket_gives_an_empty_frame(trial: Trial, fill: Fill) -> None:
    fill("m v=1 1")
    assert read(trial, start="1980-01-01").shape == (0, 3)
    fill("", ending="-empty")
    assert importer.read(f"{trial.bucket}-empty", connection=trial.connection).shape == (0, 2)


def test_slices_of_any_size_and_halved_answers_give_the_same_rows_up_to_both_ends_of_time(
    trial: Trial, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [MIN_TIME_NS, MIN_TIME_NS + 1, *range(-20, 20), *(10**18 + n * HOUR for n in range(40))]
    times += [MAX_TIME_NS - 1, MAX_TIME_NS]
    fill(*(f'm,id={n % 3} v={n}i,s="{n:>20}" {ns}' for n, ns in enumerate(times)))
    fill(*(f"m,id=at_once{n} v=1i 77" for n in range(15)))
    whole = read(trial)
    assert whole.height == len(times) + 15
    assert whole["time"].is_sorted()
    monkeypatch.setattr(points, "MOST_VALUES", 10)
    told: list[tuple[int, int, int]] = []
    assert read(trial, progress=lambda *done: told.append(done)).equals(whole)
    assert len(told) > 12
    assert told[-1] == (2 * len(times) + 15, 2 * len(times) + 15, whole.height)
    monkeypatch.setattr(points, "MOST_BYTES", 500)
    assert read(trial).equals(whole)
    within = TimeRange(0, 19)
    assert read(trial, start="1970-01-01", stop="1970-01-01T00:00:00.000000019Z").height == sum(
        within.start_ns <= ns < within.stop_ns for ns in times
    )


def test_a_block_that_flux_reads_twice_after_a_late_point_is_read_once(trial: Trial, fill: Fill) -> None:
    fill(*(f"m v=1i {second * SECOND}" for second in range(3000)))
    write_to_storage(trial.server, trial.bucket_id)
    fill(f"m v=1i {SECOND + 5}")
    assert trial.rows().height > 3001  # or the server has been mended
    found = read(trial)
    assert (found.height, found["time"].n_unique()) == (3001, 3001)


def test_a_field_of_two_types_is_refused_because_no_query_gives_all_of_it_back(trial: Trial, fill: Fill) -> None:
    fill("m v=1.5,w=1 1", shard_seconds=3600)
    fill(f"m v=2i,w=1 {7200 * SECOND}")
    with pytest.raises(ConfigurationError, match=r"'v' of 'm' is stored as float and as integer.*naming the other"):
        read(trial)
    assert read(trial, fields="w").height == 2


@pytest.mark.usefixtures("weather")
def test_a_pandas_frame_keeps_whole_numbers_truth_values_and_nanoseconds(trial: Trial, fill: Fill) -> None:
    fill("w n=9007199254740993i 1600000000123456789")
    found: Any = read(trial, frame="pandas", measurement="w")
    assert isinstance(found, pd.DataFrame)
    assert [str(found.dtypes[key]) for key in ("time", "n", "ok", "t")] == [
        "datetime64[ns, UTC]",
        "Int64",
        "boolean",
        "float64",
    ]
    assert found["n"].iloc[-1] == 9007199254740993
    assert found["time"].iloc[-1].value == 1600000000123456789
    assert found["n"].isna().sum() == 1


def test_without_pandas_it_says_how_to_get_it(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'importer\[pandas\]'"):
        read(trial, frame="pandas")


def test_a_tag_and_a_field_of_one_key_and_types_that_differ_by_measurement_have_columns_of_their_own(
    trial: Trial, fill: Fill
) -> None:
    fill("a,id=x id=1,v=1i,measurement=true 1", 'b v="text",v\\ (integer)=2 1')
    found = read(trial)
    assert found.columns == [
        "time",
        "measurement",
        "id (tag)",
        "id (float)",
        "measurement (boolean)",
        "v (integer)'",
        "v (string)",
        "v (integer)",
    ]
    assert [value for row in found.rows() for value in row[2:]] == [
        *("x", 1.0, True, 1, None, None),
        *(None, None, None, None, "text", 2.0),
    ]


@pytest.mark.parametrize("function", [importer.read, importer.export])
def test_every_argument_is_documented(function: Any) -> None:
    documented = getdoc(function) or ""
    assert [name for name in signature(function).parameters if f"{name}: " not in documented] == []
    assert [name for name in Wanted.__annotations__ if f"``{name}``" not in documented] == []


def test_an_argument_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="windw"):
        importer.read("birds", windw="30d")  # type: ignore[call-overload]


@pytest.mark.parametrize(("function", "refused"), [("sum", True), ("mean", True), ("max", False), ("count", False)])
def test_windows_beyond_the_whole_numbers_of_the_server_are_refused_and_not_wrapped_around(
    trial: Trial,
    fill: Fill,
    function: str,
    refused: bool,  # noqa: FBT001
) -> None:
    fill(*(f"m at={1_700_000_000 * SECOND + n}i,small={n}i {n}" for n in range(6)))
    assert read(trial, aggregate="1h", fn="sum", fields="small")["small"].to_list() == [15]
    if refused:
        with pytest.raises(ConfigurationError, match=r"'at' \(integer\) may go beyond"):
            read(trial, aggregate="1h", fn=function, fields="at")
    else:
        assert read(trial, aggregate="1h", fn=function, fields="at").height == 1


@pytest.mark.usefixtures("weather")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"limit": 0}, "a limit of 0 rows"),
        ({"window": "9" * 5000 + "d"}, "window .* is not understood"),
    ],
)
def test_numbers_that_are_none_are_refused(trial: Trial, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read(trial, **options)


@pytest.mark.usefixtures("weather")
def test_a_file_and_its_mapping_do_not_stand_in_each_others_way(trial: Trial) -> None:
    path = trial.folder / "w.csv"
    for options, said in (
        ({"write_mapping": path, "force": True}, "cannot both go to"),
        ({"write_mapping": trial.folder / "w.toml", "escape_formulas": True}, "does not load back"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            importer.export(trial.bucket, path, connection=trial.connection, **options)
    assert not path.exists()
