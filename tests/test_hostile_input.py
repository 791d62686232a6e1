"""Sources that are broken or made to hurt: a clear error within seconds, little memory, and the bucket as it was."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zstandard

from importer import ImporterError, MappingError, RejectBudgetError, SourceError
from importer.progress import Snapshot
from tests.loading import BIRDS_FLAGS, START, Command, Trial, birds_csv
from tests.measuring import Cost, measured

MIB = 1 << 20
HEADER = b"t,bird,lat,n,note\n"
ROW = b"%d,a,1,1,x\n"
MUCH_CPU_SECONDS = 20.0
MUCH_MEMORY_BYTES = 450 * MIB  # 100 are the programs, 100 blocks, the rest a few copies of the longest record


def repeated(piece: bytes, total_bytes: int) -> Iterator[bytes]:
    many = piece * (MIB // len(piece))
    return (many for _ in range(total_bytes // len(many)))


def swollen(pack: Callable[[bytes], bytes], piece: bytes, total_bytes: int) -> Iterator[bytes]:
    """Members of 64 MiB each, one after another: what swells to gigabytes is made in no time."""
    many = pack(piece * (64 * MIB // len(piece)))
    return (many for _ in range(total_bytes // (64 * MIB)))


def packed_zstd(text: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(text)


def packed_gzip(text: bytes) -> bytes:
    return gzip.compress(text, compresslevel=9)


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=31)
    yield from map(packer.compress, pieces)
    yield packer.flush()


CostOf = Callable[[Iterable[bytes]], Cost]


@pytest.fixture
def cost_of(trial: Trial, environment: None) -> CostOf:  # noqa: ARG001
    """Load standard input over a bucket that holds something; it is looked at whether it was left as it was."""
    trial.load(trial.csv(birds_csv(5)))
    before = trial.state_now()
    options = (*BIRDS_FLAGS, "--bucket", trial.bucket, "--state-dir", trial.state, "--rejects", "r.csv", "--quiet")

    def run(feed: Iterable[bytes]) -> Cost:
        cost = measured(trial.folder, "load", "-", *options, feed=feed)
        assert trial.state_now() == before
        assert trial.buckets == {""}
        return cost

    return run


def is_cheap(cost: Cost) -> None:
    assert cost.cpu_seconds < MUCH_CPU_SECONDS, cost
    assert cost.peak_bytes < MUCH_MEMORY_BYTES, f"{cost.peak_bytes / MIB:.0f} MiB"


RECORDS = {
    "a line of 500 MB": (lambda: [HEADER, b"1,a,", *repeated(b"x", 500 * MIB)], "line 2 .* is it CSV"),
    "a quoted cell of 300 MB": (lambda: [HEADER, b'1,"', *repeated(b"x", 300 * MIB), b'"\n'], "line 2 .* never closed"),
    "a line of 300 MB among good ones": (
        lambda: [HEADER, *(ROW % n for n in range(500)), *repeated(b"x", 300 * MIB), b"\n"],
        "line 502 ",
    ),
    "a gzipped line of 300 MB": (lambda: [*gzipped([HEADER, b"1,a,", *repeated(b"1", 300 * MIB)])], "line 2 "),
    "a quote in line 2 of a large file": (lambda: [HEADER, b'1,"a', *repeated(b"1,a,1,1,x\n", 60 * MIB)], "line 2 "),
}


@pytest.mark.slow
@pytest.mark.promise(
    fault="a record of hundreds of MB, or a quote that is never closed",
    promise="The load ends within seconds, with no more memory than some copies of --max-record-bytes; the bucket "
    "stays as it was.",
    seen="The line where the record begins, that most likely a quote in it is never closed, and --max-record-bytes; "
    "exit 1.",
)
@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_of_hundreds_of_megabytes_ends_the_load_soon(kind: str, cost_of: CostOf) -> None:
    make, said = RECORDS[kind]
    cost = cost_of(make())
    assert cost.code == 1
    assert re.search(said + ".*--max-record-bytes", cost.err), cost.err
    is_cheap(cost)


def test_a_long_record_within_the_bound_is_loaded_and_the_bound_can_be_raised(trial: Trial) -> None:
    note = "x" * (12 * MIB)
    text = HEADER + b"1,a,1,1,x\n2,a,2,2," + note.encode() + b'\n3,a,3,3,"' + note.encode() + b'\n"\n4,a,4,4,x\n'
    assert trial.load(trial.csv(text)).points_written == 4
    large = HEADER + b"1,a,1,1," + note.encode() * 2 + b"\n"
    with pytest.raises(SourceError, match="--max-record-bytes"):
        trial.load(trial.csv(large))
    assert trial.load(trial.csv(large), max_record_bytes=30 * MIB).points_written == 1


BOMBS = {
    "gzip, one line": (packed_gzip, b"x", "--max-(record-bytes|expansion)"),
    "zstd, one line": (packed_zstd, b"x", "--max-(record-bytes|expansion)"),
    "gzip, blank lines": (packed_gzip, b"\n", "more than 250 times as many; .*--max-expansion"),
    "zstd, blank lines": (packed_zstd, b"\n", "more than 250 times as many; .*--max-expansion"),
    "gzip, legal rows": (packed_gzip, b"0,0,0,0,0\n", "more than 250 times as many; .*--max-expansion"),
}


@pytest.mark.slow
@pytest.mark.promise(
    fault="a gzip or zstd bomb: some MB that swell to 10 GB",
    promise="The load ends within seconds and in little memory, once 16 MiB are more than 250 times what was read; "
    "the bucket stays as it was.",
    seen="How many bytes gave how many, and --max-expansion, which allows more; exit 1.",
)
@pytest.mark.parametrize("kind", BOMBS)
def test_a_compressed_bomb_ends_the_load_soon(kind: str, cost_of: CostOf) -> None:
    pack, piece, said = BOMBS[kind]
    cost = cost_of([pack(HEADER), *swollen(pack, piece, 10 << 30)])
    assert cost.code == 1
    assert re.search(said, cost.err), cost.err
    is_cheap(cost)


def test_what_swells_a_lot_is_loaded_where_it_is_allowed(trial: Trial) -> None:
    packed = b"".join([packed_zstd(HEADER), packed_zstd(b"\n" * 20 * MIB), packed_zstd(b"1,a,1,1,x\n")])
    source = trial.csv(packed, "packed.zst")
    with pytest.raises(SourceError, match="swells without measure"):
        trial.load(source)
    assert trial.load(source, max_expansion=100_000).points_written == 1


@pytest.mark.promise(
    fault="a million columns",
    promise="A header of more than --max-columns ends the load before anything is written; a row with too many "
    "cells is a reject.",
    seen="`the header has more than 10,000 columns; if they are meant to be, allow more by --max-columns`; exit 2.",
)
def test_a_million_columns_are_refused_and_a_million_cells_in_a_row_are_a_reject(trial: Trial) -> None:
    names = b",".join(b"c%d" % n for n in range(1_000_000))
    with pytest.raises(SourceError, match=r"more than 10,000 columns; .*--max-columns"):
        trial.load(trial.csv(b"t,bird,lat,n," + names + b"\n1,a,1,1\n"))
    rows = b"1,a,1,1,x\n" + names + b"\n2,a,2,2,x\n"
    report = trial.load(trial.csv(HEADER + rows), max_rejects=1)
    assert (report.points_written, report.rejected) == (2, 1)
    (reject,) = rejects_of(trial)
    assert (reject["line"], reject["error_type"]) == ("3", "ragged")
    assert len(reject["raw"]) < 70_000


def test_a_header_of_ten_thousand_columns_is_loaded_and_more_where_it_is_allowed(trial: Trial) -> None:
    header = ",".join(["t", "bird", "lat", "n", *(f"c{n}" for n in range(19_996))])
    row = ",".join(["1", "a", "1", "1", *["x"] * 19_996])
    with pytest.raises(SourceError, match="--max-columns"):
        trial.load(trial.csv(f"{header}\n{row}\n"))
    assert trial.load(trial.csv(f"{header}\n{row}\n"), max_columns=20_000).points_written == 1


def test_a_message_about_a_huge_header_stays_short(trial: Trial) -> None:
    for width, count in ((10, 9_000), (100_000, 100)):
        header = ",".join(f"{'x' * width}\x1b[31m{n}" for n in range(count)).encode()
        with pytest.raises(MappingError, match="has no column 't'") as caught:
            trial.load(trial.csv(header + b"\n1,2\n"))
        assert len(str(caught.value)) < 3_000
        assert "\x1b" not in str(caught.value)


def rejects_of(trial: Trial) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 20)
    path = trial.folder / "rejects.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (b'1,a,1,1,x\n2,b,2,2,"x', "3", "a quote is opened and never closed"),
        (b'1,"a,1,1,x\n' + ROW * 5 % (2, 3, 4, 5, 6), "2", "it takes in all 6 lines to the end of the source"),
    ],
    ids=["at the very end", "in line 2 of a small file"],
)
def test_a_quote_that_is_never_closed_is_a_reject_that_says_what_it_takes_in(
    trial: Trial, text: bytes, line: str, reason: str
) -> None:
    with pytest.raises(RejectBudgetError, match=f"line {line}.*{reason}"):
        trial.load(trial.csv(HEADER + text))
    assert [reject["line"] for reject in rejects_of(trial)] == [line]


def test_a_quote_that_is_never_closed_in_the_header_is_told_of_with_its_line(trial: Trial) -> None:
    for rows in (3, 2_000_000):
        with pytest.raises(SourceError, match=r"(line 1: the header has a quote|begins in line 1 .*) .*never closed"):
            trial.load(trial.csv(b't,"bird,lat,n\n' + b"1,a,1,1,x\n" * rows))


GOOD = b"%d,good,1,1,x\n"
CELLS = {
    "NUL bytes": (b"%d,a\0b,1,1,\0\n", True),
    "text that is not UTF-8 in a column that is used": (b"%d,\xff\xfe,1,1,x\n", False),
    "text that is not UTF-8 in a column that is not used": (b"%d,a,1,1,\xe9\xff\n", True),
    "a lone surrogate": (b"%d,\xed\xa0\x80,1,1,x\n", False),
    "an overlong NUL": (b"%d,\xc0\x80,1,1,x\n", False),
    "a byte-order mark in the middle": (b"\xef\xbb\xbf%d,a,1,1,x\n", False),
    "a CRLF": (b"%d,a,1,1,x\r\n", True),
    "a bare CR": (b"%d,a,1,1,x\r5,a,1,1,x\n", False),
    "Unicode line separators": ("%d,a\u2028\u2029\u0085b,1,1,\u2028\n".encode(), True),
    "a form feed and a vertical tab": (b"%d,a,1,1,\f\v\n", True),
}


@pytest.mark.promise(
    fault="NUL bytes, text that is not UTF-8, line ends of all kinds, byte-order marks in the middle",
    promise="Each row that can be read is stored, each other one is a reject with its line; its neighbours are stored.",
    seen="A line in the rejects file for each; exit 3 beyond --max-rejects.",
)
@pytest.mark.parametrize("kind", CELLS)
def test_a_row_of_strange_bytes_is_stored_or_a_reject_and_its_neighbours_are_stored(trial: Trial, kind: str) -> None:
    row, is_stored = CELLS[kind]
    text = HEADER + GOOD % START + row % (START + 1) + GOOD % (START + 2)
    report = trial.load(trial.csv(text), max_rejects=1)
    assert (report.rows_read, report.points_written) == (3, 3 if is_stored else 2)
    assert [reject["line"] for reject in rejects_of(trial)] == ([] if is_stored else ["3"])
    assert {"good"} <= set(trial.rows()["bird"])


JUNK = {
    "newlines alone": (lambda: b"\n" * 3_000_000, "the first line is blank"),
    "NUL bytes alone": (lambda: b"\0" * 3_000_000, "is no text: its first line holds NUL bytes"),
    "many NUL bytes": (lambda: b"\0" * (20 * MIB), "line 1 is longer than"),
    "bare CRs": (lambda: b"t,bird,lat,n\r" + b"1,a,1,1\r" * 3_000_000, "bare CR; convert them"),
    "a program": (lambda: Path(sys.executable).read_bytes(), "is no text"),
    "random bytes": (lambda: np.random.default_rng(1).bytes(MIB), "not UTF-8|NUL|blank|no column|bare CR"),
}


@pytest.mark.parametrize("kind", JUNK)
def test_what_is_no_csv_at_all_is_refused_at_its_first_line(trial: Trial, kind: str) -> None:
    make, said = JUNK[kind]
    with pytest.raises((SourceError, MappingError), match=said) as caught:
        trial.load(trial.csv(make()))
    assert len(str(caught.value)) < 3_000


@pytest.mark.promise(
    fault="junk behind a good header",
    promise="Every record is accounted for, and a rejects file holds no more than 64 KiB of the text of each.",
    seen="Rejects with line and reason; exit 3 beyond --max-rejects.",
)
@pytest.mark.parametrize("kind", ["random bytes", "a program", "newlines"])
def test_junk_behind_a_good_header_is_accounted_for_and_fills_no_disk(trial: Trial, kind: str) -> None:
    junk = {
        "random bytes": lambda: np.random.default_rng(1).bytes(2 * MIB),
        "a program": lambda: Path(sys.executable).read_bytes(),
        "newlines": lambda: b"\n" * 1_000_000,
    }[kind]()
    report = trial.load(trial.csv(HEADER + b"1,a,1,1,x\n" + junk), max_rejects="100%")
    assert report.rows_read == report.rows_mapped + report.rejected + sum(report.skipped.values())
    assert report.points_written >= 1
    rejects = trial.folder / "rejects.csv"
    assert not rejects.exists() or rejects.stat().st_size < 8 * len(junk) + MIB
    assert all(len(reject["raw"]) < 300_000 for reject in rejects_of(trial))


def test_a_cell_of_megabytes_in_a_rejects_file_is_cut(trial: Trial) -> None:
    long = b"9" * (5 * MIB)
    text = HEADER + b"1,a," + long + b"x," + long + b"y,z\n2,a,1,1,x\n"
    trial.load(trial.csv(text), max_rejects=1)
    assert (trial.folder / "rejects.csv").stat().st_size < 100_000
    assert all("(cut: 10,485,7" in reject["raw"] for reject in rejects_of(trial))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "grows": (lambda path: path.open("ab").write(b"9,a,1,1,x\n"), "was changed while it was being read"),
    "shrinks": (lambda path: os.truncate(path, 2 * MIB), "was changed while it was being read"),
    "is written over": (lambda path: path.write_bytes(b"0" * path.stat().st_size), "was changed .*other contents"),
    "is replaced": (
        lambda path: (path.with_name("new").write_bytes(path.read_bytes()), path.with_name("new").rename(path)),
        "was replaced by another file",
    ),
    "vanishes": (Path.unlink, "was removed while it was being read"),
}


@pytest.mark.promise(
    fault="a file that grows, shrinks, is replaced or vanishes while it is read",
    promise="The load fails: its accounts would be those of no one state of the file; the bucket stays as it was.",
    seen="What became of the file, and to load it when nobody writes to it any more; exit 1.",
)
@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_changes_in_mid_load_fails_it(trial: Trial, how: str) -> None:
    change, said = CHANGES[how]
    trial.load(trial.csv(birds_csv(10), "before.csv"))
    before = trial.state_now()
    source = trial.csv(HEADER + b"".join(ROW % (START + n) for n in range(150_000)))
    changed: list[object] = []

    class Meanwhile:
        def update(self, snapshot: Snapshot) -> None:
            if snapshot.phase == "load" and not changed:
                changed.append(change(source))

    with pytest.raises(SourceError, match=said) as caught:
        trial.load(source, progress=Meanwhile(), block_bytes=200_000)
    assert changed
    assert caught.value.report is not None
    assert trial.state_now() == before
    assert trial.buckets == {""}


@pytest.mark.promise(
    fault="a disk that gives read errors in mid-file",
    promise="The load fails and says how far the source could be read; the bucket stays as it was.",
    seen="`cannot read 'birds.csv' beyond byte 2,097,152: Input/output error`; exit 1.",
)
def test_an_input_output_error_in_mid_file_fails_the_load(trial: Trial) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 2 * MIB:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(size)

    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    text = HEADER + b"".join(ROW % (START + n) for n in range(300_000))
    with pytest.raises(SourceError, match="cannot read '-' beyond byte 2,097,152: Input/output error"):
        trial.load("-", stdin=Broken(text))
    assert trial.state_now() == before
    assert trial.buckets == {""}


def test_a_load_without_standard_input_reads_its_files(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert trial.load(trial.csv(birds_csv(3))).points_written == 3


@pytest.mark.promise(
    fault="a header with duplicate or empty names",
    promise="Columns that the mapping does not name may be called anything; one that it names must be there once.",
    seen="`has 2 columns named 'lat': rename one in the header`; exit 2.",
)
@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("t,bird,lat,n,,", None),
        ("t,bird,lat,n,x,x", None),
        ('\ufeff"t","bird","lat","n",\x01, x ', None),
        ("t,bird,lat,n,lat,x", "2 columns named 'lat': rename one in the header"),
        ("t,bird, lat,n,x,y", "no column 'lat'; did you mean ' lat'"),
        ("t,bird,,n,,y", "no column 'lat'"),
    ],
)
def test_names_that_occur_twice_are_empty_or_strange_matter_only_where_they_are_used(
    trial: Trial, header: str, said: str | None
) -> None:
    source = trial.csv(f"{header}\n1,a,1,1,x,y\n")
    if said is None:
        assert trial.load(source).points_written == 1
    else:
        with pytest.raises(MappingError, match=said):
            trial.load(source)


def test_a_row_function_is_not_called_where_a_name_occurs_twice(trial: Trial) -> None:
    with pytest.raises(MappingError, match="2 columns named 'x': rename one"):
        trial.load(trial.csv("t,x,x\n1,2,3\n"), mapper=lambda _: None)


@pytest.mark.parametrize("option", ["max_record_bytes", "max_columns", "max_expansion"])
def test_a_bound_of_nothing_is_refused(trial: Trial, option: str) -> None:
    with pytest.raises(ImporterError, match=f"{option} is 0: at least 1 is needed"):
        trial.load(trial.csv(birds_csv(1)), **{option: 0})


def test_the_command_takes_the_bounds(trial: Trial, command: Command) -> None:
    source = trial.csv(birds_csv(3))
    for option, said in (("--max-record-bytes", "is longer than 1 bytes"), ("--max-columns", "more than 1 columns")):
        ended = command("load", source, *BIRDS_FLAGS, "--bucket", trial.bucket, "--dry-run", option, "1")
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err
    packed = trial.csv(packed_zstd(birds_csv(3).encode() + b"\n" * (20 * MIB)))
    ended = command("load", packed, *BIRDS_FLAGS, "--bucket", trial.bucket, "--dry-run", "--max-expansion", "7")
    assert ended.code == 1
    assert "more than 7 times as many" in ended.err
