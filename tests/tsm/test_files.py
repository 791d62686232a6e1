from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from importer.errors import ConfigurationError, SourceError
from importer.limits import MAX_KEY_BYTES, MAX_STRING_BYTES, MAX_TIME_NS, MIN_TIME_NS
from importer.records import FieldType
from importer.tsm import Column, Reader, UnstorableError, Writer, field_key, parsed, series_key, storage_file
from importer.tsm import writer as writer_module
from importer.tsm.keys import ParsedKey
from tests.tsm.tables import columns, tables

KEY = b"m,t=1#!~#f"


def column(
    kind: FieldType = "integer",
    values: Any = (1, 2, 3),
    *,
    times: Any = None,
    keys: Any = (KEY,),
    counts: Any = None,
) -> Column:
    dtypes = {"float": np.float64, "integer": np.int64, "unsigned": np.uint64, "boolean": np.bool_}
    stored = pa.array(values, type=pa.string()) if kind == "string" else np.array(values, dtype=dtypes[kind])
    times = np.arange(len(values), dtype=np.int64) if times is None else np.array(times, dtype=np.int64)
    return Column(kind, list(keys), np.array(counts or [len(values)], dtype=np.int64), times, stored)


def read(path: Path) -> dict[bytes, tuple[list[int], list[Any]]]:
    with Reader(path) as reader:
        found = {}
        for key in reader.indexed_keys():
            times, values = reader.points(key)
            found[key.key] = times.tolist(), values.tolist()
        return found


