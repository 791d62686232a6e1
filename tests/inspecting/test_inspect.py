"""What is found out of files, and what is asked rather than guessed."""

from __future__ import annotations

import gzip
import io
import os
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import importer
from importer import ConfigurationError, Inspection, Mapping, MappingError
from importer.inspecting import trying
from importer.inspecting.counting import remembered
from importer.inspecting.distinct import DistinctValues
from importer.inspecting.facts import ColumnFacts
from importer.inspecting.mapping_text import to_toml
from importer.inspecting.records import ColumnProfile
from importer.inspecting.time_facts import TimeFacts

STAMPS = tuple(f"2021-01-01T00:00:{second:02}Z" for second in range(60))


def found_in(text: str | bytes, folder: Path, name: str = "data.csv", **hints: Any) -> Inspection:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return importer.inspect(path, **hints)


def column(found: Inspection, name: str) -> ColumnProfile:
    return next(item for item in found.columns if item.name == name)


def of_values(values: list[str], folder: Path, **hints: Any) -> ColumnProfile:
    rows = "".join(f"{STAMPS[number % 60]};{value};{number}\n" for number, value in enumerate(values))
    return column(found_in("time;x;n\n" + rows, folder, **hints), "x")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "9223372036854775807"], "integer"),
        (["1", "18446744073709551615"], "unsigned"),
        (["1", "123456789012345678901234"], "string"),
        (["1", "2.5", "1e3"], "float"),
        (["1,5", "2"], "float"),
        (["007", "123"], "string"),
        (["0", "10", "0.5"], "float"),
        (["true", "FALSE"], "boolean"),
        (["yes", "no"], "boolean"),
        (["yes", "maybe"], "string"),
        (["0", "1"], "integer"),
        (["1", "x"], "string"),
        (["1.5", "inf"], "string"),
        (["", ""], "empty"),
        (["1.5", "1,5"], "string"),
    ],
)
def test_a_column_has_the_one_type_that_all_of_its_cells_fit(values: list[str], kind: str, tmp_path: Path) -> None:
    assert of_values(values, tmp_path).type == kind


@pytest.mark.parametrize("last", ["2.5", "007", "x"])
def test_the_last_cell_of_many_decides_with_its_line(last: str, tmp_path: Path) -> None:
    values = [*map(str, range(100_000)), last]
    found = of_values(values, tmp_path)
    refused = next(item for item in found.refused if item.type == "integer")
    assert (refused.example, refused.line) == (last, 100_002)
    assert found.type == ("float" if last == "2.5" else "string")


def test_the_cell_that_is_named_as_the_reason_is_the_first_of_its_kind(tmp_path: Path) -> None:
    found = of_values([*"123", *(f"word {n}" for n in range(500))], tmp_path)
    assert {(item.example, item.line) for item in found.refused if item.type == "float"} == {("word 0", 5)}
    assert found.examples == ("1", "2", "3", "word 0", "word 1")


def test_texts_that_stand_for_nothing_are_taken_so_only_where_numbers_need_it(tmp_path: Path) -> None:
    cells = ["1.5,long text", "NA,NA", "-999,more", "-999,text"]
    rows = "".join(f"{stamp},{cell}\n" for stamp, cell in zip(STAMPS, cells, strict=False))
    found = found_in("time,v,note\n" + rows, tmp_path)
    assert found.mapping is not None
    assert (found.mapping.csv.null, column(found, "v").type) == (("NA",), "float")
    assert found.rejects == 0
    found = found_in(f"time,v,country\n{STAMPS[0]},1.5,NA\n{STAMPS[1]},NA,US\n", tmp_path)
    assert found.mapping is not None
    assert (found.mapping.csv.null, column(found, "v").type) == ((), "string")
    assert "'NA', which may mean something" in found.warnings[0]


