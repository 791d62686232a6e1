from __future__ import annotations

import io
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.records import Block, Fault
from importer.source import blocks as cutting
from importer.source.blocks import blocks
from importer.source.bounds import Bounds
from importer.source.cells import UnclosedQuoteError, cells
from importer.source.header import read_header
from importer.source.open import Source, Stream
from importer.source.places import locate, record_starts
from tests.source.reading import as_csv_reads_it, read

DELIMITERS = st.sampled_from([",", ";", "\t", "|", " ", "x"])
CELL = st.text(st.sampled_from('aé𝄞 \0,;\t|x"\n1.') | st.characters(exclude_categories=["Cs"]), max_size=6)
SMALL = st.integers(1, 64)


@st.composite
def csv_texts(draw: st.DrawFn) -> tuple[str, str]:
    """A well-formed file and its delimiter; a cell is quoted where it must be, and sometimes where it need not."""
    delimiter = draw(DELIMITERS)
    width = draw(st.integers(1, 4))
    newlines = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]]))
    text = delimiter.join(f"c{number}" for number in range(width)) + draw(st.sampled_from(newlines))
    for _ in range(draw(st.integers(0, 8))):
        row = [_written(cell, delimiter, quoted=draw(st.booleans())) for cell in draw(_rows(width))]
        if width == 1 and not row[0].strip(" \t"):
            row = ['""']  # or it would be a blank line
        text += delimiter.join(row) + draw(st.sampled_from(newlines))
    return (text.rstrip("\r\n") if draw(st.booleans()) else text), delimiter


def _rows(width: int) -> st.SearchStrategy[list[str]]:
    return st.lists(CELL.map(lambda cell: cell.replace("\r", "")), min_size=width, max_size=width)


def _written(cell: str, delimiter: str, *, quoted: bool) -> str:
    if quoted or any(mark in cell for mark in (delimiter, '"', "\n")):
        return '"' + cell.replace('"', '""').replace("\n", "\r\n" if len(cell) % 2 else "\n") + '"'
    return cell


def _is_read_as(text: str, **how: int | str) -> None:
    rows, places = as_csv_reads_it(text, delimiter=str(how["delimiter"]))
    rows = [row for row in rows if any(cell and cell.strip(" \t") for cell in row) or len(row) > 1 or row == (None,)]
    found = read(text.encode(), **how)  # type: ignore[arg-type]
    assert found.rows == rows
    assert found.rejects == []
    assert found.places == [(line, len(before.encode())) for line, before in places]


@settings(max_examples=250, deadline=None)
@given(csv_texts(), SMALL, SMALL)
def test_well_formed_csv_gives_the_rows_lines_and_offsets_that_the_csv_module_gives_however_it_is_cut(
    file: tuple[str, str], block_bytes: int, piece_bytes: int
) -> None:
    text, delimiter = file
    _is_read_as(text, delimiter=delimiter, block_bytes=block_bytes, piece_bytes=piece_bytes)


LOOSE = st.text(st.sampled_from('ab,"\n\r \0é'), max_size=40)


@settings(max_examples=300, deadline=None)
@given(LOOSE, SMALL, SMALL)
def test_any_text_at_all_gives_the_same_rows_rejects_and_places_however_it_is_cut(
    text: str, block_bytes: int, piece_bytes: int
) -> None:
    data = b"a,b\n" + text.encode()
    whole, cut = read(data), read(data, block_bytes=block_bytes, piece_bytes=piece_bytes)
    assert (cut.rows, cut.places, cut.blank) == (whole.rows, whole.places, whole.blank)
    assert cut.rejects == whole.rejects
    assert sum(block.records for block in cut.blocks) == len(whole.rows) + len(whole.rejects) + whole.blank


@settings(max_examples=200, deadline=None)
@given(LOOSE)
def test_the_blocks_joined_are_the_source_byte_for_byte(text: str) -> None:
    data = b"a,b\n" + text.encode()
    joined = b"".join(block.data for block in read(data, block_bytes=3, piece_bytes=2).blocks)
    assert joined in {data[4:], data[4:] + b"\n"}


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab,"\n\r '), max_size=30))
def test_reading_in_columns_gives_what_reading_cell_by_cell_gives(text: str) -> None:
    found = read(b"a,b\n" + text.encode())
    by_cell = []
    for block in found.blocks:
        starts = record_starts(block)
        for start, end in pairwise(starts):
            record = block.data[start:end]
            try:
                row = [cell.decode() or None for cell in cells(record, ",")] if record.strip() else []
            except UnclosedQuoteError:
                continue
            by_cell += [tuple(row)] if len(row) == 2 else []
    assert found.rows == by_cell


