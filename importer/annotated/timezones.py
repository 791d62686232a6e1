"""The zone that ``#timezone`` names.

Goes in: its text. Comes out: an IANA name, or an offset such as ``-0500``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from importer.annotated.datatypes import LayoutError
from importer.mapping.time_formats import check_timezone

__all__ = ["offset_ns", "timezone_of"]

_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)", re.ASCII)
_LOCALTIME = Path("/etc/localtime")


def timezone_of(text: str) -> str:
    """The zone: an IANA name or an offset; ``Local`` is this computer's, none at all is UTC.

    Raises:
        LayoutError: there is no such zone.
    """
    if not text:
        return "UTC"
    if text.lower() == "local":
        return _local()
    if text[0] in "+-":
        if _OFFSET.fullmatch(text) is None:
            raise LayoutError(f"#timezone {text}: an offset is written +hhmm or -hhmm")
        return text
    try:
        return check_timezone(text)
    except ValueError as error:
        raise LayoutError(f"#timezone: {error}, or an offset such as +0100") from None


def offset_ns(timezone: str) -> int | None:
    """Nanoseconds east of UTC; None where the zone is a name."""
    match = _OFFSET.fullmatch(timezone)
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    return int(f"{sign}{int(hours) * 60 + int(minutes)}") * 60 * 10**9


def _local() -> str:
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named and _LOCALTIME.exists():
        _, _, named = str(_LOCALTIME.resolve()).partition("zoneinfo/")
    try:
        return check_timezone(named) if named else "UTC"
    except ValueError:
        raise LayoutError(
            f"#timezone Local: this computer's zone ({named!r}) has no IANA name; write the name or an offset"
        ) from None
