"""A process that maps rows: it calls a person's row function on one block after the other, until it is told no more.

Goes in, over a connection: which function, then tables with the types decided so far. Comes out: batches of points with
the types that they decided, or what went wrong. See :mod:`importer.mapping.processes` for the other end.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from importer.errors import MappingError
from importer.mapping.rows import RowMapper, load_function

__all__ = ["main"]


def main() -> None:
    """Serve the connection whose file descriptor is the last but one argument; end with the other end of the last."""
    connection = Connection(int(sys.argv[-2]))
    threading.Thread(target=_end_with, args=(int(sys.argv[-1]),), daemon=True).start()
    with suppress(EOFError, OSError):  # the other end has gone
        name, precision = connection.recv()
        while True:
            table, types = connection.recv()
            connection.send(_answer(name, precision, table, types))


def _answer(name: str, precision: Any, table: Any, types: Any) -> tuple[Any, ...]:
    try:
        mapper = RowMapper(load_function(name), precision=precision)
        mapper.decide(types)
        return "mapped", mapper(table), mapper.decided[len(types) :]
    except MappingError as error:
        return "wrong", str(error)
    except BaseException as error:  # noqa: BLE001 - told of at the other end
        return "broken", f"{type(error).__name__}: {error}"


def _end_with(descriptor: int) -> None:
    """The other end is closed when the load ends, however it does: nothing stays behind, whatever the function does."""
    os.read(descriptor, 1)
    os._exit(0)
