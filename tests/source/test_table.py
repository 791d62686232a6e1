from __future__ import annotations

import pytest

from importer.records import RECORD, Block
from importer.source.table import to_table
from tests.source.reading import read


def test_short_and_long_records_are_rejects_with_their_line_and_how_many_cells_they_have() -> None:
    found = read(b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n")
    assert found.rows == [("1", "2", "3"), ("10", "11", "12")]
    assert [(r.line, r.byte_offset, r.error_type, r.error_message, r.raw) for r in found.rejects] == [
        (3, 12, "ragged", "2 cells where the header has 3", "4,5"),
        (4, 16, "ragged", "4 cells where the header has 3", "6,7,8,9"),
    ]


def test_a_long_record_is_a_reject_even_if_what_is_too_much_is_empty() -> None:
    assert read(b"a,b\n1,2,\n3,4\n").complaints == [(2, "", "ragged")]
    assert read(b'a,b\n"1",2,\n3,4\n').complaints == [(2, "", "ragged")]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_short_and_a_long_record_do_not_make_up_for_each_other(quote: bytes) -> None:
    data = b"a,b,c\n" + quote + b"1" + quote + b",2\n3,4,5,6\n7,8,9\n"
    found = read(data)
    assert found.rows == [("7", "8", "9")]
    assert [line for line, _, _ in found.complaints] == [2, 3]


def test_a_delimiter_inside_quotes_makes_no_cell() -> None:
    assert read(b'a,b\n"1,1",2\n"3,3,3"\n').complaints == [(3, "", "ragged")]


@pytest.mark.parametrize("blank", [b"", b"  ", b"\r", b" \t \r"])
@pytest.mark.parametrize("row", [b"1,2", b'"1","2"', b'1,2"'])
def test_blank_lines_are_counted_and_are_no_rows(blank: bytes, row: bytes) -> None:
    found = read(b"a,b\n" + blank + b"\n" + row + b"\n" + blank + b"\n" + blank + b"\n")
    assert (found.blank, len(found.rows), found.rejects) == (3, 1, [])
    assert found.places[0][0] == 3


def test_in_a_file_of_one_column_a_blank_line_is_blank_and_quotes_make_an_empty_cell() -> None:
    found = read(b'a\n1\n\n""\n  \n2\n')
    assert (found.rows, found.blank) == ([("1",), (None,), ("2",)], 2)


def test_a_record_of_nothing_but_delimiters_is_a_row_of_empty_cells() -> None:
    assert read(b"a,b\n,\n").rows == [(None, None)]


def test_text_that_is_not_utf_8_is_a_reject_that_names_line_and_column() -> None:
    found = read(b"a,b\n1,\xe9\n\xff,2\n3,4\n")
    assert found.rows == [("3", "4")]
    assert found.complaints == [(2, "b", "encoding"), (3, "a", "encoding")]
    assert "byte 0 of the cell" in found.rejects[0].error_message
    assert found.rejects[0].raw == "1,\\xe9"


def test_text_that_is_not_utf_8_in_a_column_that_nobody_asked_for_does_no_harm() -> None:
    found = read(b"a,b\n1,\xe9\n", wanted=("a",))
    assert (found.rows, found.rejects) == ([("1",)], [])


def test_nul_is_a_character_like_any_other() -> None:
    assert read(b'a,b\n\0,x\0y\n"\0",2\n').rows == [("\0", "x\0y"), ("\0", "2")]


def test_a_column_of_any_name_is_read_as_it_stands() -> None:
    names = ("record", "0", "^a.*$", "*", "é")
    found = read((",".join(names) + "\n10,20,30,40,50\n").encode())
    assert found.rows == [("10", "20", "30", "40", "50")]


def test_a_name_that_occurs_twice_does_not_keep_the_others_from_being_read() -> None:
    for quote in ("", '"', 'x"'):
        assert read(f"a,,a,,b\n1,2,3,4,5{quote and quote + 'y'}\n".encode(), wanted=("b",)).rows[0][0][0] == "5"  # type: ignore[index]


def test_columns_come_in_the_order_in_which_they_were_asked_for() -> None:
    assert read(b"a,b,c\n1,2,3\n", wanted=("c", "a")).rows == [("3", "1")]
    assert read(b'a,b,c\n1",2,3\n', wanted=("c", "a")).rows == [("3", '1"')]


def test_a_carriage_return_inside_quotes_is_kept_and_one_at_the_end_of_a_line_is_not() -> None:
    assert read(b'a,b\r\n"1\r\n1",2\r\n').rows == [("1\r\n1", "2")]


def test_a_table_holds_the_position_of_each_row_in_its_block() -> None:
    data = b"1,2\n\n3\n4,5\n"
    block = Block("f", 0, 0, 2, data, 4, "none", ("a", "b"))
    assert to_table(block, ("a",)).frame[RECORD].to_list() == [0, 3]


def test_millions_of_cells_in_a_record_are_not_all_counted() -> None:
    for quote in (b"", b'x"'):
        found = read(b"a,b\n" + quote + b"," * 3_000 + b"\n1,2\n")
        assert found.rows == [("1", "2")]
        assert [reject.error_message for reject in found.rejects] == ["1002 or more cells where the header has 2"]


def test_an_unclosed_quote_says_how_much_it_takes_in() -> None:
    (reject,) = read(b'a,b\n1,2\n3,"4\n5,6\n').rejects
    assert (reject.line, reject.error_message) == (
        3,
        "a quote is opened and never closed: it takes in all 2 lines to the end of the source",
    )
