from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from importer import Analysis, ConfigurationError, ImporterError, write_html
from importer.analysis.page import html_page
from importer.analysis.records import Bin, FieldFigures, Gaps, TagValue, TextCount, TimeWindow
from importer.cli.analysis_tables import show_analysis

HOSTILE = '"><script>alert(1)</script>${x}$y$'
DAY = 86_400 * 10**9
NUMBERS = FieldFigures(
    measurement="birds",
    field="lat",
    type="float",
    series=2,
    count=10,
    first="2024-05-01T00:00:00.000000000Z",
    last="2024-05-02T00:00:00.000000000Z",
    per_second=9 / 86_400,
    per_hour=9 / 24,
    minimum=1.5,
    mean=2.25,
    maximum=3.5,
    p50=2.0,
    p95=3.25,
    p99=3.375,
    percentiles="exact",
    gaps=Gaps(
        median_seconds=60, longest_seconds=7200, longest_start="2024-05-01T10:00:00.000000000Z", factor=3, count=4
    ),
    over_time=(TimeWindow(start_ns=0, count=7, minimum=1.5, mean=2, maximum=3), TimeWindow(start_ns=DAY, count=3)),
    window_ns=DAY,
    histogram=(Bin(upper=2.5, count=6), Bin(upper=3.5, count=4)),
)
TEXTS = FieldFigures(
    measurement=HOSTILE,
    field=HOSTILE,
    type="string",
    series=1,
    count=5,
    distinct=2,
    frequent=(TextCount(text=HOSTILE, count=4), TextCount(text="\x00\x07", count=1)),
)
PART = TEXTS.model_copy(update={"tag": TagValue(key=HOSTILE, value=HOSTILE)})
ANALYSIS = Analysis(bucket=HOSTILE, by=HOSTILE, count=15, fields=(NUMBERS, TEXTS, PART), warnings=(HOSTILE,))


@cache
def drawn() -> str:
    return html_page(ANALYSIS)


class Seen(HTMLParser):
    """What a browser would see: elements, attributes that name a place, texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.places: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "action", "data", "srcset", "poster", "background"}:
                self.places.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_asks_nobody_for_anything() -> None:
    page = drawn()
    seen = Seen(page)
    assert {"link", "script", "img", "iframe", "object", "embed", "base"}.isdisjoint(seen.elements)
    assert seen.places
    assert all(place.startswith("#") for place in seen.places)
    assert "@import" not in page
    assert all(place.startswith("#") for place in re.findall(r"url\(['\"]?([^)]*)", page))
    assert set(re.findall(r"https?://[^\"<\s]*", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "default-src 'none'" in page


def test_what_the_page_points_to_is_there_once() -> None:
    seen = Seen(drawn())
    assert len(seen.ids) == len(set(seen.ids))
    assert {place.removeprefix("#") for place in seen.places} <= set(seen.ids)


def test_hostile_names_and_texts_are_shown_and_nothing_else() -> None:
    page = drawn()
    seen = Seen(page)
    assert "<script>" not in page
    shown = [text.strip() for text in seen.texts if HOSTILE in text]
    # heading, title, warning, table of fields, heading of the field, table of its parts (head and row), chart
    assert len(shown) >= 8
    assert HOSTILE in shown
    assert "\x00" not in page


def test_no_name_or_text_can_tell_a_terminal_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    escape = "\x1b]0;owned\x07\x9b2J\r<b>"
    texts = TEXTS.model_copy(
        update={"measurement": escape, "field": escape, "frequent": (TextCount(text=escape, count=1),)}
    )
    part = texts.model_copy(update={"tag": TagValue(key=escape, value=escape)})
    hostile = Analysis(
        bucket=escape, by=escape, filters=(escape,), count=5, fields=(texts, part), warnings=(escape,), start=escape
    )
    show_analysis(hostile)
    for shown in (html_page(hostile), capsys.readouterr().out):
        assert shown.isascii() is False
        assert {sign for sign in shown if not sign.isprintable()} == {"\n"}


def test_the_page_shows_the_figures_in_tables_and_charts() -> None:
    page = drawn()
    texts = "".join(Seen(page).texts)
    for figure in ("1.5", "2.25", "3.5", "3.25", "3.375", "9/d", "1 min", "2 h", "2024-05-01 10:00:00"):
        assert figure in texts, figure
    assert "5 values in 1 series" in texts
    for bars in (("bar-0-7", "bar-1-3"), ("bar-0-6", "bar-1-4"), ("bar-0-4", "bar-1-1")):
        assert all(f'-{bar}"' in page for bar in bars), bars
    assert page.count("<svg") == 4


def test_colours_follow_the_reader_and_the_page_fits_a_phone() -> None:
    page = drawn()
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport" content="width=device-width' in page
    assert "var(--accent)" in page
    svgs = page.split("<svg")[1:]
    assert not any(re.search(r"#[0-9a-f]{6}\b", svg.split("</svg>")[0]) for svg in svgs), "a colour of its own"


def test_of_an_empty_bucket_the_page_says_so() -> None:
    assert "Nothing is stored there." in html_page(Analysis(bucket="b", count=0, fields=()))


def test_the_same_analysis_makes_the_same_page() -> None:
    assert html_page(ANALYSIS) == drawn()


def test_a_page_that_is_there_is_replaced_only_on_demand_and_never_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="is there already: name another file, or say --force"):
        write_html(ANALYSIS, path)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ImporterError, match="No space left on device"):
        write_html(ANALYSIS, path, replace=True)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("mine", [path])
    monkeypatch.undo()
    write_html(ANALYSIS, str(path), replace=True)
    assert path.read_text().startswith("<!DOCTYPE html>")
    for place in (tmp_path, tmp_path / "no" / "page.html"):
        with pytest.raises(ConfigurationError, match="name a file in a folder that exists"):
            write_html(ANALYSIS, place)