@pytest.mark.parametrize("rows", [1, 999, 1000, 1001, 2000])
def test_what_is_written_is_read_again_in_blocks_of_at_most_1000_values(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "1.tsm"
    given = columns(tables(rows))

    with storage_file(path) as writer:
        writer.write(given)

    with Reader(path) as reader:
        keys = list(reader.indexed_keys())
        assert [key.key for key in keys] == sorted(each.keys[0] for each in given)
        by_key = {each.keys[0]: each for each in given}
        for key in keys:
            times, values = reader.points(key)
            expected = by_key[key.key]
            assert key.type == expected.type
            assert times.tolist() == expected.times.tolist()
            assert values.tolist() == expected.values.tolist()
            sizes = [block.times.size for block in reader.blocks(key)]
            assert sizes == [1000] * (times.size // 1000) + [times.size % 1000] * (times.size % 1000 > 0)
        assert reader.check() == sum(key.entries.size for key in keys)
    assert writer.size == path.stat().st_size
    assert writer.values == sum(each.times.size for each in given)


def test_a_key_may_go_on_in_the_next_call(tmp_path: Path) -> None:
    with storage_file(tmp_path / "1.tsm") as writer:
        writer.write([column(values=range(1500))])
        writer.write([column(values=range(700), times=range(1500, 2200)), column(keys=[b"n#!~#f"])])

    found = read(tmp_path / "1.tsm")

    assert found[KEY] == (list(range(2200)), [*range(1500), *range(700)])
    assert list(found) == [KEY, b"n#!~#f"]


def test_the_longest_text_and_the_first_and_last_times_are_kept(tmp_path: Path) -> None:
    texts = ["", "x" * MAX_STRING_BYTES, "\r\n\0ü"]
    times = [MIN_TIME_NS, 0, MAX_TIME_NS]

    with storage_file(tmp_path / "1.tsm") as writer:
        writer.write([column("string", texts, times=times)])

    assert read(tmp_path / "1.tsm") == {KEY: (times, [text.encode() for text in texts])}


def test_columns_of_one_table_are_merged_into_the_order_of_keys(tmp_path: Path) -> None:
    series = [series_key("m", [("t", tag)]) for tag in ("a", "b")]
    times, counts = np.array([1, 2, 1]), np.array([2, 1])

    with storage_file(tmp_path / "1.tsm") as writer:
        writer.write(
            [
                Column("integer", [field_key(each, "z") for each in series], counts, times, np.array([1, 2, 3])),
                Column("boolean", [field_key(each, "a") for each in series], counts, times, np.array([1, 0, 1], bool)),
            ]
        )

    assert list(read(tmp_path / "1.tsm").items()) == [
        (b"m,t=a#!~#a", ([1, 2], [True, False])),
        (b"m,t=a#!~#z", ([1, 2], [1, 2])),
        (b"m,t=b#!~#a", ([1], [True])),
        (b"m,t=b#!~#z", ([1], [3])),
    ]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: column("float", [1.0, float("nan")]), "nan cannot be stored: key b'm,t=1#!~#f', 1 ns"),
        (lambda: column("float", [1.0, float("-inf")]), "-inf cannot be stored"),
        (lambda: column(times=[1, 1, 2]), "times have to rise within a key: key b'm,t=1#!~#f', 1 ns"),
        (lambda: column(times=[3, 2, 1]), "times have to rise"),
        (lambda: column(times=[MIN_TIME_NS - 1, 0, 1]), "times lie from"),
        (lambda: column(times=[0, 1, MAX_TIME_NS + 1]), "times lie from"),
        (lambda: column(keys=[b"b", b"a"], counts=[1, 2]), "keys have to rise"),
        (lambda: column(keys=[b"a", b"a"], counts=[1, 2]), "keys have to rise"),
        (lambda: column(keys=[b"a", b"b"], counts=[3, 0]), "a key without a value: key b'b'"),
        (lambda: column(keys=[b""]), "a key of 0 bytes"),
        (lambda: column(keys=[b"k" * (MAX_KEY_BYTES + 1)]), "a key of 65,536 bytes"),
        (lambda: column(counts=[2]), "do not fit each other"),
        (lambda: column("string", ["a", None]), "null"),
        (lambda: column("string", ["a", "b" * (MAX_STRING_BYTES + 1)]), "a text of more than 1,048,576 bytes"),
        (lambda: Column("string", [KEY], np.array([1]), np.array([1]), pa.array([1])), "none of texts"),
        (lambda: Column("string", [KEY], np.array([1]), np.array([1]), np.array(["a"])), "an array of Arrow's"),
        (lambda: Column("float", [KEY], np.array([1]), np.array([1]), np.array([1])), "of type float"),
        (lambda: Column("float", [KEY], np.array([1]), np.array([1.0]), np.array([1.0])), "64 bits with a sign"),
        (lambda: field_key(b"m,t=a#!~#b", "f"), "take a part of this series for the field"),
        (lambda: field_key(b"m,t=#!~", "f"), "take a part of this series for the field"),
    ],
)
def test_what_no_storage_file_can_hold_is_refused_with_its_place(make: Callable[[], object], reason: str) -> None:
    with pytest.raises(UnstorableError) as raised:
        make()

    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (column(), [column(keys=[b"a"])], "keys have to rise"),
        (column(), [column()], "times have to rise within a key"),
        (column(), [column("boolean", [True], times=[9])], "has two types: integer and boolean"),
        (column(), [column(keys=[b"x"]), column("boolean", [True], keys=[b"x"])], "is in two columns"),
    ],
)
def test_a_call_that_does_not_fit_leaves_no_trace(
    tmp_path: Path, first: Column, second: list[Column], reason: str
) -> None:
    with storage_file(tmp_path / "1.tsm") as writer:
        writer.write([first])
        with pytest.raises(UnstorableError) as raised:
            writer.write(second)

    assert reason in str(raised.value)
    assert read(tmp_path / "1.tsm") == {KEY: ([0, 1, 2], [1, 2, 3])}


def test_limits_of_a_file_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_ENTRIES", 3)
    with storage_file(tmp_path / "1.tsm") as writer:
        writer.write([column(values=range(2_000))])
        with pytest.raises(UnstorableError, match=r"at most 3 blocks in a file, and .* has 4: begin another file"):
            writer.write([column(values=range(1_001), times=range(2_000, 3_001))])
        monkeypatch.setattr(writer_module, "MAX_FILE_BYTES", writer.size + 50)
        with pytest.raises(UnstorableError, match="begin another file"):
            writer.write([column(keys=[b"z"])])
        assert not writer.is_full
        monkeypatch.setattr(writer_module, "FULL_BYTES", writer.size - 1)
        assert writer.is_full

    assert len(read(tmp_path / "1.tsm")) == 1


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "1.tsm"

    def broken_off() -> None:
        with storage_file(path) as writer:
            writer.write([column()])
            raise KeyboardInterrupt

    def empty() -> None:
        with storage_file(path) as writer:
            writer.write([])

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with pytest.raises(UnstorableError, match="without a value"):
        empty()

    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"other")
    with pytest.raises(ConfigurationError), storage_file(path):
        pass
    assert path.read_bytes() == b"other"


