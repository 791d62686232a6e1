from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from importer.errors import MappingError
from importer.mapping.columns import time_range
from importer.mapping.spec import Mapping
from tests.mapping.mapped import TIME, adds_up, column_mapper, faults, points, table


def run(text: str, **parts: Any) -> Any:
    mapper = column_mapper(**parts)
    return mapper(table(text, mapper))


def test_a_row_becomes_a_point() -> None:
    batch = run("t,id,v\n10,a,1.5\n20,,2\n", tags={"who": {"column": "id"}})
    assert points(batch) == [
        {"record": 0, "measurement": "m", "time": 10, "who": "a", "v": 1.5},
        {"record": 1, "measurement": "m", "time": 20, "v": 2.0},
    ]
    assert (batch.rows_mapped, batch.rows_faulty, batch.skipped) == (2, 0, {})


def test_each_bad_cell_is_a_fault_with_its_record_column_and_text_and_the_row_gives_no_point() -> None:
    batch = run(
        "t,v,n,b\n10,1,1,true\nx,two,2.5,maybe\n30,3,3,false\n40,4,four,no\n",
        fields={
            "v": {"column": "v", "type": "float"},
            "n": {"column": "n", "type": "integer"},
            "b": {"column": "b", "type": "boolean"},
        },
    )
    assert faults(batch) == [
        (1, "b", "boolean", "'maybe': not a boolean: one of true, t, yes, y, 1, false, f, no, n, 0 is expected"),
        (1, "n", "integer", "'2.5': not an integer in -2^63 to 2^63-1"),
        (1, "t", "time_format", "'x': not a decimal number of time since 1970"),
        (1, "v", "float", "'two': not a finite number"),
        (3, "n", "integer", "'four': not an integer in -2^63 to 2^63-1"),
    ]
    assert [point["record"] for point in points(batch)] == [0, 2]
    assert batch.rows_faulty == 2
    assert adds_up(batch)


def test_positions_are_those_of_the_block_although_blank_and_ragged_records_stand_between() -> None:
    batch = run("t,v\n\n10\n20,x\n30,3\n")
    assert faults(batch) == [
        (1, "", "ragged", "1 cells where the header has 2"),
        (2, "v", "float", "'x': not a finite number"),
    ]
    assert [point["record"] for point in points(batch)] == [3]
    assert batch.skipped == {"blank": 1}
    assert adds_up(batch)


def test_a_long_cell_is_shown_in_part() -> None:
    ((_, _, _, message),) = faults(run(f"t,v\n1,{'x' * 1000}\n"))
    assert message == f"'{'x' * 60}'…: not a finite number"


def test_a_missing_time_or_measurement_is_a_fault_of_its_column() -> None:
    batch = run("t,kind,v\n,a,1\n2,,2\n", measurement={"column": "kind"})
    assert faults(batch) == [(0, "t", "time_missing", "there is no timestamp"), (1, "kind", "measurement", "is empty")]
    assert adds_up(batch)


def test_a_fault_of_a_template_names_all_of_its_columns() -> None:
    batch = run(
        "day,hour,v\n2020-01-01,25:00,1\n,01:00,1\n", time={"columns": ["day", "hour"], "format": "%Y-%m-%d %H:%M"}
    )
    assert faults(batch) == [
        (0, "day+hour", "time_format", "'2020-01-01 25:00': does not fit the format %Y-%m-%d %H:%M"),
        (1, "day+hour", "time_missing", "there is no timestamp"),
    ]


def test_a_row_without_a_value_is_skipped_and_so_counted() -> None:
    batch = run("t,v\n1,\n2,2\n,\n")
    assert batch.skipped == {"no_fields": 1}
    assert [fault[:3] for fault in faults(batch)] == [(2, "t", "time_missing")]
    assert adds_up(batch)


def test_a_default_fills_an_empty_cell_and_no_bad_one() -> None:
    batch = run("t,v\n1,\n2,x\n3,3\n", fields={"v": {"column": "v", "type": "integer", "default": -1}})
    assert [(point["record"], point["v"]) for point in points(batch)] == [(0, -1), (2, 3)]
    assert len(batch.faults) == 1


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"value": True}, True),
        ({"value": 5}, 5),
        ({"value": 2**64 - 1, "type": "unsigned"}, 2**64 - 1),
        ({"value": 5, "type": "float"}, 5.0),
        ({"value": "x"}, "x"),
        ({"column": "n", "type": "unsigned", "default": 2**63}, 2**63),
        ({"column": "n", "type": "boolean", "default": False}, False),
        ({"column": "n", "type": "float", "default": 1}, 1.0),
    ],
)
def test_a_constant_has_the_same_value_in_every_row(spec: dict[str, Any], value: object) -> None:
    batch = run("t,n\n1,\n2,\n", fields={"c": spec})
    assert [point["c"] for point in points(batch)] == [value, value]
    assert type(points(batch)[0]["c"]) is type(value)


