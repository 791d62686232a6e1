"""The rows of a sample, as often as they are asked for."""

from __future__ import annotations

import gzip
import weakref
from pathlib import Path

from importer.inspecting.dialect import sniff_all
from importer.inspecting.rows import Rows
from importer.source.header import Head
from importer.source.named import expand


def test_the_first_rows_of_a_sample_are_read_again_and_not_held(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(("t,v\n" + "".join(f"{n},{'x' * 100}\n" for n in range(200_000))).encode()))
    sources = expand([str(path)])
    rows = Rows(sources, sniff_all(sources, {}, whole=False), head=Head(), sample=150_000)
    for _ in range(2):
        tables, read = [], 0
        for table in rows.tables("reading"):
            read += table.frame.height
            tables.append(weakref.ref(table.frame))
        del table
        assert (read, len(tables) > 2, [frame() for frame in tables if frame() is not None]) == (150_000, True, [])
        assert (rows.is_whole, rows.sampled) == (False, "the first 150,000 rows")
