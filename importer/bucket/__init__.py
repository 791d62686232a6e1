"""Buckets: staged, swapped in whole, repaired after a crash.

:func:`prepare` gives a load the bucket to write to; :meth:`Target.commit` puts it under the target's
name, :meth:`Target.abort` leaves everything as it was; :func:`repair` heals what a crash left.
"""

from importer.bucket.repair import repair
from importer.bucket.shards import fitting_duration, format_duration, parse_duration
from importer.bucket.target import Target, prepare, take_up

__all__ = [
    "Target",
    "fitting_duration",
    "format_duration",
    "parse_duration",
    "prepare",
    "repair",
    "take_up",
]
