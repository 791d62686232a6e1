"""Foreign text on a terminal or in a chart.

Goes in: any text. Comes out: one that fits, without signs that a terminal obeys or an SVG may not hold.
"""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str, most: int | None = 40) -> str:
    """The beginning of a text, or all of it.

    Args:
        text: of any length.
        most: letters; what is cut off leaves an ellipsis. None: all of them.
    """
    signs = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:most])
    return signs if most is None or len(text) <= most else f"{signs[: most - 1]}…"
