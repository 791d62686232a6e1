"""What is wrong with a mapping, in the words of the mapping file instead of pydantic's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import ValidationError

from importer.mapping.header import nearest
from importer.mapping.reasons import reason_of

__all__ = ["KeysAt", "explain"]

KeysAt = Callable[[Sequence[int | str]], list[str]]

_CONSTANTS = ("value", "default")
_REASONS = {
    "model_type": 'a table is needed, such as { column = "name" }',
    "tuple_type": 'a list is needed, such as ["NA"]',
    "too_short": 'at least one is needed, such as speed = { column = "speed", type = "float" }',
}


def explain(error: ValidationError, origin: str, keys_at: KeysAt) -> str:
    """Name each key that is wrong, and what it may be.

    Args:
        error: of pydantic.
        origin: where the values came from.
        keys_at: given the place of an unknown key, the keys that there are.
    """
    lines = []
    for item in error.errors():
        location = item["loc"]
        reason = _REASONS.get(item["type"]) or reason_of(item)
        if len(location) > 1 and location[-2] in _CONSTANTS:
            location, reason = location[:-1], "a text, a number, true or false is needed"
        key = ".".join(str(part) for part in location)
        if item["type"] == "extra_forbidden":
            reason = "unknown key" + _known(item["loc"], keys_at)
        elif item["type"] == "missing":
            reason = "is missing"
        lines.append(f"{key}: {reason}" if key else reason)
    return f"{origin}: " + ("; ".join(dict.fromkeys(lines)))


def _known(location: Sequence[int | str], keys_at: KeysAt) -> str:
    names = keys_at(location)
    close = nearest(str(location[-1]), names)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(names)}"
