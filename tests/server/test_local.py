"""The local server: started once, found again, stopped, healed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from importer.cli.server import app
from importer.errors import ConfigurationError, ServerError
from importer.locks import locked
from importer.server import local
from importer.server.connection import Server
from importer.server.influxd import influxd_version
from importer.server.onboarding import credentials_path, read_credentials
from importer.server.process import (
    InfluxdProcess,
    free_port,
    is_alive,
    run_influxd,
    spawn_influxd,
    start_time,
    stop_process,
)
from importer.server.state import read_state, remember
from tests.influxd import Influxd


@pytest.fixture
def folder(tmp_path: Path, influxd_binary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of a local server that is stopped after the test; 8086 is left to others."""
    monkeypatch.setenv("IMPORTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IMPORTER_INFLUXD", str(influxd_binary))
    monkeypatch.setattr(local, "USUAL_PORT", free_port())
    yield tmp_path / "server"
    local.stop()


def forget_setup(folder: Path) -> None:
    """Make the server's store what it is before the first set-up; the server is stopped."""
    (folder / "influxd.bolt").unlink()
    (folder / "influxd.sqlite").unlink()


def listeners(port: int) -> list[str]:
    """The hexadecimal addresses at which something listens on this port."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            address, _, hex_port = line.split()[1].rpartition(":")
            if int(hex_port, 16) == port and line.split()[3] == "0A":
                found.append(address)
    return found


def test_start_gives_a_server_that_accepts_the_connection(folder: Path, influxd_binary: Path) -> None:
    server = local.start()
    assert server.folder == folder
    assert server.version == influxd_version(influxd_binary)
    assert server.url == f"http://127.0.0.1:{local.USUAL_PORT}"
    connection = local.connection()
    assert (connection.url, connection.org, connection.origin) == (server.url, "importer", "local server")
    with Server(connection) as opened:
        buckets = opened.call("GET", "/api/v2/buckets")["buckets"]
    default = next(bucket for bucket in buckets if bucket["name"] == "default")
    assert default["retentionRules"][0]["everySeconds"] == 0


@pytest.mark.usefixtures("folder")
def test_it_listens_on_the_loopback_address_only() -> None:
    local.start()
    assert listeners(local.USUAL_PORT) == ["0100007F"]


def test_secrets_are_for_their_owner_alone_and_never_among_the_arguments(folder: Path) -> None:
    server = local.start()
    token = local.connection().token
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(credentials_path(folder).stat().st_mode) == 0o600
    assert token not in Path(f"/proc/{server.pid}/cmdline").read_text()
    assert token not in Path(f"/proc/{server.pid}/environ").read_text()
    assert token not in repr(local.connection())
    assert token not in repr(read_credentials(folder))
    for name in ("state.json", "influxd.log"):
        assert token not in (folder / name).read_text()


def test_tokens_and_settings_of_the_caller_are_not_passed_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_TOKEN", "somebody-elses")
    monkeypatch.setenv("INFLUXD_HTTP_BIND_ADDRESS", "0.0.0.0:1")
    server = local.start()
    assert "somebody-elses" not in Path(f"/proc/{server.pid}/environ").read_text()
    assert local.status().server == server
    assert folder.exists()


@pytest.mark.usefixtures("folder")
def test_a_second_start_uses_the_running_server() -> None:
    first = local.start()
    assert local.start() == first
    assert local.ensure_started() == local.connection()
    assert local.status().server == first


@pytest.mark.usefixtures("folder")
def test_a_taken_port_is_left_to_its_owner() -> None:
    with socket.create_server(("127.0.0.1", local.USUAL_PORT)):
        server = local.start()
        assert server.url != f"http://127.0.0.1:{local.USUAL_PORT}"
        with urllib.request.urlopen(f"{server.url}/health", timeout=5) as answer:  # noqa: S310
            assert json.load(answer)["status"] == "pass"


def test_the_port_is_kept_over_a_stop_even_where_the_usual_one_is_free_again(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", local.USUAL_PORT)):
        first = local.start()
    assert local.stop()
    state = read_state(folder)
    assert state is not None
    assert state.pid is None
    second = local.start()
    assert second.url == first.url
    assert second.pid != first.pid


def test_the_usual_port_is_8086() -> None:
    assert local.USUAL_PORT == 8086


@pytest.mark.usefixtures("folder")
def test_stop_ends_the_server_and_says_whether_there_was_one() -> None:
    assert not local.stop()
    server = local.start()
    assert local.stop()
    assert not Path(f"/proc/{server.pid}").exists()
    assert not local.stop()
    assert local.status().server is None


@pytest.mark.usefixtures("folder")
def test_data_and_token_outlive_a_stop() -> None:
    local.start()
    before = local.connection()
    with Server(before) as server:
        body = {"name": "kept", "orgID": server.org_id, "retentionRules": []}
        server.call("POST", "/api/v2/buckets", body=body)
    local.stop()
    after = local.ensure_started()
    assert after == before
    with Server(after) as server:
        assert server.call("GET", "/api/v2/buckets", query={"name": "kept"})["buckets"]


@pytest.mark.usefixtures("folder")
def test_a_killed_server_is_seen_as_gone_and_started_again() -> None:
    killed = local.start()
    os.kill(killed.pid, signal.SIGKILL)
    os.waitpid(killed.pid, 0)
    assert local.status().server is None
    with pytest.raises(ConfigurationError, match="importer server start"):
        local.connection()
    server = local.start()
    assert server.pid != killed.pid
    assert server.url == killed.url


def test_a_process_that_only_has_the_same_id_is_left_alone(folder: Path) -> None:
    folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        stale = InfluxdProcess(pid=bystander.pid, started="an earlier boot", port=free_port(), folder=folder)
        remember(stale, org="importer", version="2.7.12")
        assert local.status().server is None
        assert not local.stop()
        assert local.start().pid != bystander.pid
        assert bystander.poll() is None
        bystander.kill()


def test_a_start_that_died_before_the_set_up_is_taken_up_again(folder: Path, influxd_binary: Path) -> None:
    left_behind = spawn_influxd(influxd_binary, folder, free_port())
    remember(left_behind)
    server = local.start()
    assert server.pid == left_behind.pid
    with Server(local.connection()) as opened:
        assert opened.org_id


def test_a_set_up_that_was_cut_off_after_its_token_was_written_uses_that_token(folder: Path) -> None:
    local.start()
    token = local.connection().token
    local.stop()
    forget_setup(folder)
    assert local.ensure_started().token == token


def test_a_running_server_without_set_up_is_not_called_running(folder: Path, influxd_binary: Path) -> None:
    remember(run_influxd(influxd_binary, folder, free_port()))
    now = local.status()
    assert now.server is None
    assert now.problem is not None
    assert "set-up was cut off" in now.problem


def test_a_lost_token_is_a_clear_error(folder: Path) -> None:
    local.start()
    local.stop()
    credentials_path(folder).unlink()
    with pytest.raises(ConfigurationError, match=r"its token is lost") as caught:
        local.start()
    assert f"remove the folder {folder}" in str(caught.value)


def test_a_token_that_the_server_refuses_is_a_clear_error(folder: Path) -> None:
    local.start()
    local.stop()
    path = credentials_path(folder)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"token": "another"}))
    with pytest.raises(ConfigurationError, match=r"does not accept the token"):
        local.start()


def test_a_server_that_dies_shows_its_log(tmp_path: Path, influxd_binary: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match="address already in use"):
            run_influxd(influxd_binary, tmp_path, port)


def test_a_server_that_never_gets_ready_is_not_left_running(tmp_path: Path) -> None:
    idle = tmp_path / "influxd"
    idle.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\necho thinking\nexec sleep 60\n")
    idle.chmod(0o755)
    with pytest.raises(ServerError, match=r"not ready at http://127\.0\.0\.1:\d+ after 1 s") as caught:
        run_influxd(idle, tmp_path / "data", free_port(), timeout_seconds=1)
    assert "thinking" in str(caught.value)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_server_that_ignores_a_polite_end_is_killed(tmp_path: Path) -> None:
    stubborn = tmp_path / "influxd"
    stubborn.write_text(f"#!/bin/sh\ntrap '' TERM\ntouch {tmp_path}/ready\nwhile :; do sleep 0.1; done\n")
    stubborn.chmod(0o755)
    process = spawn_influxd(stubborn, tmp_path / "data", free_port())
    while not (tmp_path / "ready").exists():
        assert is_alive(process)
    assert stop_process(process, grace_seconds=0.3)
    assert not is_alive(process)


FIRST_THREAD_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="another system tells of processes in its own way")
def test_a_process_is_alive_until_the_last_of_its_threads_has_ended(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", FIRST_THREAD_ENDS])
    started = start_time(child.pid)
    assert started is not None
    process = InfluxdProcess(pid=child.pid, started=started, port=0, folder=tmp_path)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and ") Z " not in Path(f"/proc/{child.pid}/stat").read_text():
        time.sleep(0.02)
    assert ") Z " in Path(f"/proc/{child.pid}/stat").read_text()
    assert is_alive(process)
    assert stop_process(process)
    assert not Path(f"/proc/{child.pid}").exists()
    child.returncode = 0  # it was waited for already


def start_in_another_process() -> None:
    local.start()


@pytest.mark.usefixtures("folder")
def test_starts_at_the_same_time_give_one_server() -> None:
    spawn = multiprocessing.get_context("spawn")
    starts = [spawn.Process(target=start_in_another_process) for _ in range(3)]
    for process in starts:
        process.start()
    for process in starts:
        process.join(60)
    assert [process.exitcode for process in starts] == [0, 0, 0]
    server = local.start()
    found = subprocess.run(
        ["pgrep", "--full", str(server.folder)], capture_output=True, text=True, check=False
    ).stdout.split()
    assert found == [str(server.pid)]


def test_a_start_waits_for_the_lock_and_says_so(folder: Path) -> None:
    program = "from importer.server import local; local.start(say=print)"
    with locked(folder / "lock"):
        other = subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert "Waiting" in other.stdout.readline()
        assert local.status().server is None
    said, _ = other.communicate(timeout=60)
    assert other.returncode == 0
    assert "Starting" in said


def test_who_starts_a_server_that_answers_waits_for_nobody(folder: Path) -> None:
    server = local.start()
    with locked(folder / "lock"):
        assert local.start(say=pytest.fail) == server


@pytest.mark.usefixtures("folder")
def test_a_server_outlives_the_command_that_started_it() -> None:
    subprocess.run([sys.executable, "-c", "from importer.server import local; local.start()"], check=True)
    assert local.status().server is not None


@pytest.mark.usefixtures("folder")
def test_the_commands_start_show_and_stop_it() -> None:
    run = CliRunner().invoke
    answer = run(app, ["status"])
    assert (answer.exit_code, "importer server start" in answer.output) == (3, True)
    answer = run(app, ["start"])
    assert answer.exit_code == 0
    assert f"running at http://127.0.0.1:{local.USUAL_PORT}" in answer.stdout
    assert local.connection().token not in answer.output
    answer = run(app, ["status", "--json"])
    assert answer.exit_code == 0
    said = json.loads(answer.stdout)
    assert (said["running"], said["version"]) == (True, "2.7.12")
    assert run(app, ["stop"]).exit_code == 0
    answer = run(app, ["status", "--json"])
    assert (answer.exit_code, json.loads(answer.stdout)["running"]) == (3, False)
    assert "not running" in run(app, ["stop"]).stdout


def test_the_shared_server_comes_back_with_the_same_connection(own_influxd: Callable[[], Influxd]) -> None:
    own = own_influxd()
    assert own.server.health()
    own.kill()
    with pytest.raises(ServerError):
        own.server.health()
    own.restart()
    assert own.server.org_id


def test_a_bucket_name_of_a_test_is_free(influxd: Influxd, fresh_bucket_name: str) -> None:
    body = {"name": f"staging.{fresh_bucket_name}", "orgID": influxd.server.org_id, "retentionRules": []}
    influxd.server.call("POST", "/api/v2/buckets", body=body)


def test_buckets_of_earlier_tests_are_gone(influxd: Influxd) -> None:
    buckets = influxd.server.call("GET", "/api/v2/buckets")["buckets"]
    assert not [bucket["name"] for bucket in buckets if bucket["name"].startswith("staging.test-")]
