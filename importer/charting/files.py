"""Charts as SVG or PNG: the same panels make the same bytes, on whatever day.

Goes in: panels. Comes out: a file, or the text of an SVG that stands in a page and takes its colours from there.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from importer.charting.drawing import ACCENT, GRID, INK, SOFT, draw
from importer.charting.kinds import check_kind
from importer.charting.panels import Panel
from importer.new_files import new_file
from importer.printable import printable

__all__ = ["inline_svg", "save_charts"]

COLUMNS: Final = 2
PANEL_INCHES: Final = (5.5, 2.6)
PNG_DPI: Final = 110

_SETTINGS: Final[dict[str, Any]] = {
    "svg.hashsalt": "importer",  # else ids are made of random numbers
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a dollar sign is one
    "font.family": ["DejaVu Sans"],
    "axes.unicode_minus": False,
}
_NO_METADATA: Final = {
    ".svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    ".png": {"Software": None},
}
_VARIABLES: Final = {INK: "--ink", GRID: "--grid", ACCENT: "--accent", SOFT: "--soft"}


def save_charts(panels: Sequence[Panel], path: Path, *, title: str, replace: bool = False) -> None:
    """Write panels side by side into a file.

    Args:
        panels: at least one.
        path: ends in ``.png`` or ``.svg``.
        title: above them all.
        replace: whether a file that is there may go.

    Raises:
        ConfigurationError: the file has another ending, is there already, or in no folder.
        ImporterError: the disk refuses.
    """
    check_kind(path)
    kind = path.suffix.lower()
    columns = min(COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    with _drawing(), new_file(path, "the charts", replace=replace) as file:
        size = (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * lines + 0.5)
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        figure.suptitle(printable(title, 150), x=0.01, ha="left", color=INK, fontsize=12)
        grid = figure.subplots(lines, columns, squeeze=False)
        for number, axes in enumerate(grid.flat):
            if number < len(panels):
                draw(panels[number], axes)
            else:
                axes.set_axis_off()
        figure.savefig(file, format=kind[1:], dpi=PNG_DPI, metadata=_NO_METADATA[kind])


def inline_svg(panel: Panel, name: str) -> str:
    """A panel as an SVG element for a page.

    The page has to give the colours ``--ink``, ``--grid``, ``--accent`` and ``--soft``.

    Args:
        panel: what is shown.
        name: no other chart of the page has it; letters, digits and dashes.
    """
    with _drawing():
        figure = Figure(figsize=PANEL_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        draw(panel, figure.subplots())
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata=_NO_METADATA[".svg"])
    svg = out.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{name}-", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    # As wide as the page gives it; the view box keeps its shape.
    return re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 role="img"', re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))


@contextmanager
def _drawing() -> Iterator[None]:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
    settings: Any = _SETTINGS  # matplotlib's types know the names one by one
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a sign that the font does not have
        yield
