"""The data that is loaded: five shapes, made from a seed.

Goes in: a number of rows and a seed. Comes out: CSV, the same bytes for the same two numbers, in pieces that take
little memory; and beside it what each way of loading has to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.spec import DatasetSpec
from benchmarks.specs import IOT, MANY_SERIES, MOVEBANK, ONE_SERIES, WIDE

__all__ = ["DATASETS", "Dataset"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROWS_PER_PIECE: Final = 50_000
BIRDS: Final = 126
YEAR_MS: Final = 31_557_600_000
MOST_SERIES: Final = 100_000
DEVICES: Final = ("b8:27:eb:bf:9d:51", "00:0f:00:70:91:0a", "1c:bf:ce:15:ec:4d")
OUTLIER_SHARE: Final = 1 / 150
MOVEBANK_COLUMNS: Final = (
    "event-id", "visible", "timestamp", "location-long", "location-lat", "manually-marked-outlier", "sensor-type",
    "individual-taxon-canonical-name", "tag-local-identifier", "individual-local-identifier", "study-name",
    "utm-easting", "utm-northing", "utm-zone", "study-timezone", "study-local-timestamp",
)  # fmt: skip
TAXA: Final = ("Larus fuscus", "Ciconia ciconia", "Vespertilio murinus")


@dataclass(frozen=True, slots=True)
class Dataset:
    """One shape of data.

    Attributes:
        spec: what the ways of loading are told.
        frames: rows and seed -> pieces whose columns are text as it stands in the file, quotes included.
        share: of the rows that are asked for; shapes that take longer have fewer.
    """

    spec: DatasetSpec
    frames: Callable[[int, int], Iterator[pl.DataFrame]]
    share: float = 1.0

    @property
    def name(self) -> str:
        """Its name."""
        return self.spec.name

    def rows(self, asked: int) -> int:
        """The rows that it has where so many are asked for; at least ten."""
        return max(10, int(asked * self.share))

    def lines(self, rows: int, seed: int) -> Iterator[pl.Series]:
        """The CSV, header first, as pieces of lines."""
        for number, frame in enumerate(self.frames(rows, seed)):
            text = pl.select(pl.concat_str([frame[name] for name in frame.columns], separator=",").alias("line"))
            if not number:
                yield pl.Series("line", [",".join(frame.columns)])
            yield text["line"]


class _Draws:
    """Uniform numbers out of raw PCG64 bits, which numpy promises for ever.

    No function that rounds differently from machine to machine has a part in them.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def uniform(self, low: float, high: float, size: int) -> Floats:
        """Numbers of [low, high)."""
        unit: Floats = (self._bits.random_raw(size) >> np.uint64(11)) * np.float64(2.0**-53)
        return low + (high - low) * unit

    def whole(self, low: int, high: int, size: int) -> Integers:
        """Whole numbers of [low, high)."""
        return self.uniform(low, high, size).astype(np.int64)


def _movebank(rows: int, seed: int) -> Iterator[pl.DataFrame]:
    """Bird after bird, as Movebank exports them; each over six years, no two fixes of one at the same time."""
    first_id = 21_500_000_000
    for bird in range(min(BIRDS, rows)):
        own = rows // BIRDS + (bird < rows % BIRDS)
        draws, step_ms = _Draws(seed, 1, bird), 6 * YEAR_MS / own
        # Whole hundred-thousandths of a degree, so that their text is short and exact.
        lon, lat = int(draws.whole(-1_000_000, 4_000_000, 1)[0]), int(draws.whole(-500_000, 6_000_000, 1)[0])
        for begin in range(0, own, ROWS_PER_PIECE):
            size = min(ROWS_PER_PIECE, own - begin)
            at_ms = (np.arange(begin, begin + size) + draws.uniform(0, 0.9, size)) * step_ms
            walk_lon, walk_lat = (np.cumsum(draws.whole(-400, 401, size)) for _ in range(2))
            columns = _animal(bird)
            columns |= _fixes(first_id + begin, at_ms.astype(np.int64), lon + walk_lon, lat + walk_lat)
            columns["manually-marked-outlier"] = _flags(draws.uniform(0, 1, size) < OUTLIER_SHARE)
            yield _frame({name: columns[name] for name in MOVEBANK_COLUMNS}, size)
        first_id += own


def _animal(bird: int) -> dict[str, pl.Series | str]:
    tag = f"#{1_918_700 + 7 * bird}" if bird % 3 == 0 else str(91_700 + 11 * bird)
    return {
        "visible": "true",
        "sensor-type": '"gps"',
        "individual-taxon-canonical-name": f'"{TAXA[bird % len(TAXA)]}"',
        "tag-local-identifier": f'"{tag}"',
        "individual-local-identifier": f'"{tag.removeprefix("#")}A"',
        "study-name": '"Benchmark of migration (synthetic)"',
        "utm-zone": '"32N"',
        "study-timezone": '"Central European Time"',
    }


