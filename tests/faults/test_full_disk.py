"""Rejects, journal and accounts that cannot be written: the load stops, nothing goes unrecorded, it can be resumed."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from importer import ConfigurationError, SpoolError
from importer.journal import load_folders
from tests.loading import Trial, birds_csv

BLOCK_BYTES = 2_000
SOURCE = birds_csv(4_000, bad_lines=range(2_000, 4_000, 50))
NOBODY = 65_534


@contextmanager
def files_end_at(size_bytes: int) -> Iterator[None]:
    """No file can grow beyond this, as on a full disk; a limit that the system itself enforces."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def is_gone_on_with(trial: Trial, source: Path) -> None:
    report = trial.load(source, block_bytes=BLOCK_BYTES, max_rejects=100, resume=True)
    assert (report.status, report.rows_read, report.rejected) == ("verified", 4_000, 40)
    assert len((trial.folder / "rejects.csv").read_text().splitlines()) == 41
    assert trial.rows().height == 2 * 3_960
    assert trial.buckets == {""}


@pytest.mark.promise(
    fault="the rejects file cannot be written: the disk is full",
    promise="the load stops at the first reject that cannot be recorded, the live bucket is as it was, and --resume"
    " goes on, to another place if one is named",
    seen="error: cannot write the rejects file '…': No space left on device; …; make room, or name another place by"
    " --rejects; exit 1",
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_rejects_on_a_full_disk_stop_the_load_which_can_be_resumed(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    source = trial.csv(SOURCE, "new.csv")
    with pytest.raises(SpoolError, match=r"No space left on device.*--rejects.*--resume goes on") as error:
        trial.load(source, block_bytes=BLOCK_BYTES, max_rejects=100, rejects=Path("/dev/full"))
    assert error.value.resumable
    assert error.value.report is not None
    assert error.value.report.status == "failed"
    assert trial.state_now() == before
    is_gone_on_with(trial, source)


@pytest.mark.promise(
    fault="the journal or the accounts cannot be written: the disk is full",
    promise="the load stops, the live bucket is as it was, and --resume goes on once there is room",
    seen="error: cannot write the journal '…': File too large; make room, or name another folder by"
    " --state-dir; exit 1",
)
def test_a_journal_that_cannot_grow_stops_the_load_which_can_be_resumed(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    source = trial.csv(SOURCE, "new.csv")
    with (
        files_end_at(5_000),
        pytest.raises(SpoolError, match=r"cannot write the journal .* --resume") as error,
    ):
        trial.load(source, block_bytes=BLOCK_BYTES, max_rejects=100)
    assert error.value.resumable
    assert trial.state_now() == before
    is_gone_on_with(trial, source)


def test_a_spool_that_cannot_be_written_stops_the_load_which_can_be_resumed(trial: Trial) -> None:
    source = trial.csv(SOURCE, "new.csv")
    trial.load(source, block_bytes=BLOCK_BYTES, max_rejects=100)
    with pytest.raises(SpoolError, match="cannot keep the accounts") as error, files_end_at(1_000):
        trial.load(source, block_bytes=BLOCK_BYTES, max_rejects=100)
    assert not error.value.resumable  # not a block was acknowledged
    assert trial.buckets == {""}
    assert load_folders(trial.state) == []


@contextmanager
def as_another_user(folder: Path) -> Iterator[None]:
    """A folder that the user who is at work may not write to, be it root."""
    if os.geteuid():
        folder.chmod(0o500)
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that any user may read, and its owner write to."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.promise(
    fault="the folder of the rejects file or of the accounts may not be written to",
    promise="the load does not begin",
    seen="error: cannot write the rejects file '…': its folder may not be written to; …; exit 2",
)
def test_folders_that_may_not_be_written_to_are_found_before_the_load(trial: Trial, readable: Path) -> None:
    source = readable / "birds.csv"
    source.write_text(SOURCE)
    state = readable / "state"
    state.mkdir()
    state.chmod(0o777)
    trial.load(source, max_rejects=100, state_dir=state)  # whatever is imported late is there now
    before = trial.state_now()
    with as_another_user(readable), pytest.raises(ConfigurationError, match=r"rejects\.csv.*may not be written to"):
        trial.load(source, rejects=readable / "rejects.csv", state_dir=state)
    readable.chmod(0o755)
    state.chmod(0o755)
    with (
        as_another_user(state),
        pytest.raises(ConfigurationError, match=r"Permission denied; name another .* --state-dir"),
    ):
        trial.load(source, rejects=Path(os.devnull), max_rejects=100, state_dir=state)
    assert trial.state_now() == before
    assert trial.buckets == {""}
