"""The keys of a load's series as storage files have them, and their order.

Goes in: series keys as line protocol writes them, by the load's numbers. Comes out: :class:`SeriesKeys`, which is also
written to a file, so that other processes can have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.tsm.keys import SEPARATOR, parsed, series_key

__all__ = ["SeriesKeys"]

Ranks = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class SeriesKeys:
    """The series of a load.

    Attributes:
        ranks: of each series, by the load's number: its place in the order of storage files.
        keys: by rank, as the server writes them.
        measurements: by rank.
        texts: by rank, as line protocol writes them, for messages.
    """

    ranks: Ranks = field(repr=False)
    keys: Sequence[bytes] = field(repr=False)
    measurements: Sequence[str] = field(repr=False)
    texts: Sequence[str] = field(repr=False)

    @classmethod
    def of(cls, texts: Sequence[str], measurements: Sequence[str]) -> SeriesKeys:
        """Of series keys and measurements by the load's numbers."""
        keys = [_stored(text) for text in texts]
        # A field's key is the series' with this behind it, and the order is that of whole keys.
        order = sorted(range(len(keys)), key=lambda number: keys[number] + SEPARATOR)
        ranks = np.empty(len(keys), dtype=np.uint32)
        ranks[order] = np.arange(len(keys), dtype=np.uint32)
        return cls(ranks, [keys[n] for n in order], [measurements[n] for n in order], [texts[n] for n in order])

    def write(self, path: Path) -> None:
        """Write them to a file.

        Raises:
            OSError: the disk refuses.
        """
        columns = {"rank": self.ranks, "key": self.keys, "measurement": self.measurements, "text": self.texts}
        types = {"rank": pl.UInt32, "key": pl.Binary, "measurement": pl.String, "text": pl.String}
        # By way of memory, as its own errors have no number.
        path.write_bytes(pl.DataFrame(columns, types).write_ipc(None).getbuffer())

    @classmethod
    @lru_cache(maxsize=1)
    def read(cls, path: Path) -> SeriesKeys:
        """What :meth:`write` wrote; a process needs those of one load at a time."""
        table = pl.scan_ipc(path, glob=False).collect()
        return cls(table["rank"].to_numpy(), *(table[name].to_list() for name in ("key", "measurement", "text")))


def _stored(text: str) -> bytes:
    if "\\" not in text:
        return text.encode()
    # The server puts its own escapes, and sorts the tags as they are written then.
    found = parsed(text.encode() + SEPARATOR)
    return series_key(found.measurement, found.tags)
