"""Time formats: which are allowed, and the exact shape of the texts that fit one.

A format is ``rfc3339``, ``unix_s|ms|us|ns``, or chrono's directives
(https://docs.rs/chrono/latest/chrono/format/strftime/). Each directive that is allowed here has a
pattern, so that a text's seconds and its fraction can be found without doubt.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

__all__ = ["RFC3339", "UNIX_DIGITS", "TextFormat", "check_format", "check_timezone", "text_format"]

UNIX_DIGITS = {"unix_s": 9, "unix_ms": 6, "unix_us": 3, "unix_ns": 0}
"""Decimal digits from each unit down to the nanosecond."""

RFC3339 = "rfc3339"

_DIGITS = r"\d{1,2}"
_NAME = r"[[:alpha:]]+\.?"
_PATTERNS = {
    "Y": r"[+-]?\d+", "m": _DIGITS, "d": _DIGITS, "e": r" ?\d{1,2}", "j": r"\d{1,3}",
    "H": _DIGITS, "I": _DIGITS, "k": r" ?\d{1,2}", "l": r" ?\d{1,2}", "M": _DIGITS,
    "S": rf"(?P<second>{_DIGITS})",
    "b": _NAME, "B": _NAME, "h": _NAME, "a": _NAME, "A": _NAME, "p": "[AaPp][Mm]", "P": "[AaPp][Mm]",
    "F": r"[+-]?\d+-\d{1,2}-\d{1,2}", "T": rf"\d{{1,2}}:\d{{1,2}}:(?P<second>{_DIGITS})", "R": r"\d{1,2}:\d{1,2}",
    "z": r"(?:[Zz]|[+-]\d{2}:?\d{2})", ":z": r"(?:[Zz]|[+-]\d{2}:?\d{2})", "#z": r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)",
    ".f": r"(?:\.(?P<fraction>[0-9]+))?", ".3f": r"\.(?P<fraction>[0-9]{3})", ".6f": r"\.(?P<fraction>[0-9]{6})",
    ".9f": r"\.(?P<fraction>[0-9]{9})",
    "%": "%", "n": r"\n", "t": r"\t",
}  # fmt: skip
_REFUSED = {
    "f": "%f counts nanoseconds (05 would be 5 ns): write %.f, with the point in it, for a decimal fraction",
    "3f": "write %.3f, with the point in it", "6f": "write %.6f, with the point in it",
    "9f": "write %.9f, with the point in it",
    "y": "%y is a year of two digits, which is never guessed: write the century into the file, or use %Y",
    "D": "%D has a year of two digits, which is never guessed",
    "x": "%x has a year of two digits, which is never guessed",
    "c": "%c depends on a locale: write the directives out",
    "Z": "%Z, a zone's abbreviation, is not unique: give timezone, or an offset by %z",
    "s": "%s is seconds since 1970: write unix_s alone as the format",
}  # fmt: skip
_DIRECTIVE = re.compile(r"%(-|_|0)?(\.[369]?f|[369]f|:z|#z|.|$)", re.DOTALL)
_YEAR, _MONTH, _DAY = {"Y", "F"}, {"m", "b", "B", "h", "F"}, {"d", "e", "F"}
_PARTS = {
    "F": ("Y", "m", "d"), "T": ("H", "M", "S"), "R": ("H", "M"), "b": ("m",), "B": ("m",), "h": ("m",), "e": ("d",),
    "k": ("H",), "l": ("I",), "P": ("p",), ".3f": (".f",), ".6f": (".f",), ".9f": (".f",), ":z": ("z",), "#z": ("z",),
    "A": ("a",),
}  # fmt: skip
_OFFSETS = {"z", ":z", "#z"}
_FRACTIONS = {".f", ".3f", ".6f", ".9f"}


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A chrono format, taken apart.

    Attributes:
        head: the format without its fraction.
        pattern: a regular expression for a whole text, groups ``before``, ``fraction``, ``after``, ``second``.
        has_fraction: a fraction may stand in the text.
        fraction_last: it stands at the very end, and no other point can.
        has_offset: the text says its offset from UTC.
        has_seconds: the text has seconds.
    """

    head: str
    pattern: str
    has_fraction: bool
    fraction_last: bool
    has_offset: bool
    has_seconds: bool


