"""Look at a dataset: :func:`inspect`, on which ``importer inspect`` and loads without a mapping stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from importer.inspecting.records import Inspection

__all__ = ["inspect"]


def inspect(
    source: str | Path | Sequence[str | Path],
    *,
    sample: int | None = None,
    csv: dict[str, Any] | None = None,
    measurement: str | None = None,
    time: str | Sequence[str] | None = None,
    time_format: str | None = None,
    timezone: str | None = None,
    tags: Sequence[str] = (),
    fields: Sequence[str] = (),
    stdin: BinaryIO | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Inspection:
    """Look at a dataset, and propose a mapping; nothing is written anywhere.

    Args:
        source: paths, globs, or ``-`` for standard input.
        sample: look at so many rows only, evenly spread where the file allows it; None: at every row.
        csv: how the text is to be read (``delimiter``, ``encoding``, ``null``, ``decimal``), as far as one knows
            better than what is found out.
        measurement: its name, instead of the file's.
        time: the column with the time, or several that are joined by a space.
        time_format: of it.
        timezone: IANA name, for times without an offset.
        tags: ``COL`` or ``KEY=COL``: these are the tags, instead of those found.
        fields: ``COL``, ``COL:TYPE``, ``KEY=COL:TYPE``: these are the fields, instead of all other columns.
        stdin: where ``-`` reads from.
        progress: told now and then what is being done, and how many rows are read.

    Returns:
        what is in it. Where ``questions`` is not empty, ``mapping`` is None until they are answered by the arguments.

    Raises:
        SourceError: the input cannot be read.
        ConfigurationError: an argument is wrong, or names a column that is not there.
    """
    raise NotImplementedError
