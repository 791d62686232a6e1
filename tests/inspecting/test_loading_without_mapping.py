"""Files that are loaded without a mapping: nothing is rejected, and nothing lost, that the data does not force."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import polars as pl
import pytest

import importer
from importer import Hints, Inspection, Mapping, MappingError
from importer.inspecting.mapping_text import to_toml
from tests.inspecting.files import MOVEBANK, day_first, epoch_floats, semicolons
from tests.loading import Command, Trial, birds_csv

EXPECTED_TYPES = {
    "day first": {"temp": "float"},
    "semicolons": {"Temperatur": "float", "Feuchte": "integer", "Kennung": "string"},
    "epoch floats": {"co": "float", "light": "boolean", "temp": "float"},
}


def written(trial: Trial, name: str) -> Path:
    files: dict[str, str | bytes] = {
        "day first": day_first(),
        "semicolons": semicolons(),
        "epoch floats": epoch_floats(),
    }
    return trial.csv(files[name], name=f"{name}.csv")


@pytest.mark.parametrize("name", list(EXPECTED_TYPES))
def test_what_is_proposed_loads_with_no_reject_and_no_collision(name: str, trial: Trial) -> None:
    path = written(trial, name)
    found = importer.inspect(path)
    assert (found.questions, found.rejects, found.is_whole) == ((), 0, True)
    assert found.collisions is not None
    assert found.collisions.total == 0
    mapping = trial.folder / "mapping.toml"
    mapping.write_text(to_toml(found))
    report = trial.load(path, mapping=mapping)
    assert (report.status, report.rejected, report.duplicates) == ("verified", 0, 0)
    assert {field.field: field.type for field in report.fields} == EXPECTED_TYPES[name]
    assert report.points_written == found.rows
    assert report.series == found.series


@pytest.mark.parametrize("name", list(EXPECTED_TYPES))
@pytest.mark.usefixtures("environment")
def test_the_command_line_loads_a_file_alone_and_says_what_it_decided(
    name: str, trial: Trial, command: Command
) -> None:
    path = written(trial, name).rename(trial.folder / f"{trial.bucket}.csv")
    ended = command("load", path)
    assert ended.code == 0, ended.err
    assert f"into the bucket '{trial.bucket}', named after the file" in ended.err
    assert "  time: " in ended.err
    assert "  tags: " in ended.err
    assert all(f"{key} ({kind})" in ended.err for key, kind in EXPECTED_TYPES[name].items())
    rows = trial.rows()
    assert rows["_measurement"].unique().to_list() == [trial.bucket]
    assert set(rows["_field"].unique()) == set(EXPECTED_TYPES[name])


def test_values_arrive_as_they_stand_in_the_file(trial: Trial) -> None:
    trial_of(trial, semicolons())
    rows = trial.rows().filter(pl.col("_field") == "Temperatur", pl.col("_time").str.starts_with("2021-03-13"))
    assert rows.select("_time", "_value", "Sensor").rows() == [("2021-03-13T00:22:05Z", "13.135", "s1")]
    assert trial.rows().filter(pl.col("_field") == "Kennung")["_value"].sort()[0] == "01"
    times = trial_of(trial, epoch_floats(1)).time_range
    assert times is not None
    assert times.start == "2020-07-12T00:01:30.085974600Z"


def trial_of(trial: Trial, text: str | bytes, **more: object) -> importer.Report:
    options = trial.options(if_exists="replace")
    path = trial.csv(text, name="data.csv")
    return importer.load(path, options=options, connection=trial.connection, **more)  # type: ignore[arg-type]


@pytest.mark.skipif(not MOVEBANK.exists(), reason="the real file is not here")
@pytest.mark.usefixtures("environment")
def test_a_movebank_export_loads_by_itself(trial: Trial, command: Command) -> None:
    found = importer.inspect(MOVEBANK)
    assert found.time is not None
    assert (found.time.columns, found.time.timezone_is_given) == (("timestamp",), True)
    assert "study-local-timestamp" in found.time.why
    assert found.mapping is not None
    assert {"individual-local-identifier", "tag-local-identifier"} <= set(found.mapping.tags)
    assert found.mapping.fields["event-id"].type == "integer"
    left_out = [column for column in found.columns if column.role == "left out"]
    assert [(column.name, column.why) for column in left_out] == [("manually-marked-outlier", "empty in every row")]
    assert (found.series, found.collisions and found.collisions.total) == (17, 0)
    ended = command("load", MOVEBANK, "--bucket", trial.bucket, "--report", "report.json")
    assert ended.code == 0, ended.err
    report = importer.Report.model_validate_json(Path("report.json").read_text())
    assert (report.rejected, report.duplicates, report.points_written) == (0, 0, 1740)


def test_dates_that_nothing_decides_are_not_loaded_until_the_option_that_is_named_says_it(
    trial: Trial, command: Command
) -> None:
    path = trial.csv(day_first(range(1, 13)), name="days.csv")
    ended = command("load", path, "--dry-run")
    assert (ended.code, ended.out) == (2, "")
    for form, meaning in (("%d/%m/%Y %H:%M", "1 March 2021"), ("%m/%d/%Y %H:%M", "3 January 2021")):
        assert f"--time-format '{form}' (01/03/2021 00:22 is {meaning})" in ended.err
    first = {"%d/%m/%Y %H:%M": 1614558120, "%m/%d/%Y %H:%M": 1609633320}
    for form, seconds in first.items():
        said = command("load", path, "--dry-run", "--time-format", form)
        assert said.code == 0, said.err
        assert f"days,device=d1 temp=0.1 {seconds}000000000" in said.out


def test_one_day_beyond_the_twelfth_anywhere_in_the_file_decides(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    lines = [f"{1 + n % 12:02}/{1 + n % 11:02}/2021 {n % 24:02}:00,{n}" for n in range(40_000)]
    path.write_text("\n".join(["t,v", *lines, "13/01/2021 00:00,1"]) + "\n")
    found = importer.inspect(path)
    assert found.time is not None
    assert found.time.format == "%d/%m/%Y %H:%M"
    assert "'13/01/2021 00:00' in line 40002 is not %m/%d/%Y %H:%M" in found.time.why
    sampled = importer.inspect(path, sample=50)
    assert (sampled.is_whole, sampled.rows) == (False, 50)
    assert "evenly spread" in sampled.sampled


def test_years_of_two_digits_are_refused_and_never_loaded(trial: Trial, command: Command) -> None:
    path = trial.csv("date,v\n20/02/21,1\n21/02/21,2\n", name="years.csv")
    ended = command("load", path, "--dry-run")
    assert (ended.code, ended.out) == (2, "")
    assert "years of two digits" in ended.err
    assert importer.inspect(path).mapping is None


def test_options_take_the_place_of_what_would_be_inferred(trial: Trial, command: Command) -> None:
    path = trial.csv("a,b,kind,v,n\n" + "".join(
        f"2021-01-{day:02} 10:00:00,2021-02-{day:02} 10:00:00,k{day % 2},{day}.5,{day}\n" for day in range(1, 21)
    ), name="two.csv")  # fmt: skip
    ended = command(
        "load", path, "--dry-run", "--time", "b", "--timezone", "Europe/Zurich", "--tag", "art=kind", "--field", "v",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[0] == "two,art=k1 v=1.5 1612170000000000000"
    assert ended.err.count("not named by --field") == 2


def test_a_mapping_by_options_that_is_complete_is_not_inferred(trial: Trial, command: Command) -> None:
    path = trial.csv(birds_csv(2))
    given = ("--measurement", "birds", "--time", "t", "--time-format", "unix_s", "--field", "n:integer")
    ended = command("load", path, "--dry-run", "--bucket", "b", *given)
    assert ended.out.splitlines()[0] == "birds n=0i 1600000000000000000"
    assert "no mapping is given" not in ended.err
    assert "--bucket" in command("load", path, "--dry-run", *given).err


def test_standard_input_is_looked_at_whole_before_it_is_loaded(trial: Trial) -> None:
    rows = "".join(f"2021-01-01T00:00:{n % 60:02}Z,{n},b{n}\n" for n in range(3_000)) + "2021-01-02T00:00:00Z,0.5,b0\n"
    text = io.BytesIO(("time,v,bird\n" + rows).encode())
    report = importer.load("-", options=trial.options(), connection=trial.connection, stdin=text)
    assert [(field.field, field.type) for field in report.fields if field.field == "v"] == [("v", "float")]
    assert (report.rejected, report.rows_read, report.sources[0].path) == (0, 3_001, "-")
    assert list((trial.folder / "state").glob("importer-input-*")) == []


def test_the_time_span_that_inferring_found_is_not_looked_for_again(trial: Trial) -> None:
    text = "time,v\n2021-01-01T00:00:00Z,1\n2021-12-31T00:00:00Z,2\n"
    report = trial_of(trial, text)
    assert "look" not in report.phases
    assert report.shard_group is not None
    assert report.shard_group.how == "fitted to the time span: of all rows, when the mapping was inferred"
    given = trial.load(trial.csv(text), mapping=importer.inspect(trial.csv(text)).mapping, bucket=f"{trial.bucket}-2")
    assert given.shard_group is not None
    assert given.shard_group.seconds == report.shard_group.seconds


def test_annotated_csv_from_standard_input_is_neither_kept_nor_looked_at(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(*_: object) -> None:
        raise AssertionError("was copied")

    monkeypatch.setattr("importer.inspecting.rereading._copy", kept)
    text = io.BytesIO(b"#datatype measurement,tag,double,dateTime:RFC3339\nm,host,v,time\nm,a,1,2021-01-01T00:00:00Z\n")
    report = importer.load("-", options=trial.options(), connection=trial.connection, stdin=text)
    assert report.points_written == 1


@pytest.mark.parametrize(
    ("sources", "message"), [(["-"], "standard input has no name"), (["a.csv", "b.csv"], "several sources")]
)
def test_a_bucket_is_named_after_one_file_alone(sources: list[str], message: str, command: Command) -> None:
    ended = command("load", *sources)
    assert ended.code == 2
    assert message in ended.err
    assert "--bucket" in ended.err


def test_a_load_that_is_told_to_stop_while_it_looks_writes_nothing(trial: Trial) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(importer.LoadInterruptedError, match="looked at"):
        importer.load(trial.csv(birds_csv(5)), options=trial.options(), connection=trial.connection, stop=stop)
    assert trial.buckets == set()


def test_hints_are_for_programs_too_and_not_beside_a_mapping(trial: Trial) -> None:
    path = trial.csv(birds_csv(5))
    hints = Hints.of(time="t", fields=["n"], measurement="m")
    report = importer.load(path, options=trial.options(), connection=trial.connection, hints=hints)
    assert [(field.measurement, field.field, field.type) for field in report.fields] == [("m", "n", "integer")]
    with pytest.raises(MappingError, match="did you mean 'bird'"):
        importer.load(path, options=trial.options(), hints=Hints.of(tags=["brid"]))


def test_an_inspection_can_be_written_as_json_and_its_mapping_read_again(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(semicolons())
    found = importer.inspect(path)
    again = Inspection.model_validate_json(found.model_dump_json())
    assert again == found
    (tmp_path / "mapping.toml").write_text(to_toml(found))
    assert Mapping.from_toml(tmp_path / "mapping.toml") == found.mapping
