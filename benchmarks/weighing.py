"""What the server keeps on its disk of a bucket, once its compactions have come to rest.

Goes in: a server that compacts at once. Comes out: its storage files, by number and bytes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from benchmarks.measure import FreshServer

__all__ = ["Stored", "compacted"]

REST_SECONDS: Final = 15.0
"""Without a change: its compactions are planned anew each second, those of cold shards within ten."""

PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Stored:
    """Storage files.

    Attributes:
        files: how many.
        bytes: of all of them.
        in_memory: bytes of the write-ahead log, of which none are left when all is in storage files.
    """

    files: int = 0
    bytes: int = 0
    in_memory: int = 0


def compacted(server: FreshServer) -> Stored:
    """Wait until nothing changes any more.

    Raises:
        TimeoutError: something still does.
    """
    found, since, began = _now(server), time.monotonic(), time.monotonic()
    while time.monotonic() - since < REST_SECONDS or found.in_memory:
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise TimeoutError("the server's compactions do not come to rest")
        time.sleep(0.5)
        now = _now(server)
        if now != found:
            found, since = now, time.monotonic()
    return found


def _now(server: FreshServer) -> Stored:
    engine = server.process.folder / "engine"
    files = [path.stat().st_size for path in engine.glob("data/*/autogen/*/*.tsm")]
    logs = [path.stat().st_size for path in engine.glob("wal/*/autogen/*/*.wal")]
    return Stored(len(files), sum(files), sum(logs))
