"""Fixtures that give tests a real Chromium, as Debian packages it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 20_000
SCREENSHOTS = "--screenshots"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pictures are drawn on demand: no two runs give the very same bytes."""
    parser.addoption(SCREENSHOTS, metavar="FOLDER", help="draw the pictures of the page that the documents show")


@pytest.fixture(scope="session")
def chromium_program() -> Path:
    """The path of chromium; skips where there is none, fails where there has to be one."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium: install Debian's package of that name", pytrace=False)
        pytest.skip("no chromium to look at the page with: install Debian's package of that name")
    return Path(found)


# Not of the whole session: while Playwright runs, no other test could run an event loop of its own.
@pytest.fixture(scope="module")
def chromium(chromium_program: Path) -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


class Visit:
    """A page that is open in a tab of its own.

    Attributes:
        page: to act on.
        complaints: what the browser complained about: the console's errors, violations of the policy, exceptions.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.set_default_timeout(PATIENCE_MS)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visitor]:
    """Opens an address in a tab: ``visit(url, width=360, color_scheme="dark")``; complaints fail the test."""
    visits: list[tuple[Visit, tuple[str, ...]]] = []

    def open_page(
        url: str, *, width: int = 1200, height: int = 900, allow: tuple[str, ...] = (), **options: Any
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", locale="en-GB", **options
        )
        opened = Visit(context.new_page())
        visits.append((opened, allow))
        opened.page.goto(url)
        return opened

    yield open_page
    for each, allowed in visits:
        each.page.context.close()
        unexpected = [text for text in each.complaints if not any(part in text for part in allowed)]
        assert not unexpected, unexpected


class Picture:
    """Draws what can be seen as ``service-NAME.png``, where pictures are wanted; else it does nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def __call__(self, page: Page, name: str, *, place: str | None = None, full_page: bool = False) -> None:
        if self._folder is None:
            return
        path = self._folder / f"service-{name}.png"
        if place is None:
            page.evaluate("document.activeElement.blur()")
            page.screenshot(path=path, full_page=full_page, animations="disabled")
        else:
            page.locator(place).screenshot(path=path, animations="disabled")

    def bucket(self, own: str) -> str:
        """A bucket's name: the test's own, but for a picture."""
        return own if self._folder is None else "bird-migration"


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Picture:
    """For pictures of the page."""
    folder = request.config.getoption(SCREENSHOTS, default=None)
    return Picture(Path(request.config.invocation_params.dir, folder) if folder else None)
