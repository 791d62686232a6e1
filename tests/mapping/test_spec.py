from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.limits import RESERVED_KEYS
from importer.mapping.header import check_columns
from importer.mapping.parts import CsvOptions
from importer.mapping.spec import Mapping
from importer.mapping.templates import template_columns, template_parts

GOOD: dict[str, Any] = {
    "measurement": "m",
    "time": {"column": "t"},
    "tags": {"who": {"column": "id"}},
    "fields": {"v": {"column": "v", "type": "float"}},
}
REMOVED = object()


def _with(path: str, value: Any) -> dict[str, Any]:
    """The good mapping with one key set, or removed."""
    raw = copy.deepcopy(GOOD)
    inner = raw
    *parents, last = path.split("/")
    for key in parents:
        inner = inner.setdefault(key, {})
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return raw


def _refusal(raw: dict[str, Any]) -> str:
    with pytest.raises(MappingError) as refused:
        Mapping.from_dict(raw, origin="birds.toml")
    assert str(refused.value).startswith("birds.toml: ")
    return str(refused.value).removeprefix("birds.toml: ")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("measurement", REMOVED, "measurement: is missing"),
        ("time", REMOVED, "time: is missing"),
        ("fields", REMOVED, "fields: is missing"),
        ("fields", {}, "fields: at least one is needed, such as speed = {"),
        ("time", "t", 'time: a table is needed, such as { column = "name" }'),
        ("measurement", 5, 'measurement: a table is needed, such as { column = "name" }'),
        ("tags/who", "id", 'tags.who: a table is needed, such as { column = "name" }'),
        ("csv/null", "NA", 'csv.null: a list is needed, such as ["NA"]'),
        ("tagz", {}, "tagz: unknown key; did you mean 'tags'?"),
        ("zzz", {}, "zzz: unknown key; there are: measurement, time, tags, fields, filter, csv"),
        ("time/colum", "t", "time.colum: unknown key; did you mean 'column'?"),
        ("time/time_zone", "UTC", "time.time_zone: unknown key; did you mean 'timezone'?"),
        ("fields/v/typ", "float", "fields.v.typ: unknown key; did you mean 'type'?"),
        ("csv/delimeter", ";", "csv.delimeter: unknown key; did you mean 'delimiter'?"),
        (
            "fields/v/type",
            "double",
            "fields.v.type: one of 'float', 'integer', 'unsigned', 'boolean' or 'string' is needed",
        ),
        ("fields/v/default", [1], "fields.v.default: a text, a number, true or false is needed"),
        ("fields/v/default", "x", "fields.v: default 'x' is not of type float"),
        ("fields/v/default", True, "fields.v: default True is not of type float"),
        ("fields/v", {"column": "v", "default": 1}, "fields.v: a default needs a type"),
        ("fields/v", {"column": "v", "value": 1}, "fields.v: give exactly one of: column, template, value"),
        ("fields/v", {}, "fields.v: give exactly one of: column, template, value"),
        ("fields/v", {"value": float("nan")}, "fields.v: value nan is not of type float"),
        ("fields/v", {"value": 2**63}, f"fields.v: value {2**63} is not of type integer"),
        ("fields/v", {"value": -1, "type": "unsigned"}, "fields.v: value -1 is not of type unsigned"),
        ("fields/v", {"value": 1.0, "type": "integer"}, "fields.v: value 1.0 is not of type integer"),
        ("fields/v", {"value": 1, "type": "boolean"}, "fields.v: value 1 is not of type boolean"),
        ("fields/v", {"template": "fixed"}, "fields.v: a template names at least one column in braces"),
        ("fields/v", {"template": "{a"}, "fields.v: template '{a': a brace is not closed; write {{ for a brace"),
        ("fields/v", {"template": "a}"}, "fields.v: template 'a}': a brace is closed that was not opened"),
        ("fields/v", {"template": "{}"}, "fields.v: template '{}': a column's name stands in the braces"),
        ("fields/v/true", ["a"], "fields.v: give both true and false, or neither"),
        (
            "fields/v",
            {"column": "v", "type": "boolean", "true": [], "false": ["x"]},
            "fields.v: true and false name at least one text each",
        ),
        (
            "fields/v",
            {"column": "v", "type": "boolean", "true": ["Y"], "false": ["y "]},
            "fields.v: 'y' is both true and false",
        ),
        (
            "fields/v",
            {"column": "v", "true": ["Y"], "false": ["N"]},
            'fields.v: true and false go with type = "boolean"',
        ),
        ("time", {"column": "t", "template": "{t}"}, "time: give exactly one of: column, columns, template"),
        ("time", {}, "time: give exactly one of: column, columns, template"),
        ("time", {"columns": []}, "time: columns is empty"),
        ("time", {"columns": ["a}"]}, "time: template"),
        ("time", {"columns": ["{a}"]}, "time: columns: a name that begins with a brace"),
        ("time/format", "%y", "time.format: format '%y': %y is a year of two digits"),
        ("time/timezone", "CEST", "time.timezone: unknown time zone 'CEST': an IANA name is needed"),
        ("time/ambiguous", "guess", "time.ambiguous: one of 'reject', 'earliest' or 'latest' is needed"),
        ("csv/delimiter", ";;", "csv.delimiter: one ASCII character is needed, such as ; or tab"),
        ("csv/delimiter", '"', "csv.delimiter: one ASCII character is needed"),
        ("csv/delimiter", "\n", "csv.delimiter: one ASCII character is needed"),
        ("csv/delimiter", "§", "csv.delimiter: one ASCII character is needed"),
        ("measurement", "", "measurement: a measurement may not be empty"),
        ("measurement", "#m", "measurement: a measurement may not be empty, start with #"),
        ("tags/", {"column": "x"}, "tags: a key may not be empty"),
        ("tags/a\nb", {"column": "x"}, "tags.a\nb: a tag's key may not hold a line break"),
        ("fields/a\\", {"column": "x"}, "fields.a\\: a field's key may not"),
        ("tags/v", {"column": "x"}, "'v' is both a tag and a field: rename one of them"),
    ],
)
def test_a_mistake_is_answered_with_its_key_and_what_to_write(path: str, value: object, message: str) -> None:
    assert _refusal(_with(path, value)).startswith(message)


