"""The file of records: whatever its writer's death left in it, the whole records before are read, and no others."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import SpoolError
from importer.journal import Log
from importer.journal.log import records_of

RECORDS = [b'{"a":1}', b"", b"x" * 300, b"importer journal 1\n", bytes(range(256))]


def written(path: Path, records: list[bytes]) -> Path:
    with Log.create(path) as log:
        for record in records:
            log.append(record)
    return path


def reread(path: Path) -> list[bytes] | None:
    log = Log.reopen(path)
    if log is None:
        return None
    with log:
        return list(log.records())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "journal", RECORDS)
    assert reread(path) == RECORDS
    assert list(records_of(path)) == RECORDS


def test_a_file_that_ends_at_any_byte_gives_the_whole_records_before_and_takes_more(tmp_path: Path) -> None:
    data = written(tmp_path / "whole", RECORDS).read_bytes()
    ends = [len(data) - sum(8 + len(record) for record in RECORDS[number:]) for number in range(len(RECORDS) + 1)]
    for end in range(ends[0], len(data) + 1):
        path = tmp_path / f"cut-{end}"
        path.write_bytes(data[:end])
        whole = RECORDS[: sum(1 for position in ends[1:] if position <= end)]
        assert reread(path) == whole
        log = Log.reopen(path)
        assert log is not None
        with log:
            log.append(b"more")
        assert reread(path) == [*whole, b"more"]


@pytest.mark.parametrize("left", range(19))
def test_a_file_that_was_hardly_begun_is_no_journal(tmp_path: Path, left: int) -> None:
    data = written(tmp_path / "whole", RECORDS).read_bytes()
    (tmp_path / "cut").write_bytes(data[:left])
    assert reread(tmp_path / "cut") is None
    assert list(records_of(tmp_path / "cut")) == []


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_a_damaged_byte_costs_its_record_and_what_follows_and_is_never_passed_on(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311
    path = written(tmp_path_factory.mktemp("damaged") / "journal", RECORDS)
    data = bytearray(path.read_bytes())
    position = chosen.randrange(19, len(data))
    data[position] ^= 1 << chosen.randrange(8)
    path.write_bytes(data)
    found = reread(path)
    assert found is not None
    assert found == RECORDS[: len(found)]
    assert len(found) < len(RECORDS)


def test_what_follows_a_torn_record_never_comes_back(tmp_path: Path) -> None:
    """Else an old tail behind a shorter new record could be taken for one."""
    path = written(tmp_path / "journal", [b"first", b"second", b"third"])
    data = bytearray(path.read_bytes())
    data[data.index(b"second")] ^= 1
    path.write_bytes(data)
    log = Log.reopen(path)
    assert log is not None
    with log:
        log.append(b"new")
    assert reread(path) == [b"first", b"new"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told_of(tmp_path: Path) -> None:
    with Log.create(tmp_path / "journal") as log:
        full = os.open("/dev/full", os.O_RDWR)
        os.dup2(full, log._descriptor)
        os.close(full)
        with pytest.raises(
            SpoolError, match="No space left on device; make room, or name another folder by --state-dir"
        ):
            log.append(b"x")


def test_a_journal_is_for_its_owner_alone(tmp_path: Path) -> None:
    assert written(tmp_path / "journal", []).stat().st_mode & 0o777 == 0o600
