"""Names after files: of a measurement, of the bucket that a load without a mapping fills.

Goes in: the names of sources. Comes out: a name that the server takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from importer.bucket.names import check_target
from importer.errors import ConfigurationError
from importer.limits import RESERVED_KEYS, key_trouble, measurement_trouble
from importer.source.addresses import is_address, shown_address

__all__ = ["bucket_after", "bucket_for", "key_after", "measurement_after"]

_SUFFIX = re.compile(
    r"\.(gz|gzip|zst|zstd|csv|tsv|tab|txt|dat|json|jsonl|ndjson|jsonlines|parquet|pq|arrows?|ipc|feather)$",
    re.IGNORECASE,
)
_UNUSABLE = re.compile(r'[\x00-\x1f\x7f"\\]')


def bucket_after(sources: Sequence[str | Path]) -> str:
    """The bucket named after a file.

    Raises:
        ConfigurationError: there is more than one source, or no file, or no name in it; says to give ``--bucket``.
    """
    names = [str(source) for source in sources]
    if len(names) != 1 or (not is_address(names[0]) and any(mark in names[0] for mark in "*?[")):
        raise ConfigurationError("name the bucket to load into (--bucket): several sources do not say one")
    if names[0] == "-":
        raise ConfigurationError("name the bucket to load into (--bucket): standard input has no name")
    name = _stem(names[0])
    try:
        check_target(name)
    except ConfigurationError as error:
        shown = shown_address(names[0])
        raise ConfigurationError(f"{error}, so none can be named after {shown!r}: give one by --bucket") from None
    return name


def bucket_for(named: Sequence[str | Path], sources: Sequence[str]) -> str:
    """A bucket for sources of whatever kind: named after the file, or the first of several, or ``data``.

    Args:
        named: as :func:`bucket_after` has them.
        sources: the files that these are.
    """
    for names in (named, sources[:1]):
        try:
            return bucket_after(names)
        except ConfigurationError:
            pass
    return "data"


def measurement_after(sources: Iterable[str]) -> str:
    """A measurement named after the first file; of standard input ``data``."""
    first = next(iter(sources), "-")
    name = "data" if first == "-" else _UNUSABLE.sub("_", _stem(first)).lstrip("#")
    return name if name and measurement_trouble(name) is None else "data"


def key_after(column: str, position: int, taken: set[str], *, tag: bool) -> str:
    """A key named after a column that no other one has; adds it to ``taken``."""
    key = column.strip() or f"column_{position + 1}"
    if key in RESERVED_KEYS:
        key = f"{key.strip('_')}_value"
    if key_trouble("tag" if tag else "field", key) is not None:
        key = _UNUSABLE.sub("_", key) or f"column_{position + 1}"
    plain, number = key, 1
    while key in taken:
        number += 1
        key = f"{plain}_{number}"
    taken.add(key)
    return key


def _stem(name: str) -> str:
    path = urlsplit(shown_address(name)).path if is_address(name) else name
    stem = path.rstrip("/").replace("\\", "/").rpartition("/")[2]
    while (shorter := _SUFFIX.sub("", stem)) != stem and shorter:
        stem = shorter
    return _UNUSABLE.sub("_", stem).strip()
