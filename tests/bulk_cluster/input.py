"""An input in which there is something of all that can go otherwise when it is spread."""

from __future__ import annotations

from typing import Any

from tests.loading import BIRDS, START

__all__ = ["OPTIONS", "many_csv"]

MANY: dict[str, Any] = BIRDS | {
    "measurement": {"column": "kind"},
    "fields": {"lat": {"column": "lat", "type": "float"}, "n": {"column": "n"}, "word": {"column": "word"}},
}
BLOCK_BYTES = 16_384
OPTIONS: dict[str, Any] = {
    "method": "bulk",
    "mapping": MANY,
    "block_bytes": BLOCK_BYTES,
    "max_rejects": "10%",
    "shard_duration_seconds": 86_400,
    "wait_seconds": 20,
}


def many_csv(rows: int = 4_000) -> str:
    """Several measurements over days; rejects, points that come again blocks later, and fields that begin late."""
    lines = ["t,bird,lat,n,word,kind"]
    for n in range(rows):
        second = START + (n % 3_000) * 200  # the last thousand have the keys of the first
        latitude = "north" if n % 500 == 77 else f"{47 + n / 1000:.3f}"
        count = "" if n < rows // 2 else f"{n}.5" if n > rows // 2 + 900 else f"{n}"
        word = f"w{n % 3}" if n % 5 == 0 and n > 1_500 else ""
        lines.append(f"{second},b{n % 3},{latitude},{count},{word},{('seen', 'heard')[n % 2]}")
    return "\n".join(lines) + "\n"
