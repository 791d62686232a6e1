"""What a bucket is made with, and what of an old bucket is carried over to its successor.

Goes in: the old bucket's settings and what the user gave. Comes out: the settings of the new one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from importer.bucket.shards import MAXIMUM_SECONDS, MINIMUM_SECONDS, format_duration
from importer.errors import ConfigurationError

__all__ = ["BucketSettings", "settings_for_load"]


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """A bucket's settings, as far as a user can choose them.

    Attributes:
        retention_seconds: how long points are kept; 0 for ever.
        shard_duration_seconds: of one shard group; None leaves it to the server.
        text: the user's own part of the description.
        label_ids: ids of its labels.
    """

    retention_seconds: int = 0
    shard_duration_seconds: int | None = None
    text: str = ""
    label_ids: tuple[str, ...] = ()


def settings_for_load(
    old: BucketSettings | None,
    *,
    refits: bool = False,
    retention_seconds: int | None,
    shard_duration_seconds: int | None,
    fitting_shard_duration_seconds: int | None,
) -> BucketSettings:
    """The settings of the bucket that a load fills.

    Args:
        old: of the bucket that is replaced; None if there is none.
        refits: whether the old one's shard duration was fitted to what it held, and so is not carried over.
        retention_seconds: as the user gave it; None carries the old one over.
        shard_duration_seconds: as the user gave it; None carries the old one over.
        fitting_shard_duration_seconds: fitted to the data; used where nothing is given or carried over. None where that
            could not be found out.

    Raises:
        ConfigurationError: the server would refuse the two durations, or silently change them.
    """
    settings = old or BucketSettings()
    if old is None or (refits and fitting_shard_duration_seconds):
        settings = replace(settings, shard_duration_seconds=fitting_shard_duration_seconds)
    if retention_seconds is not None:
        settings = replace(settings, retention_seconds=retention_seconds)
    retention = settings.retention_seconds
    if retention and not MINIMUM_SECONDS <= retention <= MAXIMUM_SECONDS:
        raise ConfigurationError(_out_of_bounds("retention", retention))
    if shard_duration_seconds is not None:
        if not MINIMUM_SECONDS <= shard_duration_seconds <= MAXIMUM_SECONDS:
            raise ConfigurationError(_out_of_bounds("shard duration", shard_duration_seconds))
        if retention and shard_duration_seconds > retention:
            raise ConfigurationError(
                f"a shard duration of {format_duration(shard_duration_seconds)} is longer than the retention "
                f"of {format_duration(retention)}, which the server refuses"
            )
        return replace(settings, shard_duration_seconds=shard_duration_seconds)
    carried = settings.shard_duration_seconds
    if retention and carried and carried > retention:
        return replace(settings, shard_duration_seconds=retention)
    return settings


def _out_of_bounds(name: str, seconds: int) -> str:
    return (
        f"a {name} of {format_duration(seconds)} is not possible: the server takes "
        f"{format_duration(MINIMUM_SECONDS)} to {format_duration(MAXIMUM_SECONDS)}"
    )
