"""The weather collector, against a local server that answers as OpenWeatherMap does, into a real InfluxDB."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fault_proxy import Fault, fault_proxy
from tests.loading import ROOT, Trial
from tests.points import query

FOLDER = ROOT / "examples" / "weather"
KEY = "0123456789abcdef0123456789abcdef"
DT = 1_726_660_758
HELSINKI: dict[str, Any] = {
    "coord": {"lon": 24.94, "lat": 60.17},
    "weather": [{"id": 501, "main": "Rain", "description": "moderate rain", "icon": "10d"}],
    "base": "stations",
    "main": {"temp": 20, "feels_like": 19.74, "temp_min": 18.9, "temp_max": 21, "pressure": 1015, "humidity": 64},
    "visibility": 10000,
    "wind": {"speed": 4.09, "deg": 121, "gust": 3.47},
    "rain": {"1h": 2.73},
    "clouds": {"all": 83},
    "dt": DT,
    "sys": {"type": 2, "id": 2075663, "country": "FI", "sunrise": 1726636384, "sunset": 1726680975},
    "timezone": 10800,
    "id": 658225,
    "name": "Helsinki",
    "cod": 200,
}


@dataclass
class Service:
    """A local OpenWeatherMap.

    Attributes:
        url: its address.
        answers: status, headers and body of each answer in turn; the last one stays.
        asked: the queries that came in.
        hangs_seconds: before each answer.
    """

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    hangs_seconds: float = 0.0

    def says(self, answer: Any, status: int = 200, **headers: str) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers.append((status, {key.replace("_", "-"): value for key, value in headers.items()}, body))


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            assert parts.path == "/data/2.5/weather"
            told.asked.append(parse_qs(parts.query))
            time.sleep(told.hangs_seconds)
            status, headers, body = told.answers.pop(0) if len(told.answers) > 1 else told.answers[0]
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's module."""
    monkeypatch.syspath_prepend(FOLDER)
    import openweathermap  # noqa: PLC0415

    return openweathermap


