"""An analysis as an HTML page that needs nothing else: :func:`write_html`.

Goes in: an analysis, best one with windows over time. Comes out: one file with tables and charts, light or dark as the
reader's device is set, that asks nobody for anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from importer.analysis import wording
from importer.analysis.records import Analysis, FieldFigures
from importer.new_files import new_file
from importer.printable import printable

__all__ = ["CHART_WINDOWS", "html_page", "write_html"]

CHART_WINDOWS: Final = 80
"""So many windows over time make a good chart."""

MAX_CHARTED_FIELDS: Final = 60


@dataclass(frozen=True, slots=True)
class Section:
    """A field on the page.

    Attributes:
        whole: its figures.
        parts: those by values of a tag.
        charts: SVG elements.
    """

    whole: FieldFigures
    parts: tuple[FieldFigures, ...]
    charts: tuple[str, ...]


def write_html(analysis: Analysis, path: str | Path, *, replace: bool = False) -> None:
    """Write an analysis as a page.

    Args:
        analysis: with ``windows`` asked for, it gets charts.
        path: of the file.
        replace: whether a file that is there may go.

    Raises:
        ConfigurationError: the file is there already, or in no folder.
        ImporterError: the disk refuses.
    """
    with new_file(Path(path), "the page", replace=replace) as file:
        file.write(html_page(analysis).encode())


def html_page(analysis: Analysis) -> str:
    """The page as text."""
    import jinja2  # noqa: PLC0415 - only where a page is made

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("importer.analysis", ""),
        autoescape=True,
        finalize=_harmless,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": wording.number, "length_of_time": wording.length, "rate": wording.rate}
    environment.filters["clock"] = wording.clock
    sections = list(_sections(analysis))
    return environment.get_template("page.html").render(analysis=analysis, sections=sections)


def _harmless(value: object) -> object:
    """A text without control characters, which a terminal obeys that shows the page's source; charts as they are."""
    return printable(value, len(value)) if type(value) is str else value


def _sections(analysis: Analysis) -> Iterator[Section]:
    wholes = [figures for figures in analysis.fields if figures.tag is None]
    for number, whole in enumerate(wholes):
        name = (whole.measurement, whole.field)
        parts = tuple(each for each in analysis.fields if each.tag and (each.measurement, each.field) == name)
        charts = tuple(_charts(whole, f"c{number}")) if number < MAX_CHARTED_FIELDS else ()
        yield Section(whole, parts, charts)


def _charts(figures: FieldFigures, name: str) -> Iterator[str]:
    from markupsafe import Markup  # noqa: PLC0415

    from importer.analysis.panels import panels_of  # noqa: PLC0415
    from importer.charting.files import inline_svg  # noqa: PLC0415 - matplotlib takes its time

    for number, panel in enumerate(panels_of(figures)):
        # matplotlib escapes the texts in it.
        yield Markup(inline_svg(panel, f"{name}-{number}"))  # noqa: S704