def test_a_template_with_an_empty_cell_is_empty() -> None:
    batch = run(
        "t,a,b,v\n1,x,y,1\n2,x,,1\n3,,,1\n",
        tags={"place": {"template": "{a}-{b}/{{{a}}}"}},
        fields={"v": {"column": "v"}, "s": {"template": "{b}!", "type": "string"}},
    )
    assert [(point.get("place"), point.get("s")) for point in points(batch)] == [
        ("x-y/{x}", "y!"),
        (None, None),
        (None, None),
    ]


def test_a_column_may_have_a_name_that_means_something_elsewhere() -> None:
    batch = run(
        "t,record,^v.*$,*,measurement,time\n1,7,8,9,10,11\n",
        fields={
            "record": {"column": "record", "type": "integer"},
            "x": {"column": "^v.*$"},
            "y": {"template": "{*}{^v.*$}"},
        },
        tags={"measurement": {"column": "measurement"}, "z": {"column": "time"}},
    )
    (point,) = points(batch)
    frame = batch.frame.to_dicts()[0]
    assert (point["x"], point["y"], point["z"], frame["field:record"]) == (8.0, 98.0, "11", 7)
    assert (frame["record"], frame["measurement"], frame["tag:measurement"]) == (0, "m", "10")


def test_null_texts_are_empty_cells_in_every_column() -> None:
    batch = run(
        "t,id,v\n1,NA,NA\n2,a,-\n3,NA,3\nNA,a,4\n",
        tags={"who": {"column": "id"}},
        csv={"null": ["NA", "-"]},
    )
    assert points(batch) == [{"record": 2, "measurement": "m", "time": 3, "v": 3.0}]
    assert batch.skipped == {"no_fields": 2}
    assert [fault[2] for fault in faults(batch)] == ["time_missing"]


def test_a_decimal_comma_holds_for_all_floats_unless_a_field_has_its_own() -> None:
    text = 't,v,w,u\n1,"1,5",2.5,"3,5"\n'
    fields = {
        "v": {"column": "v", "type": "float"},
        "w": {"column": "w", "type": "float", "decimal": "."},
        "u": {"column": "u"},
    }
    (point,) = points(run(text, fields=fields, csv={"decimal": ","}))
    assert (point["v"], point["w"], point["u"]) == (1.5, 2.5, 3.5)


def test_rows_that_the_filter_does_not_keep_are_skipped_whatever_is_in_them() -> None:
    batch = run("t,id,v\n1,a,1\nx,b,x\n3,,3\n4,a,4\n", filter="id = 'a'")
    assert [point["record"] for point in points(batch)] == [0, 3]
    assert batch.skipped == {"filtered": 2}
    assert batch.faults == ()
    assert adds_up(batch)


def test_a_filter_may_name_columns_that_nothing_else_needs_and_convert_them() -> None:
    text = "t,v,a-b\n1,1,5\n2,2,50\n3,3,x\n"
    assert [point["time"] for point in points(run(text, filter='TRY_CAST("a-b" AS DOUBLE) > 9'))] == [2]


def test_a_filter_that_cannot_be_computed_names_the_lines_and_what_to_write() -> None:
    with pytest.raises(
        MappingError, match=r"filter 'v > 5' cannot be computed on lines 2 to 3: .*TRY_CAST\(column AS DOUBLE\)"
    ):
        run("t,v\n1,1\n2,2\n", filter="v > 5")


def test_a_filter_that_is_no_condition_is_refused_before_anything_is_read() -> None:
    with pytest.raises(MappingError, match="filter 'v >>>' is not an SQL condition"):
        column_mapper(filter="v >>>")


@pytest.mark.parametrize(
    "condition",
    [
        "v IN (SELECT * FROM read_csv('{}'))",
        "v in (from read_csv('{}'))",
        "v = (with x as (from read_csv('{}')) from x)",
        "v IN (FROM \"read_csv\"('{}'))",
        r"E'\'' IN (FROM read_csv('{}')) OR v = ''",
        "$$'$$ = v OR v IN (FROM read_csv('{}')) OR v = $$'$$",
        "v = 'a' /* ' */ OR v IN (FROM read_csv('{}')) /* ' */",
    ],
)
def test_a_filter_cannot_read_files_of_the_machine(condition: str) -> None:
    # One that is not refused would end in an error about the missing file.
    with pytest.raises(MappingError, match=r"a question of its own|holds a comment"):
        column_mapper(filter=condition.format("/no/such/file"))


def test_a_filter_may_hold_such_words_in_quotes() -> None:
    column_mapper(filter="v = 'select from read_csv(' OR v = 'it''s --'")


