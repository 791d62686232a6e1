from __future__ import annotations

from dataclasses import replace

import pytest

from importer.bucket.names import aside_name, check_target, staging_name
from importer.bucket.settings import BucketSettings, settings_for_load
from importer.bucket.shards import DAY, HOUR
from importer.errors import ConfigurationError

OLD = BucketSettings(retention_seconds=30 * DAY, shard_duration_seconds=DAY, text="gulls")


def merged(
    old: BucketSettings | None,
    retention: int | None = None,
    shard: int | None = None,
    fitting: int | None = None,
    *,
    refits: bool = False,
) -> BucketSettings:
    return settings_for_load(
        old,
        refits=refits,
        retention_seconds=retention,
        shard_duration_seconds=shard,
        fitting_shard_duration_seconds=fitting,
    )


def test_the_old_buckets_settings_are_carried_over_whatever_would_fit() -> None:
    assert merged(OLD, fitting=7 * DAY) == OLD


def test_a_duration_that_was_fitted_to_the_old_data_gives_way_to_one_that_fits_the_new_ones() -> None:
    assert merged(OLD, fitting=7 * DAY, refits=True) == replace(OLD, shard_duration_seconds=7 * DAY)
    assert merged(OLD, shard=2 * DAY, fitting=7 * DAY, refits=True).shard_duration_seconds == 2 * DAY
    assert merged(OLD, refits=True) == OLD


def test_what_the_user_gives_goes_before_the_old_buckets_settings() -> None:
    settings = merged(OLD, retention=0, shard=90 * DAY)
    assert (settings.retention_seconds, settings.shard_duration_seconds) == (0, 90 * DAY)


def test_a_new_bucket_gets_the_fitting_shard_duration() -> None:
    assert merged(None, fitting=7 * DAY).shard_duration_seconds == 7 * DAY
    assert merged(None, shard=DAY, fitting=7 * DAY).shard_duration_seconds == DAY


def test_a_shorter_retention_shortens_a_shard_duration_that_nobody_gave() -> None:
    assert merged(OLD, retention=2 * HOUR).shard_duration_seconds == 2 * HOUR


@pytest.mark.parametrize(("retention", "shard"), [(60, None), (None, 60), (DAY, 2 * DAY), (0, 2**34), (2**34, None)])
def test_durations_that_the_server_refuses_or_changes_silently_are_refused(
    retention: int | None, shard: int | None
) -> None:
    with pytest.raises(ConfigurationError):
        merged(None, retention=retention, shard=shard)


@pytest.mark.parametrize(
    "target", ["", "  ", "_tasks", 'a"b', "a\nb", staging_name("birds"), aside_name("birds", "load-1")]
)
def test_a_name_that_cannot_be_a_target_is_refused(target: str) -> None:
    with pytest.raises(ConfigurationError, match="not a usable bucket name"):
        check_target(target)


@pytest.mark.parametrize("target", ["birds", "a/b", "Vögel 2020", "birds.old-20240101T000000Z"])
def test_any_other_name_can(target: str) -> None:
    check_target(target)