def test_numbers_that_often_mean_nothing_are_told_of_and_left_as_they_are(tmp_path: Path) -> None:
    found = of_values(["1", "-999", "5", "-999", "7"], tmp_path)
    assert [(item.value, item.rows) for item in found.null_like] == [("-999", 2)]
    assert (found.minimum, found.nulls) == ("-999", 0)


def test_a_comma_that_may_be_a_thousands_mark_is_asked_about(tmp_path: Path) -> None:
    text = f"time;v\n{STAMPS[0]};1,234\n{STAMPS[1]};2,500\n"
    found = found_in(text, tmp_path)
    assert (found.mapping, [question.option for question in found.questions]) == (None, ["--decimal"])
    told = found_in(text, tmp_path, csv={"decimal": ","})
    assert "float" not in {refused.type for refused in column(told, "v").refused}
    assert told.mapping is not None
    assert (told.mapping.csv.decimal, column(told, "v").type) == (",", "float")
    told = found_in(text, tmp_path, csv={"decimal": "."})
    assert (told.questions, column(told, "v").type) == ((), "string")


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("a,b\n1,2\n3,4\n", "--time"),
        ("order,b\n1600000000,2\n1600000001,4\n", "--time"),
        (f"time\n{STAMPS[0]}\n", "--field"),
        ("local_time,v\n2021-01-01 00:00:00,1\n", "--timezone"),
        (f"{STAMPS[0]},1,2\n{STAMPS[1]},3,4\n", "--header"),
        ("date,v\n01.02.2021,1\n03.02.2021,2\n", "--time-format"),
        ("time,v\n", "--mapping"),
    ],
)
def test_what_the_data_does_not_say_is_asked_with_the_option_that_says_it(
    text: str, option: str, tmp_path: Path
) -> None:
    found = found_in(text, tmp_path)
    assert found.mapping is None
    assert [question.option for question in found.questions] == [option]
    with pytest.raises(MappingError, match=option):
        to_toml(found)


@pytest.mark.parametrize(
    ("lines", "columns", "form", "first"),
    [
        (
            ["date,time,v", "2021-01-01,00:05,1", "2021-01-02,00:10,2"],
            ("date", "time"),
            "%Y-%m-%d %H:%M",
            "2021-01-01T00:05:00Z",
        ),
        (
            ["year,month,day,v", "2021,2,1,1", "2021,3,1,2"],
            ("year", "month", "day"),
            "%Y %m %d",
            "2021-02-01T00:00:00Z",
        ),
        (
            ["local_time,utc_offset,v", "2021-07-01 00:00:00,+02:00,1"],
            ("local_time", "utc_offset"),
            "%Y-%m-%d %H:%M:%S %#z",
            "2021-06-30T22:00:00Z",
        ),
        (
            ["t_local,timezone,v", "2021-07-01 00:00:00,Europe/Zurich,1"],
            ("t_local",),
            "%Y-%m-%d %H:%M:%S",
            "2021-06-30T22:00:00Z",
        ),
        (
            ["end,start_utc,v", "2021-01-02 00:00:00,2021-01-01 00:00:00,1"],
            ("start_utc",),
            "%Y-%m-%d %H:%M:%S",
            "2021-01-01T00:00:00Z",
        ),
        (["ts,v", "1600000000123,1"], ("ts",), "unix_ms", "2020-09-13T12:26:40.123Z"),
        (["when,v", "3/20/2021 1:05 PM,1"], ("when",), "%m/%d/%Y %I:%M %p", "2021-03-20T13:05:00Z"),
        (["when,v", "2021-03-20 00:22:00+00,1"], ("when",), "%Y-%m-%d %H:%M:%S%#z", "2021-03-20T00:22:00Z"),
        (["when,v", "20 March 2021 00:22,1"], ("when",), "%d %B %Y %H:%M", "2021-03-20T00:22:00Z"),
        (["when,v", "20210320T002200Z,1"], ("when",), "%Y%m%dT%H%M%S%#z", "2021-03-20T00:22:00Z"),
        (
            ["when,v", "2021-03-20 00:22:00,1", "2021-03-20 00:22:00.25,1"],
            ("when",),
            "%Y-%m-%d %H:%M:%S%.f",
            "2021-03-20T00:22:00Z",
        ),
    ],
)
def test_times_are_found_however_they_are_written(
    lines: list[str], columns: tuple[str, ...], form: str, first: str, tmp_path: Path
) -> None:
    found = found_in("\n".join(lines) + "\n", tmp_path)
    assert found.time is not None
    assert (found.questions, found.rejects) == ((), 0)
    assert (found.time.columns, found.time.format, found.time.first) == (columns, form, first)


