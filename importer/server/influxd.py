"""Where influxd, the InfluxDB 2 server, comes from.

Goes in: settings. Comes out: the path of an influxd that runs, from the first of: a path given by
setting, ``PATH``, the user's cache folder, a build of our own into that folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs

from importer.errors import ConfigurationError
from importer.server.build import VERSION, build

__all__ = ["cache_folder", "cached_influxd", "find", "find_or_build", "influxd_version"]

SETTING = "IMPORTER_INFLUXD"
CACHE_SETTING = "IMPORTER_CACHE_DIR"
PROBE_TIMEOUT_SECONDS = 30.0


def find_or_build(
    explicit: Path | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """An influxd that runs, built if there is none.

    Args:
        explicit: the path, if it is given; goes before everything else.
        say: told in one line when a build begins and how long it may take, and when it is done.
        environment: with ``IMPORTER_INFLUXD``, ``PATH``, ``IMPORTER_CACHE_DIR``.

    Raises:
        ConfigurationError: the given one is not an influxd; there is none and none can be built.
    """
    found = find(explicit, environment=environment)
    return found or build(cached_influxd(environment), say=say, environment=environment)


def find(explicit: Path | None = None, *, environment: Mapping[str, str] = os.environ) -> Path | None:
    """As :func:`find_or_build`, but None where it would build."""
    if explicit is not None:
        return _required(explicit, "the given path")
    if environment.get(SETTING):
        return _required(Path(environment[SETTING]), SETTING)
    on_path = shutil.which("influxd", path=environment.get("PATH", ""))
    # InfluxDB 1 calls its server influxd too.
    if on_path and (influxd_version(Path(on_path)) or "").startswith("2."):
        return Path(on_path).absolute()
    cached = cached_influxd(environment)
    return cached if os.access(cached, os.X_OK) else None


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where builds are kept: ``IMPORTER_CACHE_DIR``, else the user's cache folder."""
    given = environment.get(CACHE_SETTING)
    return Path(given).expanduser().absolute() if given else platformdirs.user_cache_path("importer")


def cached_influxd(environment: Mapping[str, str] = os.environ) -> Path:
    """Where a build is put, whether it is there or not."""
    return cache_folder(environment) / f"influxd-{VERSION}" / "influxd"


def influxd_version(binary: Path) -> str | None:
    """What ``influxd version`` says, such as ``2.7.12``; None if it is no influxd or does not run."""
    try:
        done = subprocess.run(
            [str(binary), "version"],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"InfluxDB v?(\d[^\s]*)", done.stdout)
    return found[1] if found else None


def _required(path: Path, origin: str) -> Path:
    path = path.expanduser().absolute()
    if not path.is_file():
        raise ConfigurationError(f"{origin} says that influxd is {path}, but there is no such file")
    if not os.access(path, os.X_OK):
        raise ConfigurationError(
            f"{origin} says that influxd is {path}, but that is not executable: run chmod +x on it"
        )
    version = influxd_version(path)
    if version is None or not version.startswith("2."):
        what = f"InfluxDB {version}" if version else "no influxd that runs on this machine"
        raise ConfigurationError(f"{origin} says that influxd is {path}, but that is {what}; 2.7 is needed")
    return path
