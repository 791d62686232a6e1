"""The current weather at a place, as OpenWeatherMap tells it.

Goes in: a place and an API key. Comes out: a :class:`Weather`, which is a measurement that the importer writes; or a
:class:`WeatherError` that says what to do. The key is part of the address that is asked for, so that address is in no
message and no log line.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote_plus

import urllib3
from urllib3.util import Retry, Timeout

from importer import Measurement
from importer.server.secret import Redacting, Secret, redacted

BASE_URL = "https://api.openweathermap.org"
PATH = "/data/2.5/weather"
UNAUTHORIZED, NOT_FOUND, OK = 401, 404, 200
LONGEST_PAUSE_SECONDS = 60
LARGEST_ANSWER_BYTES = 1 << 20

# Where each field stands in the answer. All are numbers and are kept as floats, since JSON says 20 and 20.5 of the same
# thing; what a place does not report is missing from its answer, and is no field.
NUMBERS = {
    "temp": ("main", "temp"),  # degrees Celsius
    "feels_like": ("main", "feels_like"),
    "pressure": ("main", "pressure"),  # hPa
    "humidity": ("main", "humidity"),  # %
    "wind_speed": ("wind", "speed"),  # m/s
    "wind_deg": ("wind", "deg"),
    "wind_gust": ("wind", "gust"),
    "clouds": ("clouds", "all"),  # %
    "visibility": ("visibility",),  # m
    "rain_1h": ("rain", "1h"),  # mm
    "snow_1h": ("snow", "1h"),
}


class WeatherError(Exception):
    """The weather could not be had.

    Attributes:
        is_final: asking again cannot help.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(redacted(message))
        self.is_final = is_final


@dataclass(frozen=True)
class Weather(Measurement):
    """The weather of one place at one time.

    Attributes:
        time: when it was measured, ns since 1970 UTC: the same answer twice is the same point.
        place: tags; latitude and longitude as they were asked for, since cities share names.
        values: fields.
    """

    name = "weather"
    field_types: ClassVar = {**dict.fromkeys(NUMBERS, "float"), "description": "string"}

    time: int
    place: dict[str, str | None]
    values: dict[str, float | str] = field(default_factory=dict)

    def tags(self) -> dict[str, str | None]:
        """City, country, latitude and longitude."""
        return self.place

    def fields(self) -> dict[str, float | str]:
        """What the answer holds of :data:`NUMBERS`, and the description."""
        return self.values


def weather_from(answer: Any, lat: float, lon: float) -> Weather:
    """Read an answer.

    Args:
        answer: the JSON, decoded.
        lat: as it was asked for, degrees.
        lon: likewise.

    Raises:
        WeatherError: it is no answer of this service, or has no time or no value.
    """
    seconds = _found(answer, "dt")
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise WeatherError("the answer has no time (dt), so it cannot be kept")
    values: dict[str, float | str] = {}
    for key, where in NUMBERS.items():
        number = _found(answer, *where)
        if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
            values[key] = float(number)
    kinds = _found(answer, "weather")
    description = _found(kinds[0], "description") if isinstance(kinds, list) and kinds else None
    if isinstance(description, str) and description:
        values["description"] = description
    if not values:
        raise WeatherError("the answer has none of the values that are known")
    city, country = _found(answer, "name"), _found(answer, "sys", "country")
    place = {
        "city": city if isinstance(city, str) else None,
        "country": country if isinstance(country, str) else None,
        "lat": f"{lat:.4f}",
        "lon": f"{lon:.4f}",
    }
    return Weather(seconds * 10**9, place, values)


class OpenWeatherMap:
    """Asks for the weather.

    Args:
        key: the API key; it is never printed.
        base_url: where the service is.
        timeout_seconds: for one request.
        retries: tries beyond the first, where the service is away, has too much to do (429) or fails (5xx).
        pause: sleeps between tries; may raise to break off.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str = BASE_URL,
        timeout_seconds: float = 10.0,
        retries: int = 4,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._key = Secret(key)
        Secret(quote_plus(key))  # as it stands in an address
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):  # they log addresses
            logging.getLogger(name).addFilter(Redacting())
        self._base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(
            timeout=Timeout(connect=timeout_seconds, read=timeout_seconds),
            retries=_patient_retry(pause)(
                total=retries,
                status_forcelist=(429, 500, 502, 503, 504),
                backoff_factor=0.5,
                backoff_jitter=0.5,
                redirect=False,  # the key would go elsewhere
                raise_on_redirect=False,
                raise_on_status=False,
            ),
        )

    def current(self, lat: float, lon: float) -> Weather:
        """The weather now.

        Args:
            lat: degrees north.
            lon: degrees east.

        Raises:
            WeatherError: it could not be had.
        """
        fields = {"lat": f"{lat:.4f}", "lon": f"{lon:.4f}", "appid": self._key, "units": "metric"}
        try:
            answer = self._pool.request("GET", self._base_url + PATH, fields=fields, preload_content=False)
            with answer:
                body = answer.read(LARGEST_ANSWER_BYTES, decode_content=True)
        except (urllib3.exceptions.LocationValueError, urllib3.exceptions.URLSchemeUnknown) as error:
            raise WeatherError(f"{self._base_url!r} is no address: {error}", is_final=True) from None
        except urllib3.exceptions.HTTPError as error:
            raise WeatherError(f"no answer from {self._base_url}: {_reason(error)}") from None
        if answer.status == UNAUTHORIZED:
            raise WeatherError(
                "the API key is not accepted (401): check OPENWEATHERMAP_API_KEY; a new key takes some hours to work",
                is_final=True,
            )
        if answer.status != OK:
            raise WeatherError(
                f"{self._base_url} answers with {answer.status}: {body[:200].decode(errors='replace')}",
                is_final=answer.status == NOT_FOUND,
            )
        try:
            decoded = json.loads(body)
        except ValueError:
            raise WeatherError(f"the answer is no JSON: {body[:80].decode(errors='replace')!r}") from None
        return weather_from(decoded, lat, lon)


def _patient_retry(pause: Callable[[float], object]) -> type[Retry]:
    """As urllib3 retries, but never pausing for longer than a minute, whatever Retry-After says."""

    class PatientRetry(Retry):
        def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
            asked = self.get_retry_after(response) if response is not None else None
            pause(min(asked or self.get_backoff_time(), LONGEST_PAUSE_SECONDS))

    return PatientRetry


def _found(answer: Any, *where: str) -> Any:
    """What stands there; None where it is missing."""
    for key in where:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return answer


def _reason(error: Exception) -> str:
    """What lies behind it; the address that was asked for is left out."""
    reason = getattr(error, "reason", None)
    return _reason(reason) if isinstance(reason, Exception) else str(error)