def check_format(text: str) -> str:
    """Return the format if it can be used.

    Raises:
        ValueError: with what to write instead.
    """
    if text in UNIX_DIGITS or text == RFC3339:
        return text
    if "%" not in text:
        known = ", ".join([RFC3339, *UNIX_DIGITS])
        raise ValueError(f"format {text!r} is none of {known}, nor a pattern such as %Y-%m-%d %H:%M:%S%.f")
    form = text_format(text)
    try:
        pl.Series([""]).str.to_datetime(form.head, strict=False)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"format {text!r} cannot be computed: {str(error).splitlines()[0]}") from None
    return text


def check_timezone(name: str) -> str:
    """Return the IANA name if there is such a time zone.

    Raises:
        ValueError: there is none.
    """
    try:
        zoneinfo.ZoneInfo(name)
        pl.Series([], dtype=pl.Datetime("us")).dt.replace_time_zone(name)  # localtime and the like are files only
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError, pl.exceptions.PolarsError):
        raise ValueError(f"unknown time zone {name!r}: an IANA name is needed, such as Europe/Zurich") from None
    return name


@lru_cache(maxsize=32)
def text_format(text: str) -> TextFormat:
    """Take a chrono format apart.

    Raises:
        ValueError: a directive is not allowed, or the date is not complete.
    """
    head, before, after, fraction = "", "", "", ""
    seen: list[str] = []
    position = 0
    for match in _DIRECTIVE.finditer(text):
        literal = text[position : match.start()]
        position = match.end()
        name = match.group(2)
        pattern = _pattern(name, text)
        if name in _FRACTIONS:
            if literal.endswith("."):
                raise ValueError(f"format {text!r}: %{name} holds the point already: leave out the one before it")
            head, before, fraction = head + literal, before + _literal(literal), pattern
        else:
            head += literal + match.group()
            if fraction:
                after += _literal(literal) + pattern
            else:
                before += _literal(literal) + pattern
        seen.append(name)
    tail = text[position:]
    head += tail
    if fraction:
        after += _literal(tail)
    else:
        before += _literal(tail)
    _check_complete(text, seen)
    return TextFormat(
        head=head,
        pattern=rf"^\s*(?P<before>{before}){fraction or '(?P<fraction>)'}(?P<after>{after})\s*$",
        has_fraction=bool(fraction),
        fraction_last=bool(fraction) and not after and "." not in head,
        has_offset=bool(_OFFSETS & set(seen)),
        has_seconds=bool({"S", "T"} & set(seen)),
    )


def _pattern(name: str, text: str) -> str:
    if name in _REFUSED:
        raise ValueError(f"format {text!r}: {_REFUSED[name]}")
    if name not in _PATTERNS:
        known = " ".join("%" + directive for directive in _PATTERNS)
        raise ValueError(f"format {text!r}: %{name} is not known; there are: {known}")
    return _PATTERNS[name]


def _literal(text: str) -> str:
    return re.sub(r"\s+", r"\\s*", re.escape(text).replace(r"\ ", " "))


def _check_complete(text: str, seen: list[str]) -> None:
    names = set(seen)
    if not (names & _YEAR and ((names & _MONTH and names & _DAY) or "j" in names)):
        raise ValueError(f"format {text!r} gives no complete date: year, month and day are needed")
    parts = [part for name in seen for part in _PARTS.get(name, (name,)) if name not in ("%", "n", "t")]
    if len(parts) != len(set(parts)):
        raise ValueError(f"format {text!r} names a part twice")
    if "p" not in names and "P" not in names and names & {"I", "l"}:
        raise ValueError(f"format {text!r}: %I, the hour of twelve, needs %p")
    if names & {"H", "k", "I", "l"} and "M" not in names:
        raise ValueError(f"format {text!r} gives an hour without a minute")
    if names & _FRACTIONS and not names & {"S", "T"}:
        raise ValueError(f"format {text!r} gives a fraction without a second")
