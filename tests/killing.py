"""A load that dies, as by kill -9, at a point that its first argument names; run as a process of its own.

``python -m tests.killing POINT CONNECTION SOURCE MAPPING OPTIONS``, the last ones as JSON. A point is a name and
numbers, such as ``journal:3:0.5``: in the midst of the third record of the journal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import importer
from importer import Connection, LoadOptions, filling, settling
from importer.bucket import Target
from importer.bulk import archive, building, sending
from importer.journal import LoadFolder, log
from importer.ledger.rejects import RejectsFile
from importer.ledger.spool import Spool
from importer.sink import pacing
from importer.sink.influx import InfluxSink

SWAP_STEPS = ("announce", "set aside", "put in place", "carry", "retire", "close")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_journal(which: str, share: str) -> None:
    """With a share of the bytes of a record written: the first is the plan, the last says that all is completed."""
    write_all, calls = log._write_all, []

    def torn(descriptor: int, data: bytes) -> None:
        calls.append(1)  # what names the file goes before all records
        if str(len(calls) - 1) == which or f'"kind":"{which}"'.encode() in data:
            write_all(descriptor, data[: round(len(data) * float(share))])
            os.fsync(descriptor)
            die()
        write_all(descriptor, data)

    log._write_all = torn


def before_write(number: str) -> None:
    _at_call(InfluxSink, "_post", int(number), after=False)


def after_write(number: str) -> None:
    """Committed, but not acknowledged."""
    _at_call(InfluxSink, "_post", int(number), after=True)


def in_spool(number: str) -> None:
    """With half a file written."""
    append, calls = Spool.append, []

    def torn(spool: Spool, block: int, *rest: Any) -> Any:
        calls.append(1)
        if len(calls) == int(number):
            append(spool, block, *rest)
            data = spool._file(block).read_bytes()
            spool._file(block).write_bytes(data[: len(data) // 2])
            die()
        return append(spool, block, *rest)

    Spool.append = torn  # type: ignore[method-assign]


def in_rejects(number: str) -> None:
    _at_call(RejectsFile, "_line", int(number), after=True)


def in_duplicates() -> None:
    _at_call(settling, "merged_lines", 1, after=False)


def in_verification() -> None:
    _at_call(filling, "verify", 1, after=True)


def in_swap(step: str) -> None:
    commit = Target.commit

    def checkpoint(done: str) -> None:
        if done == step:
            die()

    Target.commit = lambda target, points, values: commit(target, points, values, checkpoint=checkpoint)  # type: ignore[method-assign, misc, assignment]


def before_the_bucket() -> None:
    """The bulk way: the staging bucket is removed, that with the shard groups is not made."""
    _at_call(sending.ShardedBucket, "__call__", 1, after=False)


def in_archive(number: str) -> None:
    """With a storage file in its archive, but no index."""
    _at_call(archive.Writer, "finish", int(number), after=False)


def before_shard(number: str) -> None:
    _at_call(building, "send_shard", int(number), after=False)


def after_shard(number: str) -> None:
    """The server has it, and the journal does not say so."""
    _at_call(building, "send_shard", int(number), after=True)


def at_the_end() -> None:
    """All done but the removal of the accounts."""
    _at_call(LoadFolder, "__exit__", 1, after=False)


POINTS: dict[str, Callable[..., None]] = {
    "journal": in_journal,
    "before write": before_write,
    "after write": after_write,
    "before write together": before_write,
    "after write together": after_write,
    "spool": in_spool,
    "rejects": in_rejects,
    "duplicates": in_duplicates,
    "verification": in_verification,
    "swap": in_swap,
    "end": at_the_end,
    "before the bucket": before_the_bucket,
    "archive": in_archive,
    "before shard": before_shard,
    "after shard": after_shard,
}


def _at_call(owner: Any, name: str, number: int, *, after: bool) -> None:
    original, calls = getattr(owner, name), []

    def counted(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        dies = len(calls) == number
        if dies and not after:
            die()
        result = original(*arguments, **more)
        if dies:
            die()
        return result

    setattr(owner, name, counted)


if __name__ == "__main__":
    point, connection, source, mapping, options = sys.argv[1:]
    name, *numbers = point.split(":")
    if "together" not in name:
        pacing.MOST_TOGETHER = 1  # as many requests as blocks
    POINTS[name](*numbers)
    chosen = {**json.loads(options), "rejects": Path("rejects.csv").absolute(), "state_dir": Path("state")}
    importer.load(
        source,
        mapping=json.loads(mapping),
        options=LoadOptions(**chosen),
        connection=Connection(**json.loads(connection)),
    )
