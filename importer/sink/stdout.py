"""The dry run: line protocol to a stream instead of a bucket."""

from __future__ import annotations

from typing import BinaryIO

from importer.encoding.line_protocol import body
from importer.records import Lines, Outcome
from importer.streams import write_all

__all__ = ["StreamSink"]


class StreamSink:
    """Writes blocks of lines to a binary stream, such as standard output.

    Args:
        stream: gets one line per point.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __call__(self, lines: Lines) -> Outcome:
        """Write a block.

        Raises:
            OSError: the stream cannot be written, such as a pipe that was closed.
        """
        write_all(self._stream, body(lines.frame["line"]))
        self._stream.flush()
        return Outcome(lines, (), 0)
