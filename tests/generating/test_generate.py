from __future__ import annotations

import hashlib
import io
import json
import signal
import threading
import time
import tracemalloc
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import importer
from importer import ConfigurationError, LoadOptions
from importer.generating import SHAPES, mapping_of
from importer.generating.draws import Draws
from importer.generating.points import Request
from importer.generating.shapes import shape_named
from importer.generating.text import csv_pieces
from importer.progress import Silent, Snapshot
from tests.loading import Command, Start, Trial

each_shape = pytest.mark.parametrize("shape", SHAPES)


def made(shape: str, **how: Any) -> bytes:
    out = io.BytesIO()
    importer.generate(shape, output=out, **how)
    return out.getvalue()


def frame(shape: str, **how: Any) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(made(shape, **how)), infer_schema=False)


# Known once and for all: other bytes would make another data set of what people name by its seed.
@pytest.mark.parametrize(
    ("shape", "form", "digest"),
    [
        ("m1", "csv", "55a13e9b222a2d4b"),
        ("m1", "lp", "ddbd8708c71857df"),
        ("telemetry", "csv", "e0f212392abbe4b0"),
        ("telemetry", "lp", "044138ecb16c5c2d"),
    ],
)
def test_a_seed_gives_the_same_bytes_on_every_machine(shape: str, form: Any, digest: str) -> None:
    assert hashlib.sha256(made(shape, points=5_000, seed=7, format=form)).hexdigest()[:16] == digest
    assert made(shape, points=5_000, seed=7, format=form) != made(shape, points=5_000, seed=8, format=form)


@each_shape
@pytest.mark.parametrize("batch_size", [1, 7, 99, 10**9])
def test_no_batch_size_changes_a_byte_whether_it_divides_the_points_or_not(shape: str, batch_size: int) -> None:
    assert made(shape, points=101, duplicates=30, batch_size=batch_size) == made(shape, points=101, duplicates=30)


@each_shape
def test_the_first_points_of_a_longer_run_are_those_of_a_shorter_one(shape: str) -> None:
    assert made(shape, points=60_000).startswith(made(shape, points=1_234))


def test_m1_has_its_tags_fields_and_times() -> None:
    rows = frame("m1", points=20_000)
    assert rows.columns == ["time", "location", "fruit", "id", "x", "y", "z"]
    assert (rows["location"].n_unique(), rows["fruit"].n_unique(), rows["id"].n_unique()) == (12, 24, 100)
    assert {uuid.UUID(text).version for text in rows["id"].unique()} == {4}
    for name in ("x", "y"):
        assert rows[name].str.contains(r"^(0\.\d{1,4}|1\.0)$").all()
        assert not rows[name].str.contains(r"\.\d+0$").any()
        assert rows[name].cast(float).mean() == pytest.approx(0.5, abs=0.02)
    whole = rows["z"].cast(int)
    assert (whole.min(), whole.max()) == (0, 50)
    steps = -rows["time"].cast(int).diff().drop_nulls()
    assert (steps.min(), steps.max()) == (1, 100)
    assert rows["time"][0] == str(round(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000))


def test_telemetry_has_its_columns_and_seconds_with_fractions() -> None:
    rows = frame("telemetry", points=20_000)
    assert rows.columns == ["ts", "device", "co", "humidity", "light", "lpg", "motion", "smoke", "temp"]
    assert rows["ts"].str.contains(r"^\d{10}\.\d{6}$").all()
    assert rows["ts"].cast(float).is_sorted()
    assert rows["device"].n_unique() == 3
    for name in ("light", "motion"):
        assert set(rows[name]) == {"true", "false"}
    by_device = rows.group_by("device").agg(pl.col("temp").cast(float).mean()).sort("temp")
    assert by_device["temp"].diff().drop_nulls().min() > 1  # a device is somewhere


@each_shape
def test_no_two_points_share_a_key_unless_asked_and_then_so_many_do(shape: str) -> None:
    keys = ["time", "location", "fruit", "id"] if shape == "m1" else ["ts", "device"]
    assert frame(shape, points=60_000).select(keys).n_unique() == 60_000
    for duplicates in (1, 59_000, 59_999):
        rows = frame(shape, points=60_000, duplicates=duplicates)
        assert (rows.height, rows.select(keys).n_unique()) == (60_000, 60_000 - duplicates)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("edge", ["start", "end"])
