"""Build storage files in processes of their own.

Goes in: :class:`~importer.bulk.shard.ShardWork`. Comes out: what :func:`~importer.bulk.shard.build` makes of it, which
is the same wherever it is made.
"""

from __future__ import annotations

from contextlib import ExitStack
from queue import SimpleQueue

from importer.bulk.shard import BuiltShard, ShardWork
from importer.children import Child
from importer.errors import BuildBrokenOffError

__all__ = ["BuildProcesses"]


class BuildProcesses:
    """Several processes, each of which builds one shard group at a time. They start when they are first needed.

    Args:
        number: how many.
        stack: ends them.
    """

    def __init__(self, number: int, stack: ExitStack) -> None:
        self._stack = stack
        self._idle: SimpleQueue[Child | None] = SimpleQueue()
        for _ in range(number):
            self._idle.put(None)

    def __call__(self, work: ShardWork) -> BuiltShard:
        """Build the storage files of a shard group; may be called on several threads, some of which wait then.

        Raises:
            BuildBrokenOffError: the process has ended.
            UnstorableError: storage files cannot hold it.
            OSError: the disk refuses.
        """
        child = self._idle.get()
        try:
            if child is None:
                child = Child("importer.bulk.shard:build", does="builds storage files", error=BuildBrokenOffError)
                self._stack.callback(child.end)
            child.send(work)
            built: BuiltShard = child.outcome()
            return built
        finally:
            self._idle.put(child)
