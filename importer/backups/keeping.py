"""Removing backups that are older than those that are kept."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from importer.backups.layout import SIDECAR

__all__ = ["prune"]

log = logging.getLogger(__name__)

_STAMPED = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove the oldest backups in a folder.

    Only folders that are named after a time and hold the importer's own file are taken for backups.

    Args:
        folder: of the backups.
        keep: how many stay.

    Returns:
        what was removed.
    """
    found = sorted(path.parent for path in folder.glob(f"{_STAMPED}/{SIDECAR}") if not path.parent.is_symlink())
    removed = []
    for path in found[:-keep]:
        try:
            # What tells a backup goes first, so that half of one is never taken for a whole.
            (path / SIDECAR).unlink()
            shutil.rmtree(path)
        except OSError as error:
            log.warning("warning: cannot remove the old backup %r: %s", str(path), error.strerror)
        else:
            removed.append(path)
    return removed
