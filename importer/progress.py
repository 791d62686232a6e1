"""What a load tells while it runs; the command line shows it, other programs may listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Phase", "Progress", "Silent", "Snapshot"]

Phase = Literal["first pass", "load", "duplicates", "build", "verify", "swap"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a load is.

    Attributes:
        phase: what it is doing.
        share: of the phase, 0 to 1; None where the end is not known.
        bytes_read: as stored.
        total_bytes: as stored; None where it is not known.
        rows: read so far.
        points: taken so far.
        rejects: rows and points so far.
        are_points_sent: whether the server has acknowledged those points; else they are in sorted runs on this side.
    """

    phase: Phase
    share: float | None = None
    bytes_read: int = 0
    total_bytes: int | None = None
    rows: int = 0
    points: int = 0
    rejects: int = 0
    are_points_sent: bool = True


class Progress(Protocol):
    """Listens to a load. Called from several threads, one at a time."""

    def update(self, snapshot: Snapshot) -> None:
        """Hear how far the load is."""


class Silent:
    """Listens, and says nothing."""

    def update(self, snapshot: Snapshot) -> None:
        """Do nothing."""
