"""Processes of our own that call one function, on one message after the other.

Goes in: which function, and its arguments. Comes out: what it gave, or the error that it raised.

They are plain children with a connection each, not those of :mod:`multiprocessing`: they must neither import the
program that called the importer once more, nor outlive it, nor see its token.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any

from importer.errors import ImporterError, LoadError

__all__ = ["Child", "main"]

CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from importer.children import main; main()"
)  # fmt: skip
END_SECONDS = 5.0
TOKENS = {"INFLUX_TOKEN", "INFLUXDB_V2_TOKEN"}
"""The environment's variables from which a load may have its token."""


class Child:
    """A process, from its start to its end.

    Args:
        function: ``package.module:function``, of the importer.
        does: what the process does, for messages.
        error: raised where the process has ended before its time.
    """

    def __init__(self, function: str, *, does: str, error: type[LoadError] = LoadError) -> None:
        self._does, self._error = does, error
        self._ours, theirs = Pipe()
        alive, self._alive = os.pipe()
        descriptors = (theirs.fileno(), alive)
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, json.dumps([*map(str, sys.path)]), function, *map(str, descriptors)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            env={key: value for key, value in os.environ.items() if key not in TOKENS}
            | {"POLARS_MAX_THREADS": "1"},  # what is wanted of polars there is little
            start_new_session=True,  # Ctrl-C is the load's matter
        )
        theirs.close()
        os.close(alive)

    def send(self, *arguments: Any) -> None:
        """Have the function called.

        Raises:
            LoadError: the process has ended.
        """
        try:
            self._ours.send(arguments)
        except OSError:
            raise self._ended() from None

    def outcome(self) -> Any:
        """What the function gave; waits for it.

        Raises:
            LoadError: the process has ended, or the function failed.
            ImporterError: the function raised it.
            OSError: the function raised it.
        """
        try:
            kind, what = self._ours.recv()
        except (OSError, EOFError):
            raise self._ended() from None
        if kind == "raised":
            raise what
        if kind == "broken":
            raise LoadError(f"a process that {self._does} failed: {what}")
        return what

    def _ended(self) -> LoadError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        code = self._process.returncode
        why = f"by {signal.Signals(-code).name}" if code and code < 0 else f"with exit code {code}"
        return self._error(
            f"a process that {self._does} has ended in mid-load, {why}: was it killed, or out of memory?"
        )

    def end(self) -> None:
        """End it, whatever it is doing; nobody waits for its outcome any more."""
        os.close(self._alive)
        self._ours.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """Call the function that is the last argument but two, until nobody sends any more.

    The last argument but one is the connection's file descriptor; at the other end of the last is whoever must not be
    outlived.
    """
    name, connection, alive = sys.argv[-3], Connection(int(sys.argv[-2])), int(sys.argv[-1])
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
    with suppress(EOFError, OSError):  # the other end has gone
        module, _, function = name.partition(":")
        called = getattr(importlib.import_module(module), function)
        while True:
            connection.send(_answer(called, connection.recv()))


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "done", function(*arguments)
    except (ImporterError, OSError) as error:
        return "raised", error
    except BaseException as error:  # noqa: BLE001 - told of at the other end
        return "broken", f"{type(error).__name__}: {error}"


def _end_with(descriptor: int) -> None:
    """The other end is closed when the load ends, however it does: nothing stays behind, whatever the function does."""
    os.read(descriptor, 1)
    os._exit(0)
