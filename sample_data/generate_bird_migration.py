"""Write a synthetic year of bird tracking in the shape of a Movebank export.

Goes in: a seed, a number of birds and of rows. Comes out: CSV, the same bytes for the same three numbers.
Every bird breeds, flies south with rests on the way, winters and flies back; its fixes are denser while it
migrates. What real exports contain and importers stumble over is put in on purpose, see ``README.md`` beside
this file.

    python sample_data/generate_bird_migration.py
    python sample_data/generate_bird_migration.py --rows 1000000 --birds 126 --output /tmp/million.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from bird_tracks import KM_PER_DEGREE, YEAR_DAYS, Bird, Draws, Integers, make_bird

SEED, BIRDS, ROWS = 20230501, 14, 12_600
OUTPUT = Path(__file__).with_name("bird_migration.csv")

START = np.datetime64("2023-05-01T00:00:00.000", "ms")
DAY_MS = 86_400_000
ROWS_PER_CHUNK = 20_000

STUDY = "Bird migration (synthetic)"
COLUMNS = (
    "event-id,visible,timestamp,location-long,location-lat,bar:barometric-pressure,ground-speed,heading,"
    "height-above-ellipsoid,manually-marked-outlier,sensor-type,individual-taxon-canonical-name,"
    "tag-local-identifier,individual-local-identifier,study-name"
)
FIRST_EVENT_ID = 21_500_000_000  # beyond 32 bits, as Movebank's are

ROWS_PER_DUPLICATE = 200
ROWS_PER_OUTLIER = 150
ROWS_PER_SHARED_INSTANT = 400
MIN_SHARED_INSTANTS = 24
SHARED_SHARE = 0.6
EMPTY_FLAG_SHARE = 0.04
EMPTY_HEIGHT_SHARE = 0.02
MIGRATION_DENSITY = 3.0


def fix_times(bird: Bird, draws: Draws, count: int, shared_ms: Integers) -> Integers:
    """Milliseconds since the start of ``count`` fixes, strictly rising, some moved to the shared instants."""
    (autumn_from, autumn_to), (spring_from, spring_to) = bird.travels
    knots = np.array([0.0, autumn_from, autumn_to, spring_from, spring_to, YEAR_DAYS])
    density = np.array([1.0, MIGRATION_DENSITY, 1.0, MIGRATION_DENSITY, 1.0])
    cumulated = np.concatenate(([0.0], np.cumsum(np.diff(knots) * density)))
    wanted = (np.arange(count) + draws.uniform(0.15, 0.85, count)) / count * cumulated[-1]
    times: Integers = (np.interp(wanted, cumulated, knots) * DAY_MS).astype(np.int64)

    joined = shared_ms[draws.uniform(0.0, 1.0, len(shared_ms)) < SHARED_SHARE]
    after = np.clip(np.searchsorted(times, joined), 1, max(count - 1, 1))
    nearest = np.where(joined - times[after - 1] <= times[after % count] - joined, after - 1, after % count)
    chosen, first = np.unique(nearest, return_index=True)
    times[chosen] = joined[first]
    return times


def bird_rows(seed: int, index: int, rows: int, first_event_id: int, shared_ms: Integers) -> Iterator[str]:
    """CSV text of one bird's ``rows`` rows, its duplicates included, in chunks."""
    bird = make_bird(seed, index)
    draws = Draws(seed, index, 1)
    duplicates = rows // ROWS_PER_DUPLICATE
    count = rows - duplicates
    times = fix_times(bird, draws, count, shared_ms)
    days = times / DAY_MS

    lon, lat = bird.position(days)
    half_minute = 30 / 86_400
    next_lon, next_lat = bird.position(days + half_minute)
    east = (next_lon - lon) * KM_PER_DEGREE * np.cos(np.radians(lat))
    north = (next_lat - lat) * KM_PER_DEGREE
    speed = np.hypot(east, north) * 1000 / 30
    heading = np.degrees(np.arctan2(east, north)) % 360
    height = 40 + 25 * np.abs(draws.normal(count)) + np.minimum(speed, 14.0) * draws.uniform(5.0, 90.0, count)
    pressure = 1013.25 * (1 - 2.25577e-5 * height) ** 5.25588 + draws.normal(count)
    lon += 1e-4 * draws.normal(count)
    lat += 1e-4 * draws.normal(count)

    outlier = np.zeros(count, dtype=bool)
    wild = draws.choice(count, count // ROWS_PER_OUTLIER)
    outlier[wild] = True
    lon[wild] = (lon[wild] + draws.uniform(15.0, 90.0, len(wild)) + 180) % 360 - 180
    lat[wild] = draws.uniform(-85.0, 85.0, len(wild))
    empty_flag = draws.uniform(0.0, 1.0, count) < EMPTY_FLAG_SHARE
    empty_height = draws.uniform(0.0, 1.0, count) < EMPTY_HEIGHT_SHARE

    # A tag that was out of reach sends again what was not acknowledged. These rows come after all others, so
    # that a duplicate is far from its first copy.
    order = np.concatenate((np.arange(count), draws.choice(count, duplicates)))
    instants = START + times.astype("timedelta64[ms]")
    tail = f',"gps","{bird.taxon}","{bird.tag}","{bird.name}","{STUDY}"\n'
    for begin in range(0, rows, ROWS_PER_CHUNK):
        at = order[begin : begin + ROWS_PER_CHUNK]
        yield "".join([
            f"{event},{'false' if marked else 'true'},{instant[:10]} {instant[11:]},{x:.5f},{y:.5f},"
            f"{hpa:.1f},{v:.2f},{course:.1f},{'' if no_height else f'{h:.0f}'},"
            f"{'true' if marked else '' if no_flag else 'false'}{tail}"
            for event, marked, instant, x, y, hpa, v, course, no_height, h, no_flag in zip(
                (first_event_id + at).tolist(), outlier[at].tolist(), instants[at].astype(str).tolist(),
                lon[at].tolist(), lat[at].tolist(), pressure[at].tolist(), speed[at].tolist(),
                heading[at].tolist(), empty_height[at].tolist(), height[at].tolist(), empty_flag[at].tolist(),
                strict=True,
            )
        ])  # fmt: skip


def generate(seed: int, birds: int, rows: int) -> Iterator[str]:
    """The whole CSV in chunks, bird after bird as Movebank exports it; one bird at a time is in memory."""
    yield COLUMNS + "\n"
    instants = max(MIN_SHARED_INSTANTS, rows // ROWS_PER_SHARED_INSTANT)
    shared_ms = ((np.arange(instants) + 0.5) / instants * YEAR_DAYS * 24).astype(np.int64) * 3_600_000
    done = 0
    for index in range(birds):
        own = rows // birds + (index < rows % birds)
        yield from bird_rows(seed, index, own, FIRST_EVENT_ID + done, shared_ms)
        done += own


def main() -> None:
    """Write the CSV as the command line says."""
    parser = argparse.ArgumentParser(
        description="Write a synthetic Movebank-shaped CSV of bird migration.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=SEED, help="other tracks")
    parser.add_argument("--birds", type=int, default=BIRDS, help="number of birds")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows, without the header")
    parser.add_argument("--output", default=str(OUTPUT), help="a file, or - for standard output")
    options = parser.parse_args()
    if options.birds < 1 or options.rows < 2 * options.birds or options.seed < 0:
        parser.error("at least one bird, two rows for each, and a seed that is not negative")
    with (
        nullcontext(sys.stdout)
        if options.output == "-"
        else Path(options.output).open("w", encoding="utf-8", newline="\n") as out
    ):
        out.writelines(generate(options.seed, options.birds, options.rows))


if __name__ == "__main__":
    main()
