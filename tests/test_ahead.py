"""Blocks that are sent ahead come in their order, and an error behind those before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from importer.ahead import sent_ahead
from importer.errors import SourceError
from importer.records import Block


def block(number: int) -> Block:
    return Block("input.csv", number, 0, 0, b"", 0, "none", ())


def broken(after: int) -> Iterator[Block]:
    yield from map(block, range(after))
    raise SourceError("it broke off")


def test_an_error_of_the_source_comes_behind_the_blocks_before_it() -> None:
    sent: list[int] = []
    ahead = sent_ahead(broken(3), lambda each: sent.append(each.number), lambda waiting: waiting < 2)
    assert [next(ahead).number for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="it broke off"):
        next(ahead)
    assert sent == [0, 1, 2]


def test_what_cannot_be_sent_comes_behind_what_was() -> None:
    def send(each: Block) -> None:
        if each.number == 2:
            raise SourceError("it cannot be sent")

    ahead = sent_ahead(map(block, range(5)), send, lambda _: True)
    assert [next(ahead).number for _ in range(2)] == [0, 1]
    with pytest.raises(SourceError, match="cannot be sent"):
        next(ahead)


def test_as_many_are_sent_as_there_is_room_for() -> None:
    sent: list[int] = []
    ahead = sent_ahead(map(block, range(6)), lambda each: sent.append(each.number), lambda waiting: waiting < 3)
    most = [len(sent) - number for number, _ in enumerate(ahead)]
    assert max(most) == 3
    assert sent == [*range(6)]
