"""Fixtures of all tests live in plugins of their own, a file for each foreign component."""

import signal

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
