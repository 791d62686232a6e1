"""Secrets that do not show themselves, and the one place that takes them out of text that others wrote."""

from __future__ import annotations

import logging
from typing import Self

__all__ = ["Redacting", "Secret", "redacted"]

SHORTEST_CHARS = 8
"""Shorter ones are no real secrets, and occur in any text."""

HIDDEN = "[secret]"

_known: set[str] = set()


class Secret(str):
    """Text that is itself wherever it is used, but is hidden in ``repr``: where tracebacks show local variables.

    From then on :func:`redacted` knows it.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:  # noqa: D102 - the class's
        if len(text) >= SHORTEST_CHARS:
            _known.add(str(text))
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return HIDDEN


def redacted(text: str) -> str:
    """Text without any secret of this process: a server may answer with the very header that it was sent."""
    for secret in _known:
        text = text.replace(secret, HIDDEN)
    return text


class Redacting(logging.Filter):
    """Takes secrets out of the lines of somebody else's logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the line; none is dropped."""
        record.msg, record.args = redacted(record.getMessage()), ()
        return True