@pytest.mark.parametrize("kind", ["tags", "fields"])
@pytest.mark.parametrize("key", sorted(RESERVED_KEYS))
def test_a_name_that_influxdb_keeps_for_itself_is_refused_with_another_one(kind: str, key: str) -> None:
    message = _refusal(_with(f"{kind}/{key}", {"column": key}))
    assert message.startswith(f"{kind}.{key}: InfluxDB keeps the name {key!r} for itself: choose another key, such as ")
    assert f"{key.strip('_')}_value" in message


def test_all_mistakes_are_named_at_once() -> None:
    assert _refusal({"measurement": "m", "time": {"column": "t", "format": "x"}, "feilds": {}}).count("; ") >= 2


def test_the_good_mapping_is_good() -> None:
    mapping = Mapping.from_dict(GOOD)
    assert mapping.measurement.value == "m"
    assert mapping.columns == ("t", "id", "v")
    assert (mapping.time.format, mapping.time.timezone, mapping.time.ambiguous) == ("rfc3339", "UTC", "reject")


def test_the_columns_are_those_of_all_parts_each_once() -> None:
    raw = {
        "measurement": {"column": "kind"},
        "time": {"columns": ["day", "hour"]},
        "tags": {"a": {"template": "{x}-{day}"}, "b": {"value": "c"}},
        "fields": {"v": {"column": "x"}, "w": {"value": 1}},
    }
    assert Mapping.from_dict(raw).columns == ("kind", "day", "hour", "x")


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"value": True}, "boolean"),
        ({"value": 1}, "integer"),
        ({"value": 1.0}, "float"),
        ({"value": "1"}, "string"),
        ({"value": 1, "type": "unsigned"}, "unsigned"),
        ({"value": 1, "type": "float"}, "float"),
        ({"column": "v"}, None),
        ({"column": "v", "type": "string"}, "string"),
    ],
)
def test_the_type_of_a_field_is_known_where_the_mapping_decides_it(spec: dict[str, Any], kind: str | None) -> None:
    assert Mapping.from_dict(_with("fields/v", spec)).fields["v"].known_type == kind


NAMES = st.text(st.sampled_from("ab {}:!.[]é"), min_size=1, max_size=5)


