"""``importer bench api`` against a service that runs, with the real InfluxDB behind it."""

from __future__ import annotations

import json
import logging
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import importer
from importer.errors import AuthorizationError, ConfigurationError, ServerUnreachableError
from importer.server.process import free_port
from importer.stress.asked import METRICS, SEED_BATCHES, Batches, metric
from importer.stress.bench import SEED_POINTS
from importer.stress.latencies import Latencies
from importer.stress.records import BenchReport, RouteFigures, Step
from tests.influxd import Influxd
from tests.loading import Command, Start
from tests.service_app import LiveMaker, LiveService

TOKEN = "a-token-of-the-tests-own"


@pytest.fixture
def live(make_live_service: LiveMaker, fresh_bucket_name: str) -> LiveService:
    """A service that keeps time series in a bucket of the test's own."""
    return make_live_service(series_bucket=fresh_bucket_name)


def bench(service: LiveService, influxd: Influxd, bucket: str, **more: Any) -> BenchReport:
    usual: dict[str, Any] = {"clients": (2,), "seconds": 0.3, "batch_points": 25, "processes": 1}
    return importer.bench_api(service.url, connection=influxd.connection, series_bucket=bucket, **(usual | more))


def routes_of(step: Step) -> dict[str, RouteFigures]:
    return {each.route: each for each in step.routes}


def stored_points(url: str, run: str) -> int:
    asked = ({"metric": metric(run, n), "aggregation": "COUNT"} for n in range(METRICS))
    answers = [httpx.post(f"{url}/query", json=each) for each in asked]
    return sum(int(point["value"]) for answer in answers for point in answer.json().get("points", []))


def wait_until_clients_work(url: str) -> None:
    """Until they have asked something, which nobody does before the first step."""
    while 'route="/query",status="200"' not in httpx.get(f"{url}/internal/metrics").text:
        time.sleep(0.01)


def test_each_step_has_figures_of_each_route_and_nothing_is_left_behind(
    live: LiveService, influxd: Influxd, fresh_bucket_name: str
) -> None:
    heard: list[Step] = []
    report = bench(live, influxd, fresh_bucket_name, clients=(1, 3), processes=2, on_step=heard.append)
    assert [step.clients for step in report.steps] == [1, 3]
    assert tuple(heard) == report.steps
    assert (report.errors, report.complete, report.left) == (0, True, False)
    for name, route in routes_of(report.steps[-1]).items():
        assert route.requests > 0
        assert route.latency_ms is not None
        assert 0 < route.latency_ms.p50 <= route.latency_ms.p90 <= route.latency_ms.p99 <= route.latency_ms.max
        assert (route.points_per_second > 0) == (name == "ingest")
    assert stored_points(live.url, report.tag[1]) == 0
    names = influxd.server.client.query_api().query(
        f'import "influxdata/influxdb/schema" schema.measurements(bucket: "{fresh_bucket_name}")'
    )
    assert [row.get_value() for table in names for row in table.records] == []


def test_as_many_points_are_stored_as_are_told(live: LiveService, influxd: Influxd, fresh_bucket_name: str) -> None:
    report = bench(live, influxd, fresh_bucket_name, mixes=["ingest"], keep=True)
    (ingest,) = report.steps[0].routes
    told = ingest.requests * report.batch_points
    assert ingest.points_per_second == pytest.approx(told / report.steps[0].seconds, rel=0.01)
    assert stored_points(live.url, report.tag[1]) == SEED_BATCHES * SEED_POINTS + told
    assert report.left


def test_list_of_metrics_is_asked_of_the_cache(live: LiveService, influxd: Influxd, fresh_bucket_name: str) -> None:
    before = httpx.get(f"{live.url}/cache/info").json()
    report = bench(live, influxd, fresh_bucket_name, mixes=["metrics"])
    after = httpx.get(f"{live.url}/cache/info").json()
    (metrics,) = report.steps[0].routes
    assert metrics.requests > 0
    assert after["hits"] - before["hits"] >= metrics.requests


def test_at_a_set_rate_clients_send_no_more_than_that(
    live: LiveService, influxd: Influxd, fresh_bucket_name: str
) -> None:
    report = bench(live, influxd, fresh_bucket_name, mixes=["metrics"], clients=(3,), seconds=1.0, rate=4.0)
    assert 0 < report.steps[0].routes[0].requests <= 12


def test_requests_that_fail_are_counted_by_what_became_of_them(
    make_live_service: LiveMaker, influxd: Influxd, fresh_bucket_name: str
) -> None:
    busy = make_live_service(series_bucket=fresh_bucket_name, max_requests=1)
    report = bench(busy, influxd, fresh_bucket_name, clients=(8,), mixes=["ingest"])
    assert report.steps[0].routes[0].errors.keys() == {"HTTP 503"}
    assert report.errors == sum(report.steps[0].routes[0].errors.values()) > 0


