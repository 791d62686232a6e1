"""The names that the importer gives to buckets beside the target.

Goes in: the target bucket's name. Comes out: the names of its staging bucket, of the bucket that is
set aside in a swap, and of one that is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime

from importer.errors import ConfigurationError

__all__ = ["aside_name", "check_target", "kept_name", "staging_name"]

STAGING_SUFFIX = ".importer-staging"
ASIDE_INFIX = ".importer-old-"


def check_target(target: str) -> None:
    """Refuse a name that the server refuses, or that the importer needs for itself.

    Args:
        target: the name of the bucket that a load is to fill.

    Raises:
        ConfigurationError: the name cannot be a target; says why.
    """
    if not target.strip() or not target.isprintable():
        reason = "it is empty or not printable"
    elif target.startswith("_"):
        reason = "a leading _ is the server's own"
    elif '"' in target:
        reason = "the server allows no quotation marks"
    elif target.endswith(STAGING_SUFFIX) or ASIDE_INFIX in target:
        reason = "the importer keeps such names for the buckets of unfinished loads"
    else:
        return
    raise ConfigurationError(f"{target!r} is not a usable bucket name: {reason}")


def staging_name(target: str) -> str:
    """The staging bucket's name: the same for every load, so that the server's unique names are the lock."""
    return f"{target}{STAGING_SUFFIX}"


def aside_name(target: str, load_id: str) -> str:
    """The name under which the old bucket waits while the load `load_id` takes its place."""
    return f"{target}{ASIDE_INFIX}{load_id}"


def kept_name(target: str, attempt: int = 0) -> str:
    """The name of an old bucket that is kept, such as ``birds.old-20240131T235959Z``.

    Args:
        target: the name that it had.
        attempt: how many names of this moment were taken already.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{target}.old-{stamp}" + (f"-{attempt + 1}" if attempt else "")
