"""What the figures were measured on: enough to judge them, nothing that names the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from importer.server.influxd import influxd_version

__all__ = ["machine_facts"]


def machine_facts(influxd: Path) -> dict[str, str | int]:
    """Processors, memory and versions.

    Args:
        influxd: the server's binary.
    """
    facts: dict[str, str | int] = {
        "cpus": len(os.sched_getaffinity(0)),
        "cpu_model": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "memory_mb": int((_first("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        "system": platform.system(),
        "python": platform.python_version(),
        "influxdb": influxd_version(influxd) or "unknown",
    }
    return facts | {name: version(name) for name in ("importer", "influxdb-client", "polars")}


def _first(path: str, name: str) -> str | None:
    """The first value of a name in a file of ``name: value`` lines."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
