"""The row path over several processes, for row functions that take long.

Goes in: blocks. Comes out: the same :class:`~importer.records.PointBatch` for each as one process alone would make, in
input order, as long as the function keeps nothing from one row to the next.

Each process has one block at a time, and the types that were decided when it got it. Where others were decided since,
by earlier blocks, and might have made a difference, the block is mapped again, here. Of each block that is read ahead,
text and table stay in memory: one per process, beside those of the flow.

The processes are plain children with a connection each, not those of :mod:`multiprocessing`: they must neither import
the program that called the importer once more, nor outlive it, nor see its token.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from multiprocessing.connection import Pipe
from typing import Any

from importer.choices import Precision
from importer.errors import ConfigurationError, LoadError, MappingError
from importer.mapping.rows import RowFunction, RowMapper
from importer.records import Block, PointBatch, Table

__all__ = ["ProcessRowMapper", "ToTable", "importable_name", "mapped_ahead"]

ToTable = Callable[[Block], Table]
Ahead = tuple[Iterable[Block], ToTable]

CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from importer.mapping.row_process import main; main()"
)  # fmt: skip
END_SECONDS = 5.0
TOKENS = {"INFLUX_TOKEN", "INFLUXDB_V2_TOKEN"}
"""The environment's variables from which a load may have its token."""


def importable_name(function: RowFunction) -> str:
    """A function's ``module:function``, by which another process can import it.

    Raises:
        ConfigurationError: it has none.
    """
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if module == "__main__" or getattr(sys.modules.get(module), name, None) is not function:
        raise ConfigurationError(
            f"the mapper {name or function!r} cannot be imported by other processes, as mapper_processes asks for: "
            "it must be a function at the outermost level of a module"
        )
    return f"{module}:{name}"


def mapped_ahead(mapper: object, blocks: Iterable[Block], to_table: ToTable) -> AbstractContextManager[Ahead]:
    """While the context lasts, have blocks mapped by other processes before the flow comes to them, if it is to be so.

    Args:
        mapper: of the load.
        blocks: in input order; a few are read ahead.
        to_table: text to columns of text.

    Returns:
        what the flow is to take for the two.
    """
    if isinstance(mapper, ProcessRowMapper):
        return mapper.ahead(blocks, to_table)
    return nullcontext((blocks, to_table))


class ProcessRowMapper(RowMapper):
    """Has the function called in other processes.

    Args:
        function: as for :class:`~importer.mapping.rows.RowMapper`.
        name: ``package.module:function``, by which the processes import it.
        processes: how many.
        precision: finer timestamps are faults.
    """

    def __init__(self, function: RowFunction, name: str, *, processes: int, precision: Precision = "ns") -> None:
        super().__init__(function, precision=precision)
        self._name = name
        self._processes = processes
        self._precision = precision
        self._idle: list[_Process] = []
        self._under_way: dict[int, tuple[_Process, int]] = {}
        self._here: set[int] = set()

    @contextmanager
    def ahead(self, blocks: Iterable[Block], to_table: ToTable) -> Iterator[Ahead]:
        """Start the processes, and end them; see :func:`mapped_ahead`."""
        tables: dict[int, Table] = {}

        def table_of(block: Block) -> Table:
            return tables.pop(block.number, None) or to_table(block)

        processes: list[_Process] = []
        try:
            processes.extend(_Process(self._name, self._precision) for _ in range(self._processes))
            self._idle = processes.copy()
            yield self._sent_ahead(iter(blocks), to_table, tables), table_of
        finally:
            for process in processes:
                process.end()

    def __call__(self, table: Table) -> PointBatch:
        """Map a block's rows, or take what another process has made of them.

        Raises:
            MappingError: the function gave something that is no ``Point``.
            LoadError: the process has ended.
        """
        process, types_then = self._under_way.pop(table.block.number, (None, 0))
        if process is None:
            self._here.add(table.block.number)
            return super().__call__(table)
        batch, begun = process.outcome()
        self._idle.append(process)
        types = {(measurement, key): kind for measurement, key, kind in begun}
        if len(self._types) > types_then and len(batch.faults) > len(table.faults):
            return super().__call__(table)
        if any(self._types.get(name, kind) != kind for name, kind in types.items()):
            return super().__call__(table)
        self._types.update(types)
        return replace(batch, block=table.block)

    def _sent_ahead(self, blocks: Iterator[Block], to_table: ToTable, tables: dict[int, Table]) -> Iterator[Block]:
        """Each process gets a block whenever it has none; the flow gets them all, in their order.

        An error of the source comes after the blocks before it, as it would if none were read ahead.
        """
        waiting: deque[Block] = deque()
        failure: Exception | None = None
        while True:
            while self._idle and failure is None:
                try:
                    block = next(blocks, None)
                    table = None if block is None or block.number in self._here else to_table(block)
                except Exception as error:  # noqa: BLE001 - raised below
                    failure = error
                    break
                if block is None:
                    break
                waiting.append(block)
                if table is not None:  # the first one may have been looked at
                    tables[block.number] = table
                    process = self._idle.pop()
                    process.send((replace(table, block=replace(block, data=b"")), self.decided))
                    self._under_way[block.number] = process, len(self._types)
            if waiting:
                yield waiting.popleft()
            elif failure is not None:
                raise failure
            else:
                return


class _Process:
    def __init__(self, name: str, precision: Precision) -> None:
        self._ours, theirs = Pipe()
        alive, self._alive = os.pipe()
        descriptors = (theirs.fileno(), alive)
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, json.dumps([*map(str, sys.path)]), *map(str, descriptors)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            env={key: value for key, value in os.environ.items() if key not in TOKENS}
            | {"POLARS_MAX_THREADS": "1"},  # what is wanted of polars there is little
            start_new_session=True,  # Ctrl-C is the load's matter
        )
        theirs.close()
        os.close(alive)
        self.send((name, precision))

    def send(self, message: Any) -> None:
        try:
            self._ours.send(message)
        except OSError:
            raise self._ended() from None

    def outcome(self) -> tuple[PointBatch, Any]:
        """The batch, and the types that it decides."""
        try:
            kind, *what = self._ours.recv()
        except (OSError, EOFError):
            raise self._ended() from None
        if kind == "wrong":
            raise MappingError(*what)
        if kind == "broken":
            raise LoadError(f"a process that maps rows failed: {what[0]}")
        batch, begun = what
        return batch, begun

    def _ended(self) -> LoadError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        code = self._process.returncode
        why = f"by {signal.Signals(-code).name}" if code and code < 0 else f"with exit code {code}"
        return LoadError(f"a process that maps rows has ended in mid-load, {why}: was it killed, or out of memory?")

    def end(self) -> None:
        """End it, whatever it is doing; nobody waits for its outcome any more."""
        os.close(self._alive)
        self._ours.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
