"""Blocks that are read, or worked on elsewhere, while the flow takes those before them.

Goes in: blocks. Comes out: the same in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from importer.records import Block

__all__ = ["read_ahead", "sent_ahead"]


def read_ahead(blocks: Iterable[Block]) -> Generator[Block]:
    """Read a block on a thread of its own while the flow has the one before it.

    To be closed by whoever may leave it before its end: a read that is under way is waited for.

    Args:
        blocks: in their order.

    Raises:
        Exception: as reading does; after the blocks before it.
    """
    coming = iter(blocks)
    with ThreadPoolExecutor(1, "read") as thread:
        following = thread.submit(next, coming, None)
        while (block := following.result()) is not None:
            following = thread.submit(next, coming, None)
            yield block


def sent_ahead(
    blocks: Iterable[Block], send: Callable[[Block], None], has_room: Callable[[int], bool]
) -> Iterator[Block]:
    """Send blocks off as long as there is room for more, and give them to the flow.

    Args:
        blocks: in their order.
        send: has a block worked on.
        has_room: told how many blocks were sent off that the flow has not taken.

    Raises:
        Exception: as reading and sending do; after the blocks before it, as it would come if none were read ahead.
    """
    waiting, coming = deque[Block](), iter(blocks)
    failure: Exception | None = None
    while True:
        while failure is None and has_room(len(waiting)):
            try:
                block = next(coming, None)
                if block is None:
                    break
                send(block)
            except Exception as error:  # noqa: BLE001 - raised below
                failure = error
            else:
                waiting.append(block)
        if waiting:
            yield waiting.popleft()
        elif failure is not None:
            raise failure
        else:
            return
