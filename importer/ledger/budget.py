"""How many rejects a load may have: a number, or a percentage of the rows read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from importer.errors import ConfigurationError

__all__ = ["RejectBudget"]

JUDGED_FROM_ROWS = 10_000
"""A percentage means nothing of the first few rows."""


@dataclass(frozen=True, slots=True)
class RejectBudget:
    """A limit on rejected rows and points.

    Attributes:
        most: this many are allowed; None where a share is given.
        share: 0 to 1, of the rows read.
    """

    most: int | None = 0
    share: float = 0.0

    @classmethod
    def parse(cls, text: str | int) -> Self:
        """Read ``N`` or ``P%``.

        Raises:
            ConfigurationError: it is neither.
        """
        raw = str(text).strip()
        try:
            if raw.endswith("%"):
                share = float(raw[:-1]) / 100
                if 0 <= share <= 1:
                    return cls(None, share)
            elif int(raw) >= 0:
                return cls(int(raw))
        except ValueError:
            pass
        raise ConfigurationError(f"max-rejects {raw!r}: give a number such as 10, or a percentage such as 0.5%")

    def is_exceeded(self, rejects: int, rows_read: int, *, at_end: bool) -> bool:
        """Whether there are too many; a percentage is judged at the end or once enough rows are read."""
        if self.most is not None:
            return rejects > self.most
        return (at_end or rows_read >= JUDGED_FROM_ROWS) and rejects > self.share * rows_read

    def __str__(self) -> str:
        return f"{self.most:,}" if self.most is not None else f"{self.share:.3%}"
