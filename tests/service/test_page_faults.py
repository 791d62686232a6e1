"""The page where InfluxDB goes away, in a real Chromium, with the real InfluxDB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from importer.jobs import loading
from importer.sink import pacing
from tests.chromium import Visitor
from tests.fault_proxy import fault_proxy
from tests.influxd import Influxd
from tests.jobs.slow_service import small_blocks
from tests.service.browsing import REFUSED_BY_DESIGN, birds_csv, choose_text, fact, tried, until
from tests.service_app import LiveMaker


def test_it_says_that_influxdb_is_down_and_goes_on_as_soon_as_it_is_back(
    make_live_service: LiveMaker, own_influxd: Callable[[], Influxd], visit: Visitor
) -> None:
    influxd = own_influxd()
    influxd.stop()
    service = make_live_service(find=lambda: influxd.connection, influxdb_seconds=2)
    page = visit(service.url, allow=(REFUSED_BY_DESIGN,)).page
    expect(page.locator("#server")).to_have_text("InfluxDB is not ready")
    expect(page.locator("#trouble")).to_contain_text("Check that InfluxDB runs")
    # What is in a file can be seen without.
    choose_text(page, birds_csv(10))
    tried(page)
    page.get_by_role("button", name="Start the import").click()
    expect(page.locator("form.target [role=alert]")).to_contain_text("try again")
    influxd.restart()
    expect(page.locator("#server")).to_contain_text("is ready")
    expect(page.locator("#trouble")).to_be_empty()
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Verified: 10 points in birds")).to_be_visible()


def test_a_server_that_goes_down_during_an_import_is_told_of_and_the_import_goes_on_once_it_is_back(
    make_live_service: LiveMaker,
    own_influxd: Callable[[], Influxd],
    visit: Visitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    influxd, options = own_influxd(), small_blocks()
    monkeypatch.setattr(loading, "load_options", lambda *a, **m: replace(options(*a, **m), wait_seconds=2))
    monkeypatch.setattr(pacing, "MOST_TOGETHER", 1)
    with fault_proxy(influxd.connection.url) as proxy:
        connection = replace(influxd.connection, url=proxy.url)
        service = make_live_service(find=lambda: connection, influxdb_seconds=2)
        page = visit(service.url, allow=(REFUSED_BY_DESIGN,)).page
        expect(page.locator("#server")).to_contain_text("is ready")
        choose_text(page, birds_csv(4_000))
        tried(page)
        proxy.latency_seconds = 0.1
        page.get_by_role("button", name="Start the import").click()
        expect(page.locator(".phases .now")).to_have_text("Write")
        until(page, "Number([...document.querySelectorAll('.watch dd')][1].innerText.replace(',', '')) > 0")
        influxd.kill()
        proxy.latency_seconds = 0.0
        # It is waited for, and that is said; then the import gives up, and says what can be done.
        expect(page.locator(".watch")).to_contain_text("InfluxDB is waited for: ")
        expect(page.locator("#server")).to_have_text("InfluxDB is not ready")
        expect(page.get_by_text("The import was interrupted. What was written so far is kept aside")).to_be_visible()
        expect(page.locator(".outcome")).to_contain_text("Start InfluxDB again, then go on.")
        assert int(fact(page, "Points stored").replace(",", "")) < 4_000
        influxd.restart()
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="Verified: 4,000 points in birds")).to_be_visible()
        expect(page.locator("#server")).to_contain_text("is ready")
        (job,) = page.request.get(f"{service.url}/imports").json()
    assert (job["state"], job["attempts"], job["report"]["points_written"]) == ("verified", 2, 4_000)
