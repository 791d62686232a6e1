"""Files on the page: how they are read, what is asked of them, how long they stay; in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.chromium import Visitor
from tests.jobs.watching import wait_until
from tests.loading import START, Trial
from tests.service.browsing import REFUSED_BY_DESIGN, birds_csv, choose_text, fact, role, tried
from tests.service_app import LiveMaker, LiveService


def test_a_file_that_cannot_be_read_as_it_seems_to_be_written_can_be_read_as_its_user_says(
    live_service: LiveService, visit: Visitor
) -> None:
    page = visit(live_service.url, allow=(REFUSED_BY_DESIGN,)).page
    text = "time;place;height\n" + "".join(f"{START + n};{'Αθήνα' if n % 2 else 'Πάτρα'};{n}.5\n" for n in range(6))
    page.set_input_files("#file", {"name": "dos.csv", "mimeType": "text/csv", "buffer": text.encode("cp737")})
    encoding = page.get_by_label("Encoding")
    expect(page.locator("#columns .notice.bad")).to_contain_text("“Encoding”")
    for given, told in (("cp7373", "unknown encoding"), ("utf-8", "6 records are no rows")):
        encoding.fill(given)
        encoding.press("Enter")
        expect(page.locator("#columns")).to_contain_text(told, ignore_case=True)
    encoding.fill("cp737")
    encoding.press("Enter")
    expect(role(page, "place")).to_have_value("tag")
    tried(page)
    expect(page.get_by_role("region", name="The first points")).to_contain_text("Αθήνα")
    expect(page.get_by_role("button", name="Start the import")).to_be_enabled()


def test_a_sign_that_nobody_would_guess_can_be_named_as_the_delimiter(
    live_service: LiveService, visit: Visitor
) -> None:
    page = visit(live_service.url).page
    choose_text(page, "".join(f"{row}\n" for row in ["time^place^height", *(f"{START + n}^a^{n}.5" for n in range(5))]))
    expect(page.locator("#columns")).to_contain_text("one column only: if that is wrong, set “Delimiter”")
    page.get_by_label("Delimiter", exact=True).select_option("another …")
    expect(page.get_by_label("Another delimiter")).to_be_focused()
    page.get_by_label("Another delimiter").fill("^")
    page.get_by_label("Another delimiter").press("Enter")
    expect(role(page, "height")).to_have_value("field")
    tried(page)
    assert (fact(page, "Rows"), fact(page, "Points")) == ("5", "5")


def test_what_the_data_does_not_decide_is_asked_in_place(live_service: LiveService, visit: Visitor) -> None:
    page = visit(live_service.url).page
    choose_text(page, "date,height\n03/04/2021 10:00,1.5\n05/06/2021 11:00,1.7\n")
    expect(page.get_by_role("heading", name="day or month first?")).to_be_visible()
    expect(page.get_by_role("button", name="Start the import")).to_be_disabled()
    page.get_by_role("button", name="3 April 2021").click()
    tried(page)
    preview = page.get_by_role("region", name="The first points")
    expect(preview.locator("tbody tr").first).to_contain_text("2021-04-03 10:00")
    page.get_by_label("Time zone").fill("Europe/Zurich")
    page.get_by_label("Time zone").press("Enter")
    expect(preview.locator("tbody tr").first).to_contain_text("2021-04-03 08:00")
    expect(page.get_by_role("button", name="Start the import")).to_be_enabled()


def test_annotated_csv_needs_no_choices_and_is_imported_as_its_annotations_say(
    live_service: LiveService, visit: Visitor, trial: Trial
) -> None:
    page = visit(live_service.url).page
    rows = "".join(f"cpu,{host},{n}.5,2024-05-01T12:00:0{n}Z\n" for n in range(3) for host in "ab")
    choose_text(page, f"#datatype measurement,tag,double,dateTime:RFC3339\nm,host,used,time\n{rows}", "cpu.csv")
    expect(page.locator("#columns")).to_contain_text("This is annotated CSV")
    preview = page.get_by_role("region", name="The first points").locator("tbody tr")
    expect(preview.first).to_contain_text("2024-05-01 12:00:00")
    expect(preview.first).to_contain_text("0.5")
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Verified: 6 points")).to_be_visible()
    assert trial.rows().height == 6


def test_a_file_that_is_none_is_refused_in_plain_words(live_service: LiveService, visit: Visitor) -> None:
    page = visit(live_service.url, allow=(REFUSED_BY_DESIGN,)).page
    choose_text(page, "", "empty.csv")
    expect(page.locator("#columns .notice.bad")).to_contain_text("empty")
    page.get_by_role("button", name="Another file").click()
    expect(page.locator("#file")).to_be_focused()


def test_a_file_on_the_services_machine_is_taken_from_the_allowed_folder_only(
    make_live_service: LiveMaker, visit: Visitor, trial: Trial
) -> None:
    folder = trial.folder / "open"
    folder.mkdir()
    (folder / "birds.csv").write_text(birds_csv(10), encoding="utf-8")
    page = visit(make_live_service(allow_folder=folder).url, allow=(REFUSED_BY_DESIGN,)).page
    for path in ("../secret.csv", "birds.csv"):
        page.get_by_text("It is on the service’s own machine").click()  # noqa: RUF001 - as it stands there
        page.get_by_label("Path").fill(path)
        page.get_by_label("Path").press("Enter")
        if path != "birds.csv":
            expect(page.locator("#columns .notice.bad")).to_contain_text("folder")
            page.get_by_role("button", name="Another file").click()
    tried(page)
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Verified: 10 points")).to_be_visible()


def test_nothing_is_begun_where_no_row_can_be_loaded_and_it_says_so(live_service: LiveService, visit: Visitor) -> None:
    page = visit(live_service.url).page
    choose_text(page, birds_csv(3, bad_lines=[2, 3, 4]))
    tried(page)
    start, why = page.get_by_role("button", name="Start the import"), page.locator("#start-note")
    role(page, "lat").select_option("field")
    expect(start).to_be_enabled()
    page.get_by_label("Type of lat").select_option("float")
    expect(page.locator("#points")).to_contain_text("3 rows cannot be loaded")
    expect(start).to_be_disabled()
    expect(why).to_contain_text("None of the rows can be loaded")
    page.get_by_label("Type of lat").select_option("string")
    expect(start).to_be_enabled()
    expect(why).to_contain_text("verified")


def test_an_upload_that_nobody_imports_is_gone_as_soon_as_it_is_left(
    live_service: LiveService, visit: Visitor, trial: Trial, tmp_path: Path
) -> None:
    page = visit(live_service.url).page
    folder = tmp_path / "service" / "uploads"

    def is_left(how: Callable[[], object]) -> None:
        choose_text(page, birds_csv(5, bad_lines=[2]))
        tried(page)
        assert len(list(folder.iterdir())) == 1
        how()
        expect(page.get_by_text("or drop it here")).to_be_visible()
        wait_until(lambda: not list(folder.iterdir()), "the end of the upload")

    is_left(page.get_by_role("button", name="Another file").click)
    is_left(page.locator("#home").click)
    is_left(page.reload)
    is_left(lambda: (page.goto(f"{live_service.url}/docs"), page.goto(live_service.url)))
    # That of an import that failed stays, to be tried again.
    choose_text(page, birds_csv(5, bad_lines=[2]))
    tried(page)
    page.get_by_label("Type of lat").select_option("float")
    page.get_by_label("Bucket", exact=True).fill(trial.bucket)
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("The import failed")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Change it and try again").click()
    tried(page)
    page.reload()
    expect(page.get_by_text("or drop it here")).to_be_visible()
    assert len(list(folder.iterdir())) == 1