def test_other_times_are_candidates_with_the_reason_why_not(tmp_path: Path) -> None:
    row = "2021-01-01 00:00:00,2021-01-01 01:00:00,2021-02-02 00:00:00,1"
    found = found_in(f"timestamp,local_timestamp,updated,v\n{row}\n", tmp_path)
    assert [(item.columns[0], item.chosen) for item in found.times] == [
        ("timestamp", True), ("updated", False), ("local_timestamp", False)]  # fmt: skip
    assert found.times[2].why == "local time beside 'timestamp'"
    other = importer.inspect(tmp_path / "data.csv", time="updated")
    assert other.time is not None
    assert other.time.columns == ("updated",)


def test_names_that_cannot_be_keys_are_given_others_and_what_has_no_name_of_its_own_is_left_out(tmp_path: Path) -> None:
    found = found_in(f"when,time,_field,,b\\\n{STAMPS[0]},1,u,7,10\n{STAMPS[1]},2,v,7,11\n", tmp_path)
    assert found.mapping is not None
    assert found.rejects == 0
    keys = {*found.mapping.fields, *found.mapping.tags}
    assert keys == {"time_value", "field_value", "column_4", "b_"}
    (tmp_path / "mapping.toml").write_text(to_toml(found))
    assert Mapping.from_toml(tmp_path / "mapping.toml") == found.mapping
    found = found_in(f"time,v,,\n{STAMPS[0]},1,,\n{STAMPS[1]},2,,\n", tmp_path)
    assert [name for name in found.warnings if name.startswith("columns without a name are not read")]
    assert '"": 2 columns have this name' in to_toml(found)


@pytest.mark.parametrize("more", ["", ",x"])
def test_a_name_that_a_header_has_twice_is_asked_about_and_not_left_out_quietly(more: str, tmp_path: Path) -> None:
    found = found_in(f"time,v,v{more}\n{STAMPS[0]},1,2{more and ',3'}\n{STAMPS[1]},3,4{more and ',4'}\n", tmp_path)
    (asked,) = found.questions
    assert "names 'v' twice: rename one, or give --header" in asked.text
    assert column(found, "v").type == "not read"
    if more:
        assert importer.inspect(tmp_path / "data.csv", fields=["x"]).questions == ()
    named = importer.inspect(tmp_path / "data.csv", csv={"header": [f"time,v,w{more}"], "skip_header": 1})
    assert named.mapping is not None
    assert {"v", "w"} <= set(named.mapping.fields)
    found = found_in(f"{STAMPS[0]},1,1\n{STAMPS[1]},1,2\n", tmp_path)
    assert [asked.about for asked in found.questions] == ["header"]


def test_the_ends_of_large_whole_numbers_are_exact(tmp_path: Path) -> None:
    most = 2**64 - 1
    for values in (
        [2**53 + 2, 2**53 + 1, 2**53 + 3],
        [most - 1, most - 2, most],
        [-(2**53) - 2, -(2**53) - 1, -(2**60)],
    ):
        found = of_values([str(value) for value in values], tmp_path)
        assert (found.minimum, found.maximum) == (str(min(values)), str(max(values)))
    (tmp_path / "other.csv").write_text(f"time;x;n\n{STAMPS[1]};{2**53};0\n")  # in a block of its own
    of_values([str(2**53 + 1)], tmp_path)
    found = column(importer.inspect([tmp_path / "data.csv", tmp_path / "other.csv"]), "x")
    assert (found.minimum, found.maximum) == (str(2**53), str(2**53 + 1))


