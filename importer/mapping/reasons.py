"""Why a value cannot be, in plain words instead of pydantic's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["NEEDED", "reason_of"]

NEEDED: Final = " is needed"
"""How the reasons end that say what a value would have to be."""

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
_OTHERWISE: Final = "it cannot be this"


def reason_of(error: Mapping[str, Any]) -> str:
    """The reason.

    Args:
        error: one of pydantic's, with its ``type`` and its ``ctx``.
    """
    kind, context = str(error.get("type")), error.get("ctx") or {}
    if kind == "value_error":
        return str(context.get("error") or error.get("msg")).removeprefix("Value error, ")
    if kind == "json_invalid":
        return f"it is no JSON: {context.get('error', 'it breaks off')}"
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "a text that is not empty is needed"
    return _REASONS.get(kind, _OTHERWISE).format_map(context)
