"""``importer serve``: what it binds, what it logs, how it ends."""

from __future__ import annotations

import inspect
import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from importer.cli.serve import serve_command
from importer.errors import ConfigurationError
from importer.service.settings import ServiceSettings
from tests.influxd import Influxd
from tests.loading import Command, Start

TOKEN = "a-token-of-enough-characters"


def served_url(process: subprocess.Popen[str], log: Path) -> str:
    """Where a service says that it is, once it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"serving at (http://\S+?)/ ", log.read_text())
        if found:
            try:
                httpx.get(f"{found[1]}/health", headers={"Host": "localhost"})
            except httpx.ConnectError:
                pass
            else:
                return found[1]
        time.sleep(0.05)
    raise AssertionError(f"it does not serve: {log.read_text()}")


def logged_lines(path: Path, wanted: str) -> list[dict[str, Any]]:
    """The lines of requests, as soon as one is about that path."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        if any(line["path"] == wanted for line in lines):
            return lines
        time.sleep(0.05)
    raise AssertionError(path.read_text())


@pytest.mark.usefixtures("environment")
def test_serve_answers_logs_each_request_as_a_line_of_json_without_queries_or_tokens_and_ends_at_a_signal_with_0(
    start: Start, tmp_path: Path
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN + "\n")
    token_file.chmod(0o600)
    out, err = tmp_path / "out.txt", tmp_path / "err.txt"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = start(
            "serve", "--port", "0", "--service-token-file", token_file, "--state-dir", tmp_path / "state",
            stdout=stdout, stderr=stderr,
        )  # fmt: skip
    url = served_url(process, err)
    asked = {"Authorization": f"Bearer {TOKEN}", "X-Request-ID": "mine-1"}
    answer = httpx.get(f"{url}/read/no-such-bucket/query", params={"location": "a secret place"}, headers=asked)
    assert (answer.status_code, answer.headers["x-request-id"]) == (404, "mine-1")
    assert httpx.get(f"{url}/internal/metrics").status_code == 401
    lines = logged_lines(out, "/internal/metrics")
    (line,) = (each for each in lines if each["path"] == "/read/no-such-bucket/query")
    assert set(line) == {"time", "method", "path", "status", "seconds", "bytes", "client", "request_id"}
    assert (line["method"], line["status"], line["client"], line["request_id"]) == ("GET", 404, "127.0.0.1", "mine-1")
    assert line["bytes"] == len(answer.content)
    assert 0 < line["seconds"] < 60
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    said = out.read_text() + err.read_text()
    assert TOKEN not in said
    assert "secret place" not in said


@pytest.mark.usefixtures("environment")
def test_serve_ends_at_ctrl_c_even_while_a_client_holds_a_connection_open(start: Start, tmp_path: Path) -> None:
    err = tmp_path / "err.txt"
    with err.open("w") as stderr:
        process = start("serve", "--port", "0", "--state-dir", tmp_path / "state", stderr=stderr)
    url = served_url(process, err)
    with httpx.Client() as client:
        assert client.get(f"{url}/ready").json()["status"] == "pass"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.test"])  # noqa: S104 - it must not be bound
def test_serve_binds_nothing_but_loopback_without_a_token(command: Command, environment: None, host: str) -> None:
    del environment
    ended = command("serve", "--host", host, "--port", "0")
    assert ended.code == 2
    assert f"others can reach {host}" in ended.err
    assert "--service-token-file" in ended.err


