"""Fixtures of all tests live in plugins of their own, a file for each foreign component."""

pytest_plugins = ["tests.influxd", "tests.loading", "tests.tls_front", "pytester"]
