"""Fixtures that give tests a real InfluxDB, and the count of the tests that talked to one.

The server is found or built before the first test runs, so that no test's time limit covers a build.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import uuid
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from importer.errors import ConfigurationError
from importer.server.connection import Connection, Server
from importer.server.influxd import find_or_build, influxd_version
from importer.server.onboarding import onboard
from importer.server.process import InfluxdProcess, free_port, run_influxd, stop_process

# Any test that asks for one of the other fixtures asks for this one too.
MARKING_FIXTURE = "influxd_binary"
VERSION_PROPERTY = "influxd_version"
BINARY = pytest.StashKey[Path | ConfigurationError]()
VERSION = pytest.StashKey[str]()

_STARTER = ThreadPoolExecutor(1, "influxd-starter")
"""A child dies with the thread that started it, not with the process: this one lasts as long as the tests."""


def run_while_tests_run(binary: Path, folder: Path, port: int) -> InfluxdProcess:
    """Start influxd so that it dies with this process, also where that is killed; where there is no setpriv, without.

    Args:
        binary: the influxd.
        folder: its data and its log.
        port: a free one.
    """
    if setpriv := shutil.which("setpriv"):
        program = folder / "influxd-of-tests"
        if not program.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            words = shlex.join([setpriv, "--pdeathsig", "KILL", str(binary.absolute())])
            program.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
            program.chmod(0o700)
        binary = program
    return _STARTER.submit(run_influxd, binary, folder, port).result()


class Influxd:
    """A server that a test may write to, stop and kill.

    Attributes:
        binary: what runs.
        connection: address, token and organisation; the same after a restart.
        server: open, with this connection.
        process: the one that runs now.
    """

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary = binary
        self.process: InfluxdProcess = run_while_tests_run(binary, folder, free_port())
        self.connection: Connection = onboard(self.process.url, folder, origin="test")
        self.server = Server(self.connection)

    def stop(self) -> None:
        """End it politely, if it runs."""
        stop_process(self.process)

    def restart(self) -> None:
        """Start it again on the same port and data, after stopping it if it runs."""
        self.stop()
        self.process = run_while_tests_run(self.binary, self.process.folder, self.process.port)

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self.process.pid, signal.SIGKILL)
        stop_process(self.process)

    def close(self) -> None:
        """End it and close the connections."""
        self.server.close()
        self.stop()


@pytest.fixture(scope="session")
def influxd_binary(request: pytest.FixtureRequest) -> Path:
    """The path of influxd; skips where there is none, fails where there has to be one."""
    found = request.config.stash[BINARY]
    if isinstance(found, Path):
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(str(found), pytrace=False)
    pytest.skip(f"no InfluxDB to talk to: {found}")


@pytest.fixture(scope="session")
def influxd(influxd_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """The server that tests share; whoever stops it starts it again."""
    running = Influxd(influxd_binary, tmp_path_factory.mktemp("influxd"))
    yield running
    running.close()


@pytest.fixture
def own_influxd(influxd_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Influxd]]:
    """Starts a server for this test alone, to be stopped and killed at will, on each call."""
    started: list[Influxd] = []

    def start() -> Influxd:
        started.append(Influxd(influxd_binary, tmp_path_factory.mktemp("own-influxd")))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture
def fresh_bucket_name(influxd: Influxd) -> Iterator[str]:
    """A name that no bucket has; buckets with this name or part of it are deleted after the test."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    for bucket_id in list(_ids_of_buckets_named(name, influxd.server)):
        influxd.server.call("DELETE", f"/api/v2/buckets/{bucket_id}")


def _ids_of_buckets_named(part: str, server: Server) -> Iterator[str]:
    page_size, query = 100, {"limit": "100"}
    while True:
        buckets = server.call("GET", "/api/v2/buckets", query=query)["buckets"]
        yield from (bucket["id"] for bucket in buckets if part in bucket["name"])
        if len(buckets) < page_size:
            return
        query = {"limit": str(page_size), "after": buckets[-1]["id"]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that talk to a server."""
    for item in items:
        if MARKING_FIXTURE in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.influxd)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where several processes run the tests, build influxd before they start: they could tell nobody about it."""
    option = session.config.option
    if not option.collectonly and getattr(option, "numprocesses", None) and not hasattr(session.config, "workerinput"):
        with suppress(ConfigurationError):  # which the tests are told of
            find_or_build(say=_teller(session.config))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find or build influxd, if a test that was picked needs it."""
    if session.config.option.collectonly or not any(item.get_closest_marker("influxd") for item in session.items):
        return
    stash = session.config.stash
    try:
        stash[BINARY] = binary = find_or_build(say=_teller(session.config))
    except ConfigurationError as error:
        stash[BINARY] = error
    else:
        stash[VERSION] = influxd_version(binary) or "of an unknown version"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the server's version with each test that talked to one."""
    report = yield
    if report.passed and report.when == "call" and item.get_closest_marker("influxd"):
        report.user_properties.append((VERSION_PROPERTY, item.config.stash[VERSION]))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests passed against a real server."""
    versions = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == VERSION_PROPERTY
    ]
    if versions:
        terminalreporter.write_line(f"{len(versions)} tests talked to a real InfluxDB {versions[0]} server", bold=True)


def _teller(config: pytest.Config) -> Callable[[str], None]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.write_line if reporter else lambda _: None