def test_few_different_texts_are_tags_and_others_are_fields(tmp_path: Path) -> None:
    remarks = ("this is a remark of several words indeed", "")
    rows = "".join(f"{STAMPS[n % 60]},{'ab'[n % 2]},{n % 5},Zurich,row {n},{remarks[n % 2]},{n}\n" for n in range(100))
    found = found_in("time,kind,station_id,site,label,remark,n\n" + rows, tmp_path)
    roles = {item.name: item.role for item in found.columns}
    assert roles == {
        "time": "time", "kind": "tag", "station_id": "tag", "site": "tag", "label": "field", "remark": "field",
        "n": "field",
    }  # fmt: skip
    assert {item.column: item.chosen for item in found.tags} == {
        "kind": True, "station_id": True, "site": True, "label": False, "remark": False}  # fmt: skip


def test_texts_that_no_tag_can_hold_make_a_column_a_field(tmp_path: Path) -> None:
    rows = "".join(f'{stamp},{"ab"[n % 2]}\\,"{"ab"[n % 2]}\nc",{n}\n' for n, stamp in enumerate(STAMPS))
    found = found_in("time,path,lines,v\n" + rows, tmp_path)
    assert found.mapping is not None
    assert (found.rejects, list(found.mapping.tags)) == (0, [])
    assert column(found, "path").why == "a tag cannot hold all of its texts"


def test_a_column_that_keeps_rows_of_one_instant_apart_becomes_a_tag(tmp_path: Path) -> None:
    found = found_in(f"time,bird,v\n{STAMPS[0]},a,1\n{STAMPS[0]},b,2\n{STAMPS[0]},c,3\n", tmp_path)
    assert found.mapping is not None
    assert list(found.mapping.tags) == ["bird"]
    assert found.collisions is not None
    assert (found.collisions.total, column(found, "bird").why) == (0, "keeps rows of one instant apart")


def test_rows_with_one_key_are_counted_by_what_becomes_of_their_values(tmp_path: Path) -> None:
    rows = [
        f"{STAMPS[0]},1,2",
        f"{STAMPS[0]},1,2",
        f"{STAMPS[1]},1,",
        f"{STAMPS[1]},,2",
        f"{STAMPS[2]},1,2",
        f"{STAMPS[2]},3,2",
    ]
    found = found_in("\n".join(["time,v,w", *rows]) + "\n", tmp_path)
    assert found.collisions is not None
    assert (found.collisions.identical, found.collisions.merged, found.collisions.overwritten) == (1, 1, 1)
    lost = found.collisions.examples[0]
    assert (lost.field, lost.lost, lost.kept, lost.time) == ("v", "1", "3", STAMPS[2])
    assert any("other values: they replace them" in warning for warning in found.warnings)


def test_tags_that_would_make_too_many_series_become_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "MANY_SERIES", 50)
    rows = "".join(f"{STAMPS[n % 60]},a{n % 40},b{n % 3},{n}\n" for n in range(200))
    found = found_in("time,many,few,v\n" + rows, tmp_path)
    assert found.mapping is not None
    assert list(found.mapping.tags) == ["few"]
    assert column(found, "many").why == "as a tag it would make too many series"


def test_records_that_are_no_rows_are_told_of(tmp_path: Path) -> None:
    found = found_in(f"time,v\n{STAMPS[0]},1\n{STAMPS[1]}\n\n{STAMPS[2]},2\n", tmp_path)
    assert (found.rows, found.blank, found.broken) == (3, 1, 1)
    assert "1 cells where the header has 2" in found.broken_examples[0]


