"""Parquet, Arrow, JSON Lines and URLs: the bucket is the one that the same data as CSV gives."""

from __future__ import annotations

import datetime as dt
import json
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from importer import LoadInterruptedError, ResumeRefusedError
from importer.records import Lines, Outcome
from importer.sink.influx import InfluxSink
from importer.source import http
from tests.loading import BIRDS, BIRDS_FLAGS, Command, Start, Trial, birds_csv
from tests.web_files import web_file

KINDS: dict[str, Any] = {
    "measurement": "kinds",
    "time": {"column": "t", "timezone": "Europe/Zurich", "format": "%Y-%m-%dT%H:%M:%S%.f"},
    "tags": {"who": {"column": "who"}, "group": {"column": "group"}},
    "fields": {
        "f": {"column": "f"},
        "i": {"column": "i", "type": "integer"},
        "u": {"column": "u", "type": "unsigned"},
        "yes": {"column": "yes", "type": "boolean"},
        "text": {"column": "text", "type": "string"},
        "price": {"column": "price", "type": "string"},
        "day": {"column": "day", "type": "string"},
    },
}


def kinds(rows: int = 300) -> pl.DataFrame:
    begin = dt.datetime(2021, 3, 20, 0, 22, 0, 123_457)  # noqa: DTZ001 - local time, as the mapping says
    texts = ['a "b", c', "tail\\", "é𝄞", "", None, " i ", "=1+1"]
    return pl.DataFrame(
        {
            "t": [begin + dt.timedelta(microseconds=n * 61_000_001) for n in range(rows)],
            "who": [f"w {n % 3}" for n in range(rows)],
            "group": pl.Series([f"g,{n % 2}" for n in range(rows)], dtype=pl.Categorical),
            "f": [None if n % 7 == 0 else n / 3 for n in range(rows)],
            "i": [-(2**63) + n * 3 if n % 2 else 2**63 - 1 - n for n in range(rows)],
            "u": pl.Series([2**64 - 1 - n for n in range(rows)], dtype=pl.UInt64),
            "yes": [n % 3 == 0 for n in range(rows)],
            "text": [texts[n % len(texts)] for n in range(rows)],
            "price": pl.Series([f"{n}.10" for n in range(rows)], dtype=pl.Decimal(20, 2)),
            "day": [dt.date(2021, 1, 1) + dt.timedelta(days=n) for n in range(rows)],
        }
    )


def as_json_lines(frame: pl.DataFrame, path: Path) -> None:
    records = []
    for row in frame.to_dicts():
        row["t"], row["day"], row["price"] = (
            row["t"].isoformat(timespec="microseconds"),
            str(row["day"]),
            str(row["price"]),
        )
        records.append(json.dumps({key: value for key, value in row.items() if value is not None}) + "\n")
    path.write_text("".join(records))


def test_the_same_data_in_any_format_make_the_same_bucket(trial: Trial) -> None:
    frame, folder = kinds(), trial.folder
    frame.write_csv(folder / "in.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6f")
    frame.write_parquet(folder / "in.parquet", row_group_size=70)
    frame.write_ipc(folder / "in.feather", compression="zstd")
    frame.write_ipc_stream(folder / "in.arrows")
    as_json_lines(frame, folder / "in.jsonl")
    digests = {}
    for name in ("in.csv", "in.parquet", "in.feather", "in.arrows", "in.jsonl"):
        report = trial.load(folder / name, mapping=KINDS, block_bytes=4_000)
        assert (report.status, report.rows_mapped, report.rejected) == ("verified", 300, 0)
        digests[name] = trial.digest()
    assert len(set(digests.values())) == 1, digests


@pytest.mark.parametrize(
    ("dtype", "form"),
    [(pl.Datetime("ns", "Asia/Tokyo"), "unix_s"), (pl.Datetime("ms"), "rfc3339"), (pl.Date, "%d/%m/%Y %H:%M")],
)
def test_a_column_that_is_an_instant_by_its_type_is_read_as_such_whatever_format_the_mapping_names(
    dtype: Any, form: str, trial: Trial
) -> None:
    day = 1_616_198_400_000_000_000
    frame = pl.DataFrame(
        {"t": pl.Series([day], dtype=pl.Int64).cast(pl.Datetime("ns")), "bird": ["b"], "lat": [1.5], "n": [1]}
    )
    if dtype == pl.Datetime("ns", "Asia/Tokyo"):
        frame = frame.with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    frame.with_columns(pl.col("t").cast(dtype)).write_parquet(trial.folder / "in.parquet")
    report = trial.load(trial.folder / "in.parquet", mapping={**BIRDS, "time": {"column": "t", "format": form}})
    assert report.time_range is not None
    assert report.time_range.start == "2021-03-20T00:00:00.000000000Z"


