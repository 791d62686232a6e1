"""The figures as a chart: rows per second of each way of loading, as horizontal bars, in SVG.

Goes in: results. Comes out: a picture of its own, readable on light and dark pages. The thin line on a bar goes from
the slowest round to the fastest.
"""

from __future__ import annotations

from html import escape
from typing import Final

from benchmarks.contenders import CONTENDERS
from benchmarks.datasets import DATASETS
from benchmarks.figures import Way, ways
from benchmarks.results import Results

__all__ = ["chart"]

WIDTH: Final = 860
LABELS: Final = 290
NUMBERS: Final = 90
BAR: Final = 18
STEP: Final = 26
HEAD: Final = 30
GAP: Final = 16
TOP: Final = 34

KINDS: Final = {
    "importer": "own",
    "bulk": "own",
    "bulk-2": "own",
    "mapper": "own",
    "mapper-2": "own",
    "lines": "ceiling",
}

STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .way { fill: #8c959f; }
  .own { fill: #0969da; }
  .ceiling { fill: #d0d7de; }
  .range { stroke: #1f2328; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .way { fill: #6e7681; }
    .own { fill: #2f81f7; }
    .ceiling { fill: #484f58; }
    .range { stroke: #e6edf3; }
  }
"""


def chart(results: Results) -> str:
    """The chart, as an SVG document; each shape has a scale of its own."""
    parts, top = [_text(0, 16, "Rows per second, whole loads: median of all rounds", "title")], float(TOP)
    for name in dict.fromkeys(run.dataset for run in results.runs):
        found = ways(results, name)
        if not found:
            continue
        parts.append(_text(0, top + HEAD - 10, f"{DATASETS[name].spec.title}; {found[0].rows:,} rows", "title"))
        top += HEAD
        most = max(way.rows_per_second.high for way in found)
        for way in found:
            parts += _bar(way, top, (WIDTH - LABELS - NUMBERS) / most)
            top += STEP
        top += GAP
    size = f'width="{WIDTH}" height="{top:.0f}" viewBox="0 0 {WIDTH} {top:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{STYLE}</style>\n'
    return head + "\n".join(parts) + "\n</svg>\n"


def _bar(way: Way, top: float, scale: float) -> list[str]:
    speed, middle = way.rows_per_second, top + BAR / 2
    length, low, high = (LABELS + value * scale for value in (speed.median, speed.low, speed.high))
    kind = KINDS.get(way.contender, "way")
    parts = [
        _text(LABELS - 8, top + BAR - 5, CONTENDERS[way.contender].title, "", anchor="end"),
        f'<rect class="{kind}" x="{LABELS}" y="{top:.1f}" width="{length - LABELS:.1f}" height="{BAR}" rx="2"/>',
        _text(max(length, high) + 8, top + BAR - 5, f"{speed.median:,.0f}", ""),
    ]
    if high > low:
        parts.append(f'<line class="range" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>')
    return parts


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
