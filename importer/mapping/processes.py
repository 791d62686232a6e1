"""The row path over several processes, for row functions that take long.

Goes in: blocks. Comes out: the same :class:`~importer.records.PointBatch` for each as one process alone would make, in
input order, as long as the function keeps nothing from one row to the next.

Each process has one block at a time, and the types that were decided when it got it. Where others were decided since,
by earlier blocks, and might have made a difference, the block is mapped again, here. Of each block that is read ahead,
text and table stay in memory: one per process, beside those of the flow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from importer.ahead import sent_ahead
from importer.children import Child
from importer.choices import Precision
from importer.errors import ConfigurationError
from importer.mapping.rows import RowFunction, RowMapper
from importer.records import Block, PointBatch, Table

__all__ = ["ProcessRowMapper", "ToTable", "importable_name", "mapped_ahead"]

ToTable = Callable[[Block], Table]
Ahead = tuple[Iterable[Block], ToTable]

_MAPPED = "importer.mapping.row_process:mapped"


def importable_name(function: RowFunction) -> str:
    """A function's ``module:function``, by which another process can import it.

    Raises:
        ConfigurationError: it has none.
    """
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if module == "__main__" or getattr(sys.modules.get(module), name, None) is not function:
        raise ConfigurationError(
            f"the mapper {name or function!r} cannot be imported by other processes, as mapper_processes and cluster "
            "ask for: it must be a function at the outermost level of a module"
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
        self._idle: list[Child] = []
        self._under_way: dict[int, tuple[Child, int]] = {}
        self._here: set[int] = set()

    @contextmanager
    def ahead(self, blocks: Iterable[Block], to_table: ToTable) -> Iterator[Ahead]:
        """Start the processes, and end them; see :func:`mapped_ahead`."""
        tables: dict[int, Table] = {}

        def table_of(block: Block) -> Table:
            return tables.pop(block.number, None) or to_table(block)

        processes: list[Child] = []
        try:
            processes.extend(Child(_MAPPED, does="maps rows") for _ in range(self._processes))
            self._idle = processes.copy()
            yield self._sent_ahead(blocks, to_table, tables), table_of
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
        batch: PointBatch
        batch, begun = process.outcome()
        self._idle.append(process)
        types = {(measurement, key): kind for measurement, key, kind in begun}
        if len(self._types) > types_then and len(batch.faults) > len(table.faults):
            return super().__call__(table)
        if any(self._types.get(name, kind) != kind for name, kind in types.items()):
            return super().__call__(table)
        self._types.update(types)
        return replace(batch, block=table.block)

    def _sent_ahead(self, blocks: Iterable[Block], to_table: ToTable, tables: dict[int, Table]) -> Iterator[Block]:
        """Each process gets a block whenever it has none; the flow gets them all, in their order."""

        def send(block: Block) -> None:
            if block.number in self._here:  # the first one may have been looked at
                return
            table = tables[block.number] = to_table(block)
            process = self._idle.pop()
            process.send(self._name, self._precision, replace(table, block=replace(block, data=b"")), self.decided)
            self._under_way[block.number] = process, len(self._types)

        return sent_ahead(blocks, send, lambda _: bool(self._idle))
