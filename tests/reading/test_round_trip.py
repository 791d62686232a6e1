"""What was exported loads back to identical data."""

from __future__ import annotations

from pathlib import Path

import pytest

import importer
from importer import ConfigurationError
from importer.bucket import catalogue
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.reading.frames import read
from tests.loading import Trial, digest_of

from .conftest import Fill

HOSTILE = (
    "",
    'qu"ote',
    "com,ma",
    "eq=ual",
    "new_line",
    r"back\slash",
    "'); DROP MEASUREMENT m; --",
    "$tag0_0",
    "^x$",
    "*",
)
HOSTILE += (" lead and trail ", "é☃𝄞", "=cmd", "null", "NA", "\ttab", "a" * 500)

ALL_TYPES = (
    'm,a=x f=1,i=9007199254740993i,u=18446744073709551615u,b=true,s="text" 1',
    "m,a=x f=-0.0,i=-9223372036854775808i,b=false 2",
    "m,a=y f=5e-324 2",
    "m,c=z f=1.7976931348623157e308 2",
    "m f=0.1,u=0u 3",
    'm,a=x s="line\none, \\"two\\" \\\\ three" 4',
    'm,a=x s="carriage\rreturn" 5',
    'm,a=x s="both\r\nof them" 6',
    'm,a=x s="  lead and trail " 7',
    'm,a=x s="NA",f=100000000000000000000 8',
    'm,a=x s="true",i=1i 1600000000123456789',
    f'm,a=x f=1,s="first" {MIN_TIME_NS}',
    f'm,a=x f=2,s="last" {MAX_TIME_NS}',
    'other,a=x s="no other field",w=1i 1',
    r'we"ird\ \,m,t\ "ag=v"q f\ "=1.5,^f$="pattern" 1',
    r'm,ta\g$=1 fi\eld{x}=1,"quo"ted"=2,sp\ ace\,comma\=equals=3 10',
    'm measurement="a field named as a column" 9',
)


def hostile_tags() -> list[str]:
    escaped = [value.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ") for value in HOSTILE]
    return [f"h{f',t={value}' if value else ''} n={number}i 1" for number, value in enumerate(escaped)]


def ids(trial: Trial, *endings: str) -> list[str]:
    found = [catalogue.find(trial.server, trial.bucket + ending) for ending in endings]
    return [bucket.id for bucket in found if bucket is not None]


def assert_identical(trial: Trial, ending: str) -> None:
    one, other = (digest_of(trial.server, bucket_id) for bucket_id in ids(trial, "", ending))
    assert one == other
    # The digest is Flux's, which knows no carriage return and no last nanosecond.
    before = read(trial.bucket, connection=trial.connection)
    after = read(trial.bucket + ending, connection=trial.connection)
    assert before.equals(after)
    assert before.schema == after.schema


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_loads_back_to_identical_data_by_the_mapping_that_is_written_with_it(
    trial: Trial, fill: Fill, kind: str
) -> None:
    fill(*ALL_TYPES, *hostile_tags())
    file, mapping = trial.folder / f"all.{kind}", trial.folder / "all.toml"
    written = importer.export(trial.bucket, file, write_mapping=mapping, connection=trial.connection)
    assert (written.rows, written.format, written.warnings) == (len(ALL_TYPES) + len(HOSTILE), kind, ())
    report = trial.load(file, mapping=str(mapping), bucket=f"{trial.bucket}-copy")
    assert (report.status, report.points_written) == ("verified", written.rows)
    assert sum(field.stored for field in report.fields) == written.values
    assert_identical(trial, "-copy")


def test_line_protocol_keeps_what_no_mapping_can_say_and_empty_texts_too(trial: Trial, fill: Fill) -> None:
    more = (
        'k,id=x id="a tag and a field",v=1 1',
        "k v=2 2",
        "l v=1i 1",
        'm,a=x s="",f=1 20',
        'm,a=x s="a" 21',
        'm,a=x s="" 22',
        'm,a=x s="b" 23',
    )
    fill(*ALL_TYPES, *more, *hostile_tags())
    file = trial.folder / "all.lp"
    written = importer.export(trial.bucket, file, connection=trial.connection)
    assert (written.format, written.warnings) == ("lp", ())
    fill(file.read_bytes().decode().rstrip("\n"), ending="-copy")
    assert_identical(trial, "-copy")
    texts = read(trial.bucket, connection=trial.connection, measurement="m", start="1970-01-01", stop="1970-01-02")
    assert texts["s"].tail(4).to_list() == ["", "a", "", "b"]


def test_empty_texts_in_csv_are_told_from_missing_ones_and_warned_of(trial: Trial, fill: Fill) -> None:
    fill('m s="",f=1 1', "m f=2 2")
    file = trial.folder / "e.csv"
    written = importer.export(trial.bucket, file, connection=trial.connection)
    assert file.read_text() == (
        'time,measurement,f,s\n1970-01-01T00:00:00.000000001Z,m,1.0,""\n1970-01-01T00:00:00.000000002Z,m,2.0,\n'
    )
    (warning,) = written.warnings
    assert warning.startswith("1 values are empty texts: a load takes them for missing")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("m,id=x id=1 1",), "'id' is both a tag and a field"),
        (("m v=1 1", 'n v="a" 1'), "the field 'v' has several types"),
    ],
)
def test_where_no_mapping_can_load_it_back_none_is_written_and_it_says_what_can(
    trial: Trial, fill: Fill, lines: tuple[str, ...], reason: str
) -> None:
    fill(*lines)
    file, mapping = trial.folder / "m.csv", trial.folder / "m.toml"
    with pytest.raises(ConfigurationError, match=f"{reason}.*take --format lp"):
        importer.export(trial.bucket, file, write_mapping=mapping, connection=trial.connection)
    assert {file.exists(), mapping.exists()} == {False}


