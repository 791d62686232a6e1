"""Row functions that other processes can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from influxdb_client import Point

__all__ = ["by_kind", "of_birds", "slow"]


def by_kind(row: dict[str, str]) -> Any:
    """A value whose type the text decides; some texts do something else."""
    text = row["v"]
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "nothing":
        return text
    if text == "token":
        return Point("m").field("found", str([key for key in os.environ if "TOKEN" in key])).time(int(row["t"]))
    if text == "two":
        return Point("m").field("v", "x").field("w", float("nan")).time(int(row["t"]))
    value: Any = int(text) if text.isdigit() else float(text) if text[-1:].isdigit() else text
    return Point("m").tag("process", str(os.getpid())).field("v", value).time(int(row["t"]))


def slow(row: dict[str, str]) -> None:
    """Takes for ever, and says which process it is."""
    Path(row["v"]).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


def of_birds(row: dict[str, str]) -> Point:
    """The tests' usual birds."""
    lat, n = float(row["lat"]), int(row["n"])
    return Point("birds").tag("bird", row["bird"]).field("lat", lat).field("n", n).time(int(row["t"]) * 10**9)
