"""The page in a real Chromium, with the service and the real InfluxDB behind it."""

from __future__ import annotations

import csv
import itertools
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from importer.errors import ServerUnreachableError
from importer.jobs import running
from importer.jobs.loading import run_load
from importer.measurements.opening import opened_bucket
from importer.progress import Snapshot
from tests.chromium import Picture, Visitor
from tests.influxd import Influxd
from tests.loading import SAMPLE, START, Trial
from tests.service.browsing import REFUSED_BY_DESIGN, birds_csv, choose_text, fact, role, tried, until
from tests.service.contrast import CONTRAST
from tests.service_app import LiveMaker, LiveService

COLLIDING = "time,bird,lat\n" + "".join(f"{START + n // 2 * 60},b{n % 2},{47 + n / 100:.2f}\n" for n in range(40))
"""Two birds at each time: without the bird as a tag, half of the rows overwrite others."""


def some_birds() -> str:
    """A tenth of the sample, with all of its birds."""
    header, *rows = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    return header + "".join(rows[::10])


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Loads tell of some progress and wait then, until this is set or they are told to stop."""
    go_on = threading.Event()

    def slowly(*arguments: Any, progress: Any, stop: threading.Event, **more: Any) -> Any:
        progress.update(Snapshot("load", share=0.4, bytes_read=40, total_bytes=100, rows=1234, points=1200, rejects=0))
        while not (go_on.wait(0.02) or stop.is_set()):
            pass
        return run_load(*arguments, progress=progress, stop=stop, **more)

    monkeypatch.setattr(running, "run_load", slowly)
    return go_on


def test_a_good_file_is_shown_imported_and_verified_with_chart_and_map(
    live_service: LiveService, visit: Visitor, trial: Trial, picture: Picture
) -> None:
    page = visit(live_service.url).page
    expect(page.locator("#server")).to_contain_text("is ready")
    page.set_input_files("#file", SAMPLE)
    expect(role(page, "timestamp")).to_have_value("time")
    expect(role(page, "individual-local-identifier")).to_have_value("tag")
    expect(page.get_by_label("Type of location-lat")).to_have_value("float")
    expect(page.get_by_label("Time format")).to_have_value("%Y-%m-%d %H:%M:%S%.f")
    tried(page)
    assert (fact(page, "Rows"), fact(page, "Points"), fact(page, "Series")) == ("12,600", "12,544", "14")
    preview = page.get_by_role("region", name="The first points")
    expect(preview.locator("tbody tr").first).to_contain_text("2023-05-01 06:39:57.182")
    expect(page.locator("#points")).to_contain_text("No value would overwrite another")
    picture(page, "columns")
    trial.bucket = picture.bucket(trial.bucket)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Verified: 12,544 points")).to_be_visible()
    assert fact(page, "Repeated keys") == "56"
    assert page.locator(".outcome .ok", has_text="equal").count() == 9
    expect(page.locator(".chart svg .line").first).to_be_attached()
    page.get_by_label("Field").select_option("ground-speed")
    expect(page.locator(".chart svg")).to_have_attribute("aria-label", re.compile("ground-speed: 12,544 values"))
    expect(page.locator(".map .legend button")).to_have_count(14)
    expect(page.locator(".map .legend")).to_contain_text("Aino")
    drawn = page.locator(".map canvas").evaluate(
        "canvas => new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.buffer)).size"
    )
    assert drawn > 50  # the colours of fourteen series, and what lies between them
    picture(page, "result", full_page=True)
    assert trial.rows().height > 12_544


def test_bad_rows_are_shown_with_line_column_reason_and_text_and_can_be_left_out(
    live_service: LiveService, visit: Visitor, trial: Trial
) -> None:
    page = visit(live_service.url).page
    choose_text(page, birds_csv(60, bad_lines=[5, 17]))
    role(page, "lat").wait_for()
    tried(page)
    page.get_by_label("Type of lat").select_option("float")
    expect(page.locator("tr", has=page.get_by_label("Type of lat"))).to_contain_text("“north”")
    expect(page.locator("#points")).to_contain_text("2 rows cannot be loaded")
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("The import failed. Nothing was changed")).to_be_visible()
    assert trial.buckets == set()
    rejects = page.get_by_role("region", name="Rejects").locator("tbody tr")
    expect(rejects.first).to_contain_text("north")
    assert rejects.first.locator("td").first.inner_text() == "5"
    assert rejects.first.locator("td").nth(1).inner_text() == "lat"
    # The file is still there: tried again, with these rows left out.
    page.get_by_role("button", name="Change it and try again").click()
    tried(page)
    page.get_by_label("Type of lat").select_option("float")
    expect(page.locator("#points")).to_contain_text("2 rows cannot be loaded")
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_label("Rows that cannot be loaded").select_option("some")
    assert page.get_by_label("At most").input_value() == "2"
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Verified: 58 points")).to_be_visible()
    expect(rejects).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_text("Download all as CSV").click()
    with Path(download.value.path()).open(newline="") as file:
        assert [row["line"] for row in csv.DictReader(file)] == ["5", "17"]


def test_a_bucket_that_may_not_be_replaced_is_told_in_words_of_the_page(
    live_service: LiveService, influxd: Influxd, visit: Visitor, trial: Trial
) -> None:
    opened_bucket(influxd.server, trial.bucket, create=True)
    page = visit(live_service.url, allow=(REFUSED_BY_DESIGN,)).page
    wave = {"location": "hawaii", "height": 1}
    assert page.request.post(f"{live_service.url}/write/{trial.bucket}/insert", data=wave).status == 201
    choose_text(page, birds_csv(5))
    tried(page)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    told = page.locator("form.target [role=alert]")
    expect(told).to_contain_text("choose “Replace it”")
    expect(told).not_to_contain_text("if_exists")


def test_a_tag_made_a_field_shows_what_would_collide_and_how_to_keep_it_apart(
    live_service: LiveService, visit: Visitor
) -> None:
    page = visit(live_service.url).page
    choose_text(page, COLLIDING)
    tried(page)
    expect(role(page, "bird")).to_have_value("tag")
    expect(page.locator("#points")).to_contain_text("No value would overwrite another")
    role(page, "bird").select_option("field")
    expect(page.locator("#points")).to_contain_text("20 rows would overwrite earlier ones")
    tried(page)
    assert (fact(page, "Points"), fact(page, "Series")) == ("20", "1")
    page.get_by_role("button", name="Make bird a tag").click()
    expect(page.locator("#points")).to_contain_text("No value would overwrite another")
    expect(role(page, "bird")).to_have_value("tag")


def test_answers_about_what_has_changed_meanwhile_are_dropped(live_service: LiveService, visit: Visitor) -> None:
    page = visit(live_service.url).page
    choose_text(page, COLLIDING)
    tried(page)
    # The first trial is answered late, after the role has been changed back.
    page.evaluate(
        """() => {
          const real = window.fetch; let isFirst = true; window.asked = [];
          window.fetch = async (path, options) => {
            const late = isFirst && String(path) === 'inspections'; isFirst &&= !late;
            const tags = () => Object.keys(JSON.parse(options.body).mapping.tags).length;
            if (String(path) === 'inspections') window.asked.push(tags());
            const answer = await real(path, options);
            if (late) await new Promise((wake) => { window.release = wake; });
            return answer;
          };
        }"""
    )
    role(page, "bird").select_option("field")
    until(page, "window.release !== undefined")
    role(page, "bird").select_option("tag")
    # What is on its way back tells of twenty rows that collide; it must never be seen.
    page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => window.seen.push(document.getElementById('points').innerText))
            .observe(document.getElementById('points'), { childList: true, subtree: true });
          window.release();
        }"""
    )
    until(page, "window.asked.length === 2")
    tried(page)
    assert page.evaluate("window.asked") == [0, 1]
    assert not any("would overwrite earlier" in text for text in page.evaluate("window.seen"))


