"""What a visitor of the page does, and sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import PATIENCE_MS
from tests.loading import birds_csv as birds_of

expect.set_options(timeout=PATIENCE_MS)

REFUSED_BY_DESIGN = "Failed to load resource"
"""Chromium complains of each answer that is an error, also where the page had to expect it."""


def birds_csv(rows: int, *, bad_lines: Sequence[int] = ()) -> str:
    """With a name from which the time is inferred."""
    return birds_of(rows, bad_lines=bad_lines).replace("t,bird", "time,bird", 1)


def choose_text(page: Page, text: str, name: str = "birds.csv") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def tried(page: Page) -> None:
    """Until the preview is that of what is chosen."""
    expect(page.locator("#points[aria-busy=false] .facts")).to_be_visible()


def until(page: Page, what: str) -> None:
    """Asked again and again from here: the page's policy lets nothing in it evaluate a text."""
    for _ in range(PATIENCE_MS // 20):
        if page.evaluate(what):
            return
        page.wait_for_timeout(20)
    pytest.fail(f"it has not come to this: {what}")


def fact(page: Page, name: str, within: str = "main") -> str:
    found = page.locator(f"{within} .fact", has=page.locator(f"dt:text-is('{name}')")).locator("dd")
    return found.inner_text().split("\n")[0]


def role(page: Page, column: str) -> Any:
    return page.get_by_label(f"What {column} becomes", exact=True)
