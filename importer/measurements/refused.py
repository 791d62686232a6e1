"""What is told of a measurement that the server will never take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.measurements.measurement import Measurement

__all__ = ["RefusedMeasurement"]


@dataclass(frozen=True, slots=True)
class RefusedMeasurement:
    """A measurement that was refused.

    Attributes:
        measurement: as it was written.
        field: the field at fault, where it is known.
        reason: why.
    """

    measurement: Measurement
    field: str
    reason: str