def test_any_damaged_byte_of_a_block_or_of_the_index_is_an_error_or_changes_no_value(tmp_path: Path) -> None:
    path = tmp_path / "1.tsm"
    with storage_file(path) as writer:
        writer.write([column(values=[7, 9, 1]), column("string", ["a", "", "c"], keys=[b"m,t=1#!~#s"])])
    whole, expected = path.read_bytes(), read(path)

    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        try:
            found = read(path)
        except SourceError:
            continue
        # The index has no checksum: a key may have another name, or times in the index that no block has.
        assert sorted(map(str, found.values())) == sorted(map(str, expected.values()))


@pytest.mark.parametrize("kept", [0, 4, 5, 12, 13, 40])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "1.tsm"
    with storage_file(path) as writer:
        writer.write([column()])
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(SourceError):
        read(path)


def test_deleted_values_are_left_out_whatever_version_their_tombstones_have(tmp_path: Path) -> None:
    path, grave = tmp_path / "1.tsm", tmp_path / "1.tombstone"
    with storage_file(path) as writer:
        writer.write([column(values=range(10)), column("string", list("abc"), keys=[b"m,t=1#!~#s"])])

    def record(key: bytes, first: int, last: int) -> bytes:
        return struct.pack(">I", len(key)) + key + struct.pack(">qq", first, last)

    records = [record(KEY, -5, 2), record(KEY, 8, 8), record(b"m,t=1#!~#s", 1, 1)]
    for data in (
        struct.pack(">I", 0x1502) + b"".join(records),
        struct.pack(">I", 0x1503) + gzip.compress(b"".join(records)),
        struct.pack(">I", 0x1504) + b"".join(map(gzip.compress, records)),
    ):
        grave.write_bytes(data)
        assert read(path) == {KEY: ([3, 4, 5, 6, 7, 9], [3, 4, 5, 6, 7, 9]), b"m,t=1#!~#s": ([0, 2], [b"a", b"c"])}

    grave.write_bytes(KEY + b"\n")
    assert read(path)[KEY] == ([], [])
    for data in (struct.pack(">I", 0x1504) + gzip.compress(records[0])[:-9], struct.pack(">I", 0x1502) + b"\0\0\0\1"):
        grave.write_bytes(data)
        with pytest.raises(SourceError):
            read(path)


def test_keys_are_written_as_in_line_protocol_and_read_again() -> None:
    tags = [("b", "x=y"), ("a b", "c,d"), ("aZ", "back\\slash"), ("none", ""), ("ü", "z")]

    key = field_key(series_key("m 1,=x", tags), "f,= g#!~#")

    assert key == "m\\ 1\\,=x,aZ=back\\slash,a\\ b=c\\,d,b=x\\=y,ü=z#!~#f,= g#!~#".encode()
    assert parsed(key) == ParsedKey(
        "m 1,=x", (("aZ", "back\\slash"), ("a b", "c,d"), ("b", "x=y"), ("ü", "z")), "f,= g#!~#"
    )
    assert parsed(b"m#!~#f") == ParsedKey("m", (), "f")
    for damaged in (b"m,t=1", b"m,t#!~#f", b"m,#!~#f"):
        with pytest.raises(SourceError):
            parsed(damaged)


@pytest.mark.parametrize("value", ["\\,", "\\\\,", "a\\=b", "\\ ,", "a=\\\\ b", ",\\x", "="])
def test_backslashes_before_commas_and_equals_signs_are_read_as_the_server_reads_them(value: str) -> None:
    tags = (("a", value), ("b\\=", value), ("c", "x"))
    found = parsed(field_key(series_key("m\\x", tags), "f"))
    assert (found.measurement, found.tags, found.field) == ("m\\x", tags, "f")


def test_a_writer_spills_and_counts_while_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importer.tsm.index.IN_MEMORY_BYTES", 10)
    with (tmp_path / "1.tsm").open("wb") as file:
        writer = Writer(file)
        for nth in range(20):
            writer.write([column(keys=[b"k%02d" % nth])])
        writer.finish()
        writer.close()

    assert len(read(tmp_path / "1.tsm")) == 20