def test_a_quote_inside_a_cell_is_text_and_ends_nothing() -> None:
    found = read(b'size,note\n5" pipe,a\n6" pipe,"b, ""c"""\n7,d\n')
    assert found.rows == [('5" pipe', "a"), ('6" pipe', 'b, "c"'), ("7", "d")]
    assert found.places == [(2, 10), (3, 20), (4, 39)]


def test_text_behind_a_closing_quote_belongs_to_the_cell() -> None:
    assert read(b'a,b\n"x"y,1\n').rows == [("xy", "1")]


def test_a_quote_that_is_never_closed_is_a_reject_of_its_line_and_the_rows_before_it_stand() -> None:
    found = read(b'a,b\n1,2\n3,"4\n5,6\n', block_bytes=4, piece_bytes=4)
    assert found.rows == [("1", "2")]
    assert found.complaints == [(3, "", "quote")]
    assert found.rejects[0].raw == '3,"4\n5,6'


def test_a_record_longer_than_the_limit_ends_the_load_with_its_line() -> None:
    with pytest.raises(
        SourceError, match=r"line 3 is longer than 1,000,000 bytes; .* never closed.*--max-record-bytes"
    ):
        read(b'a,b\n1,2\n3,"' + b"x" * 3_000_000, block_bytes=1 << 19, piece_bytes=1 << 18, bounds=Bounds(1_000_000))


@pytest.mark.parametrize("block_bytes", [1, 7, 99, 100, 101, 1 << 20])
@pytest.mark.parametrize("behind", [b"", b'1,"x"\n', b'1,2"\n'])
def test_a_record_as_long_as_the_limit_is_read_and_one_byte_more_is_not(block_bytes: int, behind: bytes) -> None:
    record = b"1," + b"x" * 97 + b"\n"
    limited = {"bounds": Bounds(100), "block_bytes": block_bytes}
    assert read(b"a,b\n" + record + behind, **limited).rows[0] == ("1", "x" * 97)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="line 3 is longer than 100 bytes; is it CSV"):
        read(b"a,b\n" + record + b"x" + record + behind, **limited)  # type: ignore[arg-type]


def test_a_record_much_longer_than_a_block_is_read_whole() -> None:
    found = read(b"a,b\n1," + b"x" * 10_000 + b"\n2,y\n", block_bytes=64, piece_bytes=64)
    assert found.rows == [("1", "x" * 10_000), ("2", "y")]


@pytest.mark.parametrize("limit", range(6))
@pytest.mark.parametrize("quote", ["", '"', 'x"'])
def test_a_limit_reads_that_many_records_and_no_more(limit: int, quote: str) -> None:
    close = quote.removeprefix("x")
    data = b"a\n" + b"".join(f"{quote}{n}{close}\n".encode() for n in range(4))
    rows = [row for (row,) in read(data, limit=limit, block_bytes=8, piece_bytes=5).rows]
    assert [str(row).strip('x"') for row in rows] == [str(n) for n in range(min(limit, 4))]


def test_a_header_name_may_hold_a_line_break_and_lines_are_counted_on() -> None:
    for newline in ("\n", "\r\n"):
        found = read(f'"a{newline}b",c{newline}1,2{newline}'.encode())
        assert found.columns == (f"a{newline}b", "c")
        assert [line for line, _ in found.places] == [3]


def test_a_byte_order_mark_is_no_part_of_the_first_name_but_counts_in_the_offsets() -> None:
    found = read(b"\xef\xbb\xbfa,b\n1,2\n", piece_bytes=1)
    assert found.columns == ("a", "b")
    assert found.places == [(2, 7)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n1,2\n", "first line is blank"),
        (b" , \n1,2\n", "first line is blank"),
        (b"a,b\r1,2\r3,4\r", "bare CR"),
        (b"a,\xe9\n", "header is not UTF-8"),
        (b'a,"b\n1,2\n', "header has a quote that is never closed"),
    ],
)
def test_a_source_without_a_usable_header_says_why(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(data, piece_bytes=2)


def test_a_header_alone_is_a_source_without_rows() -> None:
    for data in (b"a,b", b"a,b\n", b"a,b\r\n"):
        found = read(data)
        assert (found.columns, found.blocks) == (("a", "b"), [])


def test_the_places_of_many_faults_are_right_in_any_order_and_encoding() -> None:
    rows = [f"é{n},x\r\n" for n in range(50)]
    text = "ä,b\r\n" + "".join(rows)
    for encoding in ("utf-8", "latin-1", "utf-16-le"):
        (block,) = read(text.encode(encoding), encoding=encoding).blocks
        rejects = locate(block, tuple(Fault(n, "b", "x", "") for n in reversed(range(50))))
        header = len("ä,b\r\n".encode(encoding))
        starts = [header + len("".join(rows[:n]).encode(encoding)) for n in range(50)]
        assert sorted((r.line, r.byte_offset, r.raw) for r in rejects) == [
            (n + 2, starts[n], f"é{n},x") for n in range(50)
        ]


def test_a_block_knows_where_it_begins() -> None:
    found = read(b'a\n"1\n1"\n2\n3\n', block_bytes=1, piece_bytes=1)
    assert [(block.number, block.first_line, block.byte_offset) for block in found.blocks] == [
        (0, 2, 2),
        (1, 4, 8),
        (2, 5, 10),
    ]


class _Ragged(io.BytesIO):
    """Gives pieces of any size, as pipes do."""

    def __init__(self, data: bytes, chance: random.Random) -> None:
        super().__init__(data)
        self._chance = chance

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._chance.randint(1, min(size or 1, self._chance.choice([2, 30, 5_000]))))


