"""Whatever the encoder lets pass, the real server gives back as the very same value."""

from __future__ import annotations

import itertools
from typing import Literal

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from influxdb_client import Point

from importer.encoding import escaping
from importer.encoding.line_protocol import body
from importer.errors import MalformedLinesError, MappingError, ServerError
from importer.limits import MAX_STRING_BYTES, MAX_TIME_NS, MIN_TIME_NS, key_trouble, measurement_trouble
from importer.mapping.rows import RowMapper
from importer.mapping.spec import Mapping
from importer.records import RECORD, Table
from tests.influxd import Influxd
from tests.points import P, Unsigned, Value, bits, block, encoded, query, stored_texts, write

Role = Literal["string", "tag", "measurement", "tag key", "field key"]
ROLES: tuple[Role, ...] = ("string", "tag", "measurement", "tag key", "field key")

SPECIAL = ["\\", ",", "=", " ", '"', "\n", "\r", "\t", "\x00", "#", "'", "\x1e", "\x1f", "\x7f", "\x85", "\u2028"]
SPECIAL += ["\ufeff", "\uffff", "\\,", "\\=", "\\ ", '\\"', "\\n", "\\\\", ",\\", "${a}", "e\u0301", "🐦"]
pieces = st.sampled_from(SPECIAL) | st.characters(exclude_categories=("Cs",))
texts = st.lists(pieces, max_size=7).map("".join)

_clock = itertools.count(0, 1_000)
quick = settings(max_examples=40, deadline=None)


@given(st.lists(texts, min_size=1, max_size=30))
@example(SPECIAL)
@example([text + "X" for text in SPECIAL])
@example(["X" + text for text in SPECIAL])
@example(["X" + text + "Y" for text in SPECIAL])
@quick
def test_any_text_in_any_role_comes_back_as_it_was_or_is_refused(
    influxd: Influxd, bucket_id: str, values: list[str]
) -> None:
    start = next(_clock)
    points = [in_role(role, text, start + n) for n, (role, text) in enumerate(itertools.product(ROLES, values))]
    points = [
        point
        for point in points
        if not has_key_trouble(point) and point.measurement and "" not in point.fields.values()
    ]
    lines = encoded(points)
    write(influxd.server, bucket_id, lines)
    refused = {fault.record for fault in lines.faults}
    expected = {point.time_ns: normal(point) for n, point in enumerate(points) if n not in refused}
    found = stored_texts(influxd.server, bucket_id, start, start + 1_000)
    assert {point.time_ns: normal(point) for point in found} == expected
    assert len(found) == len(expected)


keys = texts.filter(lambda text: not key_trouble("tag", text) and not key_trouble("field", text))
names = texts.filter(lambda text: not measurement_trouble(text))
tag_sets = st.dictionaries(keys, texts, max_size=4)
field_sets = st.dictionaries(keys, texts.filter(bool), min_size=1, max_size=4)


