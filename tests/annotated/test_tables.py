"""Where rows, annotations, headers and comments stand, and what becomes of each."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

import importer
from importer import ConfigurationError, ImporterError, MappingError
from tests.annotated.converting import converted, parsed, rejects

TWO = """#constant measurement,first
# a comment
#datatype tag,double,dateTime:number
host,v,time
a,1.5,1
#1918725,2.5,2
# another comment
"b
c",3.5,3

#constant measurement,second
#datatype tag,long,boolean,dateTime:number
host,n,ok,time
a,1,t,4
a,x,t,5
a,2,f,6
#constant measurement,third
a,3,f,7
"""

LINES = r"""first,host=a v=1.5 1
first,host=\#1918725 v=2.5 2
second,host=a n=1i,ok=true 4
second,host=a n=2i,ok=false 6
third,host=a n=3i,ok=false 7
""".replace(r"\#", "#")


@pytest.mark.parametrize("block_bytes", [1, 20, 45, 70, 150, 1 << 20])
def test_the_points_do_not_depend_on_where_blocks_end(block_bytes: int, tmp_path: Path) -> None:
    lines = converted(tmp_path, TWO, block_bytes=block_bytes)
    assert parsed(lines) == parsed(LINES)
    # A tag that holds a line break cannot be stored.
    assert rejects(tmp_path) == [(8, "host", "tag"), (15, "n", "integer")]


def test_annotations_headers_and_comments_are_no_rows(tmp_path: Path) -> None:
    source = tmp_path / "two.csv"
    source.write_text(TWO)
    options = importer.LoadOptions(bucket="b", dry_run=True, max_rejects=9, rejects=tmp_path / "rejects.csv")
    report = importer.load(source, options=options, stdout=io.BytesIO())
    # The blank line between the tables counts as it does in any CSV.
    assert (report.rows_read, report.rows_mapped, report.rejected, report.skipped) == (8, 5, 2, {"blank": 1})


@pytest.mark.parametrize("block_bytes", [20, 1 << 20])
def test_a_limit_counts_rows_across_tables(block_bytes: int, tmp_path: Path) -> None:
    assert parsed(converted(tmp_path, TWO, limit=5, block_bytes=block_bytes)) == parsed(
        "".join(LINES.splitlines(keepends=True)[:3])
    )


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_make_no_difference(ends: str, mark: bytes, tmp_path: Path) -> None:
    text = mark + "\n#datatype measurement,double,dateTime:number\nm,v,t\na,1,5\n".replace("\n", ends).encode()
    assert converted(tmp_path, text) == "a v=1.0 5\n"


def test_a_header_that_begins_with_the_sign_is_no_annotation(tmp_path: Path) -> None:
    source = tmp_path / "bats.csv"
    source.write_text("#1918725,t\n1.5,3\n")
    mapping = {
        "measurement": "m",
        "time": {"column": "t", "format": "unix_ns"},
        "fields": {"v": {"column": "#1918725", "type": "float"}},
    }
    out = io.BytesIO()
    importer.load(source, mapping=mapping, options=importer.LoadOptions(bucket="b", dry_run=True), stdout=out)
    assert out.getvalue() == b"m v=1.5 3\n"


def test_a_field_keeps_the_type_that_it_has_in_the_first_table(tmp_path: Path) -> None:
    text = """m|measurement,v|double,t|dateTime
a,1.5,1
#datatype measurement,long,dateTime
m,v,t
a,2,2
a,9007199254740993,3
b,7,4
#datatype measurement,string,dateTime
m,v,t
a,x,5
b,y,6
"""
    assert parsed(converted(tmp_path, text)) == parsed("a v=1.5 1\na v=2.0 2\nb v=7i 4\n")
    assert rejects(tmp_path) == [(6, "v", "float"), (10, "v", "float"), (11, "v", "integer")]


def test_rows_behind_the_header_can_be_left_out(tmp_path: Path) -> None:
    text = "exported by a logger\nm,v,t\n-,mm,ns\na,1,5\n"
    header = ("#datatype measurement,double,dateTime",)
    assert converted(tmp_path, text, header=header, skip_header=1, skip_rows=1) == "a v=1.0 5\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#datatype measurement,double\nm,v\n", "line 2: there is no time"),
        ("#datatype double,dateTime\nv,t\n", "line 2: there is no measurement"),
        ("#datatype measurement,dateTime\nm,t\n", "line 2: there is no field"),
        ("#datatype measurment,double,time\nm,v,t\n", "line 1: 'measurment' is no type; did you mean measurement?"),
        ("#datatype measurement,double,dateTime:06-01-02\nm,v,t\n", "two digits"),
        ("#datatype measurement,double,dateTime:soon\nm,v,t\n", "2006-01-02 15:04:05"),
        ("#datatype measurement,boolean:y,time\nm,v,t\n", "boolean:y:n"),
        ("#datatype measurement,double,time\nm,time,t\n", "InfluxDB keeps the name 'time'"),
        ("#datatype measurement,double,double,time\nm,v,v,t\n", "two fields are named 'v'"),
        ("#datatype measurement,double,time,time\nm,v,t,u\n", "two columns of the time: 't' and 'u'"),
        ("#datatype measurement,double\nm,v,t\n", "#datatype has 2 cells, but the header has 3"),
        ("#datatype measurement,double,time\nm,v\n", "#datatype has 3 cells, but the header has 2"),
        ("#timezone Mars\nm|measurement,v|double,t|time\n", "line 1: #timezone: unknown time zone 'Mars'"),
        ("#concat,tag,x,${w}\nm|measurement,v|double,t|time\n", "column 'w' is not in the header"),
        ("#constant tag\nm|measurement,v|double,t|time\n", "line 1: #constant tag: the name of the tag is missing"),
        ("#constant measurement,m\n", "no header and no rows"),
    ],
)
def test_annotations_that_cannot_be_used_are_told_of_with_their_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(MappingError) as error:
        converted(tmp_path, text)
    assert told in str(error.value)
    assert "annotated.csv" in str(error.value)


def test_a_wrong_annotation_in_the_midst_of_a_file_ends_the_load_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ImporterError, match=r"line 12: 'dubble' is no type; did you mean double\?"):
        converted(tmp_path, TWO.replace("#datatype tag,long", "#datatype tag,dubble"))


def test_a_mapping_beside_annotations_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text(TWO)
    mapping = {"measurement": "m", "time": {"column": "time"}, "fields": {"v": {"column": "v"}}}
    with pytest.raises(ConfigurationError, match="leave the mapping out"):
        importer.load(source, mapping=mapping, options=importer.LoadOptions(bucket="b", dry_run=True))


def test_a_header_of_too_many_columns_in_the_midst_of_a_file_is_refused(tmp_path: Path) -> None:
    text = TWO + "#datatype measurement,double,dateTime\n" + ",".join(f"c{n}" for n in range(20)) + "\n"
    with pytest.raises(ImporterError, match="line 20: more than 19 columns"):
        converted(tmp_path, text, max_columns=19)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_places_are_those_of_the_file_in_other_encodings(encoding: str, tmp_path: Path) -> None:
    text = "#constant measurement,für\n#datatype tag,double,dateTime\nort,v,t\nZürich,1,1\n# größer\nGenève,x,2\n"
    assert converted(tmp_path, text.encode(encoding), encoding=encoding) == "für,ort=Zürich v=1.0 1\n"
    (reject,) = csv.DictReader((tmp_path / "rejects.csv").open(newline=""))
    before = text[: text.index("Genève")].encode(encoding)
    assert (reject["line"], int(reject["byte_offset"])) == ("6", len(before))
