"""Names and times that the server keeps for itself or cannot hold: told of before anything is written."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from influxdb_client import Point

from importer import ConfigurationError, RejectBudgetError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, RESERVED_KEYS
from tests.loading import BIRDS, START, Command, Trial, birds_csv

KEYS = sorted(RESERVED_KEYS)


def csv_with(column: str) -> str:
    return birds_csv(3).replace("bird,", f"{column},", 1)


@pytest.mark.promise(
    fault="a tag or field named as the server names its own (time, _value, _field, _measurement, …)",
    promise="refused before a server is even asked",
    seen="the name, and how to rename it (--tag KEY=COL, or column in the mapping); exit 2",
)
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("option", ["--tag", "--field"])
@pytest.mark.parametrize("key", KEYS)
def test_a_name_that_the_server_keeps_is_refused_with_the_option_that_renames_it(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch, *, key: str, option: str
) -> None:
    source = trial.csv(csv_with(key))
    mapped = ("--measurement", "birds", "--time", "t", "--time-format", "unix_s", "--field", "n:integer")
    with monkeypatch.context() as patched:
        patched.setenv("INFLUX_URL", "http://127.0.0.1:9")  # nobody is there
        refused = command("load", source, "--bucket", trial.bucket, *mapped, option, key, "--wait", "0")
    renamed = f"{key.strip('_')}_value={key}"
    assert refused.code == 2
    assert f"InfluxDB keeps the name {key!r} for itself" in refused.err
    assert f"{option} {renamed}" in refused.err
    assert trial.buckets == set()
    assert command("load", source, "--bucket", trial.bucket, *mapped, option, renamed).code == 0
    assert set(trial.rows()["_value"]) >= {"0", "1", "2"}


@pytest.mark.parametrize("kind", ["tags", "fields"])
@pytest.mark.parametrize("key", KEYS)
def test_a_mapping_with_such_a_name_is_refused_with_what_to_write_instead(trial: Trial, key: str, kind: str) -> None:
    source = trial.csv(csv_with(key))
    parts = {"tags": {}, "fields": {"n": {"column": "n"}}} | {kind: {key: {"column": key}}}
    with pytest.raises(ConfigurationError, match=f"{kind}.{key}: .* such as '{key.strip('_')}_value', with column"):
        trial.load(source, mapping={**BIRDS, **parts})
    assert trial.buckets == set()


@pytest.mark.parametrize("key", KEYS)
def test_a_function_that_gives_such_a_name_loads_nothing(trial: Trial, key: str) -> None:
    def to_point(row: dict[str, str]) -> Point:
        return Point("birds").tag(key, row["bird"]).field("n", int(row["n"])).time(int(row["t"]) * 10**9)

    with pytest.raises(RejectBudgetError, match=f"{key!r} cannot be the key of a tag: InfluxDB keeps the name"):
        trial.load(trial.csv(birds_csv(3)), mapper=to_point)
    assert trial.buckets == set()


KEPT = {MIN_TIME_NS: "1677-09-21T00:12:43.145224194Z", MAX_TIME_NS: "2262-04-11T23:47:16.854775806Z"}
INSIDE = {MIN_TIME_NS + 1: "1677-09-21T00:12:43.145224195Z", MAX_TIME_NS - 1: "2262-04-11T23:47:16.854775805Z"}
OUTSIDE = {MIN_TIME_NS - 1: "1677-09-21T00:12:43.145224193Z", MAX_TIME_NS + 1: "2262-04-11T23:47:16.854775807Z"}
TIMES = KEPT | INSIDE | OUTSIDE | {START * 10**9: "2020-09-13T12:26:40Z"}


def function(row: dict[str, str]) -> Point:
    return (
        Point("birds")
        .tag("bird", row["bird"])
        .field("n", int(row["n"]))
        .time(row["t"] if "T" in row["t"] else int(row["t"]))
    )


WAYS: list[dict[str, Any]] = [
    {"mapping": {**BIRDS, "time": {"column": "t", "format": "unix_ns"}}},
    {"mapping": {**BIRDS, "time": {"column": "t"}}},
    {"mapping": {**BIRDS, "time": {"column": "t", "format": "%Y-%m-%dT%H:%M:%S%.fZ"}}},
    {"mapper": function},
]


@pytest.mark.promise(
    fault="timestamps that the server cannot hold",
    promise="those beyond the first and the last nanosecond are rejects; these two and all between are stored",
    seen="'InfluxDB keeps times from 1677-09-21 to 2262-04-11' in the rejects file, with line and column",
)
@pytest.mark.parametrize("way", WAYS, ids=["unix_ns", "rfc3339", "format", "function"])
def test_the_first_and_the_last_nanosecond_are_stored_and_their_neighbours_outside_are_rejects(
    trial: Trial, way: dict[str, Any]
) -> None:
    in_digits = way is WAYS[0]
    texts = {ns: str(ns) if in_digits else text for ns, text in TIMES.items()}
    rows = "".join(f"{text},b,1.5,{n}\n" for n, text in enumerate(texts.values()))
    report = trial.load(trial.csv(f"t,bird,lat,n\n{rows}"), max_rejects=2, **way)
    assert (report.status, report.points_written, report.rejected) == ("verified", 5, 2)
    assert report.time_range is not None
    assert (report.time_range.start, report.time_range.stop) == (KEPT[MIN_TIME_NS], KEPT[MAX_TIME_NS])
    with (trial.folder / "rejects.csv").open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert [reject["raw"].split(",")[0] for reject in rejects] == [texts[ns] for ns in OUTSIDE]
    assert {reject["error_type"] for reject in rejects} == {"time_range"}
    assert all("1677-09-21 to 2262-04-11" in reject["error_message"] for reject in rejects)
    # Flux gives no row at the very last nanosecond; the verification has asked for it apart.
    found = set(trial.rows()["_time"])
    assert found == {KEPT[MIN_TIME_NS], *INSIDE.values(), "2020-09-13T12:26:40Z"}