def _balanced(name: str) -> bool:
    depth = 0
    for mark in name:
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            return False
    return depth == 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.text(st.sampled_from("a-{}: "), max_size=4), NAMES.filter(_balanced))),
    st.text(st.sampled_from("a-{}: "), max_size=4),
)
def test_a_template_gives_back_its_texts_and_columns(parts: list[tuple[str, str]], tail: str) -> None:
    usable = [(text, name) for text, name in parts if not name.startswith("{")]
    written = "".join(_braces_doubled(text) + "{" + name + "}" for text, name in usable) + _braces_doubled(tail)
    assert list(template_parts(written)) == [*usable, *([(tail, None)] if tail else [])]


def _braces_doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def test_a_template_may_name_columns_with_colons_as_public_exports_have_them() -> None:
    assert template_columns("{http://example.org/a!b} {c[0]} {c[0]}") == ("http://example.org/a!b", "c[0]")


def test_the_time_may_come_from_columns_of_any_name() -> None:
    mapping = Mapping.from_dict(_with("time", {"columns": ["a:b", "c{d}", "e!r"]}))
    assert mapping.time.source.columns == ("a:b", "c{d}", "e!r")


@pytest.mark.parametrize(("given_as", "meant"), [("tab", "\t"), ("\\t", "\t"), (";", ";"), ("|", "|")])
def test_a_delimiter_may_be_named(given_as: str, meant: str) -> None:
    assert CsvOptions.from_dict({"delimiter": given_as}).delimiter == meant


def test_options_of_the_command_line_win_over_those_of_the_file() -> None:
    mapping = Mapping.from_dict(_with("csv", {"delimiter": ";", "null": ["NA"]}))
    changed = mapping.reading({"delimiter": "tab"})
    assert (changed.csv.delimiter, changed.csv.null) == ("\t", ("NA",))
    with pytest.raises(MappingError, match="CSV options: delimiter: one ASCII character"):
        mapping.reading({"delimiter": "ab"})


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    text = 'measurement = "m"\ntime = { column = "t" }\n[fields]\nv = { column = "é" }\n'
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "m.toml").write_text(text, encoding=encoding)
        assert Mapping.from_toml(tmp_path / "m.toml").columns == ("t", "é")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = ", r"cannot read the mapping file .*m\.toml': Invalid value"),
        (b'a = "\xe9"', r"cannot read the mapping file .*m\.toml': 'utf-8' codec"),
        (b"[tags]\n[tags]\n", r"cannot read the mapping file .*: Cannot declare"),
        (b"", r"m\.toml: measurement: is missing; time: is missing; fields: is missing"),
        (None, r"no such mapping file: '.*m\.toml'"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "m.toml").write_bytes(content)
    with pytest.raises(MappingError, match=message):
        Mapping.from_toml(tmp_path / "m.toml")


def test_a_folder_is_no_mapping_file(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="Is a directory"):
        Mapping.from_toml(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "header", "message"),
    [
        (
            ["locaton-lat"],
            ["timestamp", "location-long", "location-lat"],
            (
                "'f.csv' has no column 'locaton-lat'; did you mean 'location-lat' or 'location-long'? "
                "It has: timestamp, location-long, location-lat"
            ),
        ),
        (
            ["Timestamp"],
            ["timestamp"],
            "'f.csv' has no column 'Timestamp'; did you mean 'timestamp'? It has: timestamp",
        ),
        (["x"], ["timestamp", "lat"], "'f.csv' has no column 'x'. It has: timestamp, lat"),
        (
            ["timestamp"],
            ["timestamp;lat;lon"],
            (
                "'f.csv' has no column 'timestamp'. It has: timestamp;lat;lon "
                "(that looks like one column per ';': say --delimiter ';')"
            ),
        ),
        (
            ["t"],
            ["t\tlat"],
            r"'f.csv' has no column 't'. It has: t\tlat (that looks like one column per tab: say --delimiter tab)",
        ),
        (["a"], ["a", "b", "a"], "'f.csv' has 2 columns named 'a': rename one in the header"),
        (["none"], [f"c{n}" for n in range(30)], f"It has: {', '.join(f'c{n}' for n in range(20))}, … (30 in all)"),
    ],
)
def test_a_column_that_is_not_there_or_there_twice_is_refused_with_what_there_is(
    wanted: list[str], header: list[str], message: str
) -> None:
    with pytest.raises(MappingError) as refused:
        check_columns(wanted, header, "f.csv")
    assert str(refused.value).endswith(message)


def test_a_name_that_occurs_twice_is_no_matter_where_nobody_asks_for_it() -> None:
    check_columns(["b"], ["a", "a", "", "", "b"], "f.csv")
