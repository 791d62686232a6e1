"""Where nobody names a server, the commands around a bucket work against the local one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.server import local
from importer.server.process import free_port
from tests.loading import BIRDS_FLAGS, Command, birds_csv


@pytest.fixture
def no_server_named(no_settings: Path, influxd_binary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable names a server; the local one is stopped after the test, and 8086 is left to others."""
    monkeypatch.setenv("IMPORTER_DATA_DIR", str(no_settings / "data"))
    monkeypatch.setenv("IMPORTER_INFLUXD", str(influxd_binary))
    monkeypatch.setattr(local, "USUAL_PORT", free_port())
    yield
    local.stop()


@pytest.mark.usefixtures("no_server_named")
def test_the_commands_around_a_bucket_work_without_any_setting(command: Command) -> None:
    Path("birds.csv").write_text(birds_csv(20))
    Path("buckets.toml").write_text('[[buckets]]\nname = "birds"\n[[buckets]]\nname = "others"\n')

    def said(*words: str) -> str:
        ended = command(*words)
        assert ended.code == 0, ended.err
        return ended.out

    assert "Created 2." in said("buckets", "apply", "buckets.toml")  # starts it
    said("load", "birds.csv", *BIRDS_FLAGS, "--bucket", "birds", "--if-exists", "replace")
    assert {"birds", "others"} <= {each["name"] for each in json.loads(said("buckets", "list", "--json"))}
    shown = json.loads(said("buckets", "show", "birds", "--json"))
    assert (shown["rows"], shown["values"]) == (20, 40)
    assert len(said("read", "birds").splitlines()) == 21
    assert said("read", "birds", "--output", "b.parquet", "--quiet") == ""
    assert json.loads(said("analyze", "birds", "--json"))["count"] == 40
    said("backup", "birds", "--to", "saved")
    assert said("restore", "saved", "--as", "birds-again").startswith("verified: bucket birds-again")
    assert "verified: bucket made-up" in said("generate", "telemetry", "--points", "50", "--bucket", "made-up")
    said("buckets", "delete", "birds", "--yes")
    assert "there is no bucket 'birds'" in command("read", "birds").err