def test_the_points_begin_or_end_at_the_time_that_is_given(shape: str, edge: str) -> None:
    given = "1969-12-31T23:59:58.5Z"
    told = importer.generate(shape, points=60_001, output=io.BytesIO(), **{edge: given})  # type: ignore[arg-type]
    assert (told.first_ns if edge == "start" else told.last_ns) == -1_500_000_000
    column, scale = ("time", 10**6) if shape == "m1" else ("ts", 10**9)
    times = frame(shape, points=60_001, **{edge: given})[column].cast(pl.Decimal(30, 6)) * scale
    assert (int(times.min()), int(times.max())) == (told.first_ns, told.last_ns)  # type: ignore[arg-type]


def test_now_is_a_time_too() -> None:
    told = importer.generate("m1", points=2, output=io.BytesIO(), end="now")
    assert 0 <= time.time_ns() - told.last_ns < 60 * 10**9


@each_shape
def test_line_protocol_says_what_the_csv_says_under_the_shapes_mapping(shape: str, tmp_path: Path) -> None:
    source, mapping, out = tmp_path / "made.csv", tmp_path / "made.toml", io.BytesIO()
    importer.generate(shape, points=3_000, output=source, mapping_file=mapping)
    options = LoadOptions(bucket="b", dry_run=True, rejects=tmp_path / "r.csv")
    importer.load(source, mapping=mapping, options=options, stdout=out)
    assert sorted(out.getvalue().splitlines()) == sorted(made(shape, points=3_000, format="lp").splitlines())
    assert importer.Mapping.from_toml(mapping) == mapping_of(shape)


def test_coarser_times_are_written_where_nothing_is_lost() -> None:
    in_ns, in_ms = (made("m1", points=9, format="lp", precision=unit).decode() for unit in ("ns", "ms"))
    assert in_ms.replace("\n", "000000\n") == in_ns
    with pytest.raises(ConfigurationError, match="finer than 1 ms"):
        made("telemetry", points=9, format="lp", precision="ms")


@each_shape
def test_memory_does_not_grow_with_the_points(shape: str) -> None:
    def peak(points: int) -> int:
        tracemalloc.start()
        for _ in csv_pieces(Request(shape_named(shape), points=points, seed=1, duplicates=5)):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(1_000)
    assert peak(500_000) < 1.5 * peak(100_000)


