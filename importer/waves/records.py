"""What a wave is, here and in InfluxDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from importer.errors import MeasurementError

__all__ = ["HEIGHT", "LOCATION", "SURF_HEIGHTS", "FoundWaves", "Wave", "location_of"]

SURF_HEIGHTS: Final = "surf_heights"
LOCATION: Final = "location"
HEIGHT: Final = "height"


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave.

    Attributes:
        location: where, in lower case.
        height: in whatever unit the bucket has.
        time_ns: when, ns since 1970 UTC.
    """

    location: str
    height: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class FoundWaves:
    """Waves that were asked for.

    Attributes:
        waves: by time, the oldest first.
        truncated: there are more.
    """

    waves: tuple[Wave, ...]
    truncated: bool


def location_of(text: str) -> str:
    """A place as it is stored: trimmed, in lower case.

    Raises:
        MeasurementError: nothing is left of it.
    """
    location = text.strip().lower()
    if not location:
        raise MeasurementError("the location is empty: say where the wave is")
    return location