def test_the_whole_way_by_keyboard_alone(live_service: LiveService, visit: Visitor, trial: Trial) -> None:
    page = visit(live_service.url).page
    # Listened for early: asked of the browser just before the key, the chooser can come before the browser knows.
    page.on("filechooser", lambda _: None)
    expect(page.locator("#server")).to_contain_text("is ready")

    def go_to(locator: Any) -> None:
        """By the tabulator alone, each stop with a focus that can be seen."""
        for _ in range(120):
            if locator.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
            style = page.evaluate(
                "() => { const e = document.activeElement; const s = getComputedStyle("
                "e.id === 'file' ? e.nextElementSibling : e); return [e.tagName, s.outlineStyle, s.outlineWidth]; }"
            )
            assert style[0] == "BODY" or (style[1] != "none" and style[2] != "0px"), style
        pytest.fail("it cannot be reached by the tabulator")

    go_to(page.locator("#file"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files({"name": "birds.csv", "mimeType": "text/csv", "buffer": COLLIDING.encode()})
    tried(page)
    # The focus has gone on to what came next.
    assert page.evaluate("document.activeElement.innerText").endswith("Columns")
    go_to(role(page, "bird"))
    page.keyboard.press("f")  # of "field"
    expect(page.locator("#points")).to_contain_text("20 rows would overwrite earlier ones")
    tried(page)
    assert role(page, "bird").evaluate("element => element === document.activeElement"), "the focus was lost"
    go_to(page.get_by_role("button", name="Make bird a tag"))
    page.keyboard.press("Enter")
    expect(page.locator("#points")).to_contain_text("No value would overwrite another")
    tried(page)
    go_to(page.get_by_label("Bucket", exact=True))
    page.keyboard.press("Control+a")
    page.keyboard.type(trial.bucket)
    go_to(page.get_by_role("button", name="Start the import"))
    page.keyboard.press("Enter")
    title = page.get_by_role("heading", name="Verified: 40 points")
    expect(title).to_be_visible()
    expect(title).to_be_focused()
    expect(page.locator("#said")).to_contain_text("Verified: 40 points")


def test_an_import_under_way_is_found_again_after_a_reload_and_a_broken_connection(
    live_service: LiveService, visit: Visitor, trial: Trial, held: threading.Event
) -> None:
    page = visit(live_service.url, allow=(REFUSED_BY_DESIGN,)).page
    choose_text(page, birds_csv(30))
    tried(page)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.locator(".watch .facts")).to_contain_text("1,234")
    assert "#import=" in page.url
    # The first connection after the reload breaks off.
    page.route("**/events", lambda route: route.abort(), times=1)
    page.reload()
    expect(page.locator(".watch .facts")).to_contain_text("1,234")
    expect(page.locator(".phases .now")).to_have_text("Write")
    expect(page.locator("#said")).to_contain_text("1,234 rows read")
    held.set()
    expect(page.get_by_role("heading", name="Verified: 30 points")).to_be_visible()
    # And from the list of imports, another time.
    page.get_by_role("link", name="Import another file").click()
    page.get_by_role("link", name=f"birds.csv → {trial.bucket}").click()
    expect(page.get_by_role("heading", name="Verified: 30 points")).to_be_visible()


def test_an_import_can_be_cancelled_and_leaves_nothing_behind(
    live_service: LiveService, visit: Visitor, trial: Trial, held: threading.Event
) -> None:
    page = visit(live_service.url).page
    choose_text(page, birds_csv(30))
    tried(page)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.locator(".watch .facts")).to_contain_text("1,234")
    page.get_by_role("button", name="Cancel the import").click()
    expect(page.get_by_text("was cancelled. Nothing was changed")).to_be_visible()
    assert not held.is_set()
    assert trial.buckets == set()