def test_a_token_has_at_least_16_characters_and_is_never_shown(
    command: Command, environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del environment
    monkeypatch.setenv("IMPORTER_SERVICE_TOKEN", "too-short-token")
    ended = command("serve", "--host", "0.0.0.0")  # noqa: S104 - it must not be bound
    assert (ended.code, "at least 16 characters" in ended.err) == (2, True)
    assert "too-short-token" not in ended.err
    monkeypatch.delenv("IMPORTER_SERVICE_TOKEN")
    readable = tmp_path / "token"
    readable.write_text(TOKEN)
    readable.chmod(0o644)
    ended = command("serve", "--service-token-file", readable)
    assert (ended.code, "others can read" in ended.err) == (2, True)


def test_a_port_that_is_taken_is_told_of(command: Command, environment: None) -> None:
    del environment
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = command("serve", "--port", str(taken.getsockname()[1]))
    assert ended.code == 2
    assert "cannot listen at 127.0.0.1" in ended.err


def test_options_go_before_the_environment(no_settings: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del no_settings
    monkeypatch.setenv("IMPORTER_SERVICE_PORT", "8001")
    monkeypatch.setenv("IMPORTER_SERVICE_IMPORT_WORKERS", "3")
    monkeypatch.setenv("IMPORTER_SERVICE_CORS_ORIGINS", "https://a.test, https://b.test")
    monkeypatch.setenv("IMPORTER_SERVICE_TOKEN", "of-the-environment-0")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    settings = ServiceSettings.of(port=8002, token_file=tmp_path / "token", import_workers=None)
    assert (settings.port, settings.import_workers) == (8002, 3)
    assert settings.cors_origins == ("https://a.test", "https://b.test")
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.token is not None
    assert settings.token.get_secret_value() == TOKEN
    assert TOKEN not in repr(settings)
    assert ServiceSettings.of().token.get_secret_value() == "of-the-environment-0"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"port": 70_000}, "PORT"),
        ({"import_workers": 0}, "IMPORT_WORKERS"),
        ({"allow_folder": Path("no-such-folder")}, "there is no folder"),
        ({"request_seconds": 0}, "REQUEST_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named(no_settings: Path, options: dict[str, Any], named: str) -> None:
    del no_settings
    with pytest.raises(ConfigurationError, match=named):
        ServiceSettings.of(**options)


def test_a_second_service_on_the_same_folder_is_refused_in_one_line(
    start: Start, command: Command, environment: None, tmp_path: Path
) -> None:
    del environment
    with (tmp_path / "err").open("w") as stderr:
        first = start("serve", "--port", "0", "--state-dir", tmp_path / "state", stderr=stderr)
    served_url(first, tmp_path / "err")
    ended = command("serve", "--port", "0", "--state-dir", tmp_path / "state")
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=30) == 0
    assert (ended.code, ended.out) == (2, "")
    assert "another service" in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err


def test_serve_needs_no_option_and_names_a_variable_that_is_wrong(
    command: Command, environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del environment
    monkeypatch.setenv("IMPORTER_SERVICE_PORT", "abc")
    ended = command("serve")
    assert (ended.code, ended.out) == (2, "")
    assert "IMPORTER_SERVICE_PORT" in ended.err


def test_an_influxdb_that_is_away_when_the_service_starts_is_waited_for(
    own_influxd: Any, no_settings: Path, monkeypatch: pytest.MonkeyPatch, start: Start, tmp_path: Path
) -> None:
    del no_settings
    influxd: Influxd = own_influxd()
    influxd.stop()
    for name in ("url", "token", "org"):
        monkeypatch.setenv(f"INFLUX_{name.upper()}", getattr(influxd.connection, name))
    err = tmp_path / "err.txt"
    with err.open("w") as stderr:
        process = start("serve", "--port", "0", "--state-dir", tmp_path / "state", stderr=stderr)
    url = served_url(process, err)
    assert httpx.get(f"{url}/ready").status_code == 503
    influxd.restart()
    assert httpx.get(f"{url}/ready").status_code == 200


def test_a_variable_that_is_misspelt_is_warned_of_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("IMPORTER_SERVICE_MAX_UPLOAD_BYTE", "1000")
    monkeypatch.setenv("IMPORTER_SERVICE_PORT", "8001")
    assert ServiceSettings.of().port == 8001
    assert [record.message for record in caplog.records] == [
        "warning: there is no setting IMPORTER_SERVICE_MAX_UPLOAD_BYTE; did you mean IMPORTER_SERVICE_MAX_UPLOAD_BYTES?"
    ]


def test_without_what_the_service_needs_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "importer.service.serving", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'importer\[service\]'"):
        inspect.unwrap(serve_command)(where=lambda: None)  # type: ignore[call-arg]