@pytest.mark.parametrize(
    ("encoding", "certain"),
    [("utf-8", True), ("utf-8-sig", True), ("utf-16", True), ("cp1252", False), ("cp1251", False)],
)
def test_encodings_are_found_and_guesses_are_called_so(encoding: str, certain: bool, tmp_path: Path) -> None:  # noqa: FBT001
    words = ["Москва", "Санкт-Петербург", "Новосибирск"] if encoding == "cp1251" else ["Zürich", "Genève", "Malmö"]
    text = "time,ort,v\n" + "".join(f"{stamp},{words[n % 3]},{n}\n" for n, stamp in enumerate(STAMPS))
    found = found_in(text.encode(encoding), tmp_path)
    assert found.dialect.encoding == encoding.removesuffix("-sig")
    assert found.dialect.encoding_is_certain is certain
    assert set(column(found, "ort").examples) == set(words)
    assert any("by its letters" in warning for warning in found.warnings) is not certain


def test_one_letter_near_the_end_tells_that_a_file_is_not_utf_8(tmp_path: Path) -> None:
    text = "time,ort,v\n" + "".join(f"{STAMPS[n % 60]},Bern,{n}\n" for n in range(40_000)) + f"{STAMPS[0]},Zürich,1\n"
    found = found_in(text.encode("cp1252"), tmp_path)
    assert (found.dialect.encoding, found.broken, column(found, "ort").maximum) == ("cp1252", 0, "Zürich")


def test_the_last_letter_of_a_file_tells_that_it_is_not_utf_8_unless_others_were(tmp_path: Path) -> None:
    text = f"time,v,ort\n{STAMPS[0]},1,Bern\n{STAMPS[1]},2,café"
    found = found_in(text.encode("cp1252"), tmp_path)
    assert (found.dialect.encoding, found.dialect.encoding_is_certain) == ("cp1252", False)
    assert found_in(text.replace("Bern", "Zürich").encode()[:-1], tmp_path).dialect.encoding == "utf-8"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_by_the_first_lines(delimiter: str, tmp_path: Path) -> None:
    rows = "".join(f'{stamp}{delimiter}"a, b; c"{delimiter}{n}\n' for n, stamp in enumerate(STAMPS))
    found = found_in(f"time{delimiter}text{delimiter}v\n{rows}", tmp_path)
    assert (found.dialect.delimiter, found.dialect.quote, len(found.columns)) == (delimiter, '"', 3)


def test_a_sample_says_which_rows_it_holds(tmp_path: Path) -> None:
    text = "time,v\n" + "".join(f"{STAMPS[n % 60]},{n}\n" for n in range(5_000))
    found = found_in(text, tmp_path, sample=100)
    assert (found.rows, found.is_whole, found.sampled) == (100, False, "100 rows, evenly spread over the data")
    assert (column(found, "v").minimum, column(found, "v").maximum) == ("0", "4999")
    packed = found_in(gzip.compress(text.encode()), tmp_path, name="data.csv.gz", sample=100)
    assert (packed.rows, packed.sampled, packed.dialect.compression) == (100, "the first 100 rows", "gzip")
    assert importer.inspect(tmp_path / "data.csv.gz", sample=9_000).is_whole
    with pytest.raises(ConfigurationError, match="at least 1"):
        importer.inspect(tmp_path / "data.csv", sample=0)


def test_standard_input_and_pipes_are_looked_at_as_files_are(tmp_path: Path) -> None:
    text = f"time,v\n{STAMPS[0]},1\n{STAMPS[1]},2.5\n".encode()
    found = importer.inspect("-", stdin=io.BytesIO(text))
    assert (found.sources, found.rows, column(found, "v").type) == (("-",), 2, "float")
    assert found.mapping is not None
    assert found.mapping.measurement.value == "data"
    os.mkfifo(tmp_path / "pipe")
    writer = os.fork()
    if not writer:
        (tmp_path / "pipe").write_bytes(text)
        os._exit(0)
    assert importer.inspect(tmp_path / "pipe").rows == 2
    os.waitpid(writer, 0)


