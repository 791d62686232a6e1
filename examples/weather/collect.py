"""Collect the current weather of a place into InfluxDB, once or again and again.

The key is read from the environment::

    export OPENWEATHERMAP_API_KEY=...
    python collect.py --lat 60.17 --lon 24.94 --bucket weather --create --once

Exit codes: 0 all is written; 1 it is not; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

from openweathermap import BASE_URL, OpenWeatherMap, WeatherError

from importer import ImporterError, MeasurementWriter, NotAcknowledgedError

KEY = "OPENWEATHERMAP_API_KEY"
LEAST_SECONDS, MOST_SECONDS = 0.1, 7 * 86_400.0

log = logging.getLogger("weather")


def main() -> int:
    """Run it; the exit code."""
    options = _options()
    key = os.environ.get(KEY, "").strip()
    if not key:
        print(f"{KEY} is not set: export it, or set it in the crontab", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise WeatherError("stopped while the weather service was away")

    service = OpenWeatherMap(
        key, base_url=options.base_url, timeout_seconds=options.timeout, retries=options.retries, pause=pause
    )
    try:
        with MeasurementWriter(options.bucket, create=options.create, wait_seconds=options.wait) as writer:
            return collect(service, writer, options, stop)
    except ImporterError as error:
        log.error("error: %s", error)  # noqa: TRY400 - a trace is for programmers
        return 1


def collect(
    service: OpenWeatherMap, writer: MeasurementWriter, options: argparse.Namespace, stop: threading.Event
) -> int:
    """Ask and write until told to stop, or once; the exit code."""
    while True:
        try:
            weather = service.current(options.lat, options.lon)
            writer.write(weather)
            writer.flush()
            log.info("%s: %s", weather.place["city"] or "no city", _shown(weather.values))
        except WeatherError as error:
            log.error("error: %s", error)  # noqa: TRY400
            if options.once or error.is_final:
                return 1
        except NotAcknowledgedError as error:
            if options.once:
                raise
            log.error("error: %s; it is tried again with the next", error)  # noqa: TRY400
        if options.once or stop.wait(options.interval):
            return 0


def _shown(values: dict[str, float | str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Collect the current weather of a place into InfluxDB.")
    parser.add_argument("--lat", type=_degrees(90), required=True, help="degrees north")
    parser.add_argument("--lon", type=_degrees(180), required=True, help="degrees east")
    parser.add_argument("--bucket", default="weather", help="where to write (default: weather)")
    parser.add_argument("--create", action="store_true", help="make the bucket if there is none")
    parser.add_argument("--once", action="store_true", help="ask once and end: for cron")
    parser.add_argument(
        "--interval", type=_seconds, default=600.0, metavar="SECONDS", help="between two questions (default: 600)"
    )
    parser.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="for one (default: 10)")
    parser.add_argument("--retries", type=_count, default=4, metavar="N", help="tries beyond the first (default: 4)")
    parser.add_argument("--wait", type=_seconds, default=30.0, metavar="SECONDS", help="for InfluxDB (default: 30)")
    parser.add_argument("--base-url", default=BASE_URL, help="of the weather service")
    return parser.parse_args()


def _degrees(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        number = float(text)
        if not -most <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between -{most:g} and {most:g}")
        return number

    return parse


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not LEAST_SECONDS <= number <= MOST_SECONDS:  # not a number is neither
        raise argparse.ArgumentTypeError(f"{text} is not between {LEAST_SECONDS:g} and {MOST_SECONDS:.0f} seconds")
    return number


if __name__ == "__main__":
    sys.exit(main())
