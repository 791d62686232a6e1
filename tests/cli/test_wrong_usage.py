"""What is wrong with the words of a command is told before a server is looked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.errors import ConfigurationError
from importer.provisioning.wanted import read_wanted
from tests.loading import Command, Trial, birds_csv


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("read birds --output x.xls", "x.xls"),
        ("read birds --output nowhere/x.csv", "name a file in a folder that exists"),
        ("read birds --start 2024-02-01 --stop 2024-01-01", "the start must come before the stop"),
        ("read birds --format table --start 2024-02-01 --stop 2024-01-01", "the start must come before the stop"),
        ("read birds --aggregate 1h --fn avg", "there is no function 'avg'. There are: "),
        ("analyze birds --start 2024-02-01 --stop 2024-01-01", "the start must come before the stop"),
    ],
)
def test_wrong_options_are_told_before_a_server_is_looked_for(
    words: str, said: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_for(**_: object) -> None:
        pytest.fail("a server was looked for")

    monkeypatch.setattr("importer.api.connect", looked_for)
    ended = command(*words.split())
    assert (ended.code, said in ended.err) == (2, True)


@pytest.mark.usefixtures("environment")
def test_a_restore_tells_wrong_names_and_damage_before_a_server_is_looked_for(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.load(trial.csv(birds_csv(10)), verify=False)
    assert command("backup", trial.bucket, "--to", "b").code == 0
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:9")
    ended = command("restore", "b", "--as", "")
    assert (ended.code, ended.err) == (2, "error: '' is not a usable bucket name: it is empty or not printable\n")
    (manifest,) = Path("b").glob("*.manifest")
    held = json.loads(manifest.read_text())
    held["buckets"].append(held["buckets"][0] | {"bucketName": "other"})
    manifest.write_text(json.dumps(held))
    ended = command("restore", "b", "--as", "x")
    assert (ended.code, "can be the name of one bucket only" in ended.err) == (2, True)
    manifest.write_text("{")
    ended = command("restore", "b")
    assert (ended.code, "take the file from another copy" in ended.err) == (2, True)


@pytest.mark.usefixtures("environment")
def test_a_backup_of_no_bucket_names_those_of_users_alone(trial: Trial, command: Command) -> None:
    trial.load(trial.csv(birds_csv(10)), verify=False)
    ended = command("backup", "qqqqqqqqqqqq", "--to", "b")
    assert (trial.bucket in ended.err, "_tasks" in ended.err) == (True, False)


def test_one_wrong_place_is_one_place(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text('[{"name": "a", "retention": "x"}]')
    with pytest.raises(ConfigurationError, match="wrong in 1 place:"):
        read_wanted(file)