def test_a_column_that_a_file_lacks_is_asked_about_unless_the_fields_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"time,v,only\n{STAMPS[0]},1,x\n")
    (tmp_path / "b.csv").write_text(f"v,time,more\n2.5,{STAMPS[1]},y\n")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    (asked,) = importer.inspect(paths, tags=["v"]).questions
    assert re.match(r"'\S+b.csv' has no column 'only', which '\S+a.csv' has: load them one after the other", asked.text)
    with pytest.raises(ConfigurationError, match=r"b.csv' has no column 'only'"):
        importer.inspect(paths, fields=["only"])
    found = importer.inspect(paths, fields=["v"])
    assert {item.name: (item.role, item.type) for item in found.columns} == {
        "time": ("time", "time"), "v": ("field", "float"), "only": ("left out", "not read"),
        "more": ("left out", "not read"),
    }  # fmt: skip
    assert column(found, "more").why == "not in every file"


def test_the_server_s_needs_and_the_spread_of_values_are_told(tmp_path: Path) -> None:
    text = "time,v\n" + "".join(f"2021-{1 + n % 12:02}-01T00:00:00Z,{n}\n" for n in range(24))
    found = found_in(text, tmp_path)
    assert found.shard_groups is not None
    assert (found.shard_groups.duration, found.shard_groups.groups) == ("14d", 25)
    assert found.rows_over_time is not None
    assert sum(found.rows_over_time.counts) == 24
    spread = column(found, "v").histogram
    assert spread is not None
    assert (sum(spread.counts), spread.edges[0], spread.edges[-1]) == (24, 0, 23)


def test_different_values_are_counted_exactly_while_there_are_few_and_nearly_beyond() -> None:
    import polars as pl  # noqa: PLC0415

    counted = DistinctValues(1_000)
    for start in range(0, 100_000, 10_000):
        values = pl.Series([f"v{n}" for n in range(start, start + 20_000)])
        counted.add(values, pl.Series([1] * 20_000))
    assert not counted.is_exact
    assert abs(counted.number / 110_000 - 1) < 0.06
    few = DistinctValues(1_000)
    few.add(pl.Series(["a", "b"]), pl.Series([3, 1]))
    few.add(pl.Series(["a"]), pl.Series([2]))
    assert (few.is_exact, few.number, few.counts) == (True, 2, {"a": 5, "b": 1})


def test_of_long_texts_little_is_kept() -> None:
    import polars as pl  # noqa: PLC0415

    facts = ColumnFacts("x", 0, DistinctValues(remembered(1_000)), TimeFacts())
    texts = pl.Series([f"{n:02}" + "x" * 100_000 for n in range(30)])
    facts.add(texts.head(1), lambda row: row)
    tracemalloc.start()
    facts.add(texts, lambda row: row)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (facts.values.number, facts.longest_bytes) == (30, 100_002)
    assert kept < 100_000


def test_ids_too_long_for_a_float_are_text_wherever_a_decimal_stands(tmp_path: Path) -> None:
    ids = [str(1_234_567_890_123_456_789 + n) for n in range(60_000)]
    for where in (0, 30_000, 59_999):
        cells = [*ids[:where], "2.5", *ids[where + 1 :]]
        text = "t,id\n" + "".join(f"{1_600_000_000 + n},{cell}{' ' * 60}\n" for n, cell in enumerate(cells))
        found = found_in(text, tmp_path)
        assert found.columns[1].type == "string", where


def test_a_sample_does_not_decide_between_day_and_month(tmp_path: Path) -> None:
    text = "day,v\n01/01/2021 00:00,1\n13/01/2021 00:00,2\n"
    assert found_in(text, tmp_path).mapping is not None
    sampled = found_in(text, tmp_path, sample=1)
    assert [question.option for question in sampled.questions] == ["--time-format"]