def test_draws_take_both_ends_of_their_range() -> None:
    assert set(Draws(1, 2).whole(3, 5, 1_000)) == {3, 4, 5}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shape": "telemtry"}, "did you mean 'telemetry'"),
        ({"points": 0}, "points is 0"),
        ({"points": 2_000_000_000}, "points is 2,000,000,000"),
        ({"seed": -1}, "seed is -1"),
        ({"duplicates": 10}, "duplicates is 10: give 0 to 9"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"start": "yesterday"}, "start: 'yesterday' is not ISO 8601"),
        ({"start": "2024-01-01T00:00:00.0001Z"}, "finer than"),
        ({"start": "2262-04-11T23:47:16.800Z"}, "do not fit"),
        ({"start": "now", "end": "now"}, "both given"),
        ({"format": "xml"}, "no format 'xml'"),
        ({"output": "missing/made.csv"}, "a folder that exists"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    wrong: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        importer.generate(
            **({"shape": "m1", "points": 10, "output": "made.csv", "mapping_file": Path("m.toml")} | wrong)
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_replaced_only_when_asked_and_only_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made.csv"
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="is there already"):
        importer.generate("m1", output=path)
    with monkeypatch.context() as patch:
        patch.setattr("importer.generating.making.csv_pieces", lambda *_: iter([b"a", None]))
        with pytest.raises(TypeError):
            importer.generate("m1", output=path, overwrite=True)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("mine", [path])
    importer.generate("m1", output=path, overwrite=True)
    assert path.read_bytes() == made("m1")
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_writes_to_standard_output_or_a_file(command: Command, tmp_path: Path) -> None:
    ended = command("generate", "m1", "--points", "5", "--seed", "3")
    assert (ended.code, ended.out.encode(), ended.err) == (0, made("m1", points=5, seed=3), "")
    ended = command("generate", "m1", "--points", "5", "--format", "lp", "-o", "m1.lp", "--write-mapping", "m1.toml")
    assert (ended.code, ended.out) == (0, "")
    assert (tmp_path / "m1.lp").read_bytes() == made("m1", points=5, format="lp")
    assert importer.Mapping.from_toml("m1.toml") == mapping_of("m1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("m2",), "did you mean 'm1'"),
        (("m1", "--bucket", "b", "-o", "f"), "--output is of a file, not of a bucket"),
        (("m1", "--bucket", "b", "--format", "csv"), "--format is of a file"),
        (("m1", "--bucket", "b", "--precision", "ns"), "--precision is of a file"),
        (("m1", "--json"), "--json is of a load: name the --bucket"),
        (("m1", "--wait", "100"), "--wait is of a load"),
        (("m1", "-o", "f", "--state-dir", "s"), "--state-dir is of a load"),
        (("m1", "--url", "http://127.0.0.1:1"), "--url is of a load"),
        (("m1", "--precision", "ms"), "a precision of ms is of line protocol"),
        (("m1", "--overwrite"), "no file is written"),
        (("m1", "-o", "f", "--write-mapping", "./f"), "cannot both go to 'f'"),
    ],
)
def test_wrong_usage_of_the_command_ends_with_2(command: Command, arguments: tuple[str, ...], message: str) -> None:
    ended = command("generate", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_reader_that_leaves_or_ctrl_c_ends_it_without_a_trace_or_a_file(start: Start, tmp_path: Path) -> None:
    left = start("generate", "telemetry", "--points", "3000000")
    assert left.stdout is not None
    assert left.stdout.readline().startswith("ts,")
    left.stdout.close()
    stopped = start("generate", "m1", "--points", "20000000", "-o", "m1.csv")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".m1.csv.*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(60) == 130
    assert left.wait(60) == 1
    assert left.stderr is not None
    assert stopped.stderr is not None
    assert "Traceback" not in left.stderr.read() + stopped.stderr.read()
    assert list(tmp_path.glob("*.csv*")) + list(tmp_path.glob(".m1*")) == []


@each_shape
def test_points_go_straight_into_a_bucket_verified_and_the_same_as_from_a_file(shape: str, trial: Trial) -> None:
    trial.load(trial.csv(made(shape, points=2_500)), mapping=mapping_of(shape))
    from_file = trial.digest()
    report = importer.load_generated(
        shape, points=2_500, batch_size=999, options=trial.options(), connection=trial.connection
    )
    assert (report.status, report.points_written, report.duplicates, report.rejected) == ("verified", 2_500, 0, 0)
    assert trial.digest() == from_file


def test_the_load_tells_of_the_duplicates_that_were_asked_for(trial: Trial) -> None:
    how: dict[str, Any] = {"options": trial.options(), "connection": trial.connection}
    report = importer.load_generated("telemetry", points=60_000, duplicates=123, **how)
    assert (report.status, report.points_written, report.duplicates) == ("verified", 59_877, 123)


@pytest.mark.usefixtures("request_for_each_block")
def test_a_load_that_was_interrupted_is_gone_on_with_though_the_points_are_made_anew(trial: Trial) -> None:
    stop = threading.Event()

    class StopInTheMiddle(Silent):
        def update(self, snapshot: Snapshot) -> None:
            if snapshot.points > 2_000:
                stop.set()

    how: dict[str, Any] = {"points": 20_000, "connection": trial.connection}
    options = trial.options(block_bytes=40_000)
    with pytest.raises(importer.LoadInterruptedError) as interrupted:
        importer.load_generated("telemetry", options=options, stop=stop, progress=StopInTheMiddle(), **how)
    assert interrupted.value.resumable
    report = importer.load_generated("telemetry", options=replace(options, resume=True), **how)
    assert interrupted.value.report is not None
    assert (report.status, report.points_written) == ("verified", 20_000)
    assert report.load_id == interrupted.value.report.load_id


@pytest.mark.usefixtures("environment")
def test_the_command_loads_into_a_bucket_and_gives_the_report(trial: Trial, command: Command) -> None:
    ended = command("generate", "m1", "--points", "300", "--batch-size", "70", "--bucket", trial.bucket, "--json")
    assert ended.code == 0
    report = json.loads(ended.out)
    assert (report["status"], report["points_written"], report["writing"]["batch_rows"]) == ("verified", 300, 70)
    assert report["shard_group"] == {"seconds": 3600, "how": "fitted to the time span: known beforehand"}
    shown = command("generate", "m1", "--points", "400", "--bucket", trial.bucket)
    assert (shown.code, f"verified: bucket {trial.bucket}" in shown.out) == (0, True)
    refused = command("generate", "m1", "--bucket", trial.bucket, "--if-exists", "fail")
    assert (refused.code, "exists" in refused.err, "Traceback" in refused.err) == (2, True, False)
    assert trial.rows().height == 400 * 3
