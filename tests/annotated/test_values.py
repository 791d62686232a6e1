"""Values and times by their types, as ``influx write`` takes them; what it takes too easily is a reject."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from importer import MappingError
from tests.annotated.converting import converted, rejects


def column(folder: Path, datatype: str, cells: list[str], *, times: bool = False) -> list[str]:
    """What each cell becomes; an empty text where its row is rejected or has no field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    kinds, names = (["long", datatype], "vt") if times else ([datatype, "dateTime"], "vt")
    writer.writerows([["#datatype measurement", *kinds], ["m", *names]])
    writer.writerows(["m", number, cell] if times else ["m", cell, number] for number, cell in enumerate(cells))
    found = [""] * len(cells)
    for line in converted(folder, text.getvalue()).splitlines():
        _, _, rest = line.partition("v=")
        value, _, time = rest.rpartition(" ")
        number, shown = (value.rstrip("i"), time) if times else (time, value)
        found[int(number)] = shown
    return found


@pytest.mark.parametrize(
    ("datatype", "cells"),
    [
        ("double", {"1": "1.0", "1.5": "1.5", "1_000": "1000.0", "1 000": "1000.0", "1e5": "100000.0", "nan": "",
                    "inf": "", "1,5": "", "": "", "x": ""}),
        ("double:,.", {"1.234,5": "1234.5", "1,5": "1.5", "1.5": "15.0"}),
        ("double:,", {"1,5": "1.5", "1,5,5": ""}),
        ("double:]^-", {"1]5": "1.5", "1^0-0]5": "100.5"}),
        ("long", {"1": "1i", "1.9": "1i", "-1.9": "-1i", "1_000": "1000i", "1,0": "", ".5": "",
                  "9223372036854775807": "9223372036854775807i", "9223372036854775808": ""}),
        ("long:,_", {"1_000,7": "1000i", "1.000": ""}),
        ("long:strict", {"1": "1i", "1.0": "", "x": ""}),
        ("long:strict,_", {"1_000": "1000i", "1_000,0": ""}),
        ("unsignedLong", {"18446744073709551615": "18446744073709551615u", "-1": ""}),
        ("boolean", {"true": "true", "Y": "true", "1": "true", "no": "false", "0": "false", "x": "", "": ""}),
        ("boolean:y,Y:n,N", {"y": "true", "N": "false", "yes": "", "": ""}),
        ("boolean:ja:", {"ja": "true", "sonst": "false", "": ""}),
        ("boolean::nein", {"nein": "false", "sonst": "true"}),
        ("duration", {"1ms": "1000000i", "1h30m": "5400000000000i", "-1.5s": "-1500000000i", "0": "0i", "1": "",
                      "1d": "", "9223372036854775808ns": ""}),
        ("base64Binary", {"aGVsbG8=": '"aGVsbG8="', "hello!": ""}),
        ("string", {"a b": '"a b"', 'a "b"': r'"a \"b\""'}),
        ("string|none", {"": '"none"', "some": '"some"'}),
    ],
)  # fmt: skip
def test_cells_are_read_by_their_type(datatype: str, cells: dict[str, str], tmp_path: Path) -> None:
    assert column(tmp_path, datatype, list(cells)) == list(cells.values())
    without = [cell for cell, value in cells.items() if not value and cell]
    assert len(rejects(tmp_path)) == len(without)


@pytest.mark.parametrize(
    "cells", [["1", "2.5", "2i", "yes"], ["1i", "2i", "1"], ["1u", "1"], ["t", "FALSE", "yes"], ['"a\\"b"', '""', "a"]]
)
def test_values_that_are_taken_as_they_are_have_the_type_of_the_first(cells: list[str], tmp_path: Path) -> None:
    found = column(tmp_path, "field", cells)
    assert all(found[:1])
    assert found[-1] == ""
    assert [word for _, column, word in rejects(tmp_path)] != []


