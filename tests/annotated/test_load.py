"""Annotated CSV into the real server."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from influxdb_client import Dialect

import importer
from importer import LoadInterruptedError
from importer.annotated.mapper import AnnotatedMapper
from importer.bucket.shards import fitting_duration
from importer.mapping.parts import CsvOptions
from importer.records import Lines, Outcome
from importer.sink.influx import InfluxSink
from tests.loading import Command, Trial, digest_of, rows_of
from tests.test_resume import ledger_of

RICH = {
    "measurement": {"column": "kind"},
    "time": {"column": "t", "format": "unix_ns"},
    "tags": {"host": {"column": "host"}, "place, here": {"column": "place"}},
    "fields": {
        "f": {"column": "f", "type": "float"},
        "i": {"column": "i", "type": "integer"},
        "u": {"column": "u", "type": "unsigned"},
        "b": {"column": "b", "type": "boolean"},
        "s,x": {"column": "s", "type": "string"},
    },
}


def rich_csv(rows: int) -> str:
    """All types, empty cells, texts with quotes, commas and signs, times to the nanosecond."""
    lines = ["kind,t,host,place,f,i,u,b,s"]
    for n in range(rows):
        place = ["", '"a, b"', "#1"][n % 3]
        cells = [f"m{n % 2}", str(1_600_000_000_000_000_000 + n * 1_000_000_007), f"h{n % 4}", place]
        cells += [repr(n / 7), str(-n), str(2**64 - 1 - n), "true" if n % 3 else "false"]
        cells += [f'"# text {n}, ""quoted"" = \\ é"']
        if n % 5 == 0:
            cells[4 + n % 4] = ""
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def query_result(trial: Trial, path: Path, more: str = "") -> Path:
    flux = f"from(bucketID: bucket_id) |> range(start: 0) {more}"
    answer = trial.server.client.query_api().query_raw(
        flux,
        dialect=Dialect(annotations=["group", "datatype", "default"], date_time_format="RFC3339Nano"),
        params={"bucket_id": trial.bucket_id},
    )
    path.write_bytes(answer.data)
    return path


@pytest.mark.parametrize(
    "more",
    [
        "",
        "|> group()",
        '|> group(columns: ["_measurement", "host"])',
        '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
    ],
    ids=["as it is", "grouped by nothing", "grouped anew", "pivoted"],
)
def test_the_result_of_a_query_loads_back_unchanged(more: str, trial: Trial, tmp_path: Path) -> None:
    if "group(" in more:  # a column has one type there
        more = f'|> filter(fn: (r) => r._field == "f") {more}'
    trial.load(trial.csv(rich_csv(60)), mapping=RICH)
    wanted = rows_of(trial.server, trial.bucket_id)
    if "filter" in more:
        wanted = wanted.filter(wanted["_field"] == "f")
    result = query_result(trial, tmp_path / "result.csv", more)
    again = Trial(trial.bucket + "-again", trial.folder, trial.influxd)
    report = importer.load(result, options=again.options(block_bytes=2_000), connection=again.connection)
    assert report.status == "verified"
    assert rows_of(again.server, again.bucket_id).equals(wanted)


@pytest.mark.usefixtures("request_for_each_block")
def test_an_annotated_file_is_resumed_in_the_midst_of_its_tables(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.load(trial.csv(rich_csv(300)), mapping=RICH)
    result = query_result(trial, tmp_path / "result.csv")
    whole = Trial(trial.bucket + "-whole", trial.folder, trial.influxd)
    expected = importer.load(result, options=whole.options(block_bytes=5_000), connection=whole.connection)
    stop, send, sent = threading.Event(), InfluxSink.__call__, []

    def sending(sink: InfluxSink, lines: Lines) -> Outcome:
        sent.append(lines.block.number)
        if len(sent) == 12:
            stop.set()
        return send(sink, lines)

    again = Trial(trial.bucket + "-again", trial.folder, trial.influxd)
    options = {"block_bytes": 5_000}
    with monkeypatch.context() as patched:
        patched.setattr(InfluxSink, "__call__", sending)
        with pytest.raises(LoadInterruptedError):
            importer.load(result, options=again.options(**options), connection=again.connection, stop=stop)
        begun = len(sent)
        report = importer.load(result, options=again.options(**options, resume=True), connection=again.connection)
    assert report.status == "verified"
    assert 0 < begun < 40
    assert ledger_of(report) == ledger_of(expected)
    assert digest_of(again.server, again.bucket_id) == digest_of(whole.server, whole.bucket_id)
    resumed = set(sent[begun:])
    assert resumed
    assert 0 not in resumed, "what had been acknowledged was sent again"


def test_an_unfinished_load_is_not_resumed_with_other_header_lines() -> None:
    one, other = (AnnotatedMapper(CsvOptions(header=(line,))) for line in ("#constant tag,a,b", "#constant tag,a,c"))
    assert one.description != other.description


def test_shard_groups_fit_the_times_of_all_tables(trial: Trial) -> None:
    text = "#datatype measurement,double,dateTime:2006-01-02\nm,v,t\n"
    text += "".join(f"a,1,{year}-01-01\n" for year in range(2000, 2010))
    text += "\n#datatype measurement,dateTime:2006-01-02,double\nm,t,v\n"
    text += "".join(f"a,{year}-01-01,1\n" for year in range(2010, 2020))
    report = importer.load(trial.csv(text), options=trial.options(), connection=trial.connection)
    assert report.status == "verified"
    assert report.shard_group is not None
    assert report.shard_group.seconds == fitting_duration(19 * 365.25 * 86_400, 0)
    assert report.shard_group.seconds != fitting_duration(9 * 365.25 * 86_400, 0)


@pytest.mark.usefixtures("environment")
def test_the_command_line_takes_annotated_csv_without_a_mapping(trial: Trial, command: Command) -> None:
    source = trial.csv("date,sighted,loc\n-,-,-\n2020-01-01,12,Boise\n2020-06-01,many,Boise\n")
    arguments = [
        "load",
        source,
        "--bucket",
        trial.bucket,
        "--skip-rows",
        "1",
        "--rejects",
        trial.folder / "rejects.csv",
    ]
    arguments += ["--header", "#constant measurement,birds", "--header", "#datatype dateTime:2006-01-02,long,tag"]
    ended = command(*arguments)
    assert ended.code == 3
    assert "line 4" in ended.err
    assert "sighted" in ended.err
    ended = command(*arguments, "--max-rejects", "1")
    assert ended.code == 0, ended.err
    assert trial.rows().select("_measurement", "_field", "_value", "loc").rows() == [
        ("birds", "sighted", "12", "Boise")
    ]


@pytest.mark.parametrize("option", ["--timezone=Europe/Zurich", "--measurement=m", "--time=t", "--tag=v"])
def test_options_that_map_are_refused_beside_annotations(option: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("m|measurement,v|double,t|dateTime\na,1,2\n")
    ended = command("load", "a.csv", "--bucket", "b", "--dry-run", option)
    assert ended.code == 2
    assert "leave out" in ended.err
