"""The calls that the pages show, sent to the service with a real InfluxDB behind it."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from importer.measurements.opening import opened_bucket
from tests.influxd import Influxd
from tests.loading import ROOT
from tests.service_app import LiveMaker

SHOWN_URL = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"
IDS = {"upload", "id"}
"""Parts of answers that later calls name."""


def sessions(page: str) -> Iterator[tuple[str, str]]:
    """Each command, and what the page shows of its answer."""
    for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            # A command goes on behind a backslash, and until its quotes are closed.
            number = 1
            while lines[number - 1].endswith("\\") or "\n".join(lines[:number]).count("'") % 2:
                number += 1
            yield "\n".join(lines[:number]).replace("\\\n", " "), "\n".join(lines[number:])


def curl(command: str, url: str, folder: Path) -> httpx.Response:
    """What curl would do; of its options, those that the page uses."""
    words = iter(shlex.split(command)[1:])
    method, place, headers, content = None, "", {}, None
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            content = next(words).encode()
        elif word == "-T":
            content = (folder / next(words)).read_bytes()
        elif word.startswith("-"):
            assert set(word[1:]) <= {"s", "N"}, f"the test does not know {word}"
        else:
            place = word.replace(SHOWN_URL, url)
    return httpx.request(
        method or ("GET" if content is None else "POST"), place, headers=headers, content=content, timeout=60
    )


def fits(shown: Any, got: Any, names: dict[str, str], key: str = "") -> bool:
    """Whether an answer is the one that is shown; ids are noted by the names under which they are shown."""
    if shown == ANY:
        return True
    if key in IDS and isinstance(shown, str) and isinstance(got, str):
        return names.setdefault(shown, got) == got
    if isinstance(shown, dict) and isinstance(got, dict):
        whole = ANY in shown or set(shown) == set(got)
        return whole and all(fits(value, got.get(name), names, name) for name, value in shown.items() if name != ANY)
    if isinstance(shown, list) and isinstance(got, list):
        begins = shown[:-1] if shown[-1:] == [ANY] else shown
        is_long_enough = len(got) >= len(begins) if begins is not shown else len(got) == len(shown)
        return is_long_enough and all(fits(one, other, names) for one, other in zip(begins, got, strict=False))
    return bool(shown == got)


def fits_text(shown: str, answer: httpx.Response, names: dict[str, str]) -> bool:
    if "json" in answer.headers["content-type"]:
        return fits(json.loads(shown), answer.json(), names)
    pattern = ".*".join(re.escape(part) for part in shown.strip().split(ANY))
    return re.fullmatch(pattern, answer.text.replace("\r\n", "\n").strip(), re.DOTALL) is not None


@pytest.mark.parametrize(("page", "least"), [("docs/service.md", 16), ("README.md", 5)])
def test_the_calls_that_a_page_shows_are_answered_as_it_shows(
    own_influxd: Callable[[], Influxd], make_live_service: LiveMaker, tmp_path: Path, page: str, least: int
) -> None:
    influxd = own_influxd()
    opened_bucket(influxd.server, "surf", create=True)
    live = make_live_service(find=lambda: influxd.connection, allow_folder=ROOT / "sample_data")
    names: dict[str, str] = {}
    calls = 0
    for command, shown in sessions(page):
        if command.startswith("cat "):
            (tmp_path / command.split()[1]).write_text(shown + "\n")
            continue
        calls += 1
        for name, got in names.items():
            command = command.replace(name, got)  # noqa: PLW2901 - the same call, of this run
        deadline = time.monotonic() + 20
        while True:
            answer = curl(command, live.url, tmp_path)
            if fits_text(shown, answer, names):
                break
            is_pending = answer.status_code == 200 and "running" in answer.text
            assert is_pending and time.monotonic() < deadline, f"{command}\n{answer.status_code}\n{answer.text}"  # noqa: PT018
            time.sleep(0.1)
    assert calls >= least
