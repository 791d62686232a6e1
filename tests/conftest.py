"""Fixtures of all tests live in plugins of their own, a file for each foreign component."""

import gc
import signal
from collections.abc import Iterator

import pytest

pytest_plugins = [
    "tests.chromium",
    "tests.influxd",
    "tests.loading",
    "tests.redis_server",
    "tests.service_app",
    "tests.tls_front",
    "pytester",
]


def pytest_configure() -> None:
    """Let the commands that tests start be interrupted: a job in the background ignores Ctrl-C, and so would they."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def garbage_is_given_back() -> Iterator[None]:
    """Commands keep what they import out of the search for garbage, to the end of their process; this one has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "freeze", lambda: None)
        yield