def test_an_interrupted_import_goes_on_at_the_press_of_a_button(
    live_service: LiveService, visit: Visitor, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(*_arguments: Any, **_more: Any) -> Any:
        error = ServerUnreachableError("InfluxDB did not answer for 60 s")
        error.resumable = True
        monkeypatch.setattr(running, "run_load", goes_on)
        raise error

    def goes_on(*arguments: Any, **more: Any) -> Any:
        return run_load(*arguments, **(more | {"resume": False}))  # there is nothing yet to go on with

    monkeypatch.setattr(running, "run_load", breaks_off)
    page = visit(live_service.url).page
    choose_text(page, birds_csv(20))
    tried(page)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("The import was interrupted")).to_be_visible()
    expect(page.locator(".outcome")).to_contain_text("InfluxDB did not answer for 60 s")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Verified: 20 points")).to_be_visible()


def test_an_address_that_was_cut_off_names_no_import(live_service: LiveService, visit: Visitor) -> None:
    page = visit(f"{live_service.url}/#import=%", allow=(REFUSED_BY_DESIGN,)).page
    expect(page.get_by_text("There is no such import")).to_be_visible()


def test_chart_and_map_say_what_they_show_without_a_pointer_and_without_colours(
    live_service: LiveService, visit: Visitor, trial: Trial
) -> None:
    page = visit(live_service.url).page
    page.evaluate(
        """() => {
          window.listening = new Set();
          for (const [name, noted] of [['addEventListener', 'add'], ['removeEventListener', 'delete']]) {
            const real = MediaQueryList.prototype[name];
            MediaQueryList.prototype[name] = function (...all) {
              window.listening[noted](all[1]);
              return real.apply(this, all);
            };
          }
        }"""
    )
    text = "".join(f"{START + n * 60},b{n % 5},{47 + n},{8 + n}\n" for n in range(10))
    choose_text(page, f"time,bird,lat,lon\n{text}")
    tried(page)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    slide = page.get_by_label("Window of time")
    slide.focus()
    for key in ("End", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator(".chart .cross:not([hidden])")).to_have_count(1)
    said = page.locator(".readout").inner_text()
    assert re.search(r"UTC: mean \d+, .*1 value$", said)
    assert slide.get_attribute("aria-valuetext") == said
    swatches = page.locator(".map .swatch").evaluate_all("all => all.map((each) => each.className)")
    assert len(swatches) == 5
    assert all(one != other for one, other in itertools.pairwise(swatches))
    page.locator(".map summary").click()
    row = page.get_by_role("region", name="Where each series is").locator("tbody tr").nth(1)
    expect(row).to_contain_text("b1")
    assert row.locator("td").all_inner_texts()[4:] == ["48°N … 53°N", "9°E … 14°E"]
    # What is gone draws no more.
    assert page.evaluate("window.listening.size") == 1
    page.get_by_role("link", name="Import another file").click()
    until(page, "window.listening.size === 0")


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_window(
    live_service: LiveService, visit: Visitor, trial: Trial, width: int, picture: Picture
) -> None:
    opened = visit(live_service.url, width=width, height=780)
    page = opened.page
    expect(page.locator("#server")).to_contain_text("is ready")
    assert opened.overflow() == 0
    choose_text(page, some_birds(), "bird_migration.csv")
    tried(page)
    assert opened.overflow() == 0
    if width < 400:
        picture(page, "phone")
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.locator(".map .legend button")).to_have_count(14)
    expect(page.locator(".chart svg")).to_be_visible()
    assert opened.overflow() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground_in_light_and_dark(
    live_service: LiveService, visit: Visitor, trial: Trial, scheme: str, picture: Picture
) -> None:
    page = visit(live_service.url, color_scheme=scheme).page
    expect(page.locator("#server")).to_contain_text("is ready")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(ground.removeprefix("rgb(").split(",")[0]) < 60) == (scheme == "dark")
    faint = [page.evaluate(CONTRAST)]
    choose_text(page, some_birds(), "bird_migration.csv")
    tried(page)
    role(page, "individual-local-identifier").select_option("left out")
    role(page, "tag-local-identifier").select_option("left out")
    expect(page.locator("#points")).to_contain_text("would overwrite")
    if scheme == "dark":
        tried(page)
        expect(page.get_by_role("button", name="Make individual-local-identifier a tag")).to_be_visible()
        picture(page, "collisions", place="section[aria-label=Preview]")
    page.get_by_label("Type of location-lat").select_option("integer")
    expect(page.locator("#points")).to_contain_text("cannot be loaded")
    tried(page)
    faint.append(page.evaluate(CONTRAST))
    page.get_by_role("button", name="Another file").click()
    choose_text(page, birds_csv(300, bad_lines=[5]))
    tried(page)
    page.get_by_label("Type of lat").select_option("float")
    tried(page)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("The import failed")).to_be_visible()
    expect(page.get_by_role("region", name="Rejects")).to_be_visible()
    faint.append(page.evaluate(CONTRAST))
    assert faint == [[], [], []]