def test_bytes_that_are_no_utf8_are_warned_of(trial: Trial, fill: Fill, tmp_path: Path) -> None:
    fill('m s="fine \ufffd \\\\ufffd" 1')
    path = f"/api/v2/write?org={trial.server.org_id}&bucket={trial.bucket_id}&precision=ns"
    trial.server.client.api_client.rest_client.pool_manager.request(
        "POST", trial.connection.url + path, body=b'm s="bad \xff\xfe" 2'
    )
    written = importer.export(trial.bucket, tmp_path / "u.csv", connection=trial.connection)
    (warning,) = written.warnings
    assert warning == "2 bytes of texts are no UTF-8: each was replaced by the sign U+FFFD"


def test_texts_that_look_like_formulas_get_an_apostrophe_when_asked_and_it_says_what_that_costs(
    trial: Trial, fill: Fill, tmp_path: Path
) -> None:
    texts = ["=1+1", "+1", "-1", "@a", "\ttab", "\rcr", "a=b", "'quoted"]
    fill(*(f'm,t=\\=tag \\=s="{text}",n=-5i {number}' for number, text in enumerate(texts)))
    plain, safe = tmp_path / "plain.csv", tmp_path / "safe.csv"
    assert importer.export(trial.bucket, plain, connection=trial.connection).warnings == ()
    written = importer.export(trial.bucket, safe, connection=trial.connection, escape_formulas=True)
    assert written.warnings == (
        "texts that look like formulas have an apostrophe before them: the file does not load back as it was",
    )
    assert "'" not in plain.read_text().splitlines()[0]
    lines = safe.read_bytes().decode().split("\n")
    assert lines[0] == "time,measurement,t,'=s,n"
    assert [line.split(",", 2)[2] for line in lines[1:-1]] == [
        "'=tag,'=1+1,-5",
        "'=tag,'+1,-5",
        "'=tag,'-1,-5",
        "'=tag,'@a,-5",
        "'=tag,'\ttab,-5",
        "'=tag,\"'\rcr\",-5",
        "'=tag,a=b,-5",
        "'=tag,'quoted,-5",
    ]
    with pytest.raises(ConfigurationError, match="only CSV is opened by spreadsheets"):
        importer.export(trial.bucket, tmp_path / "safe.lp", connection=trial.connection, escape_formulas=True)
