"""An input in which there is something of all that can go otherwise when it is spread."""

from __future__ import annotations

from typing import Any

from importer import Report
from tests.bulk.two_ways import flux_lines, told
from tests.loading import BIRDS, START, Trial

__all__ = ["OPTIONS", "Outcome", "many_csv", "outcome"]

Outcome = tuple[dict[str, Any], list[str], list[bytes]]

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
    "shard_duration_seconds": 172_800,
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


def outcome(trial: Trial, report: Report) -> Outcome:
    """What must be the same however a load was spread: report, rejects, data."""
    path = trial.folder / "rejects.csv"
    rejects = path.read_text().replace(f"{trial.folder}/", "").splitlines() if path.exists() else []
    return told(report), rejects, flux_lines(trial)