def _blocks(stdin: io.BytesIO, block_bytes: int) -> list[Block]:
    stream = Stream(Source("in.csv", None, None), "utf-8", stdin)
    return list(blocks(stream, read_header(stream, ","), block_bytes=block_bytes))


@settings(max_examples=60, deadline=None)
@given(LOOSE | st.text(st.sampled_from('a,"\n'), min_size=80, max_size=400), SMALL | st.just(1 << 20), st.randoms())
def test_the_same_bytes_give_the_same_blocks_however_the_reads_fall(
    text: str, block_bytes: int, chance: random.Random
) -> None:
    data = b"a,b\n" + text.encode()
    assert _blocks(_Ragged(data, chance), block_bytes) == _blocks(io.BytesIO(data), block_bytes)


@pytest.mark.parametrize("row", ["\n", "1,2\n", '"1",2\n', '1,2"\n', '"1\n1",2\n'])
@pytest.mark.parametrize("rows", [9, 10, 11, 30, 31])
def test_a_block_has_no_more_records_than_what_is_kept_of_each_may_cost(
    row: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "BLOCK_RECORDS", 10)
    found = read(b"a,b\n" + row.encode() * rows)
    assert [block.records for block in found.blocks] == [min(10, rows - n) for n in range(0, rows, 10)]
    assert [(block.number, block.byte_offset, block.first_line) for block in found.blocks] == [
        (n, 4 + 10 * n * len(row), 2 + 10 * n * row.count("\n")) for n in range(len(found.blocks))
    ]
    assert b"".join(block.data for block in found.blocks) == row.encode() * rows
    assert len(found.rows) + found.blank == rows


def test_a_header_of_too_many_columns_is_refused_with_the_option_that_allows_more() -> None:
    header = ",".join(f'"c,{n}"' for n in range(20)).encode() + b"\n"
    assert len(read(header, bounds=Bounds(max_columns=20)).columns) == 20
    with pytest.raises(SourceError, match=r"the header has more than 19 columns; .*--max-columns"):
        read(header, bounds=Bounds(max_columns=19))


@pytest.mark.parametrize("piece_bytes", [1, 1000])
def test_a_header_longer_than_a_record_may_be_is_refused_with_line_1(piece_bytes: int) -> None:
    for header, guess in ((b"a," * 60, "is it CSV"), (b'a,"' + b"b" * 100, "never closed"), (b"a\r" * 60, "bare CR")):
        with pytest.raises(SourceError, match=guess):
            read(header + b"\n1,2\n", bounds=Bounds(100), piece_bytes=piece_bytes)
    assert read(b"a" * 99 + b"\n1\n", bounds=Bounds(100), piece_bytes=piece_bytes).rows == [("1",)]


def test_a_first_line_with_nul_bytes_is_no_header() -> None:
    with pytest.raises(SourceError, match="is no text: its first line holds NUL bytes"):
        read(b"\x7fELF\0\0\0,b\n1,2\n")


def test_the_text_of_a_reject_is_cut_where_it_is_long_and_says_so() -> None:
    (reject,) = read(b"a,b\n" + "é".encode() * 100_000 + b"\n").rejects
    assert reject.raw == "é" * (32 << 10) + "… (cut: 200,001 bytes)"


def test_the_rejects_of_one_record_share_the_space_for_its_text() -> None:
    (block,) = read(b"a,b\n" + b"x" * 100_000 + b",1\n2,3\n").blocks
    rejects = locate(block, (*(Fault(0, "a", "x", "m" * 5_000) for _ in range(10)), Fault(1, "b", "x", "")))
    assert {len(reject.raw) for reject in rejects[:10]} == {6_553 + len("… (cut: 100,003 bytes)")}
    assert rejects[0].error_message == "m" * 1_000 + "… (cut: 5,000 characters)"
    assert rejects[10].raw == "2,3"
