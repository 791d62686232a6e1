"""Logs on standard error: plain lines, or JSON, one object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from importer.printable import printable

__all__ = ["log_to_stderr"]


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": moment, "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line | getattr(record, "data", {}), ensure_ascii=False)


class _Plain(logging.Formatter):
    """Messages hold names and cells of people's files, which a terminal must not obey."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line, None) for line in super().format(record).split("\n"))


class _OnStderr(logging.StreamHandler[TextIO]):
    """Asks for standard error at each line: while a progress bar is shown, rich stands in its place."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        pass


def log_to_stderr(*, quiet: bool, as_json: bool) -> None:
    """Send the importer's log to standard error.

    Args:
        quiet: warnings and errors only.
        as_json: one JSON object a line: ``time``, ``level``, ``message``.
    """
    handler = _OnStderr()
    handler.setFormatter(_JsonLines() if as_json else _Plain("%(message)s"))
    root = logging.getLogger("importer")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(logging.WARNING if quiet else logging.INFO)
