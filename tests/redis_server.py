"""Fixtures that give tests a real Redis, as Debian packages it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from importer.server.process import free_port

START_SECONDS = 10.0


class RedisServer:
    """A server that a test may fill, stop and start again.

    Attributes:
        url: where it is, also while it does not run.
        client: an open connection.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder, self._port = program, folder, free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.client = redis.Redis.from_url(self.url)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, with nothing in it, on the same port as before."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *options, "--dir", str(self._folder)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client.ping()
            except redis.RedisError:
                assert time.monotonic() < deadline, "redis-server did not start"
                time.sleep(0.02)
            else:
                return

    def pause(self) -> None:
        """Have it answer nobody, with all that is in it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, and lose all that is in it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def redis_program() -> str:
    """The path of redis-server; skips where there is none, fails where there has to be one."""
    found = shutil.which("redis-server")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no redis-server: install Debian's package of that name", pytrace=False)
        pytest.skip("no redis-server to talk to: install Debian's package of that name")
    return found


@pytest.fixture
def own_redis(redis_program: str, tmp_path: Path) -> Iterator[Callable[[], RedisServer]]:
    """Starts a Redis for this test alone, to be stopped at will."""
    started: list[RedisServer] = []

    def start() -> RedisServer:
        started.append(RedisServer(redis_program, tmp_path))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def redis_server(redis_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis that tests share; whoever stops it starts it again."""
    running = RedisServer(redis_program, tmp_path_factory.mktemp("redis"))
    yield running
    running.stop()


@pytest.fixture
def empty_redis(redis_server: RedisServer) -> RedisServer:
    """The Redis that tests share, with nothing in it."""
    redis_server.client.flushall()
    return redis_server