def test_a_token_is_asked_for_and_kept_in_this_tab(make_live_service: LiveMaker, visit: Visitor) -> None:
    service = make_live_service(token="a-token-of-the-tests")
    page = visit(service.url, allow=(REFUSED_BY_DESIGN,)).page
    expect(page.locator("form.access")).to_contain_text("--service-token-file")
    page.get_by_label("Token").fill("not-the-right-token")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_text("That is not the service's token")).to_be_visible()
    page.get_by_label("Token").fill("a-token-of-the-tests")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_label("Token")).to_have_count(0)
    choose_text(page, birds_csv(5))
    tried(page)
    page.reload()
    expect(page.get_by_text("or drop it here")).to_be_visible()
    expect(page.get_by_label("Token")).to_have_count(0)
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_text_of_the_data_never_becomes_markup(live_service: LiveService, visit: Visitor, trial: Trial) -> None:
    evil = "<img src=x onerror=alert(1)>"
    page = visit(live_service.url).page
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    text = f'time,{evil},"<b>tag</b>",lat,lon\n' + "".join(
        f"{START + n},{n}.5,<script>alert({n % 2})</script>,{47 + n},{8 + n}\n" for n in range(6)
    )
    choose_text(page, text + f'{START + 9},{evil},"<i>x",50,10\n', f"{evil[:4]}.csv")
    tried(page)
    page.get_by_label(f"Type of {evil}").select_option("float")
    tried(page)
    expect(page.locator("#columns")).to_contain_text(evil)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_label("Rows that cannot be loaded").select_option("some")
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Verified: 6 points")).to_be_visible()
    expect(page.get_by_role("region", name="Rejects")).to_contain_text("onerror")
    expect(page.locator(".map .legend")).to_contain_text("<script>")
    assert page.locator("main :is(img, script, b, i)").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_documents_of_the_api_can_be_read_and_tried_in_a_browser(
    live_service: LiveService, visit: Visitor, scheme: str, picture: Picture
) -> None:
    opened = visit(f"{live_service.url}/docs", color_scheme=scheme)
    page = opened.page
    ingest = page.locator("details", has=page.locator("summary .path", has_text="/ingest")).first
    ingest.locator("summary").first.click()
    assert page.evaluate(CONTRAST) == []
    assert opened.overflow() == 0
    if scheme == "light":
        ingest.scroll_into_view_if_needed()
        picture(page, "api")
    health = page.locator("details", has=page.locator("summary .path", has_text="/health")).first
    health.locator("summary").first.click()
    health.get_by_role("button", name="Send").click()
    expect(health).to_contain_text("200")
    expect(health.locator("form pre")).to_contain_text('"pass"')


def test_files_of_the_page_are_asked_for_again_only_where_they_changed(service: TestClient) -> None:
    answer = service.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    script = service.get("/page/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    again = service.get("/page/main.js", headers={"If-None-Match": script.headers["etag"]})
    assert again.status_code == 304
    for name in ("none.js", "..%2Fapp.py", "__init__.py"):
        assert service.get(f"/page/{name}").status_code == 404