def test_a_reject_of_a_row_says_which_row_it_is_and_shows_it(trial: Trial) -> None:
    frame = pl.DataFrame(
        {"t": [1_600_000_000] * 3, "bird": ["a\nb"] + ["c"] * 2, "lat": ["1", "2", "north"], "n": [1, 2, 3]}
    )
    frame.write_parquet(trial.folder / "in.parquet")
    report = trial.load(trial.folder / "in.parquet", max_rejects=5)
    rejects = pl.read_csv(trial.folder / "rejects.csv", infer_schema=False)
    assert report.rejected == 2
    assert rejects["line"].to_list() == ["2", "4"]
    assert rejects["raw"].to_list()[1] == "1600000000,c,north,3"


def interrupted(trial: Trial, monkeypatch: pytest.MonkeyPatch, source: str | Path, blocks: int = 3) -> None:
    stop, send, sent = threading.Event(), InfluxSink.__call__, []

    def sending(sink: InfluxSink, lines: Lines) -> Outcome:
        sent.append(lines.block.number)
        if len(sent) >= blocks:
            stop.set()
        return send(sink, lines)

    with monkeypatch.context() as patched:
        patched.setattr(InfluxSink, "__call__", sending)
        with pytest.raises(LoadInterruptedError) as error:
            trial.load(source, stop=stop, block_bytes=10_000)
    assert error.value.resumable


@pytest.mark.usefixtures("request_for_each_block")
def test_a_load_of_parquet_or_by_url_that_was_interrupted_goes_on(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = birds_csv(5_000)
    whole = trial.load(trial.csv(text))
    expected = trial.digest()
    frame = pl.read_csv(trial.csv(text))
    frame.write_parquet(trial.folder / "in.parquet", row_group_size=500)
    with web_file(data=text.encode()) as file:
        for source in (trial.folder / "in.parquet", file.url):
            interrupted(trial, monkeypatch, source)
            report = trial.load(source, resume=True, block_bytes=10_000)
            assert (report.status, report.rows_read) == ("verified", whole.rows_read)
            assert trial.digest() == expected


@pytest.mark.usefixtures("request_for_each_block")
def test_what_was_loaded_by_url_and_is_another_file_now_is_not_gone_on_with(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_file(data=birds_csv(5_000).encode()) as file:
        interrupted(trial, monkeypatch, file.url)
        file.data = birds_csv(5_000, birds=8).encode()
        with pytest.raises(ResumeRefusedError, match="is not what the unfinished load read"):
            trial.load(file.url, resume=True, block_bytes=10_000)


@pytest.mark.usefixtures("environment")
def test_a_password_in_an_address_is_printed_reported_and_kept_nowhere(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(http, "MOST_TRIES", 2)
    flags = (
        *BIRDS_FLAGS,
        "--bucket",
        trial.bucket,
        "--state-dir",
        trial.state,
        "--report",
        trial.folder / "report.json",
    )
    data = birds_csv(3_000, bad_lines=[5]).encode()
    with web_file(data=data) as file:
        url = file.url.replace("//", "//me:geheim-9876@") + "?key=schluessel-1234"
        good = command("load", url, *flags, "--max-rejects", "1")
        asked = [who for _, who in file.asked]
        file.cuts = [40_000, 0, 0]
        broken = command("load", url, *flags, "--max-rejects", "1")
        lost = command("load", url + "&x=1", *flags, "--mapper", "no:such")
    assert (good.code, broken.code, lost.code) == (0, 1, 2)
    assert asked == ["Basic bWU6Z2VoZWltLTk4NzY="]
    assert "data.csv?key=***" in broken.err
    seen = good.out + good.err + broken.out + broken.err + lost.err
    for path in trial.folder.rglob("*"):
        seen += path.read_bytes().decode(errors="replace") if path.is_file() else ""
    for secret in ("geheim", "schluessel", "Z2VoZWlt"):
        assert secret not in seen


@pytest.mark.usefixtures("environment")
def test_a_load_by_url_that_is_interrupted_ends_soon_and_says_how_to_go_on(trial: Trial, start: Start) -> None:
    flags = (*BIRDS_FLAGS, "--bucket", trial.bucket, "--state-dir", trial.state)
    with web_file(data=birds_csv(250_000).encode(), cuts=[5_000_000], stall=True) as file:
        process = start("load", file.url.replace("//", "//me:geheim-9876@"), *flags)
        while not list(trial.state.rglob("*.parquet")) and process.poll() is None:  # until a block is acknowledged
            threading.Event().wait(0.05)
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert f"to go on: importer load {file.url}" in err
    assert "geheim" not in err