def test_a_filter_so_deep_that_it_would_end_the_process_is_refused() -> None:
    with pytest.raises(MappingError, match="is too long"):
        column_mapper(filter=" OR ".join(["v=1"] * 100_000))


def test_a_filter_on_a_column_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(MappingError, match="has no column 'wv'; did you mean 'v'"):
        run("t,v\n1,1\n", filter="wv = '1'")


def test_an_untyped_field_has_the_type_of_its_first_value_for_the_whole_load_even_if_that_comes_late() -> None:
    mapper = column_mapper(fields={"v": {"column": "v"}, "w": {"column": "w"}})
    first = mapper(table("t,v,w\n1,,a\n2,,b\n", mapper))
    assert [(field.key, field.type) for field in first.fields] == [("w", "string")]
    second = mapper(table("t,v,w\n3,,1\n4,1.5,c\n5,x,d\n", mapper, 1))
    assert [(field.key, field.type) for field in second.fields] == [("v", "float"), ("w", "string")]
    assert [fault[:3] for fault in faults(second)] == [(2, "v", "float")]
    assert mapper.field_types == {"v": "float", "w": "string"}


def test_a_field_that_is_empty_everywhere_is_no_field() -> None:
    mapper = column_mapper(fields={"v": {"column": "v"}, "w": {"column": "w"}})
    batch = mapper(table("t,v,w\n1,1,\n2,2,\n", mapper))
    assert [field.key for field in batch.fields] == ["v"]
    assert mapper.field_types == {"v": "float"}
    alone = column_mapper(fields={"w": {"column": "w"}})
    assert alone(table("t,w\n1,\n", alone)).skipped == {"no_fields": 1}


def test_types_of_the_bucket_are_kept_to_and_contradicted_by_none() -> None:
    mapper = column_mapper(fields={"v": {"column": "v"}})
    mapper.pin({("m", "v"): "string", ("other", "v"): "float", ("m", "x"): "float"})
    assert points(mapper(table("t,v\n1,1\n", mapper)))[0]["v"] == "1"
    with pytest.raises(MappingError, match=r"fields\.v: the bucket holds m\.v as integer, the mapping says float"):
        column_mapper().pin({("m", "v"): "integer"})


def test_a_time_that_is_finer_than_the_precision_is_a_fault() -> None:
    batch = run("t,v\n1000000,1\n1000001,1\n", precision="ms")
    assert faults(batch) == [(1, "t", "precision", "'1000001': finer than the precision ms that was asked for")]


def test_a_string_that_the_server_does_not_take_is_a_fault() -> None:
    batch = run(f"t,v\n1,{'x' * (1 << 20)}x\n2,y\n", fields={"v": {"column": "v", "type": "string"}})
    assert [fault[:3] for fault in faults(batch)] == [(0, "v", "string")]
    assert [point["v"] for point in points(batch)] == ["y"]


def test_a_block_without_rows_has_no_points_and_no_faults() -> None:
    batch = run("t,v\n\n\n", tags={"a": {"template": "{v}x"}}, filter="v = '1'")
    assert (points(batch), batch.faults, batch.skipped) == ([], (), {"blank": 2})


def test_a_column_that_is_missing_is_refused_before_anything_is_read() -> None:
    with pytest.raises(MappingError, match=r"'in.csv' has no column 'v'. It has: t, w"):
        run("t,w\n1,1\n")


def test_the_time_range_is_that_of_the_times_that_can_be_read() -> None:
    mapper = column_mapper()
    assert time_range(table("t,v\n5,1\nx,1\n-3,1\n,1\n99999999999999999999,1\n", mapper), mapper.mapping) == (-3, 5)
    assert time_range(table("t,v\nx,1\n,1\n", mapper), mapper.mapping) is None
    assert time_range(table("t,v\n\n", mapper), mapper.mapping) is None


def test_mapping_blocks_one_by_one_is_mapping_them_together() -> None:
    rows = [f"{n},{'ab'[n % 2]},{n if n % 5 else 'x'}\n" for n in range(40)]
    mapping = Mapping.from_dict(
        {
            "measurement": "m",
            "time": TIME,
            "tags": {"i": {"column": "i"}},
            "fields": {"v": {"column": "v", "type": "float"}},
        }
    )
    parts: dict[str, Any] = {"tags": {"i": {"column": "i"}}}
    whole = run("t,i,v\n" + "".join(rows), **parts)
    mapper = column_mapper(**parts)
    cut = [mapper(table("t,i,v\n" + row, mapper, n)) for n, row in enumerate(rows)]
    assert mapper.mapping == mapping
    assert pl.concat(batch.frame.drop("record") for batch in cut).equals(whole.frame.drop("record"))
    assert sum(len(batch.faults) for batch in cut) == len(whole.faults)