def _fixes(first_id: int, at_ms: Integers, lon: Integers, lat: Integers) -> dict[str, pl.Series | str]:
    times = pl.Series(np.datetime64("2009-05-01T00:00:00", "ms") + at_ms.astype("timedelta64[ms]"))
    return {
        "event-id": _text(np.arange(first_id, first_id + len(at_ms))),
        "timestamp": times.dt.strftime("%Y-%m-%d %H:%M:%S%.3f"),
        "location-long": _text(lon / 1e5),
        "location-lat": _text(lat / 1e5),
        "utm-easting": _text(500_000 + lon / 1e3),
        "utm-northing": _text(5_000_000 + lat / 1e3),
        "study-local-timestamp": times.dt.offset_by("1h").dt.strftime("%Y-%m-%d %H:%M:%S%.3f"),
    }


def _iot(rows: int, seed: int) -> Iterator[pl.DataFrame]:
    """Telemetry as it comes in: a reading some seconds after the other, from one of three devices."""
    draws, now_us = _Draws(seed, 2), 1_594_512_094_385_974
    for size in _sizes(rows):
        times_us = now_us + np.cumsum(draws.whole(1, 3_400_000, size))
        now_us = int(times_us[-1])
        seconds, micros = _text(times_us // 1_000_000), _text(times_us % 1_000_000).str.zfill(6)
        yield pl.DataFrame({
            "ts": seconds + "." + micros,
            "device": pl.Series(DEVICES).gather(draws.whole(0, len(DEVICES), size)),
            "co": _text(draws.uniform(0.002, 0.014, size)),
            "humidity": _text(draws.whole(400, 800, size) / 10),
            "light": _text(draws.whole(0, 2, size)),
            "lpg": _text(draws.uniform(0.003, 0.017, size)),
            "motion": _text(draws.whole(0, 2, size)),
            "smoke": _text(draws.uniform(0.007, 0.047, size)),
            "temp": _text(draws.whole(150, 310, size) / 10),
        })  # fmt: skip


def _wide(rows: int, seed: int) -> Iterator[pl.DataFrame]:
    """A hundred numbers a row, of ten hosts, ten seconds apart."""
    draws, first = _Draws(seed, 3), 0
    for size in _sizes(rows, ROWS_PER_PIECE // 10):
        row = np.arange(first, first + size)
        columns: dict[str, pl.Series | str] = {"time": _seconds(row // 10 * 10), "host": "host-" + _text(row % 10)}
        columns |= {name: _text(draws.whole(0, 1_000_000, size) / 1e3) for name in WIDE.numbers}
        yield _frame(columns, size)
        first += size


def _one_series(rows: int, seed: int) -> Iterator[pl.DataFrame]:
    """One sensor, once a second."""
    draws, first = _Draws(seed, 4), 0
    for size in _sizes(rows):
        yield _frame(
            {
                "time": _seconds(np.arange(first, first + size)),
                "sensor": "sensor-1",
                "value": _text(draws.whole(-40_000, 60_000, size) / 1e3),
                "quality": _text(draws.whole(0, 4, size)),
            },
            size,
        )
        first += size


def _many_series(rows: int, seed: int) -> Iterator[pl.DataFrame]:
    """A hundred thousand sensors, in turn, each every ten minutes."""
    draws, first = _Draws(seed, 5), 0
    sensors = min(MOST_SERIES, rows)
    for size in _sizes(rows):
        row = np.arange(first, first + size)
        yield pl.DataFrame({
            "time": _seconds(row // sensors * 600),
            "sensor": "sensor-" + _text(row % sensors).str.zfill(6),
            "value": _text(draws.whole(-40_000, 60_000, size) / 1e3),
            "battery": _text(draws.whole(0, 101, size)),
        })  # fmt: skip
        first += size


def _sizes(rows: int, most: int = ROWS_PER_PIECE) -> Iterator[int]:
    for begin in range(0, rows, most):
        yield min(most, rows - begin)


def _text(numbers: Floats | Integers) -> pl.Series:
    return pl.Series(numbers).cast(pl.String)


def _seconds(since: Integers) -> pl.Series:
    start = np.datetime64("2024-01-01T00:00:00", "ms")
    return pl.Series(start + (since * 1000).astype("timedelta64[ms]")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def _flags(values: NDArray[np.bool_]) -> pl.Series:
    return pl.Series(values).cast(pl.String)  # true, false


def _frame(columns: dict[str, pl.Series | str], size: int) -> pl.DataFrame:
    """Columns side by side; a text alone stands in every row."""
    whole = {name: pl.Series([c]).new_from_index(0, size) if isinstance(c, str) else c for name, c in columns.items()}
    return pl.DataFrame(whole)


DATASETS: Final = {
    each.name: each
    for each in (
        Dataset(MOVEBANK, _movebank),
        Dataset(IOT, _iot, share=0.5),
        Dataset(WIDE, _wide, share=0.05),
        Dataset(ONE_SERIES, _one_series, share=0.5),
        Dataset(MANY_SERIES, _many_series, share=0.5),
    )
}
