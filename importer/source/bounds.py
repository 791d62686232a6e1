"""How much a source may ask for: what lies beyond is taken for a broken or hostile file, and ends the load."""

from __future__ import annotations

from dataclasses import dataclass

from importer.errors import ConfigurationError

__all__ = [
    "DOWNLOAD_TIMEOUT_SECONDS",
    "EXPANSION_JUDGED_FROM_BYTES",
    "MAX_COLUMNS",
    "MAX_DOWNLOAD_BYTES",
    "MAX_DOWNLOAD_SECONDS",
    "MAX_EXPANSION",
    "MAX_RECORD_BYTES",
    "Bounds",
]

MAX_RECORD_BYTES = 16 << 20
"""The server takes strings of 1 MiB; most longer records are a quote that is never closed."""

MAX_COLUMNS = 10_000
"""Wide exports have some thousand; each costs time and memory in every block."""

MAX_EXPANSION = 250
"""CSV swells five- to fifty-fold; gzip cannot do more than a thousandfold, zstd can."""

EXPANSION_JUDGED_FROM_BYTES = 16 << 20
"""Of decompressed text: so much of anything can be read; a small file of nothing but zeros may well swell a lot."""

MAX_DOWNLOAD_BYTES = 20 << 30
"""What is read by URL, as stored there; a Parquet file is kept on the disk meanwhile."""

MAX_DOWNLOAD_SECONDS = 86_400.0
"""All waiting for a source by URL: one that gives a byte now and then would never end."""

DOWNLOAD_TIMEOUT_SECONDS = 60.0
"""Without a byte: then the connection is tried anew."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a load's sources.

    Attributes:
        max_record_bytes: of UTF-8, newline included.
        max_columns: of a header.
        max_expansion: decompressed bytes for each one that is stored.
        max_download_bytes: of a source that is read by URL, or that must be kept in a file to be read from a pipe.
        download_timeout_seconds: how long a download may stand still.
        max_download_seconds: how long one may be waited for in all.

    Raises:
        ConfigurationError: a number is below its least, or none.
    """

    max_record_bytes: int = MAX_RECORD_BYTES
    max_columns: int = MAX_COLUMNS
    max_expansion: int = MAX_EXPANSION
    max_download_bytes: int = MAX_DOWNLOAD_BYTES
    download_timeout_seconds: float = DOWNLOAD_TIMEOUT_SECONDS
    max_download_seconds: float = MAX_DOWNLOAD_SECONDS

    def __post_init__(self) -> None:
        for name in ("max_record_bytes", "max_columns", "max_expansion", "max_download_bytes"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        for name in ("download_timeout_seconds", "max_download_seconds"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}: give more than 0")
