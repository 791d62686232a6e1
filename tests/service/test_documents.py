"""/docs in a real Chromium: all of it from the service itself."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from importer.measurements.opening import opened_bucket
from tests.chromium import PATIENCE_MS, Visitor
from tests.influxd import Influxd
from tests.service_app import LiveMaker, LiveService

expect.set_options(timeout=PATIENCE_MS)

TOKEN = "a-token-of-enough-characters"


def test_every_route_is_shown_with_its_models_examples_and_error_answers(
    live_service: LiveService, visit: Visitor
) -> None:
    page = visit(f"{live_service.url}/docs").page
    document = httpx.get(f"{live_service.url}/openapi.json").json()
    routes = [(method, path) for path, found in document["paths"].items() for method in found]
    expect(page.locator("#routes > details")).to_have_count(len(routes))
    for method, path in routes:
        operation = document["paths"][path][method]
        shown = page.locator(f"#{operation['operationId']}")
        shown.locator("> summary").click()
        expect(shown.locator("> summary .path")).to_have_text(path)
        text = shown.inner_text()
        for status in operation["responses"]:
            assert f"\n{status} " in text, (path, status)


def test_a_request_can_be_sent_from_the_page_and_its_answer_is_shown(
    live_service: LiveService, visit: Visitor, influxd: Influxd, fresh_bucket_name: str
) -> None:
    opened_bucket(influxd.server, fresh_bucket_name, create=True)
    page = visit(f"{live_service.url}/docs", width=360).page
    page.get_by_role("link", name="POST /write/{bucket}/insert").click()
    form = page.locator("details[open] form").first
    form.get_by_label("bucket").fill(fresh_bucket_name)
    form.get_by_role("button", name="Send").click()
    expect(form.locator("pre")).to_contain_text("201 Created")
    expect(form.locator("pre")).to_contain_text('"location": "hawaii"')


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_page_fits_a_phone(live_service: LiveService, visit: Visitor, color_scheme: str) -> None:
    opened = visit(f"{live_service.url}/docs", width=360, color_scheme=color_scheme)
    expect(opened.page.locator("#contents a").first).to_be_visible()
    assert opened.overflow() <= 0


def test_a_service_with_a_token_is_asked_for_its_document_with_it(make_live_service: LiveMaker, visit: Visitor) -> None:
    live = make_live_service(token=TOKEN)
    page = visit(f"{live.url}/docs", allow=("401",)).page
    expect(page.get_by_role("alert")).to_have_text("This service asks for its token.")
    page.get_by_label("Token of the service").fill("wrong")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    page.get_by_label("Token of the service").fill(TOKEN)
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#contents a").first).to_be_visible()
    expect(page.get_by_label("Token of the service")).to_be_hidden()
