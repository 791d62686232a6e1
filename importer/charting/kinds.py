"""The kinds of files that charts are written as."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from importer.errors import ConfigurationError

__all__ = ["KINDS", "check_kind"]

KINDS: Final = (".png", ".svg")


def check_kind(path: Path) -> None:
    """Refuse a file name that says neither PNG nor SVG.

    Raises:
        ConfigurationError: says which ones there are.
    """
    if path.suffix.lower() not in KINDS:
        raise ConfigurationError(f"{str(path)!r}: charts are written as PNG or SVG; name a file such as chart.png")
