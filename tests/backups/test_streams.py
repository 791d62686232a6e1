"""Tar and multipart, taken apart while they come."""

from __future__ import annotations

import io
import tarfile

import pytest

from importer.backups.multipart import boundary_of, parts_of
from importer.backups.tar import Member, TarWalk
from importer.errors import TransientServerError


def archive(*sizes: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for number, size in enumerate(sizes):
            info = tarfile.TarInfo(f"bucket/autogen/7/{number}.tsm")
            info.size = size
            tar.addfile(info, io.BytesIO(b"x" * size))
    return made.getvalue()


def walked(data: bytes, piece: int) -> list[Member]:
    walk = TarWalk()
    for at in range(0, len(data), piece):
        walk.feed(data[at : at + piece])
    return walk.finish()


@pytest.mark.parametrize("piece", [1, 511, 512, 700, 100_000])
def test_members_are_found_whatever_pieces_the_archive_comes_in(piece: int) -> None:
    found = walked(archive(0, 1, 512, 5_000), piece)
    assert found == [Member("0.tsm", 0), Member("1.tsm", 1), Member("2.tsm", 512), Member("3.tsm", 5_000)]
    assert walked(bytes(1024), piece) == []


@pytest.mark.parametrize("end", [0, 100, 512, 600, 1_024, 1_536])
def test_an_archive_that_breaks_off_anywhere_is_refused(end: int) -> None:
    with pytest.raises(TransientServerError, match="broke off"):
        walked(archive(512)[:end], 4_096)


def test_what_follows_an_archive_or_is_none_is_refused() -> None:
    for data in (archive(5) + b'{"code": "internal error"}' * 99, b"no tar" * 200):
        with pytest.raises(TransientServerError, match="no tar archive"):
            walked(data, 4_096)


BODY = b'--XY\r\nContent-Disposition: a; name="kv"\r\n\r\n\r\n--X\0-\r\n--XY\r\nA: name="buckets"\r\n\r\n[]'
BODY += b"\r\n--XY--\r\n"


@pytest.mark.parametrize("piece", [1, 2, 7, 1_000])
def test_parts_are_told_apart_whatever_pieces_they_come_in(piece: int) -> None:
    pieces = (BODY[at : at + piece] for at in range(0, len(BODY), piece))
    assert [(name, b"".join(data)) for name, data in parts_of(pieces, "XY")] == [
        ("kv", b"\r\n--X\0-"),
        ("buckets", b"[]"),
    ]


def test_parts_that_break_off_are_refused() -> None:
    with pytest.raises(TransientServerError, match="broke off between its parts"):
        [list(data) for _, data in parts_of(iter([BODY[:-8]]), "XY")]
    assert boundary_of("multipart/mixed; boundary=XY") == "XY"
    assert boundary_of("text/html") is None
