"""A service whose loads have many small blocks and take their time, as a process of its own, to be killed.

``python -m tests.jobs.slow_service PORT STATE_DIR CONNECTION SECONDS``: so many seconds for each write.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from importer.jobs import loading
from importer.server.connection import Connection
from importer.service.app import create_app
from importer.sink import pacing
from importer.sink.influx import InfluxSink
from tests.service_app import service_settings

BLOCK_BYTES = 10_000


def small_blocks() -> Any:
    """What makes the options of a job's load, with small blocks."""
    original = loading.load_options

    def options(*arguments: Any, **more: Any) -> Any:
        return replace(original(*arguments, **more), block_bytes=BLOCK_BYTES)

    return options


def main() -> None:
    port, folder, connection, seconds = sys.argv[1:]
    pacing.MOST_TOGETHER = 1
    loading.load_options = small_blocks()
    post = InfluxSink._post

    def slow(*arguments: Any, **more: Any) -> Any:
        time.sleep(float(seconds))
        return post(*arguments, **more)

    InfluxSink._post = slow  # type: ignore[method-assign]
    given = Connection(**json.loads(connection))
    app = create_app(service_settings(Path(folder)), lambda: given)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
