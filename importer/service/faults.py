"""What is wrong with a request, in plain words instead of the validator's own, and where.

Goes in: the errors of pydantic, and what was sent. Comes out: a :class:`~importer.service.problems.Fault` for each part
that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from importer.service.problems import Fault

__all__ = ["faults_of"]

MOST: Final = 1000

_TEXT, _WHOLE, _NUMBER = "a text is needed", "a whole number is needed", "a number is needed"
_LIST, _OBJECT, _BOOLEAN = "a list is needed", "an object is needed", "true or false is needed"

_REASONS: Final = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such part",
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": "at least {min_length:,} characters are needed",
    "string_too_long": "at most {max_length:,} characters are allowed",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "the number is too large",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "a finite number is needed",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "none_required": "null is needed",
    "greater_than": "more than {gt} is needed",
    "greater_than_equal": "at least {ge} is needed",
    "less_than": "less than {lt} is needed",
    "less_than_equal": "at most {le} is allowed",
    "too_short": "at least {min_length:,} are needed",
    "too_long": "at most {max_length:,} are allowed",
    "literal_error": "one of {expected} is needed",
    "enum": "one of {expected} is needed",
}
_NOT_NESTED: Final = ("path", "query", "header", "cookie")
_OTHERWISE: Final = "it cannot be this"
_NEEDED: Final = " is needed"


def faults_of(errors: Sequence[Any], sent: object) -> list[Fault]:
    """All that is wrong.

    Args:
        errors: of pydantic; their places begin with the part of the request, such as ``body``.
        sent: the body, as far as it could be read.
    """
    found: dict[tuple[int | None, str], list[str]] = {}
    for error in errors[:MOST]:
        kind = str(error.get("type"))
        place = _place(error, sent)
        index = next((part for part in place if isinstance(part, int)), None) if place[:1] == ["body"] else None
        reasons = found.setdefault((index, ".".join(map(str, place)) or "request"), [])
        reason = _reason(kind, error)
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


def _reason(kind: str, error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    if kind == "json_invalid":
        return f"it is no JSON: {context.get('error', 'it breaks off')}"
    if kind == "value_error":
        return str(context.get("error") or error.get("msg")).removeprefix("Value error, ")
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "a text that is not empty is needed"
    return _REASONS.get(kind, _OTHERWISE).format_map(context)


def _joined(reasons: Sequence[str]) -> str:
    """Of a part that may be of several types, each says what it would have to be."""
    if len(reasons) > 1 and all(reason.endswith(_NEEDED) for reason in reasons):
        return " or ".join(reason.removesuffix(_NEEDED) for reason in reasons) + _NEEDED
    return "; or: ".join(reasons)
