from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.errors import SourceError
from importer.records import Reject
from tests.fuzz.effort import fuzz
from tests.fuzz.reading import Row, read
from tests.mapping.mapped import adds_up, column_mapper
from tests.source.reading import as_csv_reads_it

ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-16-le", "utf-16-be"]
BLOCK_BYTES = st.integers(1, 80) | st.sampled_from([300, 4_096, 1 << 20])
READS = st.lists(st.integers(1, 40) | st.just(1 << 20), max_size=8)
PIECES = st.sampled_from(
    [",", ";", "\t", "|", " ", '"', '""', "\n", "\r\n", "\r", "\0", "x", "é", "𝄞", "\ufeff", "\x85"]
)
CELLS = st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=5).map("".join) | st.just("")
QUOTING = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE]


@dataclass(frozen=True)
class File:
    """A well-formed file, and the rows from which it was written."""

    text: str
    delimiter: str
    rows: list[Row]


@st.composite
def files(draw: st.DrawFn) -> File:
    """What Python's csv module writes, in any of its ways of quoting."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    quoting = draw(st.sampled_from(QUOTING))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    width = draw(st.integers(1, 5))
    # Without quotes, none of the signs that need them.
    forbidden = f'{delimiter}"\r\n' if quoting == csv.QUOTE_NONE else "" if quoting == csv.QUOTE_ALL else "\r"
    written = [f"c{number}" for number in range(width)]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=newline)
    writer.writerow(written)
    rows: list[Row] = []
    for _ in range(draw(st.integers(0, 12))):
        cells = ["".join(sign for sign in draw(CELLS) if sign not in forbidden) for _ in range(width)]
        if not "".join(cells).strip(" \t\r\n"):
            cells[0] = "y"  # else it may be a blank line
        writer.writerow(cells)
        rows.append(tuple(cell or None for cell in cells))
    text = out.getvalue()
    return File(text.removesuffix(newline) if draw(st.booleans()) else text, delimiter, rows)


@given(files(), BLOCK_BYTES, READS, st.sampled_from(ENCODINGS))
@fuzz
def test_what_the_csv_module_writes_is_read_with_its_rows_lines_and_offsets_however_it_is_cut(
    file: File, block_bytes: int, reads: list[int], encoding: str
) -> None:
    rows, places = as_csv_reads_it(file.text, delimiter=file.delimiter)
    assert rows == file.rows  # the two oracles agree
    found = read(
        file.text.encode(encoding), reads, delimiter=file.delimiter, encoding=encoding, block_bytes=block_bytes
    )
    assert found.rows == file.rows
    assert found.places == [(line, len(before.encode(encoding))) for line, before in places]
    assert (found.rejects, found.blank) == ([], 0)
    assert [block.number for block in found.blocks] == list(range(len(found.blocks)))


LOOSE = st.lists(PIECES, max_size=60).map(lambda pieces: "".join(pieces).encode())
HOSTILE = st.binary(max_size=200) | LOOSE | LOOSE.map(gzip.compress)
SIGNS = st.sampled_from([",", '"', '"', '""', "\n", "\r\n", "x", "é", " "])


@given(st.lists(SIGNS, max_size=40).map("".join), BLOCK_BYTES, READS)
@fuzz
def test_quotes_anywhere_are_read_as_the_csv_module_reads_them(body: str, block_bytes: int, reads: list[int]) -> None:
    text = "a,b\n" + body
    found = read(text.encode(), reads, block_bytes=block_bytes)
    rows, places = as_csv_reads_it(text)
    if any(reject.error_type == "quote" for reject in found.rejects):
        rows, places = rows[:-1], places[:-1]  # the csv module takes a quote that is never closed for closed
    good = [number for number, row in enumerate(rows) if len(row) == 2]
    assert found.rows == [rows[number] for number in good]
    assert found.places == [(places[number][0], len(places[number][1].encode())) for number in good]


HEADERS = st.sampled_from([b"a,b\n", b"a\n", b"a,b,c\r\n", b'"a\n",b\n', b""])
CUT_SHORT = st.integers(0, 8)


@given(HEADERS, HOSTILE, CUT_SHORT, BLOCK_BYTES, READS)
@example(b"", b"\x1f\x8b", 0, 1, [])
@example(b"", b"\x28\xb5\x2f\xfd", 0, 1, [1])
@example(b"a,b\n", b'"' * 101, 0, 7, [3])
@fuzz
def test_bytes_of_any_kind_are_blocks_that_join_to_the_input_or_a_source_error(
    header: bytes, body: bytes, cut_short: int, block_bytes: int, reads: list[int]
) -> None:
    data = (header + body)[: -cut_short or None]
    try:
        found = read(data, reads, block_bytes=block_bytes)
    except SourceError:
        return
    text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    joined = b"".join(block.data for block in found.blocks)
    if found.blocks:
        first = found.blocks[0]
        rest = text[first.byte_offset :]
        assert joined in {rest, rest + b"\n"}
        assert first.first_line == 1 + text[: first.byte_offset].count(b"\n")
    assert sum(block.records for block in found.blocks) == len(found.rows) + len(_faulty(found.rejects)) + found.blank
    whole = read(data, [])
    assert (whole.rows, whole.places, whole.rejects, whole.blank) == (
        found.rows,
        found.places,
        found.rejects,
        found.blank,
    )


def _faulty(rejects: list[Reject]) -> set[tuple[int, int]]:
    return {(reject.line, reject.byte_offset) for reject in rejects}


TIMES = st.sampled_from(["1", "2.5", "-3", "", "x", "1e30", " 7 ", "0.0000000001", "\0", "é"])
VALUES = st.sampled_from(["1.5", "-2", "", "nan", "1e400", "0x1", "north", '"', '"a\nb"', "\udcff", "a\\", "#"])


@given(st.lists(st.lists(TIMES | VALUES, min_size=1, max_size=6), max_size=15), BLOCK_BYTES, READS)
@fuzz
def test_each_row_of_any_text_is_mapped_rejected_or_skipped(
    rows: list[list[str]], block_bytes: int, reads: list[int]
) -> None:
    text = "t,v,tag,m\n" + "".join(",".join(row) + "\n" for row in rows)
    mapper = column_mapper(
        measurement={"column": "m"},
        time={"column": "t", "format": "unix_s"},
        tags={"tag": {"column": "tag"}},
        fields={"v": {"column": "v", "type": "float"}, "untyped": {"column": "v"}},
    )
    encode = LineEncoder(SeriesIndex(1_000))
    for table in read(text.encode(errors="surrogateescape"), reads, block_bytes=block_bytes).tables:
        batch = mapper(table)
        assert adds_up(batch)
        lines = encode(batch)
        unwritable = {fault.record for fault in lines.faults}
        assert lines.rows_mapped == batch.rows_mapped - len(unwritable)
        assert set(lines.frame["record"]) == set(batch.frame["record"]) - unwritable