@given(st.lists(st.tuples(names, tag_sets, field_sets), min_size=1, max_size=20))
@quick
def test_points_with_several_hostile_tags_and_fields_come_back_whole(
    influxd: Influxd, bucket_id: str, contents: list[tuple[str, dict[str, str], dict[str, str]]]
) -> None:
    start = next(_clock)
    points = [P(start + n, dict(fields), dict(tags), name) for n, (name, tags, fields) in enumerate(contents)]
    lines = encoded(points)
    write(influxd.server, bucket_id, lines)
    refused = {fault.record for fault in lines.faults}
    expected = [
        normal(P(point.time_ns, {key: value}, point.tags, point.measurement))
        for n, point in enumerate(points)
        if n not in refused
        for key, value in point.fields.items()
    ]
    found = [normal(point) for point in stored_texts(influxd.server, bucket_id, start, start + 1_000)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


floats = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**63), 2**63 - 1)
unsigned = st.integers(0, 2**64 - 1).map(Unsigned)
BY_CSV = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
    |> map(fn: (r) => ({r with ns: int(v: r._time)}))"""


@given(st.lists(st.tuples(floats, integers, unsigned, st.booleans()), min_size=1, max_size=50))
@example([(0.0, 0, Unsigned(0), False), (-0.0, -(2**63), Unsigned(2**64 - 1), True)])
@example([(5e-324, 1, Unsigned(1), True), (1.7976931348623157e308, 2**63 - 1, Unsigned(2**63), True)])
@example([(1e21, 1, Unsigned(1), True), (1e-7, -1, Unsigned(1), True), (123456789012345680.0, 0, Unsigned(1), True)])
@example([(2.2250738585072014e-308, 1, Unsigned(1), True), (-1e16, 2**53 + 1, Unsigned(2**53 + 1), True)])
@quick
def test_numbers_and_booleans_come_back_bit_for_bit(
    influxd: Influxd, bucket_id: str, rows: list[tuple[float, int, Unsigned, bool]]
) -> None:
    start = next(_clock)
    points = [P(start + n, dict(zip("fiub", values, strict=True)), {}, "numbers") for n, values in enumerate(rows)]
    lines = encoded(points)
    assert not lines.faults
    write(influxd.server, bucket_id, lines)
    found = query(influxd.server, BY_CSV, bucket_id=bucket_id, start=start, stop=start + 1_000)
    assert {(row["ns"], row["_field"]): bits(row["_value"]) for row in found} == {
        (point.time_ns, key): bits(value) for point in points for key, value in point.fields.items()
    }


times = st.integers(MIN_TIME_NS, MAX_TIME_NS) | st.sampled_from([MIN_TIME_NS, MIN_TIME_NS + 1, -1, 0, 1, MAX_TIME_NS])


@given(st.lists(times, min_size=1, max_size=8, unique=True))
@settings(max_examples=8, deadline=None)
def test_points_at_any_time_come_back_at_that_nanosecond(influxd: Influxd, bucket_id: str, moments: list[int]) -> None:
    points = [P(moment, {"t": moment}, {"of": str(next(_clock))}, "times") for moment in moments]
    write(influxd.server, bucket_id, encoded(points))
    for point in points:
        # A plain read does not see the very last nanosecond; the last value of a series does.
        found = query(
            influxd.server,
            """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
                |> filter(fn: (r) => r._measurement == "times" and r.of == of)
                |> last() |> map(fn: (r) => ({r with ns: int(v: r._time)}))""",
            bucket_id=bucket_id,
            start=point.time_ns,
            stop=point.time_ns + 1,
            of=point.tags["of"],
        )
        assert [(row["ns"], row["_value"]) for row in found] == [(point.time_ns, point.time_ns)]


REFUSED: list[tuple[Role, str]] = [
    *((role, text) for role in ROLES[1:] for text in ("a\nb", "a\\", "\\")),
    *(("measurement", text) for text in ("#a", "\ta", "\x00a", "a\\,b", "a\\ b", "a\\=b", 'a\\"b')),
    *(("field key", text) for text in ("\ta", "\x00a", "a\\,b", "a\\ b", "a\\=b", 'a\\"b', "time")),
    *(("tag key", text) for text in ("\x00", "time", "_time", "_value", "_start", "_stop", "_field", "_measurement")),
]


@pytest.mark.parametrize(("role", "text"), REFUSED)
def test_what_is_refused_would_have_been_refused_changed_or_hidden_by_the_server(
    influxd: Influxd, bucket_id: str, role: Role, text: str
) -> None:
    point = in_role(role, text, next(_clock))
    assert has_key_trouble(point) or encoded([point]).faults
    if role in ("tag", "measurement"):
        field = {"f": 1.0} if role == "measurement" else point.fields
        good = encoded([P(point.time_ns, dict(field), {"k": "value"}, "name")])
        line = body(good.frame["line"]).decode()
        line = line.replace("name", escaped(text)) if role == "measurement" else line.replace("value", escaped(text))
    else:
        line = body(encoded([point]).frame["line"]).decode()
    try:
        write(influxd.server, bucket_id, line)
        found = stored_texts(influxd.server, bucket_id, point.time_ns, point.time_ns + 1)
    except ServerError:
        return
    assert [normal(one) for one in found] != [normal(point)]


def test_a_backslash_before_a_space_in_a_tag_key_is_refused_because_the_server_may_lose_the_end_of_the_line(
    influxd: Influxd, bucket_id: str
) -> None:
    assert key_trouble("tag", "a\\ b")
    with pytest.raises(MalformedLinesError):
        write(influxd.server, bucket_id, encoded([P(0, {"s": "x"}, {"a\\ b": 'x"'}), P(1, {"s": "innocent"})]))


@pytest.mark.parametrize(
    ("tags", "key"), [({"a": "\\ ", "b": "\\=x"}, '"f'), ({"a": "\\ \\=x"}, '"f'), ({"a": "x\\ y\\,z"}, "f")]
)
def test_tags_after_which_the_server_may_not_find_the_end_of_the_line_are_refused(
    influxd: Influxd, bucket_id: str, tags: dict[str, str | None], key: str
) -> None:
    point = P(0, {key: "x\ny"}, tags)
    assert [fault.error_type for fault in encoded([point]).faults] == ["tag"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(escaping, "unending", lambda _: None)
        lines = encoded([point, P(1, {"s": "innocent"})])
    with pytest.raises(MalformedLinesError):
        write(influxd.server, bucket_id, lines)


@pytest.mark.parametrize(
    "tags", [{"a": "\\ ", "b": 'x"'}, {"a": 'x\\ y"z'}, {"a": "\\\\ ", "b": '"'}, {"a": '"', "b": "\\ "}, {"a": '\\"'}]
)
def test_backslashes_spaces_and_quotes_in_tags_are_stored(
    influxd: Influxd, bucket_id: str, tags: dict[str, str | None]
) -> None:
    start = next(_clock)
    points = [P(start, {"s": "a\nb,c=d"}, tags), P(start + 1, {"s": "innocent"}, tags)]
    lines = encoded(points)
    assert not lines.faults
    write(influxd.server, bucket_id, lines)
    assert [normal(p) for p in stored_texts(influxd.server, bucket_id, start, start + 9)] == [normal(p) for p in points]


@pytest.mark.parametrize(("role", "text"), [("tag", "a\rb"), ("measurement", "a\rb"), ("tag key", "a\rb")])
def test_a_carriage_return_in_a_name_is_refused_because_answers_leave_it_out(role: Role, text: str) -> None:
    point = in_role(role, text, 0)
    assert has_key_trouble(point) or encoded([point]).faults


def test_a_fault_names_the_row_the_column_and_the_reason() -> None:
    lines = encoded([in_role("tag", "good", 0), in_role("tag", "a\nb", 1), in_role("measurement", "#a", 2)])
    assert [(fault.record, fault.column, fault.error_type) for fault in lines.faults] == [
        (2, "", "measurement"),
        (1, "column of k", "tag"),
    ]
    assert "line break" in lines.faults[1].message
    assert lines.rows_mapped == 1
    assert lines.frame["record"].to_list() == [0]


def test_a_row_of_several_points_is_left_out_whole_if_one_of_them_cannot_be_written() -> None:
    lines = encoded([P(1, {"f": 1.0}, {"k": "good"}, record=0), P(2, {"f": 1.0}, {"k": "bad\\"}, record=0)])
    assert lines.frame.is_empty()
    assert lines.rows_mapped == 0


def test_the_longest_string_is_stored_and_a_longer_one_is_refused_by_the_server(
    influxd: Influxd, bucket_id: str
) -> None:
    start = next(_clock)
    longest = "é" * (MAX_STRING_BYTES // 2)
    write(influxd.server, bucket_id, encoded([P(start, {"s": longest})]))
    flux = """import "strings"
        from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
            |> map(fn: (r) => ({same: r._value == longest, length: strings.strlen(v: r._value)}))"""
    found = query(influxd.server, flux, bucket_id=bucket_id, start=start, stop=start + 1, longest=longest)
    assert [(row["same"], row["length"]) for row in found] == [(True, len(longest))]
    with pytest.raises(ServerError, match="too long"):
        write(influxd.server, bucket_id, encoded([P(start + 1, {"s": longest + "x"})]))


@pytest.mark.parametrize("spare", [0, -1])
def test_a_key_of_65535_bytes_is_stored_and_a_longer_one_is_refused(
    influxd: Influxd, bucket_id: str, spare: int
) -> None:
    start = next(_clock)
    room = 65_535 - len("m,k=") - len("#!~#") - len("field") - spare
    lines = encoded([P(start, {"field": 1.0}, {"k": "," * 10 + "x" * (room - 20)})])
    assert [fault.error_type for fault in lines.faults] == ([] if spare == 0 else ["key_length"])
    write(influxd.server, bucket_id, lines)
    assert len(stored_texts(influxd.server, bucket_id, start, start + 1)) == 1 + spare


def test_flux_misplaces_the_texts_around_an_empty_one_which_is_why_none_is_written(
    influxd: Influxd, bucket_id: str
) -> None:
    start = next(_clock)
    write(influxd.server, bucket_id, encoded([P(start + n, {"s": text}) for n, text in enumerate(("a", "", "b"))]))
    found = query(influxd.server, BY_CSV, bucket_id=bucket_id, start=start, stop=start + 1_000)
    assert {row["ns"] - start: row["_value"] for row in found} == {0: "a", 1: "b", 2: None}


def test_an_empty_text_from_a_row_function_is_no_field() -> None:
    frame = pl.DataFrame({"a": ["", "x"], RECORD: [0, 1]}, schema={"a": pl.String, RECORD: pl.UInt32})
    mapper = RowMapper(lambda row: Point("m").field("n", 1).field("a", row["a"]).time(0))
    points = mapper(Table(block(), frame, (), 0))
    assert points.frame["field:a:string"].to_list() == [None, "x"]


@pytest.mark.parametrize("part", ["default", "value"])
def test_a_mapping_may_not_give_an_empty_text_as_a_field(part: str) -> None:
    field = {"column": "a", "type": "string", part: ""}
    if part == "value":
        del field["column"]
    with pytest.raises(MappingError, match=rf"fields.f: {part}: an empty text is no value"):
        Mapping.from_dict({"measurement": "m", "time": {"column": "t"}, "fields": {"f": field}})


def in_role(role: Role, text: str, time_ns: int) -> P:
    if role == "string":
        return P(time_ns, {"text": text}, {}, "strings")
    if role == "tag":
        return P(time_ns, {"f": "x"}, {"k": text}, "tags")
    if role == "measurement":
        return P(time_ns, {"f": "x"}, {"k": "value"}, text)
    if role == "tag key":
        return P(time_ns, {"f": "x"}, {text: "value"}, "tag keys")
    return P(time_ns, {text: "x"}, {}, "field keys")


def has_key_trouble(point: P) -> bool:
    return any(key_trouble("tag", key) for key in point.tags) or any(key_trouble("field", key) for key in point.fields)


def normal(point: P) -> tuple[int, str, dict[str, str | None], dict[str, Value]]:
    """A point as it can be compared: an empty tag is none."""
    return point.time_ns, point.measurement, {key: value for key, value in point.tags.items() if value}, point.fields


def escaped(text: str) -> str:
    return text.replace(",", "\\,").replace(" ", "\\ ")
