"""What is wrong with a request, in plain words instead of the validator's own, and where.

Goes in: the errors of pydantic, and what was sent. Comes out: a :class:`~importer.service.problems.Fault` for each part
that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from importer.mapping.reasons import NEEDED, reason_of
from importer.service.problems import Fault

__all__ = ["faults_of"]

MOST: Final = 1000

_NOT_NESTED: Final = ("path", "query", "header", "cookie")


def faults_of(errors: Sequence[Any], sent: object) -> list[Fault]:
    """All that is wrong.

    Args:
        errors: of pydantic; their places begin with the part of the request, such as ``body``.
        sent: the body, as far as it could be read.
    """
    found: dict[tuple[int | None, str], list[str]] = {}
    for error in errors[:MOST]:
        place = _place(error, sent)
        index = next((part for part in place if isinstance(part, int)), None) if place[:1] == ["body"] else None
        reasons = found.setdefault((index, ".".join(map(str, place)) or "request"), [])
        reason = reason_of(error)
        if reason not in reasons:
            reasons.append(reason)
    return [Fault(index=index, where=where, reason=_joined(reasons)) for (index, where), reasons in found.items()]


def _place(error: Mapping[str, Any], sent: object) -> list[int | str]:
    """Where it is, without the names of the types that it might have been of."""
    first, *rest = error.get("loc") or ("request",)
    place: list[int | str] = [first]
    if error.get("type") == "json_invalid":
        return place
    if first in _NOT_NESTED:
        return [*place, *rest]
    for number, part in enumerate(rest, 1):
        is_there = (isinstance(sent, dict) and part in sent) or (
            isinstance(sent, list) and isinstance(part, int) and part < len(sent)
        )
        if is_there:
            sent = sent[part]  # type: ignore[index]
        if is_there or (number == len(rest) and error.get("type") == "missing"):
            place.append(part)
    return place


def _joined(reasons: Sequence[str]) -> str:
    """Of a part that may be of several types, each says what it would have to be."""
    if len(reasons) > 1 and all(reason.endswith(NEEDED) for reason in reasons):
        return " or ".join(reason.removesuffix(NEEDED) for reason in reasons) + NEEDED
    return "; or: ".join(reasons)
