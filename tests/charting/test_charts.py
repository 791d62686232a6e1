from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import pytest

from importer.charting.files import inline_svg, save_charts
from importer.charting.panels import Band, Columns, Panel, Ranking, Spread
from importer.errors import ConfigurationError

HOUR = 3600 * 10**9
T = 1_600_000_000 * 10**9
HOSTILE = ("<script>alert(1)</script>", "$a_{$", "\x00\x1b[2J", "a" * 500, "", "日本")
PANELS: tuple[Panel, ...] = (
    Columns("rows over time", (T, T + HOUR, T + 2 * HOUR), HOUR, (4, 0, 17), "rows"),
    Band("lat", (T, T + HOUR), (1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
    Spread("$x$ & <y>", (0.0, 1.5, 9.0), (11, 12), "values"),
    Ranking("names", HOSTILE, (12_345, 5, 4, 3, 2, 1), "rows"),
)


def bars(svg: str | bytes) -> list[str]:
    """The names of the bars: place and count."""
    names = [element.get("id", "") for element in ET.fromstring(svg).iter()]  # noqa: S314 - our own
    return [name[name.index("bar-") :] for name in names if "bar-" in name]


def texts(svg: str | bytes) -> list[str]:
    elements = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314
    return ["".join(element.itertext()) for element in elements]


def test_an_svg_file_shows_every_count_and_text(tmp_path: Path) -> None:
    path = tmp_path / "charts.svg"
    save_charts(PANELS, path, title="birds <&>\x1b[2J")
    svg = path.read_bytes()
    assert bars(svg) == [
        *("bar-0-4", "bar-1-0", "bar-2-17"),
        *("bar-0-11", "bar-1-12"),
        *("bar-0-12345", "bar-1-5", "bar-2-4", "bar-3-3", "bar-4-2", "bar-5-1"),
    ]
    shown = texts(svg)
    assert {"birds <&>�[2J", "rows over time", "lat", "$x$ & <y>", "<script>alert(1)</script>", "$a_{$", '""'} <= set(
        shown
    )
    assert {"12,345", "日本", "��[2J"} <= set(shown)
    assert max(map(len, shown)) <= 40


def test_the_heights_of_bars_are_as_the_counts() -> None:
    svg = inline_svg(PANELS[0], "x")
    root = ET.fromstring(svg)  # noqa: S314
    heights = []
    for element in root.iter():
        if "bar-" in element.get("id", ""):
            path = element[0].get("d", "").replace("M", " ").replace("L", " ").replace("z", " ")
            ups = [float(number) for number in path.split()[1::2]]
            heights.append(max(ups) - min(ups))
    assert heights[1] == 0
    assert heights[2] / heights[0] == pytest.approx(17 / 4, rel=1e-3)


def test_a_png_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "charts.PNG"
    save_charts(PANELS, path, title="birds")
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, names = 8, []
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        (checksum,) = struct.unpack(">I", data[place + 8 + size : place + 12 + size])
        assert checksum == zlib.crc32(kind + content)
        names.append(kind)
        place += 12 + size
    assert (names[0], names[-1]) == (b"IHDR", b"IEND")
    assert b"tIME" not in names


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_the_same_panels_make_the_same_bytes_without_a_date(ending: str, tmp_path: Path) -> None:
    first, second = (tmp_path / f"{name}{ending}" for name in "ab")
    save_charts(PANELS, first, title="birds")
    save_charts(PANELS, second, title="birds")
    assert first.read_bytes() == second.read_bytes()
    assert b"Matplotlib v" not in first.read_bytes()
    assert b"dc:date" not in first.read_bytes()


@pytest.mark.parametrize(
    "panel",
    [
        Columns("one", (T,), 1, (1,), "rows"),
        Columns("all of time", (-(2**63) + 2, 0), 2**62, (1, 2), "rows"),
        Band("one", (T,), (1.0,), (1.0,), (1.0,)),
        Spread("alike", (1.0, 1.0), (3,), "values"),
        Band("far apart", (T, T + HOUR), (-1.7e308, -1.0), (0.0, 0.0), (1.7e308, 1.0)),
        Spread("far apart", (-1e308, 0.0, 1e308), (1, 2), "values"),
        Ranking("none", (), (), "rows"),
    ],
)
def test_odd_data_makes_a_chart_and_not_an_error(panel: Panel) -> None:
    svg = inline_svg(panel, "x")
    counts = getattr(panel, "counts", ())
    assert bars(svg) == [f"bar-{number}-{count}" for number, count in enumerate(counts)]


def test_files_that_are_neither_png_nor_svg_or_are_there_already_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="written as PNG or SVG"):
        save_charts(PANELS, tmp_path / "charts.pdf", title="birds")
    path = tmp_path / "charts.svg"
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="is there already"):
        save_charts(PANELS, path, title="birds")
    assert path.read_text() == "mine"