Collect = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def collect(environment: None, service: Service, trial: Trial) -> Iterator[Collect]:  # noqa: ARG001
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        words = [sys.executable, FOLDER / "collect.py", "--lat", "60.17", "--lon", "24.94", "--bucket", trial.bucket]
        words += ["--create", "--base-url", service.url, *arguments]
        environment = os.environ | {"OPENWEATHERMAP_API_KEY": KEY} | variables
        started.append(
            subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def points(trial: Trial) -> list[dict[str, Any]]:
    flux = """from(bucketID: id) |> range(start: 0, stop: 2200-01-01T00:00:00Z)
        |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")"""
    return query(trial.server, flux, id=trial.bucket_id)


def test_once_writes_the_weather_at_its_own_time_and_never_shows_the_key(
    service: Service, collect: Collect, trial: Trial
) -> None:
    service.says(HELSINKI)
    ended = collect("--once")
    out, err = ended.communicate(timeout=60)
    assert (ended.returncode, out) == (0, "")
    assert err.startswith("Helsinki: temp 20.0, ")
    assert KEY not in err
    assert service.asked == [{"lat": ["60.1700"], "lon": ["24.9400"], "appid": [KEY], "units": ["metric"]}]
    (point,) = points(trial)
    assert point["_time"].timestamp() == DT
    tags = {key: point[key] for key in ("_measurement", "city", "country", "lat", "lon")}
    assert tags == {"_measurement": "weather", "city": "Helsinki", "country": "FI", "lat": "60.1700", "lon": "24.9400"}
    fields = {key: value for key, value in point.items() if key not in tags and not key.startswith("_")}
    del fields["result"], fields["table"]
    assert fields == {
        "temp": 20.0, "feels_like": 19.74, "pressure": 1015.0, "humidity": 64.0, "wind_speed": 4.09, "wind_deg": 121.0,
        "wind_gust": 3.47, "clouds": 83.0, "visibility": 10000.0, "rain_1h": 2.73, "description": "moderate rain",
    }  # fmt: skip
    assert {type(value) for value in fields.values()} == {float, str}


def test_the_loop_writes_each_time_once_goes_on_after_errors_and_ends_on_a_signal(
    service: Service, collect: Collect, trial: Trial
) -> None:
    later = copy.deepcopy(HELSINKI)
    later["dt"], later["main"]["temp"] = DT + 600, 20.5
    for answer in (HELSINKI, HELSINKI, b"<html>", later):
        service.says(answer)
    running = collect("--interval", "0.1")
    deadline = time.monotonic() + 60
    while len(service.asked) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "error: the answer is no JSON: '<html>'" in err
    assert [(point["_time"].timestamp(), point["temp"]) for point in points(trial)] == [(DT, 20.0), (DT + 600, 20.5)]


def test_an_influxdb_that_is_away_gets_the_weather_later(service: Service, collect: Collect, trial: Trial) -> None:
    with fault_proxy(trial.connection.url) as proxy:
        first = copy.deepcopy(HELSINKI)
        first["dt"] = DT - 600
        service.says(first)
        service.says(HELSINKI)
        proxy.rule = lambda request: Fault(status=503) if request.is_write else None
        running = collect("--interval", "0.3", "--wait", "0.3", INFLUX_URL=proxy.url)
        deadline = time.monotonic() + 60
        while len(service.asked) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        proxy.rule = lambda _: None
        while len(points(trial)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "1 measurements are not acknowledged, and kept" in err
    assert {point["_time"].timestamp() for point in points(trial)} == {DT - 600, DT}


@pytest.mark.parametrize(
    ("variables", "arguments", "ending"),
    [
        ({"OPENWEATHERMAP_API_KEY": ""}, ("--once",), (2, "OPENWEATHERMAP_API_KEY is not set")),
        ({}, ("--once", "--lat", "91"), (2, "91 is not between -90 and 90")),
        *(
            ({}, ("--interval", wrong), (2, f"argument --interval: {wrong} is not between 0.1 and 604800 seconds"))
            for wrong in ("inf", "nan", "-5")
        ),
        ({}, (), (1, "error: the API key is not accepted (401): check OPENWEATHERMAP_API_KEY")),
    ],
)
def test_wrong_usage_and_a_key_that_is_not_accepted_end_it_with_clear_words(
    service: Service, collect: Collect, variables: dict[str, str], arguments: tuple[str, ...], ending: tuple[int, str]
) -> None:
    code, message = ending
    service.says({"cod": 401, "message": f"Invalid API key {KEY}."}, 401)
    ended = collect(*arguments, **variables)
    _, err = ended.communicate(timeout=60)
    assert (ended.returncode, message in err, KEY in err, "Traceback" in err) == (code, True, False, False)
    assert len(service.asked) <= 1  # it is not asked again


def test_429_and_5xx_are_tried_again_after_the_pause_that_is_asked_for(service: Service, client: Any) -> None:
    service.says({"cod": 429}, 429, Retry_After="7")
    service.says({}, 503)
    service.says({}, 500, Retry_After="86400")
    service.says(HELSINKI)
    pauses: list[float] = []
    weather = client.OpenWeatherMap(KEY, base_url=service.url, pause=pauses.append).current(60.17, 24.94)
    assert weather.values["temp"] == 20.0
    assert (pauses[0], pauses[2], len(pauses)) == (7, 60, 3)


def test_a_service_that_does_not_answer_in_time_is_an_error_without_the_key(
    service: Service, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service.says(HELSINKI)
    service.hangs_seconds = 0.5
    asking = client.OpenWeatherMap(KEY, base_url=service.url, timeout_seconds=0.1, retries=2, pause=lambda _: None)
    with pytest.raises(client.WeatherError, match=r"no answer from http://127\.0\.0\.1:.*timed out") as error:
        asking.current(60.17, 24.94)
    assert len(service.asked) == 3
    assert KEY not in f"{error.value}{error.value.__cause__}"
    assert "Retrying" in caplog.text
    assert KEY not in caplog.text


def test_a_redirect_is_not_followed_because_the_key_would_go_elsewhere(service: Service, client: Any) -> None:
    service.says({}, 302, Location="http://127.0.0.1:9/elsewhere")
    with pytest.raises(client.WeatherError, match="answers with 302"):
        client.OpenWeatherMap(KEY, base_url=service.url).current(60.17, 24.94)


def test_an_answer_that_repeats_the_key_is_shown_without_it(service: Service, client: Any) -> None:
    key = "a key with blanks"
    service.says(b"wrong: a key with blanks, or a+key+with+blanks", 400)
    with pytest.raises(client.WeatherError, match=r"answers with 400: wrong: \[secret\], or \[secret\]$"):
        client.OpenWeatherMap(key, base_url=service.url).current(60.17, 24.94)


@pytest.mark.parametrize("missing", [("rain",), ("wind", "gust"), ("main",), ("weather",), ("sys",), ("name",)])
def test_what_is_missing_in_the_answer_is_no_field_and_no_tag(client: Any, missing: tuple[str, ...]) -> None:
    answer = copy.deepcopy(HELSINKI)
    whole = client.weather_from(answer, 60.17, 24.94)
    inner = answer if len(missing) == 1 else answer[missing[0]]
    del inner[missing[-1]]
    weather = client.weather_from(answer, 60.17, 24.94)
    gone = {"main": {"temp", "feels_like", "pressure", "humidity"}, "rain": {"rain_1h"}, "gust": {"wind_gust"}}
    gone["weather"] = {"description"}
    assert whole.values.keys() - weather.values.keys() == gone.get(missing[-1], set())
    assert weather.values.items() <= whole.values.items()
    assert (weather.place["country"], weather.place["city"]) == (
        None if missing == ("sys",) else "FI",
        None if missing == ("name",) else "Helsinki",
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({key: value for key, value in HELSINKI.items() if key != "dt"}, "has no time"),
        ({"dt": DT}, "none of the values"),
        ([], "has no time"),
        ({"dt": DT, "main": {"temp": "warm"}, "weather": [3]}, "none of the values"),
    ],
)
def test_an_answer_that_says_nothing_of_the_weather_is_an_error(client: Any, answer: Any, message: str) -> None:
    with pytest.raises(client.WeatherError, match=message):
        client.weather_from(answer, 0, 0)


def test_the_readme_names_every_option_and_the_line_for_cron(tmp_path: Path) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, FOLDER / "collect.py", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    options = {word.strip("[],") for word in shown.stdout.split() if word.strip("[],").startswith("--")}
    assert {option for option in options - {"--help"} if f"`{option}" not in readme} == set()
    assert "*/30 * * * *" in readme
