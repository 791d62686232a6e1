"""Uploads: whole on the disk or not there at all, under harmless names; paths stay in their folder."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from importer.jobs.naming import Hidden, allowed_file, stored_name
from importer.jobs.refusals import NoRoomError, NoSuchUploadError, NotAllowedError, TooLargeError
from importer.jobs.uploads import Uploads
from tests.faults.test_full_disk import files_end_at


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    made = Uploads(tmp_path / "uploads", 1_000)
    made.open()
    return made


def on_disk(uploads: Uploads) -> list[str]:
    return sorted(path.name for path in uploads.folder.rglob("*") if path.is_file())


def test_a_finished_upload_is_there_with_its_digest(uploads: Uploads) -> None:
    with uploads.begin("birds.csv") as draft:
        draft.write(b"a,b\n")
        draft.write(b"1,2\n")
        found = draft.finish()
    assert found == uploads.find(found.upload)
    assert (found.bytes, found.sha256) == (8, hashlib.sha256(b"a,b\n1,2\n").hexdigest())
    assert uploads.place(found).read_bytes() == b"a,b\n1,2\n"
    assert uploads.place(found).stat().st_mode & 0o077 == 0 or uploads.folder.stat().st_mode & 0o077 == 0
    uploads.remove(found.upload)
    assert on_disk(uploads) == []
    with pytest.raises(NoSuchUploadError):
        uploads.find(found.upload)


def test_one_that_breaks_off_is_gone_also_after_a_kill(uploads: Uploads) -> None:
    with uploads.begin("birds.csv") as draft:
        draft.write(b"a,b\n")
        assert on_disk(uploads) == ["birds.csv"]
    assert on_disk(uploads) == []
    uploads.begin("birds.csv").write(b"a,b\n")  # and its service is killed
    assert on_disk(uploads) == ["birds.csv"]
    uploads.open()
    assert list(uploads.folder.iterdir()) == []


def test_one_that_is_too_large_is_refused_before_and_while_it_comes(uploads: Uploads) -> None:
    with pytest.raises(TooLargeError, match="1,000 bytes at the most"):
        uploads.begin("birds.csv", 1_001)
    with uploads.begin("birds.csv") as draft:
        draft.write(b"x" * 1_000)
        with pytest.raises(TooLargeError):
            draft.write(b"x")
    assert on_disk(uploads) == []


def test_one_that_fills_the_disk_is_refused_and_removed(uploads: Uploads) -> None:
    uploads.most_bytes = 1 << 60
    with pytest.raises(NoRoomError, match="no room"):
        uploads.begin("birds.csv", 1 << 59)
    with files_end_at(4_000), pytest.raises(NoRoomError, match="cannot store"), uploads.begin("birds.csv") as draft:
        draft.write(b"x" * 8_000)
    assert on_disk(uploads) == []


def test_those_that_are_older_than_a_day_are_told(uploads: Uploads) -> None:
    made = []
    for _ in range(3):
        with uploads.begin("birds.csv") as draft:
            made.append(draft.finish().upload)
    for name in made[:2]:
        os.utime(uploads.folder / name, (0, 0))
    assert sorted(uploads.old()) == sorted(made[:2])


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("birds.csv", "birds.csv"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a/../../b.csv", "b.csv"),
        ("..", "upload.csv"),
        ("", "upload.csv"),
        ("dir/", "upload.csv"),
        ("-", "upload.csv"),
        (".hidden.csv", "hidden.csv"),
        ("a\x00b\nc\x1b[31m.csv", "a_b_c__31m.csv"),
        ("*?[x].csv", "___x_.csv"),
        ('a,"b".csv', "a__b_.csv"),
        ("Vögel 🐦.csv", "Vögel 🐦.csv"),
        ("\ud800.csv", "_.csv"),
        ("x" * 5_000 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_a_strangers_name_becomes_a_harmless_one(given: str, stored: str, uploads: Uploads) -> None:
    assert stored_name(given) == stored
    with uploads.begin(given) as draft:
        found = draft.finish()
    assert uploads.find(found.upload).name == stored
    assert uploads.place(found).is_file()
    assert uploads.place(found).parent.parent.parent == uploads.folder


@pytest.mark.parametrize("given", ["../../x", "x", "", "0" * 16, "0" * 15 + "/", "\x00"])
def test_an_id_that_is_none_finds_and_removes_nothing(given: str, uploads: Uploads) -> None:
    with pytest.raises(NoSuchUploadError):
        uploads.find(given)
    uploads.remove(given)


def test_a_path_stays_in_its_folder_whatever_links_lead_out_of_it(tmp_path: Path) -> None:
    folder, outside = tmp_path / "open", tmp_path / "secret.csv"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "birds.csv").write_text("a\n")
    outside.write_text("a\n")
    (folder / "link.csv").symlink_to(outside)
    (folder / "fine.csv").symlink_to(folder / "in" / "birds.csv")
    (folder / "circle").symlink_to(folder / "circle")
    (tmp_path / "open-too").mkdir()
    (tmp_path / "open-too" / "x.csv").write_text("a\n")
    os.mkfifo(folder / "pipe")
    found = folder / "in" / "birds.csv"
    for given in ("in/birds.csv", str(found), "in/../in/birds.csv", "fine.csv"):
        assert allowed_file(folder, given) == found
    for given in ("../secret.csv", str(outside), "link.csv", "/etc/passwd", "../none", "../open-too/x.csv", "a\x00b"):
        with pytest.raises(NotAllowedError):
            allowed_file(folder, given)
    for given in ("none.csv", "in", "pipe", "circle", "", "x" * 5_000):
        with pytest.raises(NoSuchUploadError):
            allowed_file(folder, given)
    with pytest.raises(NotAllowedError, match="--allow-folder"):
        allowed_file(None, "in/birds.csv")


def test_folders_are_taken_out_of_texts_and_files_wherever_they_stand() -> None:
    hidden = Hidden(Path("/srv/state"), Path("/srv/state/uploads/ab/file"), Path("/data/it's"))
    assert hidden.text("cannot read '/srv/state/uploads/ab/file/birds.csv': gone") == "cannot read 'birds.csv': gone"
    assert hidden.text(f"no such file: {'/data/it' + chr(39) + 's/a.csv'!r}") == 'no such file: "a.csv"'
    assert hidden.within({"a": ["/srv/state/x", 1, None]}) == {"a": ["x", 1, None]}
    line = b"/srv/state/uploads/ab/file/birds.csv,7,x\r\n"
    text = b"".join(hidden.pieces(io.BytesIO(line * 10_000)))
    assert text == b"birds.csv,7,x\r\n" * 10_000
