"""What is not a plain file is looked at as a file is: all of it, once, and with nothing secret shown."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path

import pytest

import importer
from importer import ConfigurationError, LoadInterruptedError, MappingError, SourceError
from importer.inspecting.hints import Hints
from importer.inspecting.naming import bucket_after
from importer.inspecting.rereading import rereadable
from importer.source.bounds import Bounds
from importer.source.named import expand
from tests.loading import Command, Trial, birds_csv
from tests.web_files import web_file

ROWS = birds_csv(50)
SECRET = "hush"


def with_secrets(url: str) -> str:
    return url.replace("http://", f"http://me:{SECRET}@") + f"?sig={SECRET}"


def test_keys_that_json_lines_have_late_only_are_columns_too(trial: Trial) -> None:
    early = [{"t": 1_600_000_000 + n, "v": n, "text": "x" * 100} for n in range(20_000)]
    late = [{"t": 1_600_100_000 + n, "alarm": n} for n in range(3)]
    path = trial.csv("".join(json.dumps(row) + "\n" for row in [*early, *late]), name="late.jsonl")
    assert path.stat().st_size > 2 << 20
    found = importer.inspect(path)
    assert [column.name for column in found.columns] == ["t", "v", "text", "alarm"]
    report = trial.load(path, mapping=found.mapping)
    assert {field.field: field.stored for field in report.fields}["alarm"] == 3


def test_an_address_is_asked_once_for_an_inspection_and_its_load(trial: Trial) -> None:
    with web_file(data=ROWS.encode()) as file:
        report = importer.load(file.url, options=trial.options(), connection=trial.connection)
        assert report.status == "verified"
        assert report.rows_read == 50
        assert len(file.asked) == 1
    assert [source.path for source in report.sources] == [file.url]


@pytest.mark.usefixtures("environment")
def test_nothing_secret_of_an_address_is_shown(trial: Trial, command: Command) -> None:
    with web_file(data=ROWS.encode()) as file:
        inspected = command("inspect", with_secrets(file.url))
        loaded = command("load", with_secrets(file.url), "--bucket", trial.bucket, "--log-json")
    assert (inspected.code, loaded.code) == (0, 0), inspected.err + loaded.err
    assert SECRET not in inspected.out + inspected.err + loaded.out + loaded.err


@pytest.mark.parametrize("url", ["http://me:hush@h/_a.csv?sig=hush", "http://me:hush@h/?id=5", "http://me:hush@h"])
def test_no_bucket_is_named_after_what_is_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match="--bucket") as refused:
        bucket_after([url])
    assert SECRET not in str(refused.value)


def test_a_bucket_is_named_after_the_file_that_an_address_ends_in() -> None:
    assert bucket_after(["https://me:hush@h/data/birds.csv.gz?sig=hush"]) == "birds"


def test_what_may_be_kept_and_how_far_it_may_swell_is_as_the_options_say(trial: Trial) -> None:
    path = trial.csv(gzip.compress(("t,v\n" + "1600000000,1\n" * 2_000_000).encode()), name="swells.csv.gz")
    with pytest.raises(SourceError, match="max-expansion"):
        importer.load(path, options=trial.options(max_expansion=20), connection=trial.connection)
    with web_file(data=ROWS.encode()) as file, pytest.raises(SourceError, match="max-download-bytes"):
        importer.load(file.url, options=trial.options(max_download_bytes=100), connection=trial.connection)


def test_copying_the_input_ends_when_it_is_told_to(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with web_file(data=ROWS.encode()) as file:  # noqa: SIM117
        with pytest.raises(LoadInterruptedError), rereadable(expand([file.url]), folder=tmp_path, stop=stop):
            pass
    assert not list(tmp_path.iterdir())


def test_a_state_folder_that_cannot_be_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with web_file(data=b"a\n1\n") as file, pytest.raises(SourceError, match="cannot keep the input in"):  # noqa: SIM117
        with rereadable(expand([file.url]), folder=tmp_path / "file" / "state", bounds=Bounds()):
            pass


@pytest.mark.parametrize("wrong", [{"time_format": "dd/mm/yyyy"}, {"timezone": "Europe/Zurch"}])
def test_a_format_or_zone_that_is_none_is_told_of(wrong: dict[str, str]) -> None:
    with pytest.raises(MappingError, match="time: "):
        Hints.of(**wrong)


def test_lines_that_are_skipped_say_nothing_of_the_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("exported by X\n" + "t;v\n2024-01-01T00:00:00Z;1,5\n2024-01-02T00:00:00Z;2,5\n")
    found = importer.inspect(path, csv={"skip_header": 1})
    assert (found.dialect.delimiter, [column.name for column in found.columns]) == (";", ["t", "v"])
