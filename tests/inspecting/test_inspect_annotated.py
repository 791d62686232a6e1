"""Annotated CSV is looked at by what its annotations say."""

from __future__ import annotations

from pathlib import Path

import pytest

import importer
from importer import ConfigurationError, Inspection, MappingError
from importer.inspecting import looking_at_annotated
from importer.inspecting.mapping_text import to_toml
from tests.loading import Command, Trial

WEATHER = """#constant measurement,weather
#datatype tag,double,long,dateTime:2006-01-02 15:04,ignored
location,temp,pm,time,note
Bern,5.5,38,2020-01-01 00:00,x
Bern,,12,2020-01-02 00:00,x
Chur,18.2,,2020-01-03 00:00,x
Chur,18.2,7,2020-01-03 00:00,x
"""
RESULT = """#group,false,false,true,true,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,{type},string,string,string
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,bird
"""
ROW = ",,0,2020-01-01T00:00:00Z,2021-01-01T00:00:00Z,2020-01-0{day}T00:00:00Z,{value},{field},birds,{bird}\n"


def found_in(text: str, folder: Path, **arguments: object) -> Inspection:
    (folder / "data.csv").write_text(text)
    return importer.inspect(folder / "data.csv", **arguments)  # type: ignore[arg-type]


def of_query() -> str:
    numbers = "".join(ROW.format(day=n + 1, value=n / 2, field="lat", bird="b1") for n in range(3))
    texts = ROW.format(day=1, value="Aino", field="name", bird="b1") + ROW.format(
        day=2, value="Nils", field="name", bird="b2"
    )
    return RESULT.format(type="double") + numbers + "\n" + RESULT.format(type="string") + texts


def test_columns_are_shown_with_their_annotations_and_what_is_in_them(tmp_path: Path) -> None:
    found = found_in(WEATHER, tmp_path)
    assert [(item.name, item.annotation, item.type, item.role, item.nulls) for item in found.columns] == [
        ("location", "tag", "string", "tag", 0),
        ("temp", "double", "float", "field", 1),
        ("pm", "long", "integer", "field", 1),
        ("time", "dateTime", "time", "time", 0),
        ("note", "ignored", "empty", "left out", 0),
        ("#constant measurement", "measurement", "string", "measurement", 0),
    ]
    assert (found.columns[1].minimum, found.columns[1].maximum, found.columns[0].distinct) == ("5.5", "18.2", 2)
    assert (found.rows, found.series, found.rejects, found.mapping, found.questions) == (4, 2, 0, None, ())
    assert found.time is not None
    assert (found.time.format, found.time.first, found.time.last) == (
        "%Y-%m-%d %H:%M", "2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z")  # fmt: skip
    assert found.collisions is not None
    assert (found.collisions.total, found.collisions.merged) == (1, 1)
    assert found.rows_over_time is not None


def test_what_an_inspection_counts_is_what_the_load_makes_of_it(trial: Trial) -> None:
    path = trial.csv(of_query(), name="result.csv")
    found = importer.inspect(path)
    report = importer.load(path, options=trial.options(), connection=trial.connection)
    assert report.status == "verified"
    assert (found.rows + found.blank, found.series) == (report.rows_read, report.series)
    assert found.collisions is not None
    assert found.collisions.total == report.duplicates == 1
    assert [(table.rows, table.first, table.last) for table in found.tables] == [
        (3, "2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z"),
        (2, "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
    ]
    values = [(item.table, item.type, item.role) for item in found.columns if item.name == "_value"]
    assert values == [(0, "float", "field"), (1, "string", "field")]
    assert {item.role for item in found.columns if item.name in {"result", "table", "_start"}} == {"left out"}


def test_rows_that_the_annotations_do_not_fit_are_counted_as_the_load_rejects_them(tmp_path: Path) -> None:
    found = found_in(WEATHER.replace("38", "many"), tmp_path)
    assert (found.rejects, found.columns[2].minimum) == (1, None)
    assert found.reject_examples == ("line 4, pm: 'many': not an integer in -2^63 to 2^63-1",)


def test_what_annotations_say_is_neither_said_by_options_nor_written_as_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="leave out --measurement"):
        found_in(WEATHER, tmp_path, tags=["location"])
    with pytest.raises(MappingError, match="no mapping file"):
        to_toml(importer.inspect(tmp_path / "data.csv"))


def test_delimiter_null_texts_and_a_sample_go_with_annotations_too(tmp_path: Path) -> None:
    found = found_in("sep=;\n" + WEATHER.replace(",", ";"), tmp_path, csv={"null": ("x", "7")}, sample=3)
    assert (found.dialect.delimiter, found.rows, found.is_whole, found.sampled) == (
        ";", 3, False, "the first 3 rows")  # fmt: skip
    found = importer.inspect(tmp_path / "data.csv", csv={"null": ("7",)})
    assert (found.rows, found.is_whole, found.columns[2].nulls) == (4, True, 2)


def test_of_very_many_tables_some_are_shown_and_the_rows_of_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_at_annotated, "MOST_TABLES", 3)
    tables = [f"#datatype measurement,dateTime,double\nm,t,v{n}\nm,2020-01-01T00:00:00Z,1\n" for n in range(8)]
    found = found_in("\n".join(tables), tmp_path)
    assert (len(found.tables), found.tables_left_out, found.rows, len(found.columns)) == (3, 5, 8, 9)


def test_annotations_without_rows_are_no_csv_without_rows(tmp_path: Path) -> None:
    found = found_in("#datatype measurement,double,dateTime\nm,v,time\n", tmp_path)
    assert (found.is_annotated, found.rows, found.tables, found.questions) == (True, 0, (), ())


def test_the_command_shows_each_table_and_that_no_mapping_is_needed(
    no_settings: Path,  # noqa: ARG001
    command: Command,
) -> None:
    Path("birds.csv").write_text(of_query())
    ended = command("inspect", "birds.csv")
    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[1].startswith("annotated CSV, delimiter ','")
    assert "table 2 of 2: 2 rows" in lines
    assert "_value double float field 0 3 0.0 … 1.0; 0.0; 0.5" in lines
    assert "what the annotations make of it, without a mapping" in lines
    assert {"measurements: birds", "tags: bird", "fields: lat, name"} <= set(lines)
    assert lines[-1] == "to load it: importer load birds.csv"
    written = command("inspect", "birds.csv", "--write", "birds.toml")
    assert (written.code, Path("birds.toml").exists(), "annotated CSV" in written.err) == (2, False, True)
