"""Fixtures of the service: in this process behind a test client, and behind a port of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from importer.server.connection import Connection
from importer.server.process import free_port
from importer.service.app import create_app
from importer.service.settings import ServiceSettings
from tests.influxd import Influxd

START_SECONDS = 20.0


def service_settings(folder: Path, **more: Any) -> ServiceSettings:
    """Settings of a test, which do not depend on the environment."""
    usual: dict[str, Any] = {"state_dir": folder / "service", "redis_url": None, "token": None, "port": 0}
    return ServiceSettings(**(usual | more))


ServiceMaker = Callable[..., TestClient]


@pytest.fixture
def make_service(no_settings: Path, influxd: Influxd, tmp_path: Path) -> Iterator[ServiceMaker]:  # noqa: ARG001
    """Makes a service with settings of a test's own: ``make_service(find=…, token=…)``."""
    with ExitStack() as stack:

        def make(*, find: Callable[[], Connection] | None = None, **settings: Any) -> TestClient:
            app = create_app(service_settings(tmp_path, **settings), find or (lambda: influxd.connection))
            # As a client on this machine calls it; errors are to be answered, not raised.
            client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield make


@pytest.fixture
def service(make_service: ServiceMaker) -> TestClient:
    """The service as it is without options, in front of the tests' InfluxDB."""
    return make_service()


class LiveService:
    """A service behind a port.

    Attributes:
        url: where it is.
        app: the application.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            assert self._thread.is_alive(), "the service ended while it started"
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.01)

    def close(self) -> None:
        """End it, whatever clients are still connected."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)


LiveMaker = Callable[..., LiveService]


@pytest.fixture
def make_live_service(no_settings: Path, influxd: Influxd, tmp_path: Path) -> Iterator[LiveMaker]:  # noqa: ARG001
    """Makes services behind ports of their own: ``make_live_service(find=…, token=…)``."""
    running: list[LiveService] = []

    def make(*, find: Callable[[], Connection] | None = None, **settings: Any) -> LiveService:
        app = create_app(service_settings(tmp_path, **settings), find or (lambda: influxd.connection))
        running.append(LiveService(app))
        return running[-1]

    yield make
    for each in running:
        each.close()


@pytest.fixture
def live_service(make_live_service: LiveMaker) -> LiveService:
    """The service as it is without options, behind a port on loopback."""
    return make_live_service()
