"""The process: its settings, made before the libraries that they are for are imported, and how these are."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from importer.cli.signals import ended_at_once

__all__ = ["give_large_pieces_back", "importing", "leave_processors_to_the_server"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of glibc's ``malloc.h``."""

LARGE_BYTES = 3_000_000
"""Text of a block, bodies of requests, what is worked out for each of their bytes: some megabytes each."""

TRIM_BYTES = 32 << 20


def leave_processors_to_the_server() -> None:
    """Threads of the libraries, unless the environment says how many.

    Blocks are small and follow one another on a thread of their own: more threads in each of them cost more than they
    bring, and most often the server runs on the same processors. Of numpy's linear algebra nothing is used.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, min(4, (os.cpu_count() or 1) // 2))))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def give_large_pieces_back() -> None:
    """Have large pieces of memory given back as soon as they are free, unless the environment says how.

    glibc learns from the first large piece that is freed to keep those that follow in its heaps, where what stands
    behind them holds them: some 30 MB more for a load of five million rows. Small pieces stay with it, because asking
    the system for each costs a quarter of the load's CPU time. Other C libraries are left as they are.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    import ctypes  # noqa: PLC0415 - not needed where the environment says how

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, TRIM_BYTES)


@contextmanager
def importing() -> Iterator[None]:
    """While modules are imported: signals end the process at once, and no garbage is looked for.

    What is imported stays to the end: to look through it again and again, then and later, takes a fifth of the time
    that a command takes to start and to end.
    """
    known = len(sys.modules)
    gc.disable()
    try:
        with ended_at_once():
            yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        gc.enable()
