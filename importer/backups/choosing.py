"""Which bucket of a backup is meant.

Goes in: a backup's folder, and a name or none. Comes out: what the manifest says of that bucket.
"""

from __future__ import annotations

from pathlib import Path

from importer.backups.layout import ManifestBucket, read_manifest
from importer.errors import ConfigurationError
from importer.mapping.header import nearest

__all__ = ["bucket_named"]


def bucket_named(folder: Path, name: str | None) -> ManifestBucket:
    """The bucket of this name; without one the only one that users have in it.

    Raises:
        SourceError: it is no folder of a backup, or the manifest is damaged.
        ConfigurationError: there is none, or there are several; with their names.
    """
    buckets = read_manifest(folder).buckets
    own = sorted({bucket.name for bucket in buckets if not bucket.name.startswith("_")})
    if name is None and len(own) != 1:
        held = f"several buckets: say which ({', '.join(own)})" if own else "no bucket"
        raise ConfigurationError(f"{str(folder)!r} holds {held}")
    wanted = own[0] if name is None else name
    found = [bucket for bucket in buckets if bucket.name == wanted]
    if not found:
        close = nearest(wanted, own)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(own) or 'none'}"
        raise ConfigurationError(f"there is no bucket {wanted!r} in {str(folder)!r}; {hint}")
    if len(found) > 1:
        raise ConfigurationError(
            f"{str(folder)!r} holds a bucket {wanted!r} of each of the organisations "
            f"{', '.join(sorted(repr(bucket.org) for bucket in found))}: restore the one that is meant "
            "(importer restore --org ORG --bucket NAME), and read that"
        )
    return found[0]
