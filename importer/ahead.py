"""Blocks that are worked on elsewhere while the flow takes those before them.

Goes in: blocks, as they are read. Comes out: the same in their order, each sent off before the flow comes to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from importer.records import Block

__all__ = ["sent_ahead"]


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
