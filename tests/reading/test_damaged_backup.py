"""Whatever is wrong with a backup is an error, and nothing is left behind."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import importer
from importer import LoadInterruptedError, SourceError, SpoolError
from importer.reading.stored import opening, unit
from importer.reading.stored.scratch import scratch_folder
from tests.reading.backups import ONE, TYPES, make_backup, manifest


def repacked(archive: Path, change: Callable[[bytes], bytes]) -> Callable[[], None]:
    """Makes the archive anew with other bytes in its files; the manifest says so."""

    def repack() -> None:
        made = archive.with_name("made.tar.gz")
        with tarfile.open(archive) as old, tarfile.open(made, "w:gz") as new:
            for member in old:
                file = old.extractfile(member)
                assert file is not None
                data = change(file.read())
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
        made.rename(archive)
        resized(archive, archive.parent)

    return repack


def resized(archive: Path, folder: Path) -> None:
    (bucket,) = manifest(folder)
    bucket["retentionPolicies"][0]["shardGroups"][0]["shards"][0]["size"] = archive.stat().st_size
    manifest(folder, [bucket])


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.promise(
    fault="a file of a backup is damaged or missing while rows are read out of it",
    promise="An error names the file; nothing half-written is left.",
    seen="`error: … is damaged: …`, or `is missing from the backup`; exit 2.",
)
def test_a_damaged_or_missing_file_is_named_and_nothing_half_is_written(tmp_path: Path, state: Path) -> None:
    folder = make_backup(tmp_path / "backup", ONE, TYPES)
    (archive,) = folder.glob("*.tar.gz")
    (path,) = folder.glob("*.manifest")
    whole, described = archive.read_bytes(), path.read_text()
    tar = gzip.decompress(whole)
    half = gzip.compress(tar[:1024])

    def cut_off() -> None:
        archive.write_bytes(whole[:-20])
        resized(archive, folder)

    def without_end() -> None:
        archive.write_bytes(half)
        resized(archive, folder)

    inner = r"1\.tar\.gz' is damaged: '000000001-000000001\.tsm'"
    no_archive = r"cannot use '.*1\.tar\.gz': it does not hold a whole archive"
    damages: list[tuple[Callable[[], object], str]] = [
        (lambda: archive.write_bytes(whole[:-20]), r"1\.tar\.gz' is damaged: it has \d+ bytes and not \d+"),
        (cut_off, no_archive),
        (without_end, no_archive),
        (archive.unlink, r"1\.tar\.gz' is missing from the backup"),
        (
            repacked(archive, lambda data: flipped(data, 12)),
            rf"{inner}: a block's checksum is wrong \(key b'm,t=x#!~#i'",
        ),
        (repacked(archive, lambda data: data[:-3]), rf"{inner} is cut off"),
        (repacked(archive, lambda _: b"no such file"), rf"{inner} is no storage file of version 1"),
        (repacked(archive, lambda data: data.replace(b"#!~#", b"#!~?")), r"gz' is damaged: a key without a field"),
        (lambda: path.write_text(described[:-9]), "is damaged or was not written by a backup: take the file from"),
        (path.unlink, "holds no manifest, so it is no backup"),
    ]
    out = tmp_path / "out.csv"
    out.write_text("older\n")
    for damage, message in damages:
        archive.write_bytes(whole)
        path.write_text(described)
        damage()
        with pytest.raises(SourceError, match=message):
            importer.export(None, out, from_backup=folder, state_dir=state, force=True)
        assert out.read_text() == "older\n"
        assert not state.exists() or not list(state.iterdir())
        assert not list(tmp_path.glob(".*.part"))


def test_an_interrupted_reading_and_a_full_disk_leave_nothing(
    tmp_path: Path, state: Path, read: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(tmp_path / "backup", ONE, TYPES)
    stop = threading.Event()
    for stage in ("unpack", "look_through", "stored_parts"):
        stop.clear()
        plain = getattr(opening if stage != "unpack" else unit, stage)

        def stopping(*arguments: Any, plain: Any = plain) -> Any:
            stop.set()
            return plain(*arguments)

        with monkeypatch.context() as changed:
            changed.setattr(opening if stage != "unpack" else unit, stage, stopping)
            with pytest.raises(LoadInterruptedError):
                read(interrupt=stop)

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as changed:
        plain_open: Any = Path.open

        def opened(path: Path, mode: str = "r", **more: Any) -> Any:
            return Full() if mode == "xb" else plain_open(path, mode, **more)

        changed.setattr(Path, "open", opened)
        with pytest.raises(SpoolError, match=r"No space left on device; make room, or name another folder by --state"):
            read()
    state.rmdir()
    state.write_text("no folder")
    with pytest.raises(SpoolError, match=r"cannot unpack the backup to .*: File exists; name another folder"):
        importer.read(from_backup=tmp_path / "backup", state_dir=state)


def test_what_a_killed_process_had_unpacked_is_removed_by_the_next_and_not_what_a_living_one_has(state: Path) -> None:
    code = "import os, sys; from pathlib import Path; from importer.reading.stored.scratch import scratch_folder\n"
    code += "with scratch_folder(Path(sys.argv[1])) as made: (made / 'file').touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(state)], check=False)
    (left,) = state.iterdir()
    with scratch_folder(state) as mine:
        assert not left.exists()
        with scratch_folder(state) as other:
            assert {*state.iterdir()} == {mine, other}
        assert {*state.iterdir()} == {mine}
    assert not list(state.iterdir())
