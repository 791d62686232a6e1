from __future__ import annotations

from typing import Any

import pytest

from importer.errors import MappingError
from importer.mapping.flags import mapping_from_flags, no_flags
from importer.mapping.spec import Mapping


def flags(**changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "measurement": "m", "tags": ["id"], "fields": ["v:float"], "time": ["t"], "time_options": {},
        "row_filter": None, "csv_options": {},
    }  # fmt: skip
    return given | changed


def test_options_describe_the_same_mapping_as_a_file() -> None:
    found = mapping_from_flags(
        **flags(
            tags=["id", "who=name"],
            fields=["v:float", "n=count:integer", "note"],
            time_options={"format": "unix_s", "timezone": "Europe/Zurich"},
            row_filter="id <> 'x'",
            csv_options={"delimiter": ";"},
        )
    )
    assert found == Mapping.from_dict(
        {
            "measurement": "m",
            "time": {"column": "t", "format": "unix_s", "timezone": "Europe/Zurich"},
            "tags": {"id": {"column": "id"}, "who": {"column": "name"}},
            "fields": {
                "v": {"column": "v", "type": "float"},
                "n": {"column": "count", "type": "integer"},
                "note": {"column": "note"},
            },
            "filter": "id <> 'x'",
            "csv": {"delimiter": ";"},
        }
    )


def test_several_time_columns_are_joined() -> None:
    assert mapping_from_flags(**flags(time=["day", "hour"])).time.source.columns == ("day", "hour")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"measurement": None}, "--measurement is missing (or give --mapping FILE or --mapper)"),
        ({"fields": [], "time": []}, "--field, --time is missing"),
        (
            {"fields": ["v:flaot"]},
            ("--field 'v:flaot': 'flaot' is no type (float, integer, unsigned, boolean, string); did you mean float?"),
        ),
        ({"fields": ["v:"]}, "'' is no type"),
        ({"fields": ["a:b"]}, "a colon in a name needs a mapping file"),
        ({"fields": ["v:float", "v"]}, "--field names 'v' twice: give one of them another key, as KEY=COLUMN"),
        ({"tags": ["a=x", "a=y"]}, "--tag names 'a' twice"),
        ({"fields": ["time"]}, "options: fields.time: InfluxDB keeps the name 'time' for itself"),
        ({"time_options": {"format": "%y"}}, "options: time.format: format '%y'"),
        ({"csv_options": {"delimiter": ""}}, "options: csv.delimiter: one ASCII character"),
    ],
)
def test_options_that_do_not_describe_a_mapping_are_refused_with_what_is_wrong(
    changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(MappingError) as refused:
        mapping_from_flags(**flags(**changed))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("measurement", "m", "--measurement"),
        ("tags", ["a"], "--tag"),
        ("fields", ["a"], "--field"),
        ("time", ["t"], "--time"),
        ("time_options", {"format": "unix_s"}, "--time-format"),
        ("row_filter", "x", "--filter"),
    ],
)
def test_options_beside_a_mapping_file_are_refused_by_name(name: str, value: object, option: str) -> None:
    with pytest.raises(MappingError, match=f"^{option}.* cannot go with --mapping, which says it all"):
        no_flags({name: value}, "--mapping")
    no_flags({name: None}, "--mapping")
