"""Whether a load is the same as one that was begun earlier: its sources, its mapping, and what was asked for.

Goes in: sources, a description of the mapping, options. Comes out: what a :class:`~importer.journal.entries.Plan`
says of them, and of two plans the first difference in words.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol

from importer.errors import SourceError
from importer.journal.entries import Plan, SourcePrint

__all__ = ["difference", "mapping_sha256", "settings_of", "source_print"]

END_BYTES = 1 << 20

SETTINGS = ("if_exists", "method", "retention_seconds", "shard_duration_seconds", "limit", "precision", "block_bytes")
"""The options that decide which points there are, how they are cut into blocks, and where they go."""


class _Source(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path | None: ...
    @property
    def size_bytes(self) -> int | None: ...


def source_print(source: _Source) -> SourcePrint:
    """What a source is known by: of a file its size and the SHA-256 of its two ends.

    The middle is compared block by block, as it has to be read anyway.

    Raises:
        SourceError: it cannot be read.
    """
    if source.path is None or source.size_bytes is None:
        return SourcePrint(source.name, None, None)
    ends = hashlib.sha256()
    try:
        with source.path.open("rb") as file:
            ends.update(file.read(END_BYTES))
            file.seek(max(0, source.size_bytes - END_BYTES))
            ends.update(file.read(END_BYTES))
    except OSError as error:
        raise SourceError(f"cannot read {source.name!r}: {error.strerror}") from error
    return SourcePrint(source.name, source.size_bytes, ends.hexdigest())


def mapping_sha256(description: str) -> str:
    """What a mapping is known by (hex)."""
    return hashlib.sha256(description.encode()).hexdigest()


def settings_of(options: Any, **more: Any) -> dict[str, str]:
    """The options that must be the same, by the names that the command line gives them.

    Args:
        options: has the attributes of :data:`SETTINGS`.
        more: others.
    """
    values = {name: getattr(options, name) for name in SETTINGS} | more
    return {name.removesuffix("_seconds").replace("_", "-"): json.dumps(value) for name, value in values.items()}


def difference(before: Plan, now: Plan, *, any_method: bool = False) -> str | None:
    """Why the load of now is not the one that was begun before; None if it is.

    Args:
        before: it was begun with.
        now: what is asked for.
        any_method: by whichever way it fills the bucket.
    """
    names, names_now = [source.name for source in before.sources], [source.name for source in now.sources]
    if names != names_now:
        return f"it was begun with the sources {', '.join(names)}; now they are {', '.join(names_now)}"
    for old, new in zip(before.sources, now.sources, strict=True):
        if old.size_bytes != new.size_bytes:
            return f"the source {old.name!r} was changed: it had {_bytes(old.size_bytes)}, now {_bytes(new.size_bytes)}"
        if old.ends_sha256 != new.ends_sha256:
            return f"the source {old.name!r} was changed: it has as many bytes as before, but others"
    if before.mapping_sha256 != now.mapping_sha256:
        return "the mapping is another one than it was begun with"
    for name, value in now.settings.items():
        if before.settings.get(name, value) != value and not (any_method and name == "method"):
            return f"it was begun with another --{name}: {before.settings[name]}, now {value}"
    return None


def _bytes(size: int | None) -> str:
    return "no known size" if size is None else f"{size:,} bytes"
