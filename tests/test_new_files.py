from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from importer.errors import ConfigurationError, ImporterError
from importer.new_files import check_place, new_file


def written(path: Path, data: bytes = b"new", *, replace: bool = True) -> None:
    with new_file(path, "the page", replace=replace) as file:
        file.write(data)


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120 + ".html")
    drafts: list[Path] = []

    def half() -> None:
        with new_file(path, "the page", replace=False) as file:
            file.write(b"half")
            drafts.extend(tmp_path.iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert len(drafts) == 1
    assert drafts != [path]
    assert list(tmp_path.iterdir()) == []
    written(path, replace=False)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"new", [path])


def test_a_file_that_somebody_made_meanwhile_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with (
        pytest.raises(ConfigurationError, match=r"is there already: .* say --overwrite to replace it"),
        new_file(path, "the page", replace=False, option="--overwrite"),
    ):
        path.write_text("mine")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("mine", [path])


def test_a_device_or_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    check_place(pipe, "the page", replace=False)
    written(pipe, replace=False)
    reader.join(10)
    assert (got, stat.S_ISFIFO(pipe.stat().st_mode), list(tmp_path.iterdir())) == ([b"new"], True, [pipe])
    with pytest.raises(ImporterError, match="cannot write the page to '/dev/full': No space left on device"):
        written(Path("/dev/full"))
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_link_stays_one_and_what_it_leads_to_is_replaced_and_as_private_as_before(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "elsewhere" / "page.html"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    with pytest.raises(ConfigurationError, match="is there already"):
        written(link, replace=False)
    written(link)
    assert (link.is_symlink(), target.read_text(), stat.S_IMODE(target.stat().st_mode)) == (True, "new", 0o600)
    target.unlink()
    written(link, replace=False)
    assert (link.is_symlink(), target.read_text()) == (True, "new")