def test_a_service_that_goes_away_is_an_error_of_each_request_and_what_is_left_is_said(
    live: LiveService, influxd: Influxd, fresh_bucket_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    def end() -> None:
        wait_until_clients_work(live.url)
        live.close()

    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    with caplog.at_level(logging.WARNING):
        report = bench(live, influxd, fresh_bucket_name, seconds=4.0)
    ending.join()
    kinds = {kind for route in report.steps[0].routes for kind in route.errors}
    assert "cannot connect" in kinds
    assert kinds <= {"cannot connect", "connection broken off"}
    assert report.left
    assert report.tag[1] in caplog.text


def test_points_in_a_bucket_that_is_not_the_services_are_said_to_be_left(
    live: LiveService, influxd: Influxd, caplog: pytest.LogCaptureFixture
) -> None:
    report = bench(live, influxd, "no-such-bucket")
    assert report.left
    assert "--series-bucket" in caplog.text


def test_the_token_is_sent_and_without_it_nothing_is_begun(
    make_live_service: LiveMaker, influxd: Influxd, fresh_bucket_name: str
) -> None:
    guarded = make_live_service(series_bucket=fresh_bucket_name, token=TOKEN)
    with pytest.raises(AuthorizationError, match="--service-token-file"):
        bench(guarded, influxd, fresh_bucket_name)
    report = bench(guarded, influxd, fresh_bucket_name, token=TOKEN)
    assert (report.errors, report.left) == (0, False)
    assert TOKEN not in repr(report)


def test_no_other_machine_is_measured_unasked() -> None:
    with pytest.raises(ConfigurationError, match="--allow-remote"):
        importer.bench_api("http://192.0.2.1:8000", keep=True)
    with pytest.raises(ConfigurationError, match="not https"):
        importer.bench_api("http://192.0.2.1:8000", token=TOKEN, allow_remote=True, keep=True)


def test_nothing_is_stored_that_could_not_be_removed(live: LiveService) -> None:
    with pytest.raises(ConfigurationError, match="--keep"):
        importer.bench_api(live.url)
    assert httpx.get(f"{live.url}/metrics").json() == []


def test_where_no_service_runs_it_says_how_to_start_one() -> None:
    with pytest.raises(ServerUnreachableError, match="importer serve"):
        importer.bench_api(f"http://127.0.0.1:{free_port()}", keep=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"clients": ()},
        {"clients": (0,)},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"mixes": ["everything"]},
        {"batch_points": 10_001},
        {"rate": 0},
        {"processes": 0},
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        importer.bench_api(f"http://127.0.0.1:{free_port()}", keep=True, **wrong)


@pytest.mark.usefixtures("environment")
def test_command_prints_a_line_for_each_route_or_all_as_json(
    command: Command, live: LiveService, fresh_bucket_name: str
) -> None:
    options = ["bench", "api", "--url", live.url, "--clients", "1,2", "--seconds", "0.3", "--batch-points", "10"]
    options += ["--series-bucket", fresh_bucket_name]
    ended = command(*options)
    assert ended.code == 0, ended.err
    assert [line.split()[0] for line in ended.out.splitlines() if "ingest  " in line] == ["1", "2"]
    ended = command(*options, "--mix", "ingest", "--json")
    told = json.loads(ended.out)
    assert ended.code == 0
    assert [step["routes"][0]["errors"] for step in told["steps"]] == [{}, {}]
    assert told["left"] is False


@pytest.mark.usefixtures("environment")
def test_ctrl_c_ends_it_early_with_what_was_measured_and_removes_the_points(
    start: Start, live: LiveService, fresh_bucket_name: str
) -> None:
    options = ("--url", live.url, "--clients", "1,2,3", "--seconds", "60", "--series-bucket", fresh_bucket_name)
    process = start("bench", "api", *options, "--json")
    wait_until_clients_work(live.url)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    told = json.loads(out)
    assert (told["complete"], told["left"], len(told["steps"])) == (False, False, 1)
    assert stored_points(live.url, told["tag"][1]) == 0


def test_a_process_of_clients_ends_when_the_one_that_leads_it_is_gone(tmp_path: Path) -> None:
    words = "from importer.stress.process import main; main()"
    plan = '{"url": "http://127.0.0.1:9", "token": null, "run": "r", "began_ms": 0, "batch_points": 1, "rate": null,'
    step = '{"mix": "ingest", "clients": [0], "seconds": 60, "of_all": 1}'
    given = f'{plan} "timeout_seconds": 1}}\n{step}\n"go"\n'
    ended = subprocess.run(
        [sys.executable, "-c", words], input=given, text=True, capture_output=True, timeout=30, cwd=tmp_path, check=True
    )
    assert ended.stdout.startswith('"ready"')


def test_percentiles_are_those_of_a_sorted_list_and_too_high_by_one_percent_at_most() -> None:
    drawn = random.Random(7)  # noqa: S311 - seeded, not secret
    seconds = sorted(drawn.lognormvariate(-5, 2) for _ in range(5_000))
    first, second = Latencies(), Latencies()
    for number, each in enumerate(seconds):
        (first, second)[number % 2].add(each)
    first.merge(Latencies.from_json(json.loads(json.dumps(second.to_json()))))
    for percent in (50, 90, 95, 99, 100):
        exact = seconds[len(seconds) * percent // 100 - 1]
        assert exact <= first.percentile(percent) <= exact * 1.01
    assert first.longest == seconds[-1]


def test_a_client_never_sends_the_same_time_of_a_series_twice() -> None:
    batches = Batches("run", "c1", 25, 1_000)
    points = [point for _ in range(3) for point in json.loads(batches.body())["points"]]
    assert len(points) == 75
    assert len({(point["metric"], point["timestamp"]) for point in points}) == 75