@pytest.mark.parametrize(
    ("datatype", "cells"),
    [
        ("dateTime", {"5": "5", "-5": "-5", "2020-01-01T00:00:00.000000001Z": "1577836800000000001",
                      "2020-01-01T01:00:00+01:00": "1577836800000000000", "2020-01-01": ""}),
        ("dateTime:RFC3339Nano", {"2020-01-01T00:00:00.5Z": "1577836800500000000", "5": ""}),
        ("dateTime:number", {"5": "5", "2020-01-01T00:00:00Z": ""}),
        ("dateTime:unix_s", {"1577836800": "1577836800000000000", "0.5": "500000000"}),
        ("dateTime:2006-01-02 15:04:05", {"2020-01-01 00:00:01": "1577836801000000000",
                                          "2020-01-01 00:00:01.5": "1577836801500000000", "2020-02-30 00:00:00": ""}),
        ("dateTime:1/2/2006 3:04PM", {"1/31/2020 3:04PM": "1580483040000000000", "13/1/2020 1:00AM": ""}),
        ("dateTime:Mon Jan _2 15:04:05 2006", {"Fri Jan  3 10:11:12 2020": "1578046272000000000"}),
        ("dateTime:2006-01-02T15:04:05Z07:00", {"2020-01-01T00:00:00Z": "1577836800000000000",
                                                "2020-01-01T01:00:00+01:00": "1577836800000000000"}),
        ("dateTime:20060102150405", {"20200101000001": "1577836801000000000"}),
        ("dateTime:2006-01", {"2020-02": "1580515200000000000"}),
        ("dateTime:2006-01-02 15", {"2020-01-01 01": "1577840400000000000"}),
    ],
)  # fmt: skip
def test_times_are_read_by_their_layout(datatype: str, cells: dict[str, str], tmp_path: Path) -> None:
    assert column(tmp_path, datatype, list(cells), times=True) == list(cells.values())
    assert len(rejects(tmp_path)) == list(cells.values()).count("")


@pytest.mark.parametrize(
    ("zone", "hour"), [("+0100", 23), ("-0530", 29.5), ("Europe/Zurich", 23), ("", 24), (",+0100", 23)]
)
def test_a_zone_holds_for_times_that_say_none(zone: str, hour: float, tmp_path: Path) -> None:
    text = f"#timezone{'' if zone[:1] in ('', ',') else ' '}{zone}\n"
    text += "m|measurement,v|double,t|dateTime:2006-01-02\nm,1,1970-01-02\n"
    assert converted(tmp_path, text) == f"m v=1.0 {round(hour * 3_600 * 10**9)}\n"


@pytest.mark.parametrize("zone", ["2:00", "+2500x", "Mars"])
def test_a_zone_that_there_is_not_is_refused(zone: str, tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="line 1: #timezone"):
        converted(tmp_path, f"#timezone {zone}\nm|measurement,v|double,t|dateTime\nm,1,2\n")


def test_digits_that_are_cut_off_are_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    column(tmp_path, "long", ["1.0", "2.0"])
    assert not caplog.messages
    column(tmp_path, "long", ["1.0", "2.5"])
    assert "'2.5'" in caplog.text
    assert "long:strict" in caplog.text


def test_a_row_without_a_time_is_a_reject_and_gets_none_made_up(tmp_path: Path) -> None:
    assert column(tmp_path, "dateTime", ["", "5"], times=True) == ["", "5"]
    assert rejects(tmp_path) == [(3, "t", "time_missing")]


def test_of_a_result_of_a_query_only_its_data_are_taken(tmp_path: Path) -> None:
    text = """#group,false,false,true,true,false,true,false,false
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,string,double,string
#default,_result,,,,,,,
,result,table,_start,_stop,_time,_measurement,lat,note
,,0,2020-01-01T00:00:00Z,2020-01-02T00:00:00Z,2020-01-01T00:00:01Z,birds,1.5,here
"""
    assert converted(tmp_path, text) == 'birds lat=1.5,note="here" 1577836801000000000\n'


def test_the_tags_of_a_result_that_is_grouped_by_nothing_stay_tags(tmp_path: Path) -> None:
    text = """#group,false,false,false,false,false,false,false
#datatype,string,long,dateTime:RFC3339,double,string,string,string
#default,_result,,,,,,
,result,table,_time,_value,_field,_measurement,host
,,0,2020-01-01T00:00:01Z,1,v,m,a
,,0,2020-01-01T00:00:01Z,2,v,m,b
,,0,2020-01-01T00:00:01Z,2,time,m,b
"""
    assert converted(tmp_path, text) == "m,host=a v=1.0 1577836801000000000\nm,host=b v=2.0 1577836801000000000\n"
    assert rejects(tmp_path) == [(7, "_value", "field_name")]
