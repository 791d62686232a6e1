"""Draw a panel into matplotlib's axes.

Goes in: a panel of any size, with any text in it. Comes out: lines and bars, with names of the SVG's groups that say
what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FuncFormatter, MaxNLocator

from importer.charting.panels import Band, Columns, Panel, Ranking, Spread
from importer.printable import printable

__all__ = ["ACCENT", "GRID", "INK", "SOFT", "draw"]

INK: Final = "#1f2933"
GRID: Final = "#d9dee4"
ACCENT: Final = "#2f6fb0"
SOFT: Final = "#9cc3e6"

DAY_NS: Final = 86_400 * 10**9
SHORT_NS: Final = 10 * 10**9
"""Of shorter spans matplotlib's dates are too coarse: their axis counts from the first time."""

_HUGE, _DIVISOR = 1e300, 1e20


def draw(panel: Panel, axes: Axes) -> None:
    """Draw a panel.

    Args:
        panel: what is shown.
        axes: where.
    """
    axes.set_title(printable(panel.title, 70), loc="left", color=INK, fontsize=10)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    axes.tick_params(colors=INK, labelsize=8)
    axes.set_axisbelow(True)
    axes.grid(axis="x" if isinstance(panel, Ranking) else "y", color=GRID, linewidth=0.6)
    if isinstance(panel, Columns):
        _columns(panel, axes)
    elif isinstance(panel, Band):
        _band(panel, axes)
    elif isinstance(panel, Spread):
        _spread(panel, axes)
    else:
        _ranking(panel, axes)


def _columns(panel: Columns, axes: Axes) -> None:
    left = _time_axis(axes, panel.starts_ns, panel.width_ns)
    width = panel.width_ns / (DAY_NS if _is_long(panel.starts_ns, panel.width_ns) else 1e9)
    bars = axes.bar(left, panel.counts, width=width, align="edge", color=ACCENT, linewidth=0)
    _name(bars.patches, panel.counts)
    _count_axis(axes, panel.what)


def _band(panel: Band, axes: Axes) -> None:
    at = _time_axis(axes, panel.times_ns, 0)
    (low, middle, high), note = _scaled(panel.low, panel.middle, panel.high)
    axes.fill_between(at, low, high, color=SOFT, linewidth=0, gid="least-to-greatest")
    axes.plot(at, middle, color=ACCENT, linewidth=1.2, gid="mean", marker="." if len(panel.times_ns) < 3 else "")  # noqa: PLR2004
    axes.set_ylabel(f"least, mean, greatest{note}", color=INK, fontsize=8)


def _spread(panel: Spread, axes: Axes) -> None:
    (edges,), note = _scaled(panel.edges)
    if note:
        axes.set_xlabel(note.strip(), color=INK, fontsize=8)
    bars = axes.bar(edges[:-1], panel.counts, width=np.diff(edges), align="edge", color=ACCENT, linewidth=0)
    _name(bars.patches, panel.counts)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    _count_axis(axes, panel.what)


def _ranking(panel: Ranking, axes: Axes) -> None:
    places = np.arange(len(panel.labels))[::-1]
    bars = axes.barh(places, panel.counts, color=ACCENT, linewidth=0, height=0.7)
    _name(bars.patches, panel.counts)
    axes.set_yticks(places, [printable(label) or '""' for label in panel.labels])
    axes.bar_label(bars, [f"{count:,}" for count in panel.counts], padding=3, fontsize=7, color=INK)
    axes.margins(x=0.15)
    axes.set_ylim(min(-0.6, len(places) - 4.6), max(len(places), 1) - 0.4)  # few bars are not fat ones
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
    axes.set_xlabel(panel.what, color=INK, fontsize=8)


def _scaled(*rows: Sequence[float]) -> tuple[list[npt.NDArray[np.float64]], str]:
    """Numbers that can be added to one another without leaving what a float holds, and what was done for that."""
    arrays = [np.asarray(row, dtype=float) for row in rows]
    if all(np.abs(array).max(initial=0) < _HUGE for array in arrays):
        return arrays, ""
    return [array / _DIVISOR for array in arrays], f" (divided by {_DIVISOR:g})"


def _count_axis(axes: Axes, what: str) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
    axes.set_ylabel(what, color=INK, fontsize=8)
    axes.set_ylim(bottom=0)


def _time_axis(axes: Axes, times_ns: Sequence[int], more_ns: int) -> npt.NDArray[np.float64]:
    """Where times stand on the axis, which gets its labels."""
    if not _is_long(times_ns, more_ns):
        first = times_ns[0] if times_ns else 0
        moment = str(np.datetime64(first, "ns"))
        axes.set_xlabel(f"seconds after {moment}", color=INK, fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        return np.asarray([(each - first) / 1e9 for each in times_ns])
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.xaxis.get_offset_text().set_color(INK)
    axes.xaxis.get_offset_text().set_fontsize(8)
    return np.asarray([each / DAY_NS for each in times_ns])


def _is_long(times_ns: Sequence[int], more_ns: int) -> bool:
    return len(times_ns) > 0 and times_ns[-1] - times_ns[0] + more_ns >= SHORT_NS


def _name(bars: Sequence[object], counts: Sequence[int]) -> None:
    """Bars say in the SVG what they show: for tests, and for whoever looks inside."""
    for number, (bar, count) in enumerate(zip(bars, counts, strict=True)):
        bar.set_gid(f"bar-{number}-{count}")  # type: ignore[attr-defined]


def _thousands(value: float, _position: object = None) -> str:
    return f"{value:,.0f}"
