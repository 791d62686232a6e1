"""Put the figures of a session into the page that shows them: ``python -m benchmarks.write_docs [FILE.json]``.

Goes in: results. Comes out: the tables between the page's two marks, the chart beside it, and the results themselves
where the project keeps them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from benchmarks.chart import chart
from benchmarks.results import Results, read_results, write_results
from benchmarks.tables import markdown

__all__ = ["CHART", "PAGE", "RESULTS", "page_with", "write_docs"]

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results.json"
PAGE: Final = ROOT / "docs" / "performance.md"
CHART: Final = ROOT / "docs" / "performance.svg"

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def page_with(results: Results, page: str) -> str:
    """The page with these figures between its marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs {BEGIN} and {END}")
    return f"{before}{begin}\n{markdown(results)}{end}{after}"


def write_docs(results: Results) -> None:
    """Write the page, the chart and the results."""
    write_results(results, RESULTS)
    CHART.write_text(chart(results), encoding="utf-8")
    PAGE.write_text(page_with(results, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_docs(read_results(Path(sys.argv[1]) if sys.argv[1:] else RESULTS))
