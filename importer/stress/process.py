"""A process of clients, at its own end: ``python -m importer.stress.process``.

Goes in, as lines of JSON on standard input: the plan; then for each step which clients it has, "go", and "done" when
its figures have come. Comes out, on standard output: "ready" when the clients are connected, then what they counted. A
step ends early when a line comes before its figures; the process ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from importer.stress.clients import Crew, Plan

__all__ = ["main"]


def main() -> None:
    """Work until standard input ends."""
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(_worked())


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """A loop that costs less, where there is one: what clients cost, the service does not get."""
    try:
        import uvloop  # noqa: PLC0415 - not on all systems
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _worked() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    crew = Crew(Plan(**json.loads(await reader.readline())))
    while line := await reader.readline():
        step = json.loads(line)
        await crew.connect(step["mix"], step["clients"])
        _say("ready")
        if not await reader.readline():
            return
        next_line = asyncio.create_task(reader.readline())
        cpu, began = time.process_time(), time.monotonic()
        working = asyncio.create_task(crew.work(step["seconds"], step["of_all"]))
        await asyncio.wait((working, next_line), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
        tallies = await working
        seconds = time.monotonic() - began
        counted = {route: tally.to_json() for route, tally in tallies.items()}
        _say({"seconds": seconds, "cpu_seconds": time.process_time() - cpu, "routes": counted})
        crew.leave()
        if not await next_line:
            return


def _say(told: Any) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
