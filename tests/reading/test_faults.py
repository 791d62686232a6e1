"""Whatever goes wrong, there is an error, and never a file that lacks something."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import importer
from importer import ConfigurationError, ImporterError, LoadInterruptedError, ServerError, VerificationError
from importer.bucket import influxql
from importer.reading import points
from tests.fault_proxy import Fault, fault_proxy
from tests.loading import Trial

from .conftest import Fill

Change = Callable[[Iterator[bytes]], Iterator[bytes]]


@pytest.fixture
def rows(trial: Trial, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bucket whose answers come in several pieces; and a file that is there already."""
    fill(*(f"m,id={n % 3} v={n}i {n}" for n in range(30)))
    monkeypatch.setattr(points, "CHUNK_ROWS", 4)
    path = trial.folder / "out.csv"
    path.write_text("older\n")
    return path


def export(trial: Trial, path: Path, **options: Any) -> importer.Exported:
    usual = {"connection": trial.connection, "force": True, "wait_seconds": 0.5}
    return importer.export(trial.bucket, path, **(usual | options))


def answers(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Change the lines of those answers that hold rows of points."""
    plain = influxql._lines

    def lines(response: Any, longest: int) -> Iterator[bytes]:
        found = list(plain(response, longest))
        holds_rows = any(b'"columns":["time","v"]' in line for line in found) and len(found) > 1
        yield from change(iter(found)) if holds_rows else found

    monkeypatch.setattr(influxql, "_lines", lines)


def assert_only_the_older_file_is_there(path: Path) -> None:
    assert path.read_text() == "older\n"
    assert [each.name for each in path.parent.iterdir() if each.is_file()] == ["out.csv"]


@pytest.mark.parametrize("error", [{"error": "out of memory"}, {"results": [{"error": "out of memory"}]}])
def test_an_error_in_the_midst_of_an_answer_that_began_well_is_an_error(
    trial: Trial, rows: Path, monkeypatch: pytest.MonkeyPatch, error: dict[str, Any]
) -> None:
    def broken(lines: Iterator[bytes]) -> Iterator[bytes]:
        yield next(lines)
        yield json.dumps(error).encode() + b"\n"

    answers(monkeypatch, broken)
    with pytest.raises(ServerError, match="the query broke off: out of memory"):
        export(trial, rows)
    assert_only_the_older_file_is_there(rows)


def test_an_answer_that_ends_too_soon_is_an_error(trial: Trial, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, lambda lines: iter(list(lines)[:-1]))
    with pytest.raises(ServerError, match="ended before it was complete"):
        export(trial, rows)
    assert_only_the_older_file_is_there(rows)


def test_an_answer_that_lacks_rows_without_a_word_is_an_error(
    trial: Trial, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, lambda lines: iter(list(lines)[1:]))
    with pytest.raises(VerificationError, match=r"not what the server counts \(v: 30 counted, 26 read\)"):
        export(trial, rows)
    assert_only_the_older_file_is_there(rows)


def test_an_answer_that_is_no_json_is_an_error(trial: Trial, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, lambda lines: iter([*list(lines)[:1], b"json: unsupported value: +Inf\n"]))
    with pytest.raises(ServerError, match=r"cannot be read: 'json: unsupported value: \+Inf"):
        export(trial, rows)
    assert_only_the_older_file_is_there(rows)


@pytest.mark.parametrize("times", [1, 1_000])
def test_a_connection_that_is_cut_in_mid_answer_is_tried_again_and_then_an_error(
    trial: Trial, rows: Path, times: int
) -> None:
    cut: list[bytes] = []
    with fault_proxy(trial.connection.url) as proxy:

        def rule(request: Any) -> Fault | None:
            if b"GROUP+BY+%2A" not in request.body or len(cut) >= times:
                return None
            cut.append(request.body)
            return Fault(cut="in body")

        proxy.rule = rule
        through = replace(trial.connection, url=proxy.url)
        if times == 1:
            assert export(trial, rows, connection=through).rows == 30
            assert len(rows.read_text().splitlines()) == 31
        else:
            with pytest.raises(ServerError, match="no answer from the server"):
                export(trial, rows, connection=through)
            assert_only_the_older_file_is_there(rows)
    assert cut


def test_what_is_set_from_elsewhere_breaks_off_a_reading_at_a_server_that_says_no_more(
    trial: Trial, rows: Path, caplog: pytest.LogCaptureFixture
) -> None:
    interrupt = threading.Event()

    def rule(request: Any) -> Fault | None:
        if b"GROUP+BY+%2A" not in request.body:
            return None
        threading.Timer(0.2, interrupt.set).start()
        return Fault(hangs_seconds=60)

    with fault_proxy(trial.connection.url) as proxy:
        proxy.rule = rule
        began = time.monotonic()
        with pytest.raises(LoadInterruptedError):
            export(trial, rows, connection=replace(trial.connection, url=proxy.url), interrupt=interrupt)
        assert time.monotonic() - began < 30
    assert [each for each in caplog.records if each.name.startswith("importer")] == []
    assert_only_the_older_file_is_there(rows)


def test_points_that_are_written_meanwhile_are_read_too(
    trial: Trial, rows: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, added = points._once, iter(["m,id=9 v=31i 31"])

    def once(*arguments: Any, **more: Any) -> Any:
        fill(*added)
        return plain(*arguments, **more)

    monkeypatch.setattr(points, "_once", once)
    assert export(trial, rows).rows == 31


def test_what_breaks_it_off_leaves_the_older_file_as_it_was(trial: Trial, rows: Path) -> None:
    def interrupt(*_: int) -> None:
        assert [each.suffix for each in rows.parent.iterdir() if each.name.startswith(".out.csv")] == [".part"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(trial, rows, progress=interrupt)
    assert_only_the_older_file_is_there(rows)


def test_a_file_that_exists_a_folder_and_one_that_is_not_there_are_refused_at_once(trial: Trial, rows: Path) -> None:
    for path, reason in (
        (rows, "is there already: .* say --force"),
        (trial.folder, "name a file in a folder that exists"),
        (trial.folder / "none" / "x.csv", "name a file in a folder that exists"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            export(trial, path, force=False, format="csv", connection=replace(trial.connection, url="http://[::1]:9"))
    assert_only_the_older_file_is_there(rows)


def test_a_disk_that_is_full_is_an_error(trial: Trial, rows: Path) -> None:
    assert rows.exists()
    with pytest.raises(ImporterError, match="cannot write the rows to '/dev/full': No space left on device"):
        export(trial, Path("/dev/full"), format="csv")


def test_nothing_is_left_behind_and_the_file_is_replaced_where_that_is_asked(trial: Trial, rows: Path) -> None:
    written = export(trial, rows)
    assert (written.rows, written.values, written.bytes) == (30, 30, rows.stat().st_size)
    assert len(rows.read_text().splitlines()) == 31
    assert [each.name for each in rows.parent.iterdir() if each.is_file()] == ["out.csv"]
